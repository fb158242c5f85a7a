"""The demo corpus: spoken by the real espeak-ng, except where a made-up phrase makes pauses and levels measurable."""

import csv
import re
import subprocess
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline.corpus import demo
from pipeline.errors import CorpusError, ParameterError, ProgramError
from pipeline.params import Demo

SENTENCES = demo.read_sentences(Path(__file__).parents[2] / "demo" / "sentences")
SMALL = Demo(minutes=2, voices=3, seed=1)
FULL = Demo(minutes=48, voices=24, seed=42)
SCRIPTS = {"english": "A-Za-z", "hindi": "\u0900-\u0963", "mandarin": "\u4e00-\u9fff"}  # without digits
MARKS = {"english": r" ,.?", "hindi": " ,।?", "mandarin": "，。？"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of two minutes and three voices a language."""
    folder = tmp_path_factory.mktemp("corpus")
    demo.write(folder, SMALL, SENTENCES)
    return folder


def _speakers(corpus: Path) -> dict[str, str]:
    with (corpus / "speakers.csv").open(encoding="utf-8", newline="") as file:
        return {row["path"]: row["speaker"] for row in csv.DictReader(file)}


def _digest(corpus: Path) -> dict[str, bytes]:
    return {path.relative_to(corpus).as_posix(): path.read_bytes() for path in corpus.rglob("*") if path.is_file()}


def _decibels(sound: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))))


def _runs(loud: np.ndarray) -> list[tuple[bool, float]]:
    """Whether loud, and seconds, of each stretch."""
    edges = np.flatnonzero(np.diff(loud.astype(int))) + 1
    return [(bool(part[0]), len(part) / demo.RATE) for part in np.split(loud, edges)]


def _tone(text: str, language: str, voice: demo.Voice) -> demo.Samples:
    """A square wave, a twelfth of a second a character: it has neither weak edges nor pauses of its own."""
    count = round(len(text) / 12 * demo.RATE)
    return np.where(np.arange(count) // 40 % 2, 0.5, -0.5).astype(np.float32)


def test_a_corpus_has_the_languages_in_proportion(corpus: Path) -> None:
    minutes = {name: 0.0 for name in demo.PARTS}
    for path in corpus.glob("train_*/*.wav"):
        minutes[path.parent.name.removeprefix("train_")] += soundfile.info(path).duration / 60
    assert sum(minutes.values()) == pytest.approx(SMALL.minutes, rel=0.02)
    for name, part in {"english": 1271, "hindi": 347, "mandarin": 893}.items():
        assert minutes[name] == pytest.approx(SMALL.minutes * part / 2511, rel=0.02)


def test_recordings_are_16_bit_mono_wav_of_5_to_20_s_named_in_order(corpus: Path) -> None:
    for name in demo.PARTS:
        paths = sorted((corpus / f"train_{name}").iterdir())
        assert [path.name for path in paths] == [f"{name}_{n:04d}.wav" for n in range(1, len(paths) + 1)]
        for path in paths:
            info = soundfile.info(path)
            assert (info.format, info.subtype, info.samplerate, info.channels) == ("WAV", "PCM_16", 16000, 1)
            assert 5 <= info.duration <= 20


def test_the_speaker_table_names_every_recording_and_every_voice_speaks(corpus: Path) -> None:
    speakers = _speakers(corpus)
    assert set(speakers) == {path for path in _digest(corpus) if path.endswith(".wav")}
    for name in demo.PARTS:
        spoken = {speaker for path, speaker in speakers.items() if path.startswith(f"train_{name}/")}
        assert spoken == {f"{name}_v01", f"{name}_v02", f"{name}_v03"}


def test_the_same_parameters_give_the_same_bytes_and_replace_what_was_there(corpus: Path, tmp_path: Path) -> None:
    stale = tmp_path / "train_hindi" / "hindi_9999.wav"
    stale.parent.mkdir()
    stale.write_bytes(b"of a longer corpus")
    demo.write(tmp_path, SMALL, SENTENCES)
    assert _digest(tmp_path) == _digest(corpus)


def test_another_seed_gives_other_sound() -> None:
    first, other = (demo.plan(Demo(minutes=2, voices=3, seed=seed), SENTENCES)[0] for seed in (1, 2))
    assert not np.array_equal(demo.speak(first)[:1000], demo.speak(other)[:1000])


def test_real_recordings_begin_and_end_with_a_drawn_pause_and_never_clip(corpus: Path) -> None:
    for path in corpus.glob("train_*/*.wav"):
        sound, _ = soundfile.read(path)
        assert np.abs(sound).max() < 0.97
        loud = np.flatnonzero(np.abs(sound) > 0.02)  # -34 dBFS: above any noise, below any speech
        for pause in (loud[0] / demo.RATE, (len(sound) - loud[-1]) / demo.RATE):
            assert 0.2 <= pause < 1.5 + 0.15  # a phrase may begin softly
        assert -67 < _decibels(sound[: int(0.19 * demo.RATE)]) < -53


def test_pauses_are_drawn_from_a_fifth_to_one_and_a_half_seconds_in_every_language(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo, "_phrase", _tone)
    pauses: dict[str, list[float]] = defaultdict(list)
    for utterance in demo.plan(Demo(minutes=20, voices=3, seed=3), SENTENCES):
        sound = demo.speak(utterance) / 32767
        runs = _runs(np.abs(sound) > 0.02)
        assert not runs[0][0] and not runs[-1][0]
        pauses[utterance.language] += [seconds for loud, seconds in runs if not loud]
    for found in pauses.values():
        assert 0.2 - 1e-3 <= min(found) < 0.35
        assert 1.35 < max(found) <= 1.5 + 1e-3
        assert np.mean(found) == pytest.approx(0.85, abs=0.15)


def test_levels_are_drawn_alike_in_every_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_phrase", _tone)
    levels: dict[str, list[float]] = defaultdict(list)
    for utterance in demo.plan(Demo(minutes=12, voices=3, seed=3), SENTENCES):
        sound = demo.speak(utterance) / 32767
        levels[utterance.language].append(_decibels(sound[np.abs(sound) > 0.02]))
    for found in levels.values():
        assert min(found) > -28.2
        assert max(found) < -17.8
        assert np.mean(found) == pytest.approx(-23, abs=2)
        assert np.std(found) > 1.5


def test_a_phrase_comes_without_the_silence_that_espeak_puts_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said = ("The cat sleeps, ", "english", demo.Voice("m1", 50, 160))
    phrase = demo._phrase(*said)
    assert np.abs(phrase[[0, -1]]).min() > 0.004 * np.abs(phrase).max()
    monkeypatch.setattr(demo, "EDGE", -1.0)
    assert len(demo._phrase(*said)) > len(phrase) + 0.01 * demo.RATE


def test_a_phrase_with_a_high_peak_is_turned_down_instead_of_clipped(monkeypatch: pytest.MonkeyPatch) -> None:
    def click(text: str, language: str, voice: demo.Voice) -> demo.Samples:
        sound = np.full(2 * demo.RATE, 1e-3, dtype=np.float32)
        sound[100] = 0.5
        return sound

    monkeypatch.setattr(demo, "_phrase", click)
    monkeypatch.setattr(demo, "SPEECH_LEVEL", (-18.0, -18.0))
    peak = np.abs(demo.speak(demo.plan(SMALL, SENTENCES)[0]).astype(int)).max() / 32767
    assert peak == pytest.approx(0.95, abs=0.02)


def test_every_language_has_the_same_voices() -> None:
    voices: dict[str, dict[str, demo.Voice]] = defaultdict(dict)
    for utterance in demo.plan(FULL, SENTENCES):
        assert utterance.speaker.startswith(f"{utterance.language}_v")
        voices[utterance.language][utterance.speaker[-3:]] = utterance.voice
    assert voices["english"] == voices["hindi"] == voices["mandarin"]
    assert len(set(voices["english"].values())) == len(voices["english"]) == 24


def test_more_voices_than_variants_still_differ() -> None:
    many = demo.plan(Demo(minutes=60, voices=60, seed=1), SENTENCES)
    assert len({utterance.voice for utterance in many}) == 60


def test_lengths_say_nothing_of_the_language() -> None:
    lengths: dict[str, list[float]] = defaultdict(list)
    for utterance in demo.plan(FULL, SENTENCES):
        lengths[utterance.language].append(utterance.seconds)
    quantiles = np.array([np.quantile(found, (0.05, 0.25, 0.5, 0.75, 0.95)) for found in lengths.values()])
    assert np.ptp(quantiles, axis=0).max() < 0.5
    assert quantiles[0, 0] < 6 and quantiles[0, -1] > 17


@pytest.mark.parametrize(
    "settings", [FULL, SMALL, Demo(minutes=500, voices=24, seed=0), Demo(minutes=9, voices=4, seed=0)]
)
def test_a_plan_adds_up_and_shares_the_minutes_among_the_voices(settings: Demo) -> None:
    said: dict[str, dict[str, float]] = {name: defaultdict(float) for name in demo.PARTS}
    for utterance in demo.plan(settings, SENTENCES):
        assert 5 <= utterance.seconds < 20
        said[utterance.language][utterance.speaker] += utterance.seconds
    for name, part in demo.PARTS.items():
        assert sum(said[name].values()) == pytest.approx(60 * settings.minutes * part / 2511)
        assert len(said[name]) == settings.voices
        assert max(said[name].values()) < 1.5 * min(said[name].values())


def test_too_few_minutes_name_a_number_that_is_enough() -> None:
    with pytest.raises(ParameterError, match=r"demo\.minutes 3\.0 .* 24 voices .* raise it to ([\d.]+)") as caught:
        demo.plan(Demo(minutes=3, voices=24, seed=1), SENTENCES)
    advised = re.search(r"raise it to ([\d.]+)", str(caught.value))
    assert advised is not None
    assert len(demo.plan(Demo(minutes=float(advised[1]), voices=24, seed=1), SENTENCES)) >= 72


def test_espeak_knows_every_variant_and_each_sounds_different() -> None:
    """An unknown variant is silently left out, so it would sound like a name that nobody has."""
    names = (*demo.VARIANTS, "no-such-variant")
    spoken = {demo._phrase("Good morning.", "english", demo.Voice(name, 50, 160)).tobytes() for name in names}
    assert len(spoken) == len(demo.VARIANTS) + 1


@pytest.mark.parametrize("language", demo.PARTS)
def test_variants_leave_the_pace_of_a_language_alone(language: str) -> None:
    text = SENTENCES[language][0]
    lengths = [len(demo._phrase(text, language, demo.Voice(name, 50, 160))) for name in demo.VARIANTS]
    assert max(lengths) < 1.2 * min(lengths)


@pytest.mark.parametrize("language", demo.PARTS)
def test_the_sentences_are_many_and_in_their_own_script(language: str) -> None:
    assert len(SENTENCES[language]) >= 66
    own = re.compile(f"[{SCRIPTS[language]}][{SCRIPTS[language]}{MARKS[language]}]+[{MARKS[language][-2:]}]")
    assert [sentence for sentence in SENTENCES[language] if not own.fullmatch(sentence)] == []
    assert len({sentence[:6] for sentence in SENTENCES[language]}) > 50


@pytest.mark.parametrize("language", ["hindi", "mandarin"])
def test_espeak_reads_the_sentences_in_their_own_language(language: str) -> None:
    """It marks phonemes of another language as (en): the voice cmn does that to every Hanzi."""
    command = ["espeak-ng", "-q", "-x", "-b", "1", "-v", demo.ESPEAK_VOICES[language], "--stdin"]
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
def test_a_sentence_is_spoken_phrase_by_phrase(text: str, parts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    spoken: list[str] = []
    monkeypatch.setattr(demo, "_phrase", lambda part, language, voice: spoken.append(part))
    demo._sentence(text, "english", demo.Voice("m1", 50, 160))
    assert spoken == parts


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"hindi\.txt can't be read \(No such file or directory\); write 60 sentences there"),
        (b"one\n\n" * 70, r"hindi\.txt holds 1 different sentences; write at least 60"),
        (b"\n".join(b"%d" % n for n in range(59)), r"hindi\.txt holds 59 different sentences"),
        (b"\xff\xfe", r"hindi\.txt is not UTF-8 \(invalid start byte at byte 0\)"),
    ],
)
def test_a_bad_sentence_file_is_told_in_one_line(content: bytes | None, message: str, tmp_path: Path) -> None:
    for name in demo.PARTS:
        (tmp_path / f"{name}.txt").write_text("\n".join(SENTENCES[name]), encoding="utf-8")
    assert demo.read_sentences(tmp_path) == SENTENCES
    (tmp_path / "hindi.txt").unlink()
    if content is not None:
        (tmp_path / "hindi.txt").write_bytes(content)
    with pytest.raises(CorpusError, match=message) as caught:
        demo.read_sentences(tmp_path)
    assert "\n" not in str(caught.value)


def test_sentences_that_fill_no_recording_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_phrase", lambda *_: np.ones(25 * demo.RATE, dtype=np.float32))
    with pytest.raises(CorpusError, match=r"english sentences don't fill a recording of [\d.]+ s"):
        demo.speak(demo.plan(SMALL, SENTENCES)[0])


def test_a_sentence_without_words_is_told() -> None:
    with pytest.raises(CorpusError, match=r"nothing to say for '\.'; remove it from english\.txt"):
        demo._phrase(".", "english", demo.Voice("m1", 50, 160))


def test_an_espeak_without_the_language_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(demo.ESPEAK_VOICES, "hindi", "xx-none")
    with pytest.raises(ProgramError, match=r"can't speak xx-none\+m1 \(Error: .*\); install 1\.51"):
        demo._phrase("चलो", "hindi", demo.Voice("m1", 50, 160))


def test_without_espeak_nothing_is_removed(corpus: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = set(_digest(corpus))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramError, match="apt-get install espeak-ng"):
        demo.write(corpus, SMALL, SENTENCES)
    assert set(_digest(corpus)) == before


def test_progress_is_told_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "_phrase", _tone)
    demo.write(tmp_path, SMALL, SENTENCES)
    summary = "demo  22 recordings: english 1.0 min, hindi 0.3 min, mandarin 0.7 min"
    assert capsys.readouterr().out.splitlines() == [summary]  # done before two seconds are over
    monkeypatch.setattr(demo, "SECONDS_A_LINE", 0.0)
    demo.write(tmp_path, SMALL, SENTENCES)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 23 and lines[-1] == summary
    assert re.fullmatch(r"demo  7 of 22 recordings, \d+ s left", lines[6])
