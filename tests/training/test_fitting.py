"""The network learns from frames, targets and weights; a second run gives the same weights, those of the best epoch."""

import dataclasses
import functools
import shutil
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline import params, tables
from pipeline.cache import Cache
from pipeline.errors import ArtifactError
from pipeline.network.definition import Division, make_architecture
from pipeline.rows import EpochRow, SequenceRow
from pipeline.store.feature_store import FeatureStore
from pipeline.store.items import Example
from pipeline.store.selection import Selection
from pipeline.training import feed, fitting
from pipeline.training.checkpoints import Checkpoints, State
from pipeline.training.schedule import schedule
from tests.stores import build

LANGUAGES = ("english", "hindi", "mandarin")
SPEECH = np.array([0, 0, 1, 1, 1, 0, 1, 0], bool)
SETTINGS = params.Train(epochs=6, batch_size=7, learning_rate=0.02, average=0.5)


@pytest.fixture
def features(tmp_path: Path) -> FeatureStore:
    """Two recordings of eight frames; coefficient 0 of frame t of recording r is 10 r + t."""
    path = tmp_path / "features.zarr"
    mfcc = np.array([[10 * recording + frame, -1] for recording in (0, 1) for frame in range(8)], np.float32)
    return build(path, ["one", "two"], ["english", "hindi"], ["a", "b"], [8, 8], mfcc, np.tile(SPEECH, 2))


def chosen(features: FeatureStore, rows: list[SequenceRow], view: params.SilenceStrategy) -> Selection:
    """The sequences of a manifest of these rows, cut for a view of these features."""
    manifest = Path(features.source.name).with_name("manifest.csv")
    tables.write(manifest, SequenceRow, [dataclasses.replace(row, view=view, features=features.id) for row in rows])
    return features.select(manifest=manifest)


sequence = functools.partial(SequenceRow, view="", features="")  # both are filled in by `chosen`
ROWS = [sequence("one/0", "one", "english", "a", 1, 4, weight=0.5), sequence("two/0", "two", "hindi", "b", 0, 3)]


