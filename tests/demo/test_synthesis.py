"""The plan of the demo corpus, the corpus that the real espeak-ng synthesises from it, and phrases of tones."""

import csv
import itertools
import re
import subprocess
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from pipeline.arrays import Waveform
from pipeline.demo import espeak, synthesis
from pipeline.errors import CorpusError, ParameterError, ProgramError
from pipeline.params import Demo

SENTENCES = synthesis.read_sentences(Path(__file__).parents[2] / "demo" / "sentences")
SMALL = Demo(minutes=2, voices=3, seed=1)
SCRIPTS = {"english": "A-Za-z", "hindi": "\u0900-\u0963", "mandarin": "\u4e00-\u9fff"}  # without digits
MARKS = {"english": r" ,.?", "hindi": " ,।?", "mandarin": "，。？"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of two minutes with three voices per language."""
    folder = tmp_path_factory.mktemp("corpus")
    synthesis.write_corpus(folder, SMALL, SENTENCES)
    return folder


def _files(corpus: Path) -> dict[str, bytes]:
    return {path.relative_to(corpus).as_posix(): path.read_bytes() for path in corpus.rglob("*") if path.is_file()}


def test_the_corpus_is_the_plan_as_16_bit_mono_wav_with_a_table_of_speakers(corpus: Path) -> None:
    planned = synthesis.plan_recordings(SMALL, SENTENCES)
    assert set(_files(corpus)) == {*(recording.path for recording in planned), "speakers.csv"}
    numbers: dict[str, int] = defaultdict(int)
    for recording in planned:
        numbers[name := recording.language] += 1
        assert recording.path == f"train_{name}/{name}_{numbers[name]:04d}.wav"
        info = soundfile.info(corpus / recording.path)
        assert (info.format, info.subtype, info.samplerate, info.channels) == ("WAV", "PCM_16", 16000, 1)
        assert info.frames == round(16000 * recording.seconds)
    assert list(numbers) == ["english", "hindi", "mandarin"]
    with (corpus / "speakers.csv").open(encoding="utf-8", newline="") as file:
        wanted = [[one.path, one.speaker, one.voice.gender] for one in planned]
        assert list(csv.reader(file)) == [["path", "speaker", "gender"], *wanted]


def test_the_same_parameters_give_the_same_bytes_and_replace_what_was_there(corpus: Path, tmp_path: Path) -> None:
    stale = tmp_path / "train_hindi" / "hindi_9999.wav"
    stale.parent.mkdir()
    stale.write_bytes(b"of a longer corpus")
    synthesis.write_corpus(tmp_path, SMALL, SENTENCES)
    assert _files(tmp_path) == _files(corpus)


@pytest.mark.parametrize("seed", [42, 1])
def test_a_voice_is_one_speaker_in_every_language_and_reads_no_sentence_twice(seed: int) -> None:
    voices: dict[str, dict[str, espeak.Voice]] = defaultdict(dict)
    chosen: dict[tuple[str, str], list[str]] = defaultdict(list)
    recordings = synthesis.plan_recordings(Demo(minutes=48, voices=24, seed=seed), SENTENCES)
    for recording in recordings:
        assert voices[recording.language].setdefault(recording.speaker, recording.voice) == recording.voice
        chosen[recording.language, recording.speaker] += recording.sentences
    assert voices["english"] == voices["hindi"] == voices["mandarin"]
    assert len(set(voices["english"].values())) == len(voices["english"]) == 24
    for (language, _), texts in chosen.items():
        assert len(set(texts)) == len(texts) == len(SENTENCES[language])
    other = synthesis.plan_recordings(Demo(minutes=48, voices=24, seed=seed + 1), SENTENCES)
    assert len({recording.seed for recording in recordings + other}) == len(recordings + other)
    assert len({*voices["english"].values()} & {recording.voice for recording in other}) < 3


def test_many_recordings_choose_from_all_sentences_and_many_voices_differ_half_of_them_female() -> None:
    few, many = (synthesis.plan_recordings(Demo(minutes=60, voices=n, seed=1), SENTENCES) for n in (3, 61))
    assert all(len(recording.sentences) >= synthesis.MIN_CHOICE for recording in few)
    voices = {recording.voice for recording in many}
    assert len(voices) == 61  # more than variants
    assert sorted([voice.gender for voice in voices].count(gender) for gender in espeak.VARIANTS) == [30, 31]


@pytest.mark.parametrize(("minutes", "voices"), [(48, 24), (2, 3), (500, 24), (20, 24), (9, 4)])
def test_a_plan_adds_up_shares_the_minutes_among_the_voices_and_its_lengths_say_nothing_about_the_language(
    minutes: int, voices: int
) -> None:
    spoken_s: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    lengths: dict[str, list[float]] = defaultdict(list)
    for recording in synthesis.plan_recordings(Demo(minutes=minutes, voices=voices, seed=42), SENTENCES):
        assert 5 <= recording.seconds < 20
        spoken_s[recording.language][recording.speaker] += recording.seconds
        lengths[recording.language].append(recording.seconds)
    for language, part in {"english": 1271, "hindi": 347, "mandarin": 893}.items():
        assert sum(lengths[language]) == pytest.approx(60 * minutes * part / 2511)
        assert len(spoken_s[language]) == voices
        shared = max(spoken_s[language].values()) < 1.5 * min(spoken_s[language].values())
        assert shared or minutes == 20  # in which a voice has a single recording of a language
    quantiles = np.array([np.quantile(found, (0.05, 0.25, 0.5, 0.75, 0.95)) for found in lengths.values()])
    assert minutes < 20 or np.ptp(quantiles, axis=0).max() < 0.5
    assert minutes < 20 or quantiles[0, -1] - quantiles[0, 0] > 5


def test_too_few_minutes_are_refused_with_the_minimum() -> None:
    with pytest.raises(ParameterError, match=r"demo\.minutes 3\.0 .* 24 voices .* raise it to ([\d.]+)") as caught:
        synthesis.plan_recordings(Demo(minutes=3, voices=24, seed=1), SENTENCES)
    advised = re.search(r"raise it to ([\d.]+)", str(caught.value))
    assert advised is not None
    assert len(synthesis.plan_recordings(Demo(minutes=float(advised[1]), voices=24, seed=1), SENTENCES)) >= 72
    with pytest.raises(ParameterError):
        synthesis.plan_recordings(Demo(minutes=float(advised[1]) - 0.1, voices=24, seed=1), SENTENCES)


@pytest.mark.parametrize("language", synthesis.HOMEWORK_MINUTES)
def test_the_sentences_are_many_and_in_their_own_script(language: str) -> None:
    assert len(SENTENCES[language]) >= 66
    own = re.compile(f"[{SCRIPTS[language]}][{SCRIPTS[language]}{MARKS[language]}]+[{MARKS[language][-2:]}]")
    assert [sentence for sentence in SENTENCES[language] if not own.fullmatch(sentence)] == []
    assert len({sentence[:6] for sentence in SENTENCES[language]}) > 50


def test_a_bad_sentence_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "english.txt").write_text("\n".join(SENTENCES["english"]))
    with pytest.raises(
        CorpusError, match=r"hindi\.txt can't be read \(No such file or directory\); write 60 sentences"
    ):
        synthesis.read_sentences(tmp_path)
    for content, message in (
        (b"one\n\n" * 70, r"holds 1 different sentences; write at least 60"),
        (b"\xff\xfe", r"can't be read \(invalid start byte\); write 60 sentences there, in UTF-8"),
    ):
        (tmp_path / "hindi.txt").write_bytes(content)
        with pytest.raises(CorpusError, match=rf"hindi\.txt {message}"):
            synthesis.read_sentences(tmp_path)


def test_without_espeak_nothing_is_removed(corpus: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = set(_files(corpus))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramError, match="apt-get install espeak-ng"):
        synthesis.write_corpus(corpus, SMALL, SENTENCES)
    assert set(_files(corpus)) == before


def test_the_progress_and_then_the_share_of_every_language_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipeline.console.terminal.INTERVAL_S", 0.0)
    monkeypatch.setattr(espeak, "synthesise", lambda utterance: np.zeros(100, dtype=np.int16))
    synthesis.write_corpus(tmp_path, SMALL, SENTENCES)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(",")[0] for line in lines[:22]] == [f"demo: {n:2} of 22 recordings" for n in range(1, 23)]
    wanted = ["language recordings voices minutes", "english 11 3 1.0", "hindi 3 3 0.3", "mandarin 8 3 0.7"]
    assert [" ".join(line.split()) for line in lines[22:]] == wanted


Sound = NDArray[np.floating]  # full scale ±1

PLAIN = espeak.Voice("male", "m1", 50, 160)
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
        assert not _is_phrase(sound)[0]  # the first part is a pause; the last one is cut off where the recording ends
        pauses += [len(part) / espeak.RATE_HZ for part in parts[:-1:2]]
        assert -67 < _decibels(sound[~_is_phrase(sound)]) < -53
        assert np.abs(sound[~_is_phrase(sound)]).max() < 0.01  # silence.threshold of params.yaml is 1 %
    assert 0.2 - 1e-3 <= min(pauses) < 0.35
    assert 0.9 < max(pauses) <= 1.0 + 1e-3
    assert np.mean(pauses) == pytest.approx(0.6, abs=0.08)
    levels = [_decibels(sound[_is_phrase(sound)]) for sound in sounds]
    assert -28.2 < min(levels) < max(levels) < -17.8
    assert np.mean(levels) == pytest.approx(-23, abs=2)
    assert np.std(levels) > 1.5


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
    voices = [
        espeak.Voice("", name, 50, 160) for name in (*itertools.chain(*espeak.VARIANTS.values()), "no-such-variant")
    ]
    voices += [replace(PLAIN, pitch=60), replace(PLAIN, speed=185)]
    assert len({espeak._phrase("Good morning.", "english", voice).tobytes() for voice in voices}) == len(voices)


@pytest.mark.parametrize("language", espeak.LANGUAGES)
def test_variants_leave_the_pace_of_a_language_alone(language: str) -> None:
    text = SENTENCES[language][0]
    lengths = [
        len(espeak._phrase(text, language, espeak.Voice("", name, 50, 160)))
        for name in itertools.chain(*espeak.VARIANTS.values())
    ]
    assert max(lengths) < 1.2 * min(lengths)


@pytest.mark.parametrize("language", ["hindi", "mandarin"])
def test_espeak_reads_the_sentences_in_their_own_language(language: str) -> None:
    """It marks phonemes of another language as (en): the voice cmn does that to every Hanzi."""
    command = ["espeak-ng", "-q", "-x", "-b", "1", "-v", espeak.LANGUAGES[language], "--stdin"]
    done = subprocess.run(command, input="\n".join(SENTENCES[language]), capture_output=True, text=True, check=True)
    assert len(done.stdout.split()) > 500
    assert "(" not in done.stdout


def test_a_sentence_is_synthesised_phrase_by_phrase() -> None:
    for parts in (["It is 3.5 miles,", " he said."], ["चलो,", " आज चलते हैं।"], ["雨停了，", "走吧。"]):
        found = [part for part in espeak.PHRASE_END.split("".join(parts)) if part]
        assert found == [part.strip() for part in parts]


def test_one_sentence_fills_a_recording_whose_end_cuts_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak, "_phrase", lambda *_: np.ones(4 * espeak.RATE_HZ, dtype=np.float32))
    sound = espeak.synthesise(replace(UTTERANCE, sentences=("Only this.",)))
    assert len(sound) == 10 * espeak.RATE_HZ
    assert _is_phrase(sound / 32767)[-100:].all()


def test_a_sentence_without_words_and_an_espeak_without_the_language_are_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(CorpusError, match=r"nothing to say for '\.'; remove it from english\.txt"):
        espeak._phrase(".", "english", PLAIN)
    monkeypatch.setitem(espeak.LANGUAGES, "hindi", "xx-none")
    with pytest.raises(ProgramError, match=r"can't speak xx-none\+m1 \(Error: .*\); install 1\.51"):
        espeak._phrase("चलो", "hindi", PLAIN)
