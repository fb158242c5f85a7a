"""Recordings are read by id, and items are selected by split, manifest, language and speaker."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import tables
from pipeline.errors import ArgumentError, ArtifactError
from pipeline.rows import SplitRow
from pipeline.shards import writer
from pipeline.store.feature_store import FeatureStore
from tests.store import conftest as made
from tests.store.conftest import sequence, written
from tests.stores import build


def test_recordings_are_read_by_id(store: FeatureStore) -> None:
    for index, recording in enumerate(made.IDS):
        rows = slice(made.STARTS[index], made.STARTS[index + 1])
        assert store.index(recording) == index
        for read, whole in ((store.features, made.MFCC), (store.flags, made.SPEECH)):
            np.testing.assert_array_equal(read(recording), whole[rows])
            np.testing.assert_array_equal(read(recording, 1, 20), whole[rows][1:20])


@pytest.mark.parametrize("rows", [(-1, None), (-5, 3), (3, 2), (0, -1), (6, None)])
def test_frames_outside_of_a_recording_are_refused(store: FeatureStore, rows: tuple[int, int | None]) -> None:
    for read in (store.features, store.flags):
        with pytest.raises(ArgumentError, match="'r0' has frames 0 to 5"):
            read("r0", *rows)


def test_failed_recordings_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "s.zarr"
    mfcc = np.repeat(np.array([1, np.nan, 1], np.float32), [3, 4, 5])[:, None]
    build(path, ["a", "b", "c"], ["english"] * 3, ["x", "y", "z"], [3, 4, 5], mfcc, np.isfinite(mfcc[:, 0]))
    writer.mark_failed(path, ["b"])
    store = FeatureStore.open(path)
    assert [len(example.features) for example in store.select()] == [3, 5]
    assert np.isfinite(store.select().numpy().features).all()
    rows = [SplitRow(name, "english", "x", name, 1.0) for name in "abc"]
    assert [row.recording for row in store.computed(rows)] == ["a", "c"]


def test_a_split_and_filters_leave_the_items_that_match_all(store: FeatureStore, tmp_path: Path) -> None:
    rows = [SplitRow(made.IDS[index], made.LANGUAGES[index], made.SPEAKERS[index], "", 1.0) for index in (5, 1, 2)]
    tables.write(tmp_path / "test.csv", SplitRow, rows)

    def ids(**wanted: Any) -> list[str]:
        return [made.IDS[index] for index in store.select(**wanted).items["index"]]

    assert ids() == made.IDS
    assert ids(split=tmp_path / "test.csv") == ["r1", "r2", "r5"]
    assert ids(split=str(tmp_path / "test.csv"), language="english") == ["r2", "r5"]
    assert ids(language={"hindi", "mandarin"}, speaker=["b", "c", "a"]) == ["r1", "r3"]


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"language": "klingon"}, r"features\.zarr has no language 'klingon'; .* english, hindi, mandarin"),
        ({"speaker": ["a", "nobody"]}, r"features\.zarr has no speaker 'nobody'"),
        ({"language": "mandarin", "speaker": "a"}, r"no item of .*features\.zarr matches all filters; remove one"),
    ],
)
def test_filters_that_match_nothing_are_refused(store: FeatureStore, wanted: dict[str, Any], text: str) -> None:
    with pytest.raises(ArtifactError, match=text):
        store.select(**wanted)


def test_a_manifest_that_does_not_fit_the_store_is_refused(
    store: FeatureStore, noisy: FeatureStore, tmp_path: Path
) -> None:
    fits, change = sequence(store, "none", 0, 0, 1), dataclasses.replace
    strategy = rf"manifest\.csv is cut for .*, not for {' or '.join(made.STRATEGIES)}"
    other = rf"manifest\.csv was cut from the features '{noisy.id}', not '{store.id}' of .*; run `dvc repro`"
    for rows, text in (
        *(
            ([change(fits, view=view) for view in views], strategy)
            for views in (["Remove"], [""], ["mask", "none"], [])
        ),
        ([fits, sequence(noisy, "none", 0, 0, 1)], other),
        ([change(fits, recording="x")], "has no recording 'x'"),
        ([change(fits, start=2**64)], r"manifest\.csv holds a number of over 64 bits; run `dvc repro`"),
    ):
        with pytest.raises(ArtifactError, match=text):
            store.select(manifest=written(tmp_path, rows))
