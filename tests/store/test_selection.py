"""What is read of a store piece by piece is what the whole of it holds, in every form, and damage is told."""

import dataclasses
import itertools
import pickle
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import tables
from pipeline.dataset import views
from pipeline.errors import ArgumentError, ArtifactError, ProgramError
from pipeline.params import Strategy
from pipeline.shards import layout, writer
from pipeline.store.feature_store import FeatureStore
from pipeline.store.selection import Example, Selection
from pipeline.tables import SequenceRow, SplitRow

SHARD, N_MFCC = 16, 3
IDS = ["r0", "r1", "r2", "r3", "r4", "r5"]
LENGTHS = [5, 50, 1, 17, 30, 9]  # the second lies in four shards, the fifth in three
NAMES = ["english", "hindi", "english", "mandarin", "hindi", "english"]
SPEAKERS = ["a", "b", "a", "c", "d", "e"]
ORDER = ("mandarin", "english", "hindi")
STRATEGIES: list[Strategy] = ["none", "remove", "mask", "label"]
ROWS = sum(LENGTHS)
MFCC = np.arange(ROWS * N_MFCC, dtype=np.float32).reshape(ROWS, N_MFCC)
STARTS = np.cumsum([0, *LENGTHS])
SPEECH = np.random.default_rng(0).random(ROWS) < 0.5
SPEECH[STARTS[3] : STARTS[4]] = False  # all of the fourth is silent


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "CHUNK", 4)
        patch.setattr(layout, "SHARD", SHARD)
        folder = tmp_path_factory.mktemp("store") / "features.zarr"
        about = {"sample_rate": 16000, "mfcc": {"hop_length": 160}}
        writer.create(folder, IDS, NAMES, SPEAKERS, LENGTHS, N_MFCC, about)
        for shard in layout.deal(LENGTHS):
            rows = slice(shard.start, shard.stop)
            writer.write(folder, shard.start, MFCC[rows], SPEECH[rows])
        yield folder


@pytest.fixture(scope="module")
def features(path: Path) -> FeatureStore:
    return FeatureStore.open(path)


def wanted(strategy: Strategy, recording: int, start: int = 0, frames: int | None = None, weight: float = 1) -> Example:
    """Rows of a recording's view, sliced from the whole of it in memory."""
    rows = slice(STARTS[recording], STARTS[recording + 1])
    seen = views.view(strategy, SPEECH[rows], ORDER.index(NAMES[recording]), len(ORDER))
    part = slice(start, None if frames is None else start + frames)
    weights = np.where(seen.targets < len(ORDER), weight, 1) * seen.weights
    return Example(MFCC[rows][seen.rows][part], seen.targets[part], weights[part].astype(np.float32))


def same(one: Example, other: Example) -> None:
    for part, like in zip(one, other, strict=True):
        np.testing.assert_array_equal(part, like)
        assert np.asarray(part).dtype == like.dtype


def joined(examples: list[Example]) -> Example:
    return Example(*map(np.concatenate, zip(*examples, strict=True)))


def sequence(
    features: FeatureStore, view: str, recording: int, start: int, frames: int, weight: float = 1.0
) -> SequenceRow:
    whose = IDS[recording], NAMES[recording], SPEAKERS[recording]
    return SequenceRow("x/0", *whose, start, frames, 0, weight, view=view, features=features.id)


def written(folder: Path, rows: list[SequenceRow]) -> Path:
    tables.write(folder / "manifest.csv", SequenceRow, rows)
    return folder / "manifest.csv"


