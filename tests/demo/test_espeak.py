"""Utterances from the real espeak-ng, or from artificial phrases to measure pauses and levels."""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.arrays import Waveform
from pipeline.demo import espeak
from pipeline.errors import CorpusError, ProgramError

Sound = NDArray[np.floating]  # full scale ±1

FOLDER = Path(__file__).parents[2] / "demo" / "sentences"
SENTENCES = {
    name: tuple((FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()) for name in espeak.LANGUAGES
}
PLAIN = espeak.Voice("m1", 50, 160)
UTTERANCE = espeak.Utterance("english", PLAIN, 10.0, SENTENCES["english"], seed=(1,))


def _decibels(sound: Sound) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))))


def _tone(text: str, language: str, voice: espeak.Voice) -> Waveform:
    """A square wave, a twelfth of a second per character, without weak edges or pauses."""
    n_samples = round(len(text) / 12 * espeak.RATE_HZ)
    return np.where(np.arange(n_samples) // 40 % 2, 0.5, -0.5).astype(np.float32)


@pytest.fixture(scope="module", params=espeak.LANGUAGES)
def sounds(request: pytest.FixtureRequest) -> list[Sound]:
    """Forty utterances of 5 to 20 s in one language, of full scale 1, with tones for phrases."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(espeak, "_phrase", _tone)
        utterances = [
            espeak.Utterance(request.param, PLAIN, seconds, SENTENCES[request.param], seed=(number,))
            for number, seconds in enumerate(np.geomspace(5, 20, 40))
        ]
        return [espeak.synthesise(utterance) / 32767 for utterance in utterances]


def _is_phrase(sound: Sound) -> NDArray[np.bool_]:
    return np.abs(sound) > 0.02  # -34 dBFS: above any noise, below any tone


def test_pauses_levels_and_noise_have_the_same_distributions_in_every_language(sounds: list[Sound]) -> None:
    pauses = []
    for sound in sounds:
        parts = np.split(sound, np.flatnonzero(np.diff(_is_phrase(sound))) + 1)
        assert len(parts) % 2 == 1  # the first and the last are of one kind ...
        assert not _is_phrase(sound)[0]  # ... and that is a pause
        pauses += [len(part) / espeak.RATE_HZ for part in parts[::2]]
        assert -67 < _decibels(sound[~_is_phrase(sound)]) < -53
        assert np.abs(sound[~_is_phrase(sound)]).max() < 0.01  # silence.threshold of params.yaml is 1 %
    assert 0.2 - 1e-3 <= min(pauses) < 0.35
    assert 1.35 < max(pauses) <= 1.5 + 1e-3
    assert np.mean(pauses) == pytest.approx(0.85, abs=0.15)
    levels = [_decibels(sound[_is_phrase(sound)]) for sound in sounds]
    assert -28.2 < min(levels) < max(levels) < -17.8
    assert np.mean(levels) == pytest.approx(-23, abs=2)
    assert np.std(levels) > 1.5


def test_another_seed_gives_other_sound() -> None:
    first, other = (espeak.synthesise(replace(UTTERANCE, seed=seed)) for seed in ((7, 1), (7, 2)))
    assert not np.array_equal(first[:1000], other[:1000])


def test_a_phrase_comes_without_the_silence_that_espeak_puts_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("The cat sleeps, ", "english", PLAIN)
    phrase = espeak._phrase(*arguments)
    assert np.abs(phrase[[0, -1]]).min() > 0.004 * np.abs(phrase).max()
    monkeypatch.setattr(espeak, "EDGE", -1.0)
    assert len(espeak._phrase(*arguments)) > len(phrase) + 0.01 * espeak.RATE_HZ


def test_a_phrase_with_a_high_peak_is_turned_down_instead_of_clipped(monkeypatch: pytest.MonkeyPatch) -> None:
    click = np.full(2 * espeak.RATE_HZ, 1e-3, dtype=np.float32)
    click[100] = 0.5
    monkeypatch.setattr(espeak, "_phrase", lambda *_: click)
    monkeypatch.setattr(espeak, "SPEECH_LEVEL_DBFS", (-18.0, -18.0))
    peak = np.abs(espeak.synthesise(UTTERANCE).astype(int)).max() / 32767
    assert peak == pytest.approx(0.95, abs=0.02)


def test_every_variant_pitch_and_speed_sounds_different() -> None:
    """espeak-ng silently ignores an unknown variant: it would sound like any other unknown name."""
    voices = [espeak.Voice(name, 50, 160) for name in (*espeak.VARIANTS, "no-such-variant")]
    voices += [replace(PLAIN, pitch=60), replace(PLAIN, speed=185)]
    assert len({espeak._phrase("Good morning.", "english", voice).tobytes() for voice in voices}) == len(voices)


@pytest.mark.parametrize("language", espeak.LANGUAGES)
def test_variants_leave_the_pace_of_a_language_alone(language: str) -> None:
    text = SENTENCES[language][0]
    lengths = [len(espeak._phrase(text, language, espeak.Voice(name, 50, 160))) for name in espeak.VARIANTS]
    assert max(lengths) < 1.2 * min(lengths)


@pytest.mark.parametrize("language", ["hindi", "mandarin"])
def test_espeak_reads_the_sentences_in_their_own_language(language: str) -> None:
    """It marks phonemes of another language as (en): the voice cmn does that to every Hanzi."""
    command = ["espeak-ng", "-q", "-x", "-b", "1", "-v", espeak.LANGUAGES[language], "--stdin"]
    done = subprocess.run(command, input="\n".join(SENTENCES[language]), capture_output=True, text=True, check=True)
    assert len(done.stdout.split()) > 500
    assert "(" not in done.stdout


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It is 3.5 miles, he said.", ["It is 3.5 miles,", "he said."]),
        ("चलो, आज चलते हैं।", ["चलो,", "आज चलते हैं।"]),
        ("雨停了，走吧。", ["雨停了，", "走吧。"]),
    ],
)
def test_a_sentence_is_synthesised_phrase_by_phrase(text: str, parts: list[str]) -> None:
    assert [part for part in espeak.PHRASE_END.split(text) if part] == parts


def test_sentences_that_do_not_fit_and_an_espeak_without_the_language_are_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(CorpusError, match=r"nothing to say for '\.'; remove it from english\.txt"):
        espeak._phrase(".", "english", PLAIN)
    monkeypatch.setitem(espeak.LANGUAGES, "hindi", "xx-none")
    with pytest.raises(ProgramError, match=r"can't speak xx-none\+m1 \(Error: .*\); install 1\.51"):
        espeak._phrase("चलो", "hindi", PLAIN)
    monkeypatch.setattr(espeak, "_phrase", lambda *_: np.ones(25 * espeak.RATE_HZ, dtype=np.float32))
    with pytest.raises(CorpusError, match=r"english sentences don't fill a recording of 10\.0 s"):
        espeak.synthesise(UTTERANCE)
