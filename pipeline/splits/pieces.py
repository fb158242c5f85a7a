"""The leaky split of published solutions: pieces of one recording in several splits, to show the price of leakage."""

from collections.abc import Sequence

import numpy as np

from pipeline import params
from pipeline.rows import SPLITS, RecordingRow

PIECE_S = 3.0
MAX_PIECES = 10  # per recording: each test piece is streamed from the beginning of its recording

Piece = tuple[RecordingRow, int, int]  # recording, number of the piece, number of equal pieces of the recording


def assign(recordings: Sequence[RecordingRow], settings: params.Split, seed: int) -> dict[str, list[Piece]]:
    """Cut every recording into pieces of about three seconds and assign those of each language at random.

    Returns
    -------
    Pieces by split.

    Examples
    --------
    >>> row = RecordingRow("r", "r.wav", "hindi", "bob", "r", 30, 480000, 16000, 1, "WAV", "x", -3, -20, 0, 0)
    >>> assigned = assign([row], params.Split(val=0.1, test=0.2), seed=0)
    >>> {name: len(pieces) for name, pieces in assigned.items()}
    {'train': 7, 'val': 1, 'test': 2}
    """
    assigned: dict[str, list[Piece]] = {name: [] for name in SPLITS}
    pieces: dict[str, list[Piece]] = {}
    for row in sorted(recordings, key=lambda row: (row.language, row.recording)):
        count = min(max(round(row.duration_s / PIECE_S), 1), MAX_PIECES)
        pieces.setdefault(row.language, []).extend((row, number, count) for number in range(count))
    for of_language in pieces.values():
        edges = len(of_language) * np.cumsum([1 - settings.val - settings.test, settings.val])
        places = np.random.default_rng(seed).permutation(len(of_language))
        for piece, split in zip(of_language, np.searchsorted(edges.round(), places, side="right"), strict=True):
            assigned[SPLITS[split]].append(piece)
    return assigned