@st.composite
def manifests(draw: st.DrawFn, strategy: Strategy) -> list[tuple[int, int, int, float]]:
    """Recording, start, frames and weight of sequences of any order, overlapping or not."""
    cut = []
    for recording in draw(st.lists(st.integers(0, len(IDS) - 1), min_size=1, max_size=8)):
        rows = len(wanted(strategy, recording).targets)
        if rows:
            start = draw(st.integers(0, rows - 1))
            cut.append((recording, start, draw(st.integers(1, rows - start)), draw(st.sampled_from([0.25, 1.0, 3.5]))))
    return cut or [(0, 0, 1, 1.0)]


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=25)
@given(data=st.data())
def test_every_sequence_is_its_slice_of_the_view(
    strategy: Strategy, data: st.DataObject, features: FeatureStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cut = data.draw(manifests(strategy))
    manifest = written(tmp_path_factory.getbasetemp(), [sequence(features, strategy, *of_one) for of_one in cut])
    chosen = features.select(manifest=manifest).view(strategy, ORDER)
    examples = [wanted(strategy, *of_one) for of_one in cut]
    assert len(chosen) == len(cut)
    assert chosen.frames == sum(frames for *_, frames, _ in cut)
    for number, example in enumerate(examples):
        same(chosen[number], example)
    for example, other in zip(chosen, examples, strict=True):
        same(example, other)
    same(chosen.numpy(), joined(examples))
    np.testing.assert_array_equal(chosen.dask().compute(scheduler="sync"), joined(examples).features)


@pytest.mark.parametrize(("cut_for", "asked"), [*itertools.product(STRATEGIES, STRATEGIES)])
@settings(max_examples=10)
@given(data=st.data())
def test_a_manifest_is_seen_through_the_strategy_it_was_cut_for_and_no_other(
    cut_for: Strategy,
    asked: Strategy,
    data: st.DataObject,
    features: FeatureStore,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    cut = data.draw(manifests(cut_for))
    manifest = written(tmp_path_factory.getbasetemp(), [sequence(features, cut_for, *of_one) for of_one in cut])
    chosen = features.select(manifest=manifest)
    assert chosen.strategy == cut_for
    if asked == cut_for:
        same(chosen.numpy(), chosen.view(asked).numpy())
    else:
        with pytest.raises(ArtifactError, match=f"cut for the silence strategy '{cut_for}', not for '{asked}'"):
            chosen.view(asked)


@given(views=st.lists(st.sampled_from([*STRATEGIES, "Remove", ""]), min_size=1, max_size=4))
def test_the_rows_of_a_manifest_agree_on_a_strategy_that_there_is(
    views: list[str], features: FeatureStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    manifest = written(tmp_path_factory.getbasetemp(), [sequence(features, view, 0, 0, 1) for view in views])
    if len(set(views)) == 1 and views[0] in STRATEGIES:
        assert features.select(manifest=manifest).strategy == views[0]
    else:
        with pytest.raises(
            ArtifactError, match=r"manifest\.csv is cut for '.*not for one of none, remove, mask, label"
        ):
            features.select(manifest=manifest)


def test_a_manifest_of_another_store_is_refused(features: FeatureStore, noisy: FeatureStore, tmp_path: Path) -> None:
    assert features.id != noisy.id
    rows = [sequence(features, "none", 0, 0, 1), sequence(noisy, "none", 0, 0, 1)]
    said = (
        rf"manifest\.csv was cut from the features '{noisy.id}', but those of .* are '{features.id}'; run `dvc repro`"
    )
    with pytest.raises(ArtifactError, match=said):
        features.select(manifest=written(tmp_path, rows))


@given(strategy=st.text(max_size=5) | st.sampled_from(["Remove", "trim", "NONE", None, 0, ("none",)]))
def test_a_strategy_that_there_is_not_is_refused(strategy: Any, features: FeatureStore) -> None:
    if strategy not in STRATEGIES:
        with pytest.raises(ArgumentError, match="is unknown; take one of none, remove, mask, label"):
            features.select().view(strategy)


@settings(max_examples=25)
@given(data=st.data())
def test_a_selection_is_indexed_like_a_list_or_an_array(data: st.DataObject, features: FeatureStore) -> None:
    chosen = features.select().view("mask")
    examples, count = [*chosen], len(chosen)
    number = data.draw(st.integers(-2 * count, 2 * count))
    for kind in (int, np.int64, np.int16, np.array):
        if -count <= number < count:
            same(chosen[kind(number)], examples[number])
        else:
            with pytest.raises(IndexError, match=f"{number} is out of range: the selection holds {count}"):
                chosen[kind(number)]
    some = data.draw(st.lists(st.integers(-count, count - 1), max_size=9))
    flags = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    part = data.draw(st.slices(count))
    for index, of in (
        (part, range(count)[part]),
        (some, some),
        (np.array(some, np.int32), some),
        (flags, np.flatnonzero(flags)),
        (np.array(flags), np.flatnonzero(flags)),
    ):
        found = chosen[index]
        assert isinstance(found, Selection)
        assert len(found) == len(of)
        for example, number in zip(found, of, strict=True):
            same(example, examples[number])
        speech = sum(np.count_nonzero(examples[number].weights) for number in of)
        assert found.view("remove").numpy().features.shape == found.view("remove").dask().shape == (speech, N_MFCC)
    for outside in ([0, count], np.array([-count - 1])):
        with pytest.raises(IndexError, match=f"is out of range: the selection holds {count}"):
            chosen[outside]


@pytest.mark.parametrize(
    "index",
    ["r0", None, 1.0, True, (0, 1), [0.5], ["r0"], [[0], [1, 2]], [[0, 1]], [True], np.ones(7, bool), slice("r0"),
     slice(0, 9, 0), {0}],
    ids=repr,
)  # fmt: skip
def test_any_other_index_is_refused_in_one_sentence(features: FeatureStore, index: Any) -> None:
    with pytest.raises(
        ArgumentError, match=r"^.+ is no index of a selection of 6; take a number, a slice, or a list .+$"
    ):
        features.select()[index]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_form_gives_the_same_numbers(strategy: Strategy, features: FeatureStore) -> None:
    chosen = features.select(language=["english", "hindi"]).view(strategy, ORDER)
    recordings = [0, 1, 2, 4, 5]
    examples = [wanted(strategy, number) for number in recordings]
    every = joined(examples)
    same(chosen.numpy(), every)

    rows = chosen.dask()
    assert max(rows.chunks[0]) <= SHARD
    np.testing.assert_array_equal(rows.compute(scheduler="sync"), every.features)

    dataset = chosen.xarray()
    assert dict(dataset.sizes) == {"frame": len(every.targets), "coefficient": N_MFCC}
    assert all(variable.chunks for variable in dataset.variables.values())  # nothing is read yet
    np.testing.assert_array_equal(dataset.mfcc, every.features)
    of = np.repeat(recordings, [len(example.targets) for example in examples])
    frames = np.concatenate(
        [np.flatnonzero(SPEECH[STARTS[n] : STARTS[n + 1]] | (strategy != "remove")) for n in recordings]
    )
    np.testing.assert_array_equal(dataset.recording, np.array(IDS)[of])
    np.testing.assert_array_equal(dataset.language, np.array(NAMES)[of])
    np.testing.assert_array_equal(dataset.speaker, np.array(SPEAKERS)[of])
    np.testing.assert_array_equal(dataset.speech, SPEECH[STARTS[of] + frames])
    np.testing.assert_allclose(dataset.time, frames * 0.01)

    for example, tensors, other in zip(examples, chosen.tensorflow(), chosen.torch(), strict=False):
        same(Example(*(tensor.numpy() for tensor in tensors)), example)
        assert all(isinstance(tensor, torch.Tensor) for tensor in other)
        same(Example(*(tensor.numpy() for tensor in other)), example)
    assert sum(1 for _ in chosen.tensorflow()) == len(chosen.torch()) == len(examples)
    assert len(chosen.tensorflow()) == len(examples)
    assert len(chosen[:0].tensorflow()) == 0
    assert len(chosen.torch()[1:]) == len(examples) - 1
    same(pickle.loads(pickle.dumps(chosen)).numpy(), every)


def test_a_loader_of_pytorch_takes_a_selection_as_it_is(features: FeatureStore) -> None:
    chosen = features.select(speaker="b")
    for workers in (0, 1):
        (batch,) = torch.utils.data.DataLoader(chosen, num_workers=workers)
        same(Example(*(tensor.numpy()[0] for tensor in batch)), chosen[0])


@pytest.mark.parametrize("start", ["spawn", "forkserver"])
def test_loaders_that_start_their_workers_afresh_get_the_same_numbers(start: str, features: FeatureStore) -> None:
    chosen = features.select().view("remove")[:4]
    loader = torch.utils.data.DataLoader(chosen.torch(), batch_size=None, num_workers=2, multiprocessing_context=start)
    for tensors, example in zip(loader, chosen, strict=True):
        same(Example(*(tensor.numpy() for tensor in tensors)), example)


def test_a_split_and_filters_leave_what_fits_all_of_them(features: FeatureStore, tmp_path: Path) -> None:
    tables.write(tmp_path / "test.csv", SplitRow, [SplitRow(IDS[n], NAMES[n], SPEAKERS[n], "", 1.0) for n in (5, 1, 2)])

    def ids(**wanted: Any) -> list[str]:
        return [IDS[number] for number in features.select(**wanted).items["recording"]]

    assert ids() == IDS
    assert ids(split=tmp_path / "test.csv") == ["r1", "r2", "r5"]
    assert ids(split=str(tmp_path / "test.csv"), language="english") == ["r2", "r5"]
    assert ids(language={"hindi", "mandarin"}, speaker=["b", "c", "a"]) == ["r1", "r3"]


def test_a_sequence_of_a_long_recording_reads_no_more_than_its_rows(
    features: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [sequence(features, "mask", 1, 3, 6), sequence(features, "mask", 1, 44, 5)]
    chosen = features.select(manifest=written(tmp_path, rows)).view("mask")
    asked: list[tuple[int, int]] = []
    read = FeatureStore.mfcc_rows
    monkeypatch.setattr(FeatureStore, "mfcc_rows", lambda *given: asked.append(given[1:]) or read(*given))
    chosen[1]
    chosen.numpy()
    assert asked == [(49, 54), (8, 14), (49, 54)]
    asked.clear()
    rows, dataset = features.select().dask(), features.select().view("remove").xarray()
    dataset.speaker.compute(), dataset.time.compute()
    assert not asked
    rows[49:54].compute()
    assert asked == [(48, 64)]  # one shard


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"language": "klingon"}, r"features\.zarr has no language 'klingon'; .* english, hindi, mandarin"),
        ({"speaker": ["a", "nobody"]}, r"features\.zarr has no speaker 'nobody'"),
        ({"language": "mandarin", "speaker": "a"}, "nothing of .* is selected"),
    ],
)
def test_what_the_store_does_not_have_is_told(features: FeatureStore, wanted: dict[str, Any], said: str) -> None:
    with pytest.raises(ArtifactError, match=said):
        features.select(**wanted)


