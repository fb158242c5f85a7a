"""`lid check`, `lid play` and `lid trim --recording`: what ingest wrote, and any files."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline import checksums, params, tables
from pipeline.arrays import Samples
from pipeline.audio.samples import in_memory
from pipeline.cli.check import examine
from pipeline.corpus.entries import Entry
from pipeline.errors import CorpusError
from pipeline.rows import RecordingRow
from pipeline.silence.recording import detect
from pipeline.silence.spans import cut
from tests.audio.signals import RATE, babble
from tests.fingerprint.signals import voice
from tests.ingest import parts
from tests.programs import lid


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Samples]:
    """Be in a project in which ingest has run; the samples of its recordings by id."""
    sounds = {f"{number}.flac": babble(number, 30_000 + 5000 * number) for number in range(3)}
    for name, samples in sounds.items():
        soundfile.write(tmp_path / name, samples, RATE, subtype="PCM_16")
    entries = [Entry(name, "hindi", "s") for name in sounds]
    rows = parts.ingested(entries, {"": tmp_path}, tmp_path / "artifacts" / "audio", params.Audio()).rows
    tables.write(tmp_path / "artifacts" / "ingest" / "recordings.csv", RecordingRow, rows)
    checksums.seal(tmp_path / "artifacts" / "ingest")
    (tmp_path / "params.yaml").write_text("seed: 42\n")
    monkeypatch.chdir(tmp_path)
    return {row.recording: sounds[row.path] for row in rows}


def test_a_recording_is_written_as_it_is_or_the_speech_in_it(here: dict[str, Samples]) -> None:
    for recording, samples in here.items():
        status, said, _ = lid("play", recording, "out.wav")
        assert (status, said) == (0, f"{len(samples) / RATE:.2f} s\n")
        np.testing.assert_array_equal(soundfile.read("out.wav", dtype="int16")[0], samples)
    soundfile.write("-x[1].wav", samples, RATE, subtype="PCM_16")  # a name that SoX would take for an option
    wanted = cut(samples, detect(in_memory(samples), len(samples), RATE, params.load(Path("params.yaml")).silence))
    for words in (["--recording", recording, "out.wav"], ["--params", "params.yaml", "--", "-x[1].wav", "out.flac"]):
        status, said, _ = lid("trim", *words)
        assert (status, said) == (0, f"{len(wanted) / RATE:.2f} s of {len(samples) / RATE:.2f} s are speech\n")
        np.testing.assert_array_equal(soundfile.read(words[-1], dtype="int16")[0], wanted)
    assert lid("trim", "--recording", recording, "in.wav", "out.wav")[0] == lid("trim", "out.wav")[0] == 2
    status, _, said = lid("play", f"{recording[:-1]}x", "new.wav")
    assert status == 2
    assert f"has no recording '{recording[:-1]}x'; its first column has the ids, such as {recording}" in said
    assert not Path("new.wav").exists()


def test_a_missing_loudspeaker_is_one_line(here: dict[str, Samples], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIODEV", "nowhere")
    monkeypatch.setenv("AUDIODRIVER", "alsa")
    status, _, said = lid("play", next(iter(here)))
    assert status == 2
    assert said.startswith("error: the loudspeaker can't be opened (")
    assert said.count("\n") == 1


@pytest.mark.cluster
def test_check_names_every_fault_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "in"
    root.mkdir()
    with pytest.raises(CorpusError, match="holds no recordings; name an audio file"):
        examine(str(root))
    speech, loud = voice(0, 8), np.clip(voice(2, 8).astype(int) * 9, -32768, 32767).astype(np.int16)
    sounds = {
        "fine.wav": voice(1, 8), "clipped.wav": loud, "one.wav": speech, "sub/two.flac": speech // 2,
        "-short.wav": speech[:100], "opposite.wav": np.stack([speech, -speech], axis=1),
        "mean.wav": np.stack([speech, 80 - speech], axis=1),
    }  # fmt: skip
    for name, samples in sounds.items():
        (root / name).parent.mkdir(exist_ok=True)
        soundfile.write(root / name, samples, RATE, subtype="PCM_16")
    (root / "text.mp3").write_text("no audio\n" * 99)
    (root / "|touch hurt.wav").write_bytes((root / "fine.wav").read_bytes()[:40_000])
    (root / "outside.wav").symlink_to("/etc/hostname")
    (root / "notes.txt").touch()
    (root / "._fine.wav").write_bytes(b"\0\5\x16\7")
    os.mkfifo(root / "pipe.wav")
    before = sorted(tmp_path.rglob("*"))

    assert not examine(str(root))
    printed = capsys.readouterr().out.splitlines()
    assert {(line.split()[0], line[14:].partition(" ")[0]) for line in printed[:-2]} >= {
        ("clipped", "clipped.wav"), ("duplicate", "one.wav"), ("duplicate", "sub/two.flac"), ("silent", "opposite.wav"),
        ("too_short", "-short.wav"), ("unreadable", "text.mp3"), ("truncated", "|touch"), ("outside", "outside.wav"),
        ("not_a_file", "pipe.wav"),
    }  # fmt: skip
    assert not [line for line in printed if "fine.wav" in line]
    assert "quiet         mean.wav (mean of its 2 channels) has a level of -58 dBFS" in "\n".join(printed)
    assert printed[-1] == "skipped: system files (1), *.txt (1)"
    assert sorted(tmp_path.rglob("*")) == before

    assert examine(str(root / "fine.wav"))
    assert capsys.readouterr().out == "1 file, 0.1 min: 1 fine, 0 flagged, 0 unusable\n"

    (tmp_path / "blobs").mkdir()
    (root / "fine.wav").rename(tmp_path / "blobs" / "0a1b")
    (root / "fine.wav").symlink_to("../blobs/0a1b")
    assert not examine(str(root / "fine.wav"))
    Path("params.yaml").write_text("corpus: {links: [blobs]}\n")
    assert examine(str(root / "fine.wav"))
