"""A selection is viewed through an existing strategy, and a manifest only through the one that it was cut for."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.arrays import Flags
from pipeline.errors import ArgumentError, ArtifactError
from pipeline.params import SILENCE_STRATEGIES, SilenceStrategy
from pipeline.store.feature_store import FeatureStore
from tests.store.conftest import ORDER, STRATEGIES, assert_same, sequence, sequences, written


@pytest.mark.parametrize("cut_for", STRATEGIES)
@settings(max_examples=10)
@given(data=st.data())
def test_a_manifest_is_viewed_through_the_strategy_it_was_cut_for_and_no_other(
    cut_for: SilenceStrategy, data: st.DataObject, store: FeatureStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [sequence(store, cut_for, *fields) for fields in data.draw(sequences(cut_for))]
    selection = store.select(manifest=written(tmp_path_factory.getbasetemp(), rows))
    assert selection.strategy == cut_for
    assert_same(selection.numpy(), selection.view(cut_for).numpy())
    for asked in {*STRATEGIES} - {cut_for}:
        with pytest.raises(ArtifactError, match=f"cut for the silence strategy '{cut_for}', not for '{asked}'"):
            selection.view(asked)


def test_every_item_is_located_once(store: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    read = FeatureStore.speech_rows

    def speech_rows(store: FeatureStore, first: int, stop: int) -> Flags:
        asked.append((first, stop))
        return read(store, first, stop)

    monkeypatch.setattr(FeatureStore, "speech_rows", speech_rows)
    rows = [sequence(store, "remove", index, 0, 1) for index in (4, 0, 4)]
    store.select(manifest=written(tmp_path, rows)).view("remove", ORDER).in_store_order()
    assert asked == [(0, 5), (73, 103)]  # both recordings once
    store.select().view("mask", ORDER)  # all frames are shown
    assert len(asked) == 2


def test_an_unknown_strategy_is_refused(store: FeatureStore) -> None:
    strategy: Any = "Remove"
    with pytest.raises(ArgumentError, match=f"is unknown; take one of {', '.join(SILENCE_STRATEGIES)}$"):
        store.select().view(strategy)


def test_items_in_store_order_are_the_same_items(store: FeatureStore, tmp_path: Path) -> None:
    rows = [sequence(store, "mask", index, 0, 1) for index in (4, 0, 3, 1)]
    selection = store.select(manifest=written(tmp_path, rows)).view("mask", ORDER)
    for example, position in zip(selection.in_store_order(), (1, 3, 2, 0), strict=True):
        assert_same(example, selection[position])


def test_a_language_that_is_not_named_is_refused(store: FeatureStore) -> None:
    with pytest.raises(ArtifactError, match="'hindi' is selected but not among the languages english, mandarin"):
        store.select().view("label", ["english", "mandarin"])


@pytest.mark.parametrize(
    ("start", "frames"), [(0, 50), (-1, 2), (0, 0), (0, -1), (2**62, 2**62)]
)  # the last: int64 overflows
def test_rows_outside_of_the_view_are_refused(start: int, frames: int, store: FeatureStore, tmp_path: Path) -> None:
    text = (
        rf"rows {start}:{start + frames} of 'r1', listed in .*manifest\.csv, are not in its view 'remove' of \d+ rows"
    )
    with pytest.raises(ArtifactError, match=rf"{text}; run `dvc repro`"):
        store.select(manifest=written(tmp_path, [sequence(store, "remove", 1, start, frames)]))
