"""Whether anything ties the splits together, derived again from the written files alone."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipeline.tables import RecordingRow, SequenceRow, SplitRow

EXAMPLES = 5  # named of each kind

Findings = dict[str, list[str]]


def leakage(
    recordings: Sequence[RecordingRow],
    splits: Mapping[str, Sequence[SplitRow]],
    manifests: Mapping[str, Sequence[SequenceRow]],
) -> Findings:
    """Everything that leaks, as sentences by kind of check; empty lists where all is well.

    Parameters
    ----------
    splits, manifests
        Rows of splits/*.csv and manifests/*.csv by split.
    """
    by_id = {row.recording: row for row in recordings}
    dealt = [(row.recording, name) for name, rows in splits.items() for row in rows]
    known = [(by_id[recording], name) for recording, name in dealt if recording in by_id]
    home = dict(dealt)
    return {
        "recording_in_one_split": [
            *_in_two("recording", dealt),
            *(f"recording {row.recording} is in no split" for row in recordings if row.recording not in home),
            *(
                f"recording {recording} of {name} is not in ingest"
                for recording, name in dealt
                if recording not in by_id
            ),
        ],
        "speaker_in_one_split": _in_two("speaker", ((row.speaker, name) for row, name in known)),
        "source_in_one_split": _in_two("source", ((row.group, name) for row, name in known)),
        "audio_in_one_split": _in_two("audio", ((row.sha256, name) for row, name in known)),
        "sequence_in_its_split": [
            f"sequence {row.sequence} of {name} is of a recording of {home.get(row.recording, 'no split')}"
            for name, rows in manifests.items()
            for row in rows
            if home.get(row.recording) != name
        ],
        "only_train_balanced": [
            f"sequence {row.sequence} of {name} is repeated, weighed or of a second network"
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
    """Findings as audit/leakage.json holds them: the number of each kind and the first few."""
    return {check: {"violations": len(found), "examples": found[:EXAMPLES]} for check, found in findings.items()}


def _in_two(kind: str, pairs: Iterable[tuple[str, str]]) -> list[str]:
    places: dict[str, list[str]] = defaultdict(list)
    for key, name in pairs:
        places[key].append(name)
    # A recording is listed once in all; speakers, sources and audio may recur, but inside one split.
    return [
        f"{kind} {key} is in {', '.join(sorted(names))}"
        for key, names in places.items()
        if len(names if kind == "recording" else set(names)) > 1
    ]


def _out_of_place(rows: Iterable[SequenceRow]) -> Iterator[SequenceRow]:
    """Sequences that leave a gap before them or overlap: some are missing, or there twice."""
    ends: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.start != ends[row.recording]:
            yield row
        ends[row.recording] = row.start + row.frames