def test_a_manifest_that_does_not_fit_is_told(features: FeatureStore, tmp_path: Path) -> None:
    said = r"rows 0:50 of 'r1', listed in .*manifest\.csv, are not in its view 'remove' of \d+ rows; run `dvc repro`"
    with pytest.raises(ArtifactError, match=said):
        features.select(manifest=written(tmp_path, [sequence(features, "remove", 1, 0, 50)]))
    chosen = features.select(manifest=written(tmp_path, [sequence(features, "label", 1, 0, 50)]))
    with pytest.raises(ArtifactError, match="'hindi' is selected but not among the languages english, mandarin"):
        chosen.view("label", ["english", "mandarin"])
    with pytest.raises(ArtifactError, match=r"manifest\.csv is cut for nothing"):
        features.select(manifest=written(tmp_path, []))
    ghost = dataclasses.replace(sequence(features, "none", 0, 0, 1), recording="x")
    with pytest.raises(ArtifactError, match="has no recording 'x'"):
        features.select(manifest=written(tmp_path, [ghost]))


def test_a_library_that_is_not_installed_is_told(features: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dask", "xarray", "tensorflow", "torch"):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ProgramError, match=f"{name} is not installed, .* `pip install {name}`"):
            getattr(features.select(), name)()


@pytest.fixture
def copied(path: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(path, tmp_path / "copy.zarr"))


@pytest.mark.parametrize("name", ["mfcc/c/2/0", "speech/c/2"])
@pytest.mark.parametrize("damage", ["missing", "empty"])
def test_a_store_that_lacks_a_shard_is_refused(copied: Path, name: str, damage: str) -> None:
    if damage == "missing":
        (copied / name).unlink()
    else:
        (copied / name).write_bytes(b"")
    with pytest.raises(ArtifactError, match=rf"copy\.zarr/{name} is missing.*; delete .* run `dvc repro`"):
        FeatureStore.open(copied)


def test_a_damaged_shard_is_told_where_it_is_read(copied: Path) -> None:
    for name in ("mfcc/c/3/0", "speech/c/3"):
        (copied / name).write_bytes((copied / name).read_bytes()[:-3])
    opened = FeatureStore.open(copied)
    opened.features("r0"), opened.flags("r0")
    for read in (
        opened.features,
        opened.flags,
        lambda _: opened.select().numpy(),
        lambda _: opened.select().dask().compute(),
    ):
        with pytest.raises(ArtifactError, match=r"copy\.zarr: rows \d+:\d+ of \w+ can't be read .* run `dvc repro`"):
            read("r1")
