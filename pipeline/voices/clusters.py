"""Similar voices of one language count as one speaker, so that a voice can't leak from one split to another.

Too large a cluster costs nothing but freedom of the split, too small a one leaks. docs/corpora.md shows how well known
speakers are recovered.
"""

import dataclasses
import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import tables
from pipeline.rows import RecordingRow, VoiceRow

DISTANCE = 0.8  # of the median distance between two recordings: clusters further apart are different voices
ALL_PAIRS = 5000  # recordings; of more, only neighbours are compared
NEIGHBOURS = 30
SAMPLE = 2000  # recordings whose distances give the median


def speakers(rows: Sequence[RecordingRow], vectors: NDArray[np.float64]) -> dict[str, str]:
    """Return the speaker of each recording: the cluster of voices that it belongs to."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        numbers[row.language].append(number)
    found = {}
    for language, mine in numbers.items():
        labels = cluster(vectors[mine])
        names = {label: f"voice-{language}-{place}" for place, label in enumerate(dict.fromkeys(labels.tolist()))}
        found.update(
            {rows[number].recording: names[label] for number, label in zip(mine, labels.tolist(), strict=True)}
        )
    return found


def cluster(vectors: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return labels of similar vectors, shape (recordings,), by average linkage of standardised vectors."""
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.metrics import pairwise_distances
    from sklearn.neighbors import kneighbors_graph

    count = len(vectors)
    if count < 2:
        return np.zeros(count, np.int64)
    scaled = (vectors - vectors.mean(axis=0)) / np.maximum(vectors.std(axis=0), 1e-9)
    sample = scaled[:: -(-count // SAMPLE)]
    median = float(np.median(pairwise_distances(sample)[np.triu_indices(len(sample), 1)]))
    if median == 0:
        return np.zeros(count, np.int64)
    model = AgglomerativeClustering(
        n_clusters=None,
        linkage="average",
        distance_threshold=DISTANCE * median,
        connectivity=kneighbors_graph(scaled, NEIGHBOURS) if count > ALL_PAIRS else None,
    )
    with warnings.catch_warnings():  # that neighbours alone do not connect all: far apart is far apart
        warnings.simplefilter("ignore", UserWarning)
        labels: NDArray[np.int64] = model.fit_predict(scaled)
    return labels


def renamed(rows: Sequence[RecordingRow], voices: Path) -> list[RecordingRow]:
    """Replace the speakers of recordings by those in voices.csv; known speakers stay."""
    named = {row.recording: row.speaker for row in tables.scan(voices, VoiceRow)}
    return [dataclasses.replace(row, speaker=named[row.recording]) if row.recording in named else row for row in rows]
