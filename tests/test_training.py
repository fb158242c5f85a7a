"""What the network is given to learn, and that learning it twice gives the same weights."""

from pathlib import Path

import numpy as np
import pytest

from pipeline import network, params, store, training
from pipeline.balance import Ensemble
from pipeline.store import FeatureStore, Shard
from pipeline.tables import Sequence

LANGUAGES = ("english", "hindi", "mandarin")
SPEECH = np.array([0, 0, 1, 1, 1, 0, 1, 0], bool)


@pytest.fixture
def features(tmp_path: Path) -> FeatureStore:
    """Two recordings of eight frames; coefficient 0 of frame t of recording r is 10 r + t."""
    path = tmp_path / "features.zarr"
    store.create(path, ["one", "two"], ["english", "hindi"], ["a", "b"], [8, 8], 2, {})
    mfcc = np.array([[10 * recording + frame, -1] for recording in (0, 1) for frame in range(8)], np.float32)
    store.write(path, Shard(0, 16, ()), mfcc, np.tile(SPEECH, 2))
    return FeatureStore.open(path)


ROWS = [Sequence("one/0", "one", "english", "a", 1, 4, weight=0.5), Sequence("two/0", "two", "hindi", "b", 0, 3)]


@pytest.mark.parametrize(
    ("strategy", "frames", "targets", "weights"),
    [
        ("none", [1, 2, 3, 4], [0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5]),
        ("remove", [3, 4, 6], [0, 0, 0], [0.5, 0.5, 0.5]),
        ("mask", [1, 2, 3, 4], [0, 0, 0, 0], [0, 0.5, 0.5, 0.5]),
        ("label", [1, 2, 3, 4], [3, 0, 0, 0], [1, 0.5, 0.5, 0.5]),
    ],
)
def test_frames_targets_and_weights_of_each_strategy(
    features: FeatureStore, strategy: params.Strategy, frames: list[int], targets: list[int], weights: list[float]
) -> None:
    rows = [ROWS[0] if strategy != "remove" else Sequence("one/0", "one", "english", "a", 1, 3, weight=0.5), ROWS[1]]
    batches = training.load(rows, features, strategy, LANGUAGES)
    assert batches.features[0, : len(frames), 0].tolist() == frames
    assert batches.targets[0, : len(frames)].tolist() == targets
    assert batches.weights[0, : len(frames)].tolist() == weights
    assert not batches.weights[1, 3:].any()  # the shorter sequence is filled up with frames that weigh nothing


def test_moments_are_those_of_the_frames_that_weigh_anything(features: FeatureStore) -> None:
    mean, variance = training.moments(training.load(ROWS, features, "mask", LANGUAGES))
    seen = [2, 3, 4, 12]
    np.testing.assert_allclose(mean, [np.mean(seen), -1])
    np.testing.assert_allclose(variance, [np.var(seen), 0])


def test_a_sequence_of_the_large_class_is_told_its_part() -> None:
    division = Ensemble("english", (("a",), ("c",)), ("hindi", "mandarin"))
    rows = [
        Sequence(f"{s}/0", s, language, s, 0, 2) for s, language in (("a", "english"), ("c", "english"), ("b", "hindi"))
    ]
    targets = np.array([[0, 3], [0, 0], [1, 3]])  # 3 is silence
    batches = training.Batches(np.zeros((3, 2, 2), np.float32), targets, np.ones((3, 2), np.float32))
    classes = (*LANGUAGES, "silence")
    assert training.in_parts(batches, rows, division, classes).targets.tolist() == [[4, 3], [5, 5], [1, 3]]
    outputs = (("english",), ("english",), ("hindi", "mandarin"), ("silence",))
    assert training.accepted(outputs, classes).tolist() == [
        [1, 1, 0, 0],  # english: either part, as for validation
        [0, 0, 1, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [1, 0, 0, 0],  # english, its first part
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
    ]
    assert training.accepted((("hindi",), ("mandarin",)), classes)[3].tolist() == [0, 0]  # no answer: weighs nothing


def learn(division: Ensemble | None) -> tuple[list[np.ndarray], list[float], np.ndarray]:
    """Train twice three epochs on noise around a mean of each language; weights, losses and answers."""
    rng = np.random.default_rng(0)
    rows = [Sequence(f"{n}/0", str(n), LANGUAGES[n % 3], f"s{n}", 0, 12) for n in range(60)]
    if division is not None:
        rows += [
            Sequence(row.sequence, row.recording, row.language, row.speaker, 0, 12, member=1)
            for row in rows
            if row.language != division.large
        ]
    targets = np.array([[LANGUAGES.index(row.language)] * 12 for row in rows])
    centres = np.eye(3, 4)[targets] * 3
    batches = training.Batches(
        (centres + rng.normal(size=centres.shape)).astype(np.float32), targets, np.ones(targets.shape, np.float32)
    )
    model = params.Model(cell="gru", units=(8,), dense=(6,), dropout=0.1, noise=0.1)
    settings = params.Train(epochs=6, batch_size=4, learning_rate=0.02, patience=6)
    design = network.design(model, LANGUAGES, division, *training.moments(batches))
    val = batches.only(np.array([row.member == 0 for row in rows]))
    trained, history = training.fit(design, division, batches, rows, val, settings, seed=5)
    assert [row.epoch for row in history] == list(range(1, len(history) + 1))
    answers = trained.predict(val.features, verbose=0)
    return trained.get_weights(), [row.val_loss for row in history], (answers.argmax(axis=2) == val.targets).mean()


@pytest.mark.parametrize(
    "division",
    [
        None,
        Ensemble(
            "english",
            (tuple(f"s{n}" for n in range(0, 30, 3)), tuple(f"s{n}" for n in range(30, 60, 3))),
            ("hindi", "mandarin"),
        ),
    ],
    ids=["one network", "ensemble"],
)
def test_the_same_seed_gives_the_same_weights_and_the_network_learns(division: Ensemble | None) -> None:
    weights, losses, right = learn(division)
    again, same_losses, _ = learn(division)
    assert losses == same_losses
    for one, other in zip(weights, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert right > 0.9
