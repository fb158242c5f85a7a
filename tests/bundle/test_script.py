"""test_model.py answers like the Identifier."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline.audio.samples import to_waveform
from pipeline.bundle import test_model as script
from pipeline.streaming.identifier import Identifier
from tests.audio.signals import babble
from tests.export import small


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Recordings of several rates and channels, one without speech, one of a single sample."""
    folder = tmp_path / "recordings"
    (folder / "deep").mkdir(parents=True)
    for number, rate in enumerate((16000, 8000, 44100)):
        soundfile.write(folder / f"{number}.wav", to_waveform(babble(number, 2 * rate)), rate)
    soundfile.write(folder / "deep" / "=two.FLAC", to_waveform(babble(9, 40000)).reshape(-1, 2), 16000, format="FLAC")
    soundfile.write(folder / "silent.wav", np.zeros(16000), 16000)
    soundfile.write(folder / "tiny.wav", np.ones(1), 16000)
    return folder


def run(monkeypatch: pytest.MonkeyPatch, model: Path, *words: str | Path) -> int:
    monkeypatch.setattr(script, "MODEL", model)
    monkeypatch.setattr(script, "LABELS", dict(enumerate(small.LANGUAGES)))
    monkeypatch.setattr("sys.argv", ["test_model.py", *map(str, words)])
    return script.main()


@pytest.mark.slow
@pytest.mark.parametrize("keras", [[], ["--keras"]])
def test_answers_are_those_of_the_identifier(
    recordings: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    keras: list[str],
) -> None:
    (recordings / "bad\x1b[2J.wav").write_text("no audio")
    export, labels = small.made("remove").streaming, tmp_path / "labels.csv"
    labels.write_text(f"file,label\n0.wav,0\nsilent.wav,{small.LANGUAGES[1]}\n")
    words: list[str | Path] = [recordings, "--frames", tmp_path / "out", "--labels", labels, *keras]
    assert run(monkeypatch, export, *words) == 2  # one file can't be read; the others are answered
    printed = capsys.readouterr()
    rows = {row["file"]: row for row in csv.DictReader(io.StringIO(printed.out))}
    right = int(rows["0.wav"]["language"] == small.LANGUAGES[0])
    assert f"accuracy: {right / 2:.1%}, {right} of 2 recordings; 5 without a label or not readable" in printed.err
    assert "error: bad\\x1b[2J.wav: " in printed.err
    assert list(rows) == ["0.wav", "1.wav", "2.wav", "deep/=two.FLAC", "silent.wav", "tiny.wav"]
    for name, row in rows.items():
        samples, rate = soundfile.read(recordings / name, dtype="float32", always_2d=True)
        stream = Identifier.load(export, sample_rate=rate)
        parts = [stream.accept(samples.mean(axis=1)), stream.finish()]
        assert row["language"] == (stream.decision.language or "")
        if stream.decision.frames:
            found = [float(row[one]) for one in stream.description.classes]
            assert found == pytest.approx(stream.decision.posteriors, abs=1e-4)
        frames = list(csv.DictReader((tmp_path / "out" / f"{name}.csv").open()))
        assert [int(frame["speech"]) for frame in frames] == np.concatenate([part.speech for part in parts]).tolist()
        posteriors = [[float(frame[one] or "nan") for one in stream.description.classes] for frame in frames]
        wanted = np.concatenate([part.posteriors for part in parts])
        assert np.array(posteriors) == pytest.approx(wanted, abs=1e-4, nan_ok=True)


@pytest.mark.slow
def test_streaming_keras_resets_in_one_call() -> None:
    import keras

    path = small.made("remove").streaming / "streaming.keras"
    model = keras.models.load_model(path, compile=False, safe_mode=True)
    frames = np.random.default_rng(0).normal(size=(1, 50, small.N_MFCC)).astype(np.float32)
    first, second = np.asarray(model(frames)), np.asarray(model(frames))
    script.reset_states(model)
    assert np.array_equal(first, np.asarray(model(frames)))
    assert not np.array_equal(first, second)


def test_labels_are_read_as_spreadsheets_write_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "LABELS", {0: "english"})
    text = ' LABEL;Note;File \r\n0;"x, y";sub\\a.wav\r\n;;\r\nhindi;;b\r\n;;c.wav\r\n'
    text += "hindi ;;Zoe\u0308\u00a0 2.wav\r\nhindi\r\n"
    (tmp_path / "labels.csv").write_bytes(text.encode("utf-16"))
    labels = script.labels_of(tmp_path / "labels.csv")
    wanted = {"sub/a.wav": "english", "b": "hindi", "c.wav": "", "Zo\u00eb 2.wav": "hindi"}
    assert labels == wanted
    assert "labels.csv: line 7 is short" in capsys.readouterr().err


def test_mistakes_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*words: str | Path) -> str:
        with pytest.raises(SystemExit) as ended:
            run(monkeypatch, tmp_path, *words)
        assert ended.value.code == 2
        return capsys.readouterr().err

    for name in ("._a.wav", ".trash/a.wav", "__MACOSX/a.wav", "$Recycle.Bin/a.wav", "lost+found/a.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for folder in (tmp_path, tmp_path / "missing"):
        assert "holds no recording" in refused(folder)
    (tmp_path / "a.wav").touch()
    table = tmp_path / "labels.csv"
    assert "labels.csv" in refused(tmp_path, "--labels", table)
    for text, wrong in (
        ("a,b\n1,2\n", "columns file and label"),
        ("file,label\na.wav,7\n", "label 7 of a.wav"),
        ("file,label\na.wav,hindi\n./a.wav,english\n", "a.wav has the labels hindi and english"),
    ):
        table.write_text(text)
        assert wrong in refused(tmp_path, "--labels", table)
