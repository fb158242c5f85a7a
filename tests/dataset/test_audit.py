"""The audit finds and names every kind of leak that is planted, and nothing in clean splits."""

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.dataset import audit
from pipeline.rows import SPLITS, RecordingRow, SequenceRow, SplitRow
from tests.splits.rows import recording

SHARED = {"speaker": "speaker", "group": "source", "sha256": "audio", "same_speech": "speech"}  # checks by column


@dataclasses.dataclass
class Artifacts:
    """The input of the audit: two recordings per split, two sequences of each."""

    recordings: dict[str, RecordingRow]
    splits: dict[str, list[SplitRow]]
    manifests: dict[str, list[SequenceRow]]
    store_rows: dict[str, NDArray[np.int64]]

    def findings(self) -> dict[str, list[str]]:
        """The checks that found something."""
        found = audit.leakage([*self.recordings.values()], self.splits, self.manifests, self.store_rows)
        return {check: sentences for check, sentences in found.items() if sentences}

    def alter(self, name: str, **values: Any) -> None:
        """Change columns of one row of ingest/recordings.csv."""
        self.recordings[name] = dataclasses.replace(self.recordings[name], **values)


@pytest.fixture
def artifacts() -> Artifacts:
    names = {split: [f"{split}-0", f"{split}-1"] for split in SPLITS}
    return Artifacts(
        {
            name: dataclasses.replace(recording(number, "a", f"s-{name}", group=f"g-{name}"), recording=name)
            for number, name in enumerate(itertools.chain(*names.values()))
        },
        {split: [SplitRow(name, "a", f"s-{name}", f"g-{name}", 4.0) for name in names[split]] for split in SPLITS},
        {
            split: [
                SequenceRow(f"{name}/{piece}", name, "a", f"s-{name}", 200 * piece, 200)
                for name in names[split]
                for piece in (0, 1)
            ]
            for split in SPLITS
        },
        {split: np.arange(0, 800, 200)[:, None] + np.array([0, 200]) + 800 * at for at, split in enumerate(SPLITS)},
    )  # fmt: skip


def test_clean_splits_have_no_findings_whatever_a_split_shares_or_training_repeats(artifacts: Artifacts) -> None:
    assert artifacts.findings() == {}
    artifacts.alter("train-1", speaker="s-train-0", group="g-train-0", sha256=artifacts.recordings["train-0"].sha256)
    first = artifacts.manifests["train"][0]
    artifacts.manifests["train"] += [dataclasses.replace(first, repeat=1, weight=2.0, member=n) for n in (0, 1)]
    assert artifacts.findings() == {}


@pytest.mark.parametrize("column", SHARED)
@pytest.mark.parametrize("pair", [("train-0", "val-1"), ("train-1", "test-0"), ("val-0", "test-1")])
def test_anything_that_two_splits_share_is_found(artifacts: Artifacts, column: str, pair: tuple[str, str]) -> None:
    for name in pair:
        artifacts.alter(name, **{column: "shared"})
    split = pair[1].split("-")[0]  # the audit takes speakers from ingest, not from the splits
    artifacts.splits[split] = [dataclasses.replace(row, speaker="another") for row in artifacts.splits[split]]
    places = ", ".join(sorted(name.split("-")[0] for name in pair))
    sentence = f"{SHARED[column]} shared is in {places}"
    assert artifacts.findings() == {f"{SHARED[column]}_in_one_split": [sentence]}


def test_misplaced_recordings_and_sequences_are_found_and_named(artifacts: Artifacts) -> None:
    splits, manifests = artifacts.splits, artifacts.manifests
    ghost = SplitRow("ghost", "a", "s", "g", 1.0)
    for change, sentence in (
        ({"test": [*splits["test"], splits["train"][0]]}, "train-0 is in test, train"),
        ({"test": [*splits["test"], splits["test"][0]]}, "test-0 is in test, test"),
        ({"test": splits["test"][1:]}, "test-0 is in no split"),
        ({"val": [*splits["val"], ghost]}, "ghost of val is not in ingest"),
    ):
        artifacts.splits = splits | change
        assert f"recording {sentence}" in artifacts.findings()["recording_in_one_split"]
    artifacts.splits = splits
    unknown = SequenceRow("ghost/0", "ghost", "a", "s", 0, 10)
    for row, target, places in (
        *((manifests[source][0], target, source) for source, target in itertools.permutations(SPLITS, 2)),
        (unknown, "train", "no split"),
    ):
        artifacts.manifests = manifests | {target: [*manifests[target], row]}
        found = artifacts.findings()
        assert found["sequence_in_its_split"] == [f"sequence {row.sequence} of {target} is of a recording of {places}"]


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("change", [{"repeat": 1}, {"weight": 0.5}, {"member": 1}, "dropped", "doubled"])
def test_a_sequence_changed_dropped_or_doubled_outside_training_is_found(
    artifacts: Artifacts, split: str, change: Any
) -> None:
    first, *others = artifacts.manifests[split]
    rows = {"dropped": others, "doubled": [first, first, *others]}
    changed = rows[change] if isinstance(change, str) else [dataclasses.replace(first, **change), *others]
    artifacts.manifests[split] = changed
    found = artifacts.findings()
    assert list(found) == ["only_train_balanced"]
    named = f"{split}-0/{int(change == 'dropped')}"
    assert found["only_train_balanced"][0].startswith(f"sequence {named} of {split} ")


ROWS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)).map(lambda at: (at[0], at[0] + at[1])), max_size=12)


@given(ROWS, ROWS)
def test_rows_of_the_store_that_two_splits_take_are_found_and_no_others(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    common = {row for first, stop in one for row in range(first, stop)} & {
        row for first, stop in other for row in range(first, stop)
    }
    rows = [np.array(ranges, np.int64).reshape(-1, 2) for ranges in (one, other)]
    found = audit.leakage([], {}, {}, dict(zip(("train", "test"), rows, strict=True)))["features_in_one_split"]
    assert bool(found) == bool(common)
    named = [tuple(map(int, sentence.split()[1].split(":"))) for sentence in found]
    assert common <= {row for first, stop in named for row in range(first, stop)}
    assert all(common & set(range(first, stop)) for first, stop in named)
    assert all(sentence.endswith("are in train and test") for sentence in found)
