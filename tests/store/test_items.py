"""An item is the same slice of the view if it is read alone, among others or by any kind of index."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ArgumentError
from pipeline.params import SilenceStrategy
from pipeline.store.feature_store import FeatureStore
from pipeline.store.selection import Selection
from tests.store.conftest import (
    N_MFCC,
    ORDER,
    STRATEGIES,
    assert_same,
    expected,
    joined,
    sequence,
    sequences,
    written,
)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=25)
@given(data=st.data())
def test_every_sequence_is_its_slice_of_the_view(
    strategy: SilenceStrategy, data: st.DataObject, store: FeatureStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cut = data.draw(sequences(strategy))
    manifest = written(tmp_path_factory.getbasetemp(), [sequence(store, strategy, *fields) for fields in cut])
    selection = store.select(manifest=manifest).view(strategy, ORDER)
    examples = [expected(strategy, *fields) for fields in cut]
    assert len(selection) == len(cut)
    assert selection.frames == sum(frames for *_, frames, _ in cut)
    for position, example in enumerate(examples):
        assert_same(selection[position], example)
    for example, other in zip(selection, examples, strict=True):
        assert_same(example, other)
    assert_same(selection.numpy(), joined(examples))
    np.testing.assert_array_equal(selection.dask().compute(scheduler="sync"), joined(examples).features)


def test_an_item_of_a_long_recording_reads_no_more_than_its_rows(
    store: FeatureStore, tmp_path: Path, slices_read: list[tuple[int, int]]
) -> None:
    rows = [sequence(store, "mask", 1, 3, 6), sequence(store, "mask", 1, 44, 5)]
    selection = store.select(manifest=written(tmp_path, rows)).view("mask")
    _ = selection[1]
    selection.numpy()
    assert slices_read == [(49, 54), (8, 14), (49, 54)]


@pytest.mark.slow
@settings(max_examples=25)
@given(data=st.data())
def test_items_are_indexed_like_a_list_or_an_array(data: st.DataObject, store: FeatureStore) -> None:
    selection = store.select().view("mask")
    examples, count = [*selection], len(selection)
    position = data.draw(st.integers(-2 * count, 2 * count))
    kinds: list[Any] = [int, np.int64, np.int16, np.array]
    for kind in kinds:
        if -count <= position < count:
            assert_same(selection[kind(position)], examples[position])
        else:
            with pytest.raises(IndexError, match=f"{position} is out of range: the selection holds {count}"):
                selection[kind(position)]
    some = data.draw(st.lists(st.integers(-count, count - 1), max_size=9))
    flags = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    part = data.draw(st.slices(count))
    indexes: list[tuple[Any, Sequence[int]]] = [
        (part, range(count)[part]),
        (some, some),
        (np.array(some, np.int32), some),
        (flags, np.flatnonzero(flags).tolist()),
        (np.array(flags), np.flatnonzero(flags).tolist()),
    ]
    for index, positions in indexes:
        found = selection[index]
        assert isinstance(found, Selection)
        assert len(found) == len(positions)
        for example, position in zip(found, positions, strict=True):
            assert_same(example, examples[position])
        speech = sum(np.count_nonzero(examples[position].weights) for position in positions)
        assert found.view("remove").numpy().features.shape == found.view("remove").dask().shape == (speech, N_MFCC)
    for outside in ([0, count], np.array([-count - 1])):
        with pytest.raises(IndexError, match=f"is out of range: the selection holds {count}"):
            selection[outside]


@pytest.mark.parametrize(
    "index",
    ["r0", None, 1.0, True, (0, 1), [0.5], ["r0"], [[0], [1, 2]], [[0, 1]], [True], np.ones(7, bool), slice("r0"),
     slice(0, 9, 0), {0}],
    ids=repr,
)  # fmt: skip
def test_any_other_index_is_refused_in_one_sentence(store: FeatureStore, index: Any) -> None:
    with pytest.raises(
        ArgumentError, match=r"^.+ is not an index of a selection of 6; take a number, a slice, or a list .+$"
    ):
        store.select()[index]
