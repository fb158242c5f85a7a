"""Voices: recordings whose speakers are not known, grouped by how alike they sound.

Similar voices of one language count as one speaker, so that a voice can't leak from one split to another. Too large a
cluster costs nothing but freedom of the split, too small a one leaks. docs/corpora.md shows how well known speakers are
recovered.
"""

import dataclasses
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline import tables
from pipeline.rows import RecordingRow, VoiceRow

if TYPE_CHECKING:
    from pipeline.store.feature_store import FeatureStore

DISTANCE = 0.8  # of the median distance between two recordings: clusters further apart are different voices
ALL_PAIRS = 5000  # recordings; of more, only neighbours are compared
NEIGHBOURS = 30
SAMPLE = 2000  # recordings whose distances give the median
BLOCK_ROWS = 60_000  # of the store, read at a time


def vectors(store: "FeatureStore", recordings: Sequence[str]) -> NDArray[np.float64]:
    """Return the voice of each recording as a vector: mean and deviation of the MFCCs of its speech.

    Returns
    -------
    ndarray of float64, shape (recordings, 2 · n_mfcc)
        Zeros for a recording without speech.
    """
    return np.stack([_vector(store, store.index(recording)) for recording in recordings])


def _vector(store: "FeatureStore", index: int) -> NDArray[np.float64]:
    start, length = int(store.starts[index]), int(store.lengths[index])
    count, total, squares = 0, np.zeros(store.mfcc.shape[1]), np.zeros(store.mfcc.shape[1])
    for first in range(start, start + length, BLOCK_ROWS):  # perhaps hours long
        last = min(first + BLOCK_ROWS, start + length)
        spoken = store.mfcc_rows(first, last)[store.speech_rows(first, last)].astype(np.float64)
        spoken = spoken[np.isfinite(spoken).all(axis=1)]  # frames that could not be computed are NaN
        count += len(spoken)
        total += spoken.sum(axis=0)
        squares += np.square(spoken).sum(axis=0)
    mean = total / max(count, 1)
    return np.concatenate([mean, np.sqrt(np.maximum(squares / max(count, 1) - np.square(mean), 0))])


def speakers(rows: Sequence[RecordingRow], vectors: NDArray[np.float64]) -> dict[str, str]:
    """Return the speaker of each recording: the cluster of voices that it belongs to."""
    found = {}
    for language in dict.fromkeys(row.language for row in rows):
        mine = [number for number, row in enumerate(rows) if row.language == language]
        labels = cluster(vectors[mine]).tolist()
        places = {label: place for place, label in enumerate(dict.fromkeys(labels))}
        for number, label in zip(mine, labels, strict=True):
            found[rows[number].recording] = f"voice-{language}-{places[label]}"
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
