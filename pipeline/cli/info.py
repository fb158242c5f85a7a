"""The contents of a feature store in numbers, for `lid info`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.console.terminal import show_table
from pipeline.console.text import printable
from pipeline.errors import ArtifactError
from pipeline.store.feature_store import FeatureStore


@dataclass(frozen=True)
class LanguageSummary:
    """The recordings of one language."""

    language: str
    n_recordings: int
    n_speakers: int
    minutes: float


@dataclass(frozen=True)
class StoreSummary:
    """The contents of a feature store.

    Attributes
    ----------
    n_frames, n_mfcc
        The shape of its MFCCs.
    hours
        Duration of all frames.
    size_bytes
        Size of its files.
    languages
        In alphabetical order.
    made_with
        Parameters and conventions of the MFCCs, and versions of packages.
    """

    n_frames: int
    n_mfcc: int
    hours: float
    size_bytes: int
    languages: tuple[LanguageSummary, ...]
    made_with: dict[str, Any]


def summarise(path: Path) -> StoreSummary:
    """Summarise a feature store.

    Raises
    ------
    ArtifactError
        If it can't be opened or lacks attributes.
    """
    store = FeatureStore.open(path)
    if missing := {"mfcc", "sample_rate", "versions"} - set(store.attributes):
        raise ArtifactError(f"{path} does not state its {min(missing)}; run `dvc repro` to write it again")
    n_frames, n_mfcc = int(store.lengths.sum()), store.mfcc.shape[1]
    return StoreSummary(
        n_frames,
        n_mfcc,
        n_frames * store.frame_s / 3600,
        sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
        tuple(_language(store, language) for language in sorted(set(store.languages))),
        {**store.attributes["mfcc"], **store.attributes["versions"]},
    )


def _language(store: FeatureStore, language: str) -> LanguageSummary:
    chosen = np.flatnonzero(np.array(store.languages) == language)
    minutes = float(store.lengths[chosen].sum()) * store.frame_s / 60
    return LanguageSummary(language, len(chosen), len({store.speakers[index] for index in chosen}), minutes)


def show(store: Path) -> None:
    """Print the contents of a feature store."""
    summary = summarise(store)
    print(
        f"{printable(store)}: {summary.n_frames:,} frames of {summary.n_mfcc} MFCCs, {summary.hours:.2f} h, "
        f"{summary.size_bytes / 1e6:,.1f} MB\n"
    )
    show_table(
        ["language", "recordings", "speakers", "minutes"],
        [[row.language, row.n_recordings, row.n_speakers, f"{row.minutes:.1f}"] for row in summary.languages],
    )
    print()
    for name, value in summary.made_with.items():
        print(f"{name:12}  {value}")
