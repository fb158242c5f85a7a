"""Parts of a corpus, ingested in this process."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import soundfile

from pipeline import params
from pipeline.arrays import Samples
from pipeline.corpus.entries import Entry
from pipeline.corpus.remote import Place
from pipeline.ingest.decoding import ingest
from pipeline.ingest.part import Ingested, divide
from pipeline.rows import RecordingRow


def ingested(entries: Sequence[Entry], roots: Mapping[str, Place], target: Path, settings: params.Audio) -> Ingested:
    """Ingest entries; each part has a container in `target`."""
    target.mkdir(parents=True, exist_ok=True)
    parts = divide(entries, roots)
    return Ingested.joined(ingest(part, target / f"{number}.wav", settings) for number, part in enumerate(parts))


def samples_of(row: RecordingRow, folder: Path) -> Samples:
    """The samples that a row points to."""
    samples: Samples = soundfile.read(folder / row.file, row.samples, row.first_sample, dtype="int16")[0]
    return samples
