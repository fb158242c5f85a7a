"""The audit finds and names every kind of leak that is planted, and nothing in clean splits."""

import copy
import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.dataset import audit
from pipeline.rows import RecordingRow, SequenceRow, SplitRow

NAMES = ("train", "val", "test")


@dataclasses.dataclass
class Artifacts:
    """The input of the audit: two recordings per split, two sequences of each."""

    recordings: list[RecordingRow]
    splits: dict[str, list[SplitRow]]
    manifests: dict[str, list[SequenceRow]]
    store_rows: dict[str, NDArray[np.int64]]

    def findings(self) -> dict[str, list[str]]:
        """The checks that found something."""
        found = audit.leakage(self.recordings, self.splits, self.manifests, self.store_rows)
        return {check: sentences for check, sentences in found.items() if sentences}

    def alter(self, name: str, **values: Any) -> None:
        """Change columns of one row of ingest/recordings.csv."""
        self.recordings = [
            dataclasses.replace(row, **values) if row.recording == name else row for row in self.recordings
        ]


@pytest.fixture
def artifacts() -> Artifacts:
    names = {split: [f"{split}-0", f"{split}-1"] for split in NAMES}
    return Artifacts(
        [
            RecordingRow(
                name, f"{name}.wav", "a", f"s-{name}", f"g-{name}", 4.0, 64000, 16000, 1, "WAV/PCM_16", f"x-{name}",
                -3.0, -20.0, 0.0, 0.0, same_speech=f"w-{name}",
            )
            for split in NAMES
            for name in names[split]
        ],
        {split: [SplitRow(name, "a", f"s-{name}", f"g-{name}", 4.0) for name in names[split]] for split in NAMES},
        {
            split: [
                SequenceRow(f"{name}/{piece}", name, "a", f"s-{name}", 200 * piece, 200)
                for name in names[split]
                for piece in (0, 1)
            ]
            for split in NAMES
        },
        {split: np.arange(0, 800, 200)[:, None] + np.array([0, 200]) + 800 * at for at, split in enumerate(NAMES)},
    )  # fmt: skip


def test_clean_splits_have_no_findings(artifacts: Artifacts) -> None:
    assert artifacts.findings() == {}


def test_recordings_of_one_split_may_share_anything(artifacts: Artifacts) -> None:
    artifacts.alter("train-1", speaker="s-train-0", group="g-train-0", sha256="x-train-0")
    assert artifacts.findings() == {}


def test_training_may_be_balanced(artifacts: Artifacts) -> None:
    first = artifacts.manifests["train"][0]
    artifacts.manifests["train"] += [
        dataclasses.replace(first, repeat=1, weight=2.0),
        dataclasses.replace(first, member=1),
    ]
    assert artifacts.findings() == {}


@pytest.mark.parametrize(
    ("column", "check"),
    [
        ("speaker", "speaker_in_one_split"),
        ("group", "source_in_one_split"),
        ("sha256", "audio_in_one_split"),
        ("same_speech", "speech_in_one_split"),
    ],
)
@pytest.mark.parametrize("pair", [("train-0", "val-1"), ("train-1", "test-0"), ("val-0", "test-1")])
def test_anything_that_two_splits_share_is_found(
    artifacts: Artifacts, column: str, check: str, pair: tuple[str, str]
) -> None:
    for name in pair:
        artifacts.alter(name, **{column: "shared"})
    found = artifacts.findings()
    assert list(found) == [check]
    assert "shared" in found[check][0]
    assert all(name.split("-")[0] in found[check][0] for name in pair)


def test_speakers_are_taken_from_ingest_not_from_the_splits(artifacts: Artifacts) -> None:
    for name in ("train-0", "val-0"):
        artifacts.alter(name, speaker="shared")
    artifacts.splits["val"][0] = dataclasses.replace(artifacts.splits["val"][0], speaker="another")
    assert list(artifacts.findings()) == ["speaker_in_one_split"]


