"""Small corpora for the tests of layouts. Listing never opens a recording, so all recordings are empty files."""

import csv
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline import params
from pipeline.corpus import layouts
from pipeline.corpus.entries import Listing
from pipeline.errors import CorpusError

LANGUAGES = ("english", "hindi")
FOLDER_OF_FILE = r"(?P<speaker>[^/]+)/[^/]+$"
HOSTILE_NAMES = [
    "|x.wav", "-x.wav", "x[1].wav", "a b.wav", "हिन्दी 普通话.wav", "x" * 200 + ".wav", "a\nb.wav", "$(x);'\".wav",
    "*.wav",
]  # fmt: skip


def settings(layout: params.Layout, root: Path | str, **changes: Any) -> params.Corpus:
    """Parameters of a corpus whose speakers are the folders of its files."""
    values: dict[str, Any] = {"languages": LANGUAGES, "speaker_pattern": FOLDER_OF_FILE, "max_rejected": 0.0} | changes
    return params.Corpus.plain(root, layout, values.pop("languages"), **values)


def touch(root: Path, *paths: str) -> None:
    """Make empty files with their folders."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def write_csv(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)


def cached(hub: Path, source: Path) -> tuple[Path, Path]:
    """Copy a folder as huggingface_hub's cache lays it out; return the snapshot and the blobs, which have no ending."""
    repository = hub / "datasets--google--fleurs"
    snapshot, blobs = repository / "snapshots" / "70bb2e84b976b7e960aa89f1c648e09c59f894dd", repository / "blobs"
    blobs.mkdir(parents=True)
    for path in (path for path in source.rglob("*") if path.is_file()):
        blob = blobs / hashlib.sha256(path.read_bytes() + bytes(path)).hexdigest()
        blob.write_bytes(path.read_bytes())
        link = snapshot / path.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path(*[".."] * (len(link.relative_to(repository).parts) - 1), "blobs", blob.name))
    return snapshot, blobs


def listed(listing: Listing) -> list[str]:
    return [entry.path for entry in listing.entries]


def reasons(listing: Listing) -> dict[str, str]:
    return {row.path: row.reason for row in listing.rejected}


def refusal(settings: params.Corpus) -> str:
    """The printable line with which a corpus is refused."""
    with pytest.raises(CorpusError) as error:
        layouts.read(settings)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 1500
    return str(error.value)
