"""Audio from files and pipes is the same; answers are printed in three formats or drawn, also after Ctrl-C."""

import csv
import io
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pipeline.arrays import Waveform
from pipeline.audio.samples import FULL_SCALE, to_waveform
from pipeline.cli import plot
from pipeline.cli.identification import identify
from pipeline.cli.output import AnswerPrinter, OutputFormat, columns, resumed
from pipeline.cli.sources import CHUNKS_PER_S, expanded, pcm
from pipeline.errors import ArgumentError, AudioError, CorpusError
from pipeline.mfcc.kernel import make_kernel
from pipeline.streaming.identifier import Frames, Identifier
from pipeline.streaming.runtimes import Stream
from tests.export import small

LANGUAGES = ("english", "hindi")
RATE = 16000


@pytest.fixture
def stream() -> Identifier:
    silence = small.SILENCE.model_copy(update={"strategy": "remove"})
    changes = {"languages": LANGUAGES, "classes": LANGUAGES, "silence": silence}
    description = small.described("remove").model_copy(update=changes)
    hindi = np.array([0.25, 0.75], np.float32)  # the answer to every frame
    network = Stream(lambda frames, states: (np.tile(hindi, (len(frames), 1)), states), ())
    return Identifier(network, description, make_kernel(small.MFCC, RATE), None)


def noise(duration_s: float) -> Waveform:
    return np.random.default_rng(0).uniform(-0.3, 0.3, round(duration_s * RATE)).astype(np.float32)


def printed(
    capsys: pytest.CaptureFixture[str], output_format: OutputFormat, stream: Identifier, waveform: Waveform
) -> str:
    printer = AnswerPrinter(output_format, stream.description, len("a.wav"))
    printer.print_header()
    printer.identify("a.wav", stream, [waveform])
    assert not printer.interrupted
    return capsys.readouterr().out


def test_a_row_per_recording(capsys: pytest.CaptureFixture[str], stream: Identifier) -> None:
    header, row = printed(capsys, "table", stream, noise(1)).splitlines()
    assert header.split() == ["file", "language", "confidence", "stable", "after"]
    assert row.split() == ["a.wav", "hindi", "75.0%", "0.00", "s"]
    assert len(row) == len(header)
    stream.reset_states()
    assert printed(capsys, "table", stream, np.zeros(RATE, np.float32)).endswith("\na.wav  no speech\n")
    stream.reset_states()
    AnswerPrinter("table", stream.description, 5, top=2).identify("a.wav", stream, [noise(1)])
    assert capsys.readouterr().out.split() == [*row.split(), "english", "25.0%"]


def test_a_mean_of_channels_without_speech_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: Identifier
) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([noise(1), -noise(1)], axis=1), RATE, "PCM_16")
    soundfile.write(tmp_path / "b.wav", np.zeros(RATE), RATE)
    monkeypatch.setattr(Identifier, "load", lambda *_, **__: stream)
    done = CliRunner().invoke(identify, [str(tmp_path / "a.wav"), str(tmp_path / "b.wav")])
    assert done.stdout.count("no speech") == 2
    assert done.stderr.startswith(f"{tmp_path / 'a.wav'} has no speech in the mean of its 2 channels, which may cancel")
    assert len(done.stderr.splitlines()) == 1


def test_an_object_per_recording(capsys: pytest.CaptureFixture[str], stream: Identifier) -> None:
    assert json.loads(printed(capsys, "json", stream, noise(1))) == {
        "path": "a.wav",
        "language": "hindi",
        "confidence": 0.75,
        "posteriors": {"english": 0.25, "hindi": 0.75},
        "duration_s": 1.0,
        "frames": 101,
        "speech_s": 1.01,
        "stable_s": 0.0,
        "segments": [{"start_s": 0.0, "end_s": 1.0, "language": "hindi", "confidence": pytest.approx(1, abs=1e-3)}],
    }


@pytest.mark.parametrize("waveform", [np.zeros(RATE, np.float32), noise(1)])
def test_a_row_of_csv_holds_what_json_holds(
    capsys: pytest.CaptureFixture[str], stream: Identifier, waveform: Waveform
) -> None:
    [row] = csv.DictReader(io.StringIO(printed(capsys, "csv", stream, waveform)))
    stream.reset_states()
    answer = json.loads(printed(capsys, "json", stream, waveform))
    posteriors = answer.pop("posteriors") or dict.fromkeys(LANGUAGES)
    assert bool(answer.pop("segments")) == (answer["language"] is not None)
    assert (answer["language"] is None) == (answer["stable_s"] is None) == (None in posteriors.values())
    assert row == {name: "" if value is None else str(value) for name, value in (answer | posteriors).items()}


@pytest.mark.parametrize("form", ["csv", "frames"])
def test_no_path_is_a_formula(capsys: pytest.CaptureFixture[str], stream: Identifier, form: OutputFormat) -> None:
    AnswerPrinter(form, stream.description, 9).identify("=1+1.wav", stream, [noise(0.1)])
    assert capsys.readouterr().out.startswith("./=1+1.wav,")


def test_a_line_per_frame(capsys: pytest.CaptureFixture[str], stream: Identifier) -> None:
    waveform = np.concatenate([np.zeros(RATE, np.float32), noise(1)])
    rows = list(csv.DictReader(io.StringIO(printed(capsys, "frames", stream, waveform))))
    assert list(rows[0]) == ["path", "frame", "time_s", "speech", *LANGUAGES]
    assert [int(row["frame"]) for row in rows] == list(range(201))
    assert [row["time_s"] for row in rows[:2]] == ["0.000", "0.010"]
    answers = {(row["speech"], row["english"], row["hindi"]) for row in rows}
    assert answers == {("0", "", ""), ("1", "0.250000", "0.750000")}


