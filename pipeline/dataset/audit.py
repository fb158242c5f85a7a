"""The leakage audit: from the written files alone, find everything that train, val and test share."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.rows import RecordingRow, SequenceRow, SplitRow

N_EXAMPLES = 5  # sentences of each check in the report
Findings = dict[str, list[str]]  # sentences by check
StoreRows = NDArray[np.int64]  # shape (sequences, 2): rows first:stop of features.zarr


def leakage(
    recordings: Sequence[RecordingRow],
    splits: Mapping[str, Sequence[SplitRow]],
    manifests: Mapping[str, Sequence[SequenceRow]],
    store_rows: Mapping[str, StoreRows],
) -> Findings:
    """Return everything that leaks, as sentences by check; every list is empty if nothing does.

    Parameters
    ----------
    splits, manifests
        Rows of splits/*.csv and manifests/*.csv by split.
    store_rows
        Rows of features.zarr that each sequence of a manifest takes, by split.
    """
    places = {row.recording: list[str]() for row in recordings}
    unknown = [(row.recording, name) for name, rows in splits.items() for row in rows if row.recording not in places]
    for name, rows in splits.items():
        for row in rows:
            places.setdefault(row.recording, []).append(name)

    def shared(kind: str, key: Callable[[RecordingRow], str]) -> list[str]:
        found: dict[str, set[str]] = defaultdict(set)
        for row in recordings:
            found[key(row)].update(places[row.recording])
        return [f"{kind} {of} is in {', '.join(sorted(names))}" for of, names in found.items() if len(names) > 1]

    return {
        "recording_in_one_split": [
            *(f"recording {one} is in {', '.join(sorted(names))}" for one, names in places.items() if len(names) > 1),
            *(f"recording {one} is in no split" for one, names in places.items() if not names),
            *(f"recording {one} of {name} is not in ingest" for one, name in unknown),
        ],
        "speaker_in_one_split": shared("speaker", lambda row: row.speaker),
        "source_in_one_split": shared("source", lambda row: row.group),
        "audio_in_one_split": shared("audio", lambda row: row.sha256),
        "speech_in_one_split": shared("speech", lambda row: row.same_speech or row.sha256),
        "sequence_in_its_split": [
            f"sequence {row.sequence} of {name} is of a recording of "
            f"{', '.join(sorted(places.get(row.recording, ()))) or 'no split'}"
            for name, rows in manifests.items()
            for row in rows
            if name not in places.get(row.recording, ())
        ],
        "features_in_one_split": [
            f"rows {first}:{stop} of features.zarr are in {one} and {other}"
            for one, other in itertools.combinations(store_rows, 2)
            for first, stop in _common(store_rows[one], store_rows[other]).tolist()
        ],
        "only_train_balanced": list(_changed(manifests)),
    }


def unknown_speakers(recordings: Sequence[RecordingRow]) -> dict[str, Any]:
    """Count recordings with speakers that nobody named, and say what that means, as in audit/speakers.json.

    Examples
    --------
    >>> import dataclasses
    >>> row = RecordingRow("r", "r.wav", "hindi", "r", "r", 2, 32000, 16000, 1, "WAV", "r", -3, -20, 0, 0)
    >>> unknown_speakers([row])["sentence"]
    ''
    >>> print(unknown_speakers([row, dataclasses.replace(row, speaker_from="file")])["sentence"])
    SPEAKERS ARE NOT KNOWN for 1 of 2 recordings: a voice may be on both sides of a split, and scores too good
    """
    counts = Counter(row.speaker_from for row in recordings)
    sentence = ""
    if unknown := counts["file"] + counts["cluster"]:
        together = "similar voices are kept together, but " if counts["cluster"] else ""
        sentence = (
            f"SPEAKERS ARE NOT KNOWN for {unknown:,} of {len(recordings):,} recordings: {together}a voice may be on "
            "both sides of a split, and scores too good"
        )
    return {"recordings": len(recordings), "file": counts["file"], "cluster": counts["cluster"], "sentence": sentence}


def report(findings: Findings) -> dict[str, dict[str, object]]:
    """Return the number of findings of each check and the first few, as in audit/leakage.json.

    Examples
    --------
    >>> found = report({"speaker_in_one_split": [f"leak {number}" for number in range(9)], "only_train_balanced": []})
    >>> found["speaker_in_one_split"]
    {'violations': 9, 'examples': ['leak 0', 'leak 1', 'leak 2', 'leak 3', 'leak 4']}
    >>> found["only_train_balanced"]
    {'violations': 0, 'examples': []}
    """
    return {check: {"violations": len(found), "examples": found[:N_EXAMPLES]} for check, found in findings.items()}


def _changed(manifests: Mapping[str, Sequence[SequenceRow]]) -> Iterator[str]:
    """Yield sentences on val and test sequences that are not as they were cut."""
    ends: dict[tuple[str, str], int] = defaultdict(int)
    for name, row in ((name, row) for name, rows in manifests.items() if name != "train" for row in rows):
        if (row.repeat, row.weight, row.member) != (0, 1.0, 0):
            yield f"sequence {row.sequence} of {name} is repeated, weighted or of a second network"
        if row.start != ends[name, row.recording]:  # others are missing or listed twice
            yield f"sequence {row.sequence} of {name} does not begin where the one before it ends"
        ends[name, row.recording] = row.start + row.frames


def _common(one: StoreRows, other: StoreRows) -> StoreRows:
    """Return the rows that are in ranges of both, in as few ranges as possible."""
    edges = np.unique(np.vstack([one, other]))

    def covered(rows: StoreRows) -> NDArray[np.bool_]:
        opened, closed = (np.bincount(np.searchsorted(edges, ends), minlength=len(edges)) for ends in rows.T)
        return np.cumsum(opened - closed) > 0

    changes = np.diff(covered(one) & covered(other), prepend=False, append=False)
    return edges[np.flatnonzero(changes)].reshape(-1, 2)