def test_moments_are_those_of_the_frames_with_weight(features: FeatureStore, noisy: FeatureStore) -> None:
    mean, variance = fitting.moments(chosen(features, [*ROWS, ROWS[1]], "mask").view("mask", LANGUAGES))
    seen = np.array([2.0, 3.0, 4.0, 12.0, 12.0])
    np.testing.assert_allclose(mean, [seen.mean(), -1])
    np.testing.assert_allclose(variance, [seen.var(), 0])
    every = noisy.select().numpy().features.astype(np.float64)
    mean, variance = fitting.moments(noisy.select())
    np.testing.assert_allclose(mean, every.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(variance, every.var(axis=0), rtol=1e-12)


def test_a_sequence_of_the_large_class_has_its_part_as_target(tmp_path: Path) -> None:
    division = Division("english", (("a",), ("c",)), ("hindi", "mandarin"))
    names, languages = ["a", "c", "b"], ["english", "english", "hindi"]
    mfcc, speech = np.ones((6, 1), np.float32), np.array([1, 0, 1, 1, 1, 0], bool)
    features = build(tmp_path / "s", names, languages, names, [2, 2, 2], mfcc, speech).select()
    classes = (*LANGUAGES, "silence")
    parts = fitting.in_parts(features.view("label", LANGUAGES), division, classes)
    assert [example.targets.tolist() for example in parts] == [[4, 3], [5, 5], [1, 3]]
    parts = fitting.in_parts(features.view("mask", LANGUAGES), division, LANGUAGES)
    assert [example.targets.tolist() for example in parts] == [[3, 3], [4, 4], [1, 1]]
    assert [example.weights.tolist() for example in parts] == [[1, 0], [1, 1], [1, 0]]
    outputs = (("english",), ("english",), ("hindi", "mandarin"), ("silence",))
    found = fitting.correct_outputs(outputs, classes)
    assert found[:4].tolist() == [[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]]  # either, as in validation
    assert found[4:].tolist() == np.eye(4).tolist()
    none = fitting.correct_outputs((("hindi",), ("mandarin",)), classes)[3]
    assert none.tolist() == [0, 0]  # weight 0


@pytest.mark.parametrize(
    ("passes", "epochs", "sequences"), [(0.1, 5, 20), (1.0, 5, 200), (5.0, 5, 1000), (7.6, 8, 950), (99, 30, 1000)]
)
def test_a_large_corpus_has_fewer_epochs_and_then_parts_of_it(passes: float, epochs: int, sequences: int) -> None:
    settings = params.Train(epochs=30, batch_size=1000, frames=passes * 0.3)
    found = schedule(settings, sequences=1000, frames=300_000)
    assert found == (epochs, sequences, 1000, settings.learning_rate)


@pytest.mark.parametrize(("epochs", "growth"), [(1500, 1), (1501, 2), (9999, 2)])
def test_a_large_corpus_has_larger_batches(epochs: int, growth: int) -> None:
    settings = params.Train(epochs=epochs, batch_size=100, learning_rate=0.001, frames=1e6)
    found = schedule(settings, sequences=100, frames=30_000)
    assert found == pytest.approx((epochs, 100, growth * 100, 0.001 * growth**0.5))


LENGTH = 12  # of the recordings of `noisy`
PARTS = tuple(tuple(f"s{n}" for n in range(start, 60, 6)) for start in (0, 3))  # of the English speakers of `noisy`
DIVISION = Division("english", PARTS, ("hindi", "mandarin"))


def learn(
    features: FeatureStore,
    division: Division | None,
    memory: float,
    change: feed.Change | None = None,
    checkpoints: Checkpoints | None = None,
    **others: Any,
) -> tuple[list[np.ndarray], list[float], float]:
    """Train some epochs: the weights, the losses and the frame accuracy."""
    rows = [
        sequence(f"{name}/0", name, language, speaker, 0, LENGTH)
        for name, language, speaker in zip(features.ids, features.languages, features.speakers, strict=True)
    ]
    if division is not None:
        rows += [dataclasses.replace(row, member=1) for row in rows if row.language != division.large]
    train, val = chosen(features, rows, "none").view("none", LANGUAGES), features.select().view("none", LANGUAGES)
    model = params.Model(units=(8, 6), dense=(6,), dropout=0.1, noise=0.1)
    settings = SETTINGS.model_copy(update={"memory": memory, **others})
    design = make_architecture(model, LANGUAGES, division, *fitting.moments(train))
    trained, epochs = fitting.fit(design, division, train, val, settings, 5, change, checkpoints)
    assert [row.epoch for row in epochs] == list(range(1, len(epochs) + 1))
    (every,) = feed.batches(val, 60, LENGTH)
    answers = trained.predict(every.features, verbose=0)
    return trained.get_weights(), [row.val_loss for row in epochs], (answers.argmax(axis=2) == every.targets).mean()


class KilledError(Exception):
    """The end of a process."""


def shaken(batch: Example, rng: np.random.Generator) -> Example:
    return batch._replace(features=batch.features + rng.normal(0, 0.1, batch.features.shape).astype(np.float32))


@pytest.mark.slow
@pytest.mark.filterwarnings("error:Your input ran out of data")
@pytest.mark.parametrize(
    ("division", "memory", "frames", "kills"),
    [(None, 1.0, 50.0, (1,)), (None, 4e-6, 50.0, (3, 2)), (None, 4e-6, 0.002, (1, 2)), (DIVISION, 1.0, 50.0, (2, 7))],
    ids=["one network", "streamed", "parts of it", "ensemble"],
)
def test_the_network_learns_and_a_training_that_is_killed_continues_and_ends_with_the_same_weights(
    noisy: FeatureStore, tmp_path: Path, division: Division | None, memory: float, frames: float, kills: tuple[int, ...]
) -> None:
    run = functools.partial(learn, noisy, division, memory, change=shaken, frames=frames)
    wanted, losses, right = run()
    assert right > 0.9
    checkpoints = Checkpoints(Cache(tmp_path / "cache"), "test", tmp_path / "model" / "history.csv")
    keep, done = Checkpoints.write, 0
    for states in kills:
        kept = 0

        def write(self: Checkpoints, network: int, state: State, last: int = states) -> None:
            nonlocal kept
            keep(self, network, state)
            if (kept := kept + 1) == last:
                raise KilledError

        with pytest.MonkeyPatch.context() as patch, pytest.raises(KilledError):
            patch.setattr(Checkpoints, "write", write)
            run(checkpoints=checkpoints)
        rows = tables.read(tmp_path / "model" / "history.csv", EpochRow, sealed=False)
        assert done < len(rows) < len(losses)
        done = len(rows)
    weights, same_losses, _ = run(checkpoints=checkpoints)
    assert losses == same_losses
    for one, other in zip(weights, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


@pytest.mark.slow
def test_the_memory_of_a_pool_is_released_once_its_network_is_trained(
    noisy: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools: list[weakref.ref[feed.Pool]] = []

    def watched(*given: Any) -> feed.Pool:
        assert not any(pool() for pool in pools)  # the second network of an ensemble needs the memory of the first
        made = feed.Pool(*given)
        pools.append(weakref.ref(made))
        return made

    monkeypatch.setattr(fitting, "Pool", watched)
    division = Division("english", (tuple(noisy.speakers),), ("hindi", "mandarin"))
    _, losses, _ = learn(noisy, division, memory=4e-6, learning_rate=1.0)
    assert (len(pools), len(losses)) == (2, 12)
    assert not any(pool() for pool in pools)


@pytest.mark.slow
def test_damage_found_during_training_keeps_its_own_message(noisy: FeatureStore, tmp_path: Path) -> None:
    path = Path(shutil.copytree(Path(noisy.source.name), tmp_path / "copy.zarr"))
    shard = path / "mfcc" / "c" / "9" / "0"
    shard.write_bytes(shard.read_bytes()[:-1])
    features = FeatureStore.open(path)
    train, val = features.select(speaker=["s0", "s1", "s2"]).view("none", LANGUAGES), features.select()
    settings = SETTINGS.model_copy(update={"epochs": 1})
    design = make_architecture(params.Model(units=(2,)), LANGUAGES, None, *fitting.moments(train))
    with pytest.raises(ArtifactError, match="of mfcc can't be read"):
        fitting.fit(design, None, train, val, settings, seed=5)


CORRECT = np.array([[1, 0, 0], [0, 1, 1], [0, 1, 0]], np.float32)  # targets, outputs
POSTERIORS = np.random.default_rng(0).dirichlet([1, 1, 1], (2, 5)).astype(np.float32)


def value(target: NDArray[np.int64], smoothing: float, utterance: float) -> NDArray[np.float32]:
    from keras import ops

    return np.asarray(ops.convert_to_numpy(fitting.loss(CORRECT, smoothing, utterance)(target, POSTERIORS)))


@pytest.mark.parametrize("smoothing", [0, 0.1])
def test_the_loss_of_a_frame_is_the_cross_entropy_of_its_smoothed_label(smoothing: float) -> None:
    target = np.array([[0, 0, 0, 0, 0], [2, 2, 2, 2, 2]])
    label = (1 - smoothing) * CORRECT[target] + smoothing / 3
    wanted = -(label * np.log(POSTERIORS)).sum(axis=2)
    np.testing.assert_allclose(value(target, smoothing, 0), wanted, rtol=1e-5)
    both = np.full((2, 5), 1)  # either of two outputs is correct
    wanted = -np.log((CORRECT[both] * POSTERIORS).sum(axis=2))
    np.testing.assert_allclose(value(both, 0, 0), wanted, rtol=1e-5)


def test_frames_of_one_target_share_the_loss_of_their_mean_log_posterior() -> None:
    target = np.array([[0, -1, 0, 2, 0], [1, 1, 1, 1, -1]])  # -1: a frame of weight 0
    plain, both = (value(target, 0, utterance) for utterance in (0, 2.0))
    for sequence, chosen in [(0, [0, 2, 4]), (0, [3]), (1, [0, 1, 2, 3])]:
        odds = np.exp(np.log(POSTERIORS[sequence, chosen]).mean(axis=0))
        correct = CORRECT[target[sequence, chosen[0]]]
        wanted = -np.log((correct * odds).sum() / odds.sum())
        np.testing.assert_allclose((both - plain)[sequence, chosen], 2 * wanted, rtol=1e-4)
    assert np.isfinite(both).all()


def test_an_output_is_right_if_it_is_correct_for_the_target() -> None:
    from keras import ops

    target = np.array([[0, 1, 1, 2, -1]])
    posteriors = np.eye(3, dtype=np.float32)[None, [0, 1, 2, 2, 0]]
    found = ops.convert_to_numpy(fitting.accuracy(CORRECT)(target, posteriors))
    np.testing.assert_array_equal(np.asarray(found)[0, :4], [1, 1, 1, 0])
