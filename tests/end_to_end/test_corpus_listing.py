"""DVC depends on the listing of the corpus: names that DVC can't read are rejected, and changes are noticed."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline import tables
from pipeline.corpus.entries import Entry
from pipeline.rows import RecordingRow, RejectedRow
from tests import s3
from tests.end_to_end.conftest import Copy
from tests.programs import digests


def ran(copy: Copy) -> set[str]:
    return copy.repro("ingest")[0] - {"versions"}


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus outside the project, with names that must not stop the run."""
    root = tmp_path_factory.mktemp("mine")
    rng = np.random.default_rng(0)
    for language in ("english", "hindi", "mandarin"):
        (root / language).mkdir(parents=True)
        for take in range(9):
            soundfile.write(root / language / f"s{take % 3}_{take}.wav", rng.uniform(-0.1, 0.1, 16000), 16000)
    (root / "english" / "s0_dangling.wav").symlink_to("nowhere.wav")
    (root / "english" / "s0_circle.wav").symlink_to("s0_circle.wav")
    (root / "english" / "circle").symlink_to(root)
    os.mkfifo(root / "hindi" / "s1_pipe.wav")
    Path(os.fsdecode(os.fsencode(root / "hindi") + b"/s1_\xff.wav")).write_bytes(b"")
    return root


def test_bad_names_are_rejected_and_ingest_runs_if_and_only_if_the_corpus_has_changed(fresh: Copy, root: Path) -> None:
    fresh.change(
        corpus={
            "root": str(root),
            "speaker_table": None,
            "speaker_pattern": r"(?P<speaker>s\d)_[^/]*\.wav",
            "max_rejected": 0.5,
        }
    )
    artifacts = fresh.folder / "artifacts"
    assert ran(fresh) == {"demo", "corpus", "ingest"}
    rejected = tables.read(artifacts / "ingest/rejected.csv", RejectedRow)
    assert {Path(row.path).name.strip("'") for row in rejected} == {
        "s0_dangling.wav", "s0_circle.wav", "circle", "s1_pipe.wav", "s1_\\udcff.wav",
    }  # fmt: skip
    assert len(tables.read(artifacts / "ingest/recordings.csv", RecordingRow)) == 27
    assert len(tables.read(artifacts / "corpus/files.csv", Entry)) == 27

    file = root / "hindi" / "s1_4.wav"
    os.utime(file, (1, 1))  # another time, the same content
    assert ran(fresh) == {"corpus"}
    soundfile.write(file, np.random.default_rng(1).uniform(-0.1, 0.1, 16000), 16000)
    assert ran(fresh) == {"corpus", "ingest"}


def test_a_bucket_gives_what_the_folder_gives(fresh: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "mine"
    for number in range(27):
        path = root / ("english", "hindi", "mandarin")[number % 3] / f"s{number // 9}_{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.random.default_rng(number).uniform(-0.1, 0.1, 16000), 16000)
    pattern = {"speaker_table": None, "speaker_pattern": r"(?P<speaker>s\d)_[^/]*\.wav"}
    fresh.change(corpus=pattern | {"root": str(root)})
    fresh.stages("corpus", "ingest")
    artifacts = fresh.folder / "artifacts"
    before = {name: digests(artifacts / name) for name in ("audio", "ingest")}
    checked, estimated = fresh.run("lid", "check", str(root)), fresh.succeed("lid", "plan")
    with s3.serving(monkeypatch, "bucket") as client, tempfile.TemporaryDirectory() as temporary:
        monkeypatch.setenv("TMPDIR", temporary)
        address = s3.upload(client, root, "bucket", "mine")
        fresh.change(corpus={"root": address})
        assert ran(fresh) == {"demo", "corpus", "ingest"}
        assert {name: digests(artifacts / name) for name in before} == before
        assert ran(fresh) == {"corpus"}
        there = fresh.run("lid", "check", address)
        assert (there.returncode, there.stdout) == (checked.returncode, checked.stdout)
        assert fresh.succeed("lid", "plan").count("\n") == estimated.count("\n")
        assert f"{address} (3 entries)" in fresh.run("lid", "doctor").stdout

        client.delete_object(Bucket="bucket", Key="mine/hindi/s1_10.wav")
        assert ran(fresh) == {"corpus", "ingest"}
        assert len(tables.read(artifacts / "ingest/recordings.csv", RecordingRow)) == 26
        assert not list(Path(temporary).glob("lid-*"))
    refused = fresh.refusal("python", "-m", "stages.corpus")
    assert refused.startswith(f"error: '{address}' can't be read (Could not connect to the endpoint URL")