@pytest.mark.parametrize("working", [False, True])
def test_an_interrupt_ends_the_wait_but_not_the_work_and_prints_the_answer_so_far(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, stream: Identifier, working: bool
) -> None:
    def blocks() -> Iterator[Waveform]:
        yield noise(1)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the wait for this block was not interrupted")

    def interrupted(block: Waveform) -> Frames:
        signal.raise_signal(signal.SIGINT)
        return accept(block)

    accept, printer = stream.accept, AnswerPrinter("json", stream.description, 1)
    if working:
        monkeypatch.setattr(stream, "accept", interrupted)
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)  # also if the tests run in the background
    try:
        printer.identify("-", stream, blocks(), live=True)
        assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, previous)
    assert printer.interrupted
    assert json.loads(capsys.readouterr().out)["frames"] == 101


NAME, SOUND = "<b>&.wav", np.concatenate([np.zeros(RATE, np.float32), noise(1)])


def write(target: Path, stream: Identifier, sound: Waveform = SOUND) -> None:
    plot.write(target, NAME, [sound], [stream.accept(sound), stream.finish()], stream)
    stream.reset_states()


def test_a_picture_has_a_curve_per_language(tmp_path: Path, stream: Identifier) -> None:
    write(tmp_path / "a.svg", stream)
    text = (tmp_path / "a.svg").read_text()
    assert "var(" not in text
    tree = ElementTree.fromstring(text)
    assert tree.attrib["aria-label"] == NAME
    assert set(LANGUAGES) <= {element.text for element in tree.iter()}
    write(tmp_path / "empty.svg", stream, np.zeros(0, np.float32))
    assert (tmp_path / "empty.svg").read_text().startswith("<svg")
    write(tmp_path / "b.png", stream)
    content = (tmp_path / "b.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = (int.from_bytes(content[at : at + 4]) for at in (16, 20))
    across, down = (float(size) for size in re.findall(r' (?:width|height)="(\d+)"', text)[:2])
    assert width / height == pytest.approx(across / down, rel=0.02)


@given(n_samples=st.integers(0, 9000), rate=st.sampled_from([4, 4000, 8000, 44_100]))
def test_a_pipe_comes_in_tenths_of_a_second(n_samples: int, rate: int) -> None:
    samples = np.random.default_rng(0).integers(-FULL_SCALE, FULL_SCALE, min(n_samples, 500 * rate), np.int16)
    chunks = list(pcm(io.BytesIO(samples.tobytes()), rate))
    assert all(len(chunk) == max(rate // CHUNKS_PER_S, 1) for chunk in chunks[:-1])
    np.testing.assert_array_equal(np.concatenate([np.zeros(0, np.float32), *chunks]), to_waveform(samples))


def test_half_a_sample_at_the_end_is_an_error() -> None:
    source = pcm(io.BytesIO(bytes(1601)), 8000)
    assert len(next(source)) == 800
    with pytest.raises(AudioError, match="ends in the middle of a sample") as caught:
        next(source)
    assert caught.value.reason == "odd_bytes"


def test_folders_stand_for_their_audio_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b.wav", "a/x.FLAC", "a/notes.txt", "._b.wav", "@eaDir/b.wav/thumb.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    single = tmp_path / "a" / "notes.txt"
    found = expanded([single, tmp_path, Path("-"), single])
    assert found == [single, tmp_path / "b.wav", tmp_path / "a" / "x.FLAC", Path("-"), single]
    assert capsys.readouterr().err == "skipped: system files (2), *.txt (1)\n"
    assert expanded([tmp_path / "._b.wav"]) == [tmp_path / "._b.wav"]  # named by the user
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="holds no audio files"):
        expanded([tmp_path / "empty"])


ANSWER = "a.wav,hindi" + ",1" * 8
BROKEN = ["", ",,,", '"b.wav,hindi', "b.wav"]  # lines


@given(
    header=st.sampled_from(["", "\ufeff", "\n"]),
    lines=st.lists(st.sampled_from([ANSWER, *BROKEN]), max_size=4),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-16", "cp1252"]),
    separator=st.sampled_from(",;"),
    cut=st.integers(0, 200),
)
def test_a_table_is_continued_or_refused_but_no_answer_in_it_is_lost(
    tmp_path_factory: pytest.TempPathFactory, header: str, lines: list[str], end: str, encoding: str, separator: str,
    cut: int,
) -> None:  # fmt: skip
    path, description = tmp_path_factory.getbasetemp() / "answers.csv", small.described("remove")
    text = f"{header}{','.join(columns(description))}\n" + "".join(f"{line}\n" for line in [*lines, ANSWER])
    whole = text.replace("\n", end).replace(",", separator).encode(encoding, errors="replace")
    path.write_bytes(whole[: len(whole) - cut])
    before = path.read_bytes()
    try:
        with resumed(path, description) as (_, done):
            pass
    except ArgumentError as error:
        assert "holds no answers" in str(error)
        assert path.read_bytes() == before
    else:
        assert done is None or done <= {"a.wav"}
        assert path.read_bytes() == before[: before.rfind(b"\n") + 1]
