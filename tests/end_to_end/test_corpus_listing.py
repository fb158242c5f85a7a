"""DVC depends on the listing of the corpus: names that DVC can't read are rejected, and changes are noticed."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline import tables
from pipeline.corpus.entries import Entry
from pipeline.rows import RecordingRow, RejectedRow
from tests.end_to_end.conftest import Copy


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
