"""The leakage audit: from the written files alone, find everything that train, val and test share."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipeline.tables import RecordingRow, SequenceRow, SplitRow

N_EXAMPLES = 5  # sentences of each check in the report

Findings = dict[str, list[str]]  # sentences by check


def leakage(
    recordings: Sequence[RecordingRow],
    splits: Mapping[str, Sequence[SplitRow]],
    manifests: Mapping[str, Sequence[SequenceRow]],
) -> Findings:
    """Everything that leaks, as sentences by check; every list is empty if nothing does.

    Parameters
    ----------
    splits, manifests
        Rows of splits/*.csv and manifests/*.csv by split.
    """
    by_recording = {row.recording: row for row in recordings}
    placed = [(row.recording, name) for name, rows in splits.items() for row in rows]
    known = [(by_recording[recording], name) for recording, name in placed if recording in by_recording]
    split_of = dict(placed)
    return {
        "recording_in_one_split": [
            *_in_two("recording", placed),
            *(f"recording {row.recording} is in no split" for row in recordings if row.recording not in split_of),
            *(
                f"recording {recording} of {name} is not in ingest"
                for recording, name in placed
                if recording not in by_recording
            ),
        ],
        "speaker_in_one_split": _in_two("speaker", ((row.speaker, name) for row, name in known)),
        "source_in_one_split": _in_two("source", ((row.group, name) for row, name in known)),
        "audio_in_one_split": _in_two("audio", ((row.sha256, name) for row, name in known)),
        "sequence_in_its_split": [
            f"sequence {row.sequence} of {name} is of a recording of {split_of.get(row.recording, 'no split')}"
            for name, rows in manifests.items()
            for row in rows
            if split_of.get(row.recording) != name
        ],
        "only_train_balanced": [
            f"sequence {row.sequence} of {name} is repeated, weighted or of a second network"
            for name, rows in manifests.items()
            for row in rows
            if name != "train" and (row.repeat, row.weight, row.member) != (0, 1.0, 0)
        ]
        + [
            f"sequence {row.sequence} of {name} does not begin where the one before it ends"
            for name, rows in manifests.items()
            if name != "train"
            for row in _out_of_place(rows)
        ],
    }


def report(findings: Findings) -> dict[str, dict[str, object]]:
    """The number of findings of each check and the first few, as in audit/leakage.json.

    Examples
    --------
    >>> report({"speaker_in_one_split": ["speaker ann is in test, train"]})
    {'speaker_in_one_split': {'violations': 1, 'examples': ['speaker ann is in test, train']}}
    """
    return {check: {"violations": len(found), "examples": found[:N_EXAMPLES]} for check, found in findings.items()}


def _in_two(kind: str, pairs: Iterable[tuple[str, str]]) -> list[str]:
    places: dict[str, list[str]] = defaultdict(list)
    for key, name in pairs:
        places[key].append(name)
    # A recording is listed once; speakers, sources and audio may recur within one split.
    return [
        f"{kind} {key} is in {', '.join(sorted(names))}"
        for key, names in places.items()
        if len(names if kind == "recording" else set(names)) > 1
    ]


def _out_of_place(rows: Iterable[SequenceRow]) -> Iterator[SequenceRow]:
    """Sequences after a gap or an overlap: others are missing or listed twice."""
    ends: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.start != ends[row.recording]:
            yield row
        ends[row.recording] = row.start + row.frames