def test_misplaced_recordings_and_sequences_are_found_and_named(artifacts: Artifacts) -> None:
    splits, manifests = copy.deepcopy((artifacts.splits, artifacts.manifests))
    ghost = SplitRow("ghost", "a", "s", "g", 1.0)
    cases = [
        ("recording_in_one_split", {"test": [*splits["test"], splits["train"][0]]}, "train-0 is in test, train"),
        ("recording_in_one_split", {"test": [*splits["test"], splits["test"][0]]}, "test-0 is in test, test"),
        ("recording_in_one_split", {"test": splits["test"][1:]}, "test-0 is in no split"),
        ("recording_in_one_split", {"val": [*splits["val"], ghost]}, "ghost of val is not in ingest"),
    ]
    for check, change, sentence in cases:
        artifacts.splits = splits | change
        assert f"recording {sentence}" in artifacts.findings()[check]
    artifacts.splits = splits
    unknown = SequenceRow("ghost/0", "ghost", "a", "s", 0, 10)
    for row, target, places in (
        *((manifests[source][0], target, source) for source, target in itertools.permutations(NAMES, 2)),
        (unknown, "train", "no split"),
    ):
        artifacts.manifests = manifests | {target: [*manifests[target], row]}
        found = artifacts.findings()
        assert found["sequence_in_its_split"] == [f"sequence {row.sequence} of {target} is of a recording of {places}"]


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("change", [{"repeat": 1}, {"weight": 0.5}, {"member": 1}])
def test_a_balanced_sequence_outside_training_is_found(
    artifacts: Artifacts, split: str, change: dict[str, Any]
) -> None:
    rows = artifacts.manifests[split]
    rows[1] = dataclasses.replace(rows[1], **change)
    found = artifacts.findings()
    assert list(found) == ["only_train_balanced"]
    assert f"sequence {split}-0/1 of {split}" in found["only_train_balanced"][0]


@pytest.mark.parametrize("change", ["dropped", "doubled"])
@pytest.mark.parametrize("split", ["val", "test"])
def test_a_sequence_dropped_or_doubled_outside_training_is_found(artifacts: Artifacts, split: str, change: str) -> None:
    rows = artifacts.manifests[split]
    artifacts.manifests[split] = rows[1:] if change == "dropped" else [rows[0], *rows]
    assert list(artifacts.findings()) == ["only_train_balanced"]


def test_a_report_counts_all_findings_and_quotes_a_few() -> None:
    findings = {"one": [f"leak {number}" for number in range(9)], "other": []}
    assert audit.report(findings) == {
        "one": {"violations": 9, "examples": [f"leak {number}" for number in range(5)]},
        "other": {"violations": 0, "examples": []},
    }


@pytest.mark.parametrize(("one", "other"), [("train", "val"), ("train", "test"), ("val", "test")])
def test_rows_of_the_store_that_two_splits_take_are_found(artifacts: Artifacts, one: str, other: str) -> None:
    first = int(artifacts.store_rows[one][1, 0])
    artifacts.store_rows[other] = np.vstack([artifacts.store_rows[other], [[first + 199, first + 205]]])
    assert list(artifacts.findings()) == ["features_in_one_split"]
    assert f"are in {one} and {other}" in artifacts.findings()["features_in_one_split"][0]


ROWS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)).map(lambda at: (at[0], at[0] + at[1])), max_size=12)


@given(ROWS, ROWS)
def test_common_rows_are_found_and_no_others(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    common = {row for first, stop in one for row in range(first, stop)} & {
        row for first, stop in other for row in range(first, stop)
    }
    rows = [np.array(ranges, np.int64).reshape(-1, 2) for ranges in (one, other)]
    found = audit.leakage([], {}, {}, dict(zip(("train", "test"), rows, strict=True)))["features_in_one_split"]
    assert bool(found) == bool(common)
    named = [tuple(map(int, sentence.split()[1].split(":"))) for sentence in found]
    assert common <= {row for first, stop in named for row in range(first, stop)}
    assert all(common & set(range(first, stop)) for first, stop in named)


def test_pieces_of_recordings_in_several_splits_are_found_as_leaks(artifacts: Artifacts) -> None:
    whole = artifacts.splits["train"][0]
    first, second = (dataclasses.replace(whole, piece=piece, pieces=2) for piece in (0, 1))
    artifacts.splits["train"][0] = first
    artifacts.splits["test"].append(second)
    moved = artifacts.manifests["train"].pop(1)
    artifacts.manifests["test"].append(moved)
    artifacts.store_rows["test"] = np.vstack([artifacts.store_rows["test"], artifacts.store_rows["train"][1:2]])
    artifacts.store_rows["train"] = np.delete(artifacts.store_rows["train"], 1, axis=0)
    found = artifacts.findings()
    assert found.pop("recording_in_one_split") == ["recording train-0 is in test, train"]
    assert sorted(found) == ["audio_in_one_split", "source_in_one_split", "speaker_in_one_split", "speech_in_one_split"]
