"""An item is the same slice of the view however it is read, in every form; a manifest is viewed only as it was cut."""

import pickle
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ArtifactError, ProgramError
from pipeline.params import SilenceStrategy
from pipeline.store.feature_store import FeatureStore
from pipeline.store.items import Example
from pipeline.store.selection import Selection
from tests.store import conftest as made
from tests.store.conftest import assert_same, expected, joined, sequence, sequences, written
from tests.stores import watch


@pytest.mark.slow
@pytest.mark.parametrize("strategy", made.STRATEGIES)
@settings(max_examples=25)
@given(data=st.data())
def test_every_sequence_is_its_slice_of_the_view_it_was_cut_for_and_of_no_other(
    strategy: SilenceStrategy, data: st.DataObject, store: FeatureStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cut = data.draw(sequences(strategy))
    manifest = written(tmp_path_factory.getbasetemp(), [sequence(store, strategy, *fields) for fields in cut])
    selection = store.select(manifest=manifest).view(strategy, made.ORDER)
    examples = [expected(strategy, *fields) for fields in cut]
    assert len(selection) == len(cut)
    assert selection.frames == sum(frames for *_, frames, _ in cut)
    for position, (example, other) in enumerate(zip(selection, examples, strict=True)):
        assert_same(example, other)
        assert_same(selection[position], other)
    assert_same(selection.numpy(), joined(examples))
    np.testing.assert_array_equal(selection.dask().compute(scheduler="sync"), joined(examples).features)
    assert selection.strategy == store.select(manifest=manifest).strategy == strategy
    for asked in {*made.STRATEGIES} - {strategy}:
        with pytest.raises(ArtifactError, match=f"cut for the silence strategy '{strategy}', not for '{asked}'"):
            selection.view(asked)


def test_an_item_of_a_long_recording_reads_no_more_than_its_rows(
    store: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slices = watch(monkeypatch, "mfcc_rows")
    rows = [sequence(store, "mask", 1, 3, 6), sequence(store, "mask", 1, 44, 5)]
    selection = store.select(manifest=written(tmp_path, rows)).view("mask")
    _ = selection[1]
    selection.numpy()
    assert slices == [(49, 54), (8, 14), (49, 54)]


@pytest.mark.slow
@settings(max_examples=15)
@given(data=st.data())
def test_items_are_indexed_like_a_list_or_an_array(data: st.DataObject, store: FeatureStore) -> None:
    count, selection = 6, store.select().view("mask", made.ORDER)
    examples = [expected("mask", index) for index in range(count)]
    position = data.draw(st.integers(-2 * count, 2 * count))
    kinds: list[Any] = [int, np.int64, np.int16, np.array]
    for kind in kinds:
        if -count <= position < count:
            assert_same(selection[kind(position)], examples[position])
        else:
            with pytest.raises(IndexError, match=f"{position} is out of bounds"):
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
        for example, number in zip(found, positions, strict=True):
            assert_same(example, examples[number])
        speech = sum(np.count_nonzero(examples[number].weights) for number in positions)
        assert found.view("remove").numpy().features.shape == found.view("remove").dask().shape == (speech, made.N_MFCC)


@pytest.mark.parametrize(
    "index",
    [[0, 6], np.array([-7]), "r0", None, 1.0, True, (0, 1), [0.5], ["r0"], [[0], [1, 2]], [[0, 1]], [True],
     np.ones(7, bool), slice("r0"), slice(0, 9, 0), {0}],
    ids=repr,
)  # fmt: skip
def test_any_other_index_is_refused(store: FeatureStore, index: Any) -> None:
    with pytest.raises((IndexError, TypeError, ValueError), match=r"^[^\n]+$"):
        store.select()[index]


def test_every_item_is_located_once_in_the_order_of_the_store(
    store: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = watch(monkeypatch, "speech_rows")
    rows = [sequence(store, "remove", index, 0, 1) for index in (4, 0, 4)]
    selection = store.select(manifest=written(tmp_path, rows)).view("remove", made.ORDER)
    in_order = selection.in_store_order()
    assert asked == [(0, 5), (73, 103)]  # both recordings once
    for example, position in zip(in_order, (1, 0, 2), strict=True):
        assert_same(example, selection[position])
    asked.clear()
    store.select().view("mask", made.ORDER)  # all frames are shown
    assert not asked


def test_a_language_that_is_not_named_is_refused(store: FeatureStore) -> None:
    with pytest.raises(ArtifactError, match="'hindi' is selected but not among the languages english, mandarin"):
        store.select().view("label", ["english", "mandarin"])


@pytest.mark.parametrize(
    ("start", "frames"), [(0, 50), (-1, 2), (0, 0), (0, -1), (2**62, 2**62)]
)  # the last: int64 overflows
def test_rows_outside_of_the_view_are_refused(start: int, frames: int, store: FeatureStore, tmp_path: Path) -> None:
    text = rf"rows {start}:{start + frames} of 'r1', listed in .*manifest\.csv, are not in its view 'remove' of \d+"
    with pytest.raises(ArtifactError, match=rf"{text}; run `dvc repro`"):
        store.select(manifest=written(tmp_path, [sequence(store, "remove", 1, start, frames)]))


INDEXES = [0, 1, 2, 4, 5]  # of the recordings in English and Hindi


@pytest.mark.parametrize("strategy", made.STRATEGIES)
def test_arrays_of_all_items_joined_are_equal(strategy: SilenceStrategy, store: FeatureStore) -> None:
    selection = store.select(language=["english", "hindi"]).view(strategy, made.ORDER)
    examples = [expected(strategy, index) for index in INDEXES]
    every = joined(examples)
    assert_same(pickle.loads(pickle.dumps(selection)).numpy(), every)
    assert max(selection.dask().chunks[0]) <= made.SHARD_ROWS

    dataset = selection.xarray()
    assert dict(dataset.sizes) == {"frame": len(every.targets), "coefficient": made.N_MFCC}
    assert all(variable.chunks for variable in dataset.variables.values())  # nothing is read yet
    np.testing.assert_array_equal(dataset.mfcc, every.features)
    indexes = np.repeat(INDEXES, [len(example.targets) for example in examples])
    frames = np.concatenate(
        [np.flatnonzero(made.SPEECH[made.STARTS[i] : made.STARTS[i + 1]] | (strategy != "remove")) for i in INDEXES]
    )
    np.testing.assert_array_equal(dataset.recording, np.array(made.IDS)[indexes])
    np.testing.assert_array_equal(dataset.language, np.array(made.LANGUAGES)[indexes])
    np.testing.assert_array_equal(dataset.speaker, np.array(made.SPEAKERS)[indexes])
    np.testing.assert_array_equal(dataset.speech, made.SPEECH[made.STARTS[indexes] + frames])
    np.testing.assert_allclose(dataset.time, frames * 0.01)


def assert_items(dataset: Iterable[Any], strategy: SilenceStrategy) -> None:
    for tensors, index in zip(dataset, INDEXES, strict=True):
        assert_same(Example(*(tensor.numpy() for tensor in tensors)), expected(strategy, index))


@pytest.mark.slow
@pytest.mark.parametrize("strategy", made.STRATEGIES)
def test_a_dataset_of_tensorflow_gives_the_items(strategy: SilenceStrategy, store: FeatureStore) -> None:
    selection = store.select(language=["english", "hindi"]).view(strategy, made.ORDER)
    assert len(selection.tensorflow()) == len(INDEXES)
    assert len(selection[:0].tensorflow()) == 0
    assert_items(selection.tensorflow(), strategy)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", made.STRATEGIES)
def test_pytorch_gets_the_items_as_tensors_however_a_loader_starts_its_workers(
    strategy: SilenceStrategy, store: FeatureStore
) -> None:
    torch = pytest.importorskip("torch")
    dataset = store.select(language=["english", "hindi"]).view(strategy, made.ORDER).torch()
    assert len(dataset[1:]) == len(dataset) - 1
    assert_items((dataset[position] for position in range(len(dataset))), strategy)
    for method in ("fork", "spawn", "forkserver") if strategy == "remove" else ():
        options = {"batch_size": None, "num_workers": 2, "multiprocessing_context": method}
        assert_items(torch.utils.data.DataLoader(dataset, **options), strategy)
    alone = store.select(speaker="b")
    (batch,) = torch.utils.data.DataLoader(alone)  # takes the selection itself
    assert_same(Example(*(tensor.numpy()[0] for tensor in batch)), alone[0])


def test_lazy_arrays_read_one_shard_at_a_time(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    slices = watch(monkeypatch, "mfcc_rows")
    rows, dataset = store.select().dask(), store.select().view("remove").xarray()
    dataset.speaker.compute(), dataset.time.compute()
    assert not slices
    rows[49:54].compute()
    assert slices == [(48, 64)]  # one shard


def test_a_library_that_is_not_installed_is_named(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dask", "xarray", "tensorflow", "torch"):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ProgramError, match=f"{name} is not installed; .* `pip install {name}`"):
            getattr(store.select(), name)()
