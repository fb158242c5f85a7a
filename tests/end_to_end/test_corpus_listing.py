"""DVC depends on the listing of the corpus: names that DVC can't read are rejected, and changes are noticed."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline import tables
from pipeline.corpus.entries import Entry
from pipeline.rows import RecordingRow, RejectedRow
from tests.end_to_end.conftest import Copy


def ran(copy: Copy) -> set[str]:
    printed = copy.succeed("dvc", "repro", "ingest")
    return {stage for stage in ("demo", "corpus", "ingest") if f"Running stage '{stage}'" in printed}


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


@pytest.fixture
def copy(fresh: Callable[[], Copy], root: Path) -> Copy:
    copy = fresh()
    copy.change(
        corpus={
            "root": str(root),
            "speaker_table": None,
            "speaker_pattern": r"(?P<speaker>s\d)_[^/]*\.wav",
            "max_rejected": 0.5,
        }
    )
    return copy


def test_bad_names_are_rejected_and_ingest_runs_if_and_only_if_the_corpus_has_changed(copy: Copy, root: Path) -> None:
    assert ran(copy) == {"demo", "corpus", "ingest"}
    rejected = tables.read(copy.folder / "artifacts/ingest/rejected.csv", RejectedRow)
    assert {Path(row.path).name.strip("'") for row in rejected} == {
        "s0_dangling.wav", "s0_circle.wav", "circle", "s1_pipe.wav", "s1_\\udcff.wav",
    }  # fmt: skip
    assert len(tables.read(copy.folder / "artifacts/ingest/recordings.csv", RecordingRow)) == 27
    assert len(tables.read(copy.folder / "artifacts/corpus/files.csv", Entry)) == 27

    assert ran(copy) == {"corpus"}
    file = root / "hindi" / "s1_4.wav"
    os.utime(file, (1, 1))  # another time, the same content
    assert ran(copy) == {"corpus"}
    soundfile.write(file, np.random.default_rng(1).uniform(-0.1, 0.1, 16000), 16000)
    assert ran(copy) == {"corpus", "ingest"}
    file.rename(file.with_name("s2_100.wav"))  # of another speaker now
    assert ran(copy) == {"corpus", "ingest"}
    (root / "hindi" / "s1_pipe.wav").unlink()
    assert ran(copy) == {"corpus", "ingest"}


def test_a_wrong_root_is_reported_in_our_own_words(fresh: Callable[[], Copy]) -> None:
    copy = fresh()
    (copy.folder / "circle").symlink_to("circle")
    copy.change(corpus={"root": "circle"})
    done = copy.run("dvc", "repro", "ingest")
    assert "error: corpus.root 'circle' is not a folder; name the folder that holds the recordings" in done.stderr
    assert "Running stage 'ingest'" not in done.stdout
