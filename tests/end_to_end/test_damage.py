"""Damage anywhere in artifacts/: a reader gets the right content or an ArtifactError that names the file."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from pipeline import checksums, tables
from pipeline.arrays import Samples
from pipeline.audio.wav import Reader, Wav
from pipeline.corpus.entries import Entry
from pipeline.errors import ArtifactError
from pipeline.export import formats, golden
from pipeline.network.definition import Architecture
from pipeline.rows import AnswerRow, EpochRow, RecordingRow, RejectedRow, SequenceRow, SpanRow, SplitRow
from pipeline.store.feature_store import FeatureStore
from pipeline.streaming.identifier import Identifier
from tests.end_to_end.conftest import Copy

DAMAGES = 16 * settings().max_examples  # pytest --hypothesis-profile=thorough: many
KINDS: dict[str, Any] = {
    "corpus/files.csv": Entry,
    "corpus/rejected.csv": RejectedRow,
    "ingest/recordings.csv": RecordingRow,
    "ingest/rejected.csv": RejectedRow,
    "trim/spans.csv": SpanRow,
    **{f"splits/{name}.csv": SplitRow for name in ("train", "val", "test")},
    **{f"manifests/{name}.csv": SequenceRow for name in ("train", "val", "test")},
    "model/history.csv": EpochRow,
    "evaluation/confusion.csv": AnswerRow,
}
UNREAD = {"report", "summary", "data", "README.md"}  # no stage reads these; any content of the corpus is valid


def readers(artifacts: Path) -> dict[str, Callable[[], Any]]:
    """Read each folder as the stages and the library do."""

    found: dict[str, Callable[[], Any]] = {
        name: functools.partial(tables.read, artifacts / name, kind) for name, kind in KINDS.items()
    }
    for path in artifacts.rglob("*.json"):
        apart = ("audio", "streaming", "report", "summary")
        if path.name not in ("zarr.json", "versions.json") and path.parent.name not in apart:
            name = path.relative_to(artifacts).as_posix()
            found[name] = functools.partial(checksums.read_json, path)
    others: dict[str, Callable[[Path], Any]] = {
        "model/model.png": checksums.read,
        "model/architecture.json": Architecture.read,
        "model/sequence.keras": lambda path: formats.load(path).count_params(),
        "features.zarr": contents,
        "streaming": streamed,
    }
    found |= {name: functools.partial(read, artifacts / name) for name, read in others.items()}
    rows = tables.read(artifacts / "ingest/recordings.csv", RecordingRow)
    wavs = [Wav.of(row, artifacts / "audio") for row in rows]
    for path in {wav.path for wav in wavs}:
        inside = [wav for wav in wavs if wav.path == path]
        read = functools.partial(samples, inside)
        found |= {f"audio/{path.name}": read, f"audio/{path.stem}.json": read}
    return found


def contents(path: Path) -> list[Any]:
    store = FeatureStore.open(path)
    table = [store.attributes, store.ids, store.languages, store.speakers, store.starts, store.lengths]
    return [*table, store.mfcc_rows(0, store.mfcc.shape[0]), store.speech_rows(0, store.mfcc.shape[0])]


def samples(wavs: list[Wav]) -> list[Samples]:
    return [Reader(wav)(0, wav.n_samples) for wav in wavs]


def streamed(folder: Path) -> NDArray[np.float32]:
    """Check a folder as `lid verify` does before it runs anything, then load it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(golden, "replay", lambda *_: {})
        golden.verify(folder)
    return Identifier.load(folder).kernel.mel


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, np.ndarray):
        return np.array_equal(found, wanted, equal_nan=wanted.dtype.kind == "f")
    if isinstance(wanted, list | tuple):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return bool(found == wanted)


def damaged(content: bytes, rng: np.random.Generator) -> bytes | None:
    """Flip a bit, zero a part, cut off the end or remove the file (None)."""
    position = int(rng.integers(len(content)))
    match int(rng.integers(10)):
        case 0:
            return None
        case 1 | 2:
            return content[:position]
        case 3:
            return content[:position] + bytes(min(64, len(content) - position)) + content[position + 64 :]
    harmed = bytearray(content)
    harmed[position] ^= 1 << int(rng.integers(8))
    return bytes(harmed)


def test_no_damage_is_read(tiny: Copy) -> None:
    artifacts = tiny.folder / "artifacts"
    read = readers(artifacts)
    wanted = {name: reader() for name, reader in read.items()}
    files = [
        path
        for path in sorted(artifacts.rglob("*"))
        if path.is_file() and path.stat().st_size and path.relative_to(artifacts).parts[0] not in UNREAD
    ]
    folders = sorted({path.relative_to(artifacts).parts[0] for path in files})
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(DAMAGES):
        folder = folders[rng.integers(len(folders))]
        candidates = [path for path in files if path.relative_to(artifacts).parts[0] == folder]
        file = candidates[rng.integers(len(candidates))]
        content = file.read_bytes()
        file.unlink()  # which may be read-only
        if (harm := damaged(content, rng)) is not None:
            file.write_bytes(harm)
        for name, reader in read.items():
            path = artifacts / name
            if file == path or path in file.parents or (file.name == checksums.SUMS and file.parent == path.parent):
                try:
                    assert same(reader(), wanted[name]), f"{file} was damaged, and {name} read as something else"
                except ArtifactError as error:
                    named = str(file.with_suffix(".wav") if file.parent.name == "audio" else file)
                    assert named in str(error) or file.name == checksums.SUMS, error
                    assert "\n" not in str(error)
                    refused += 1
        file.write_bytes(content)
    assert refused > DAMAGES // 2
