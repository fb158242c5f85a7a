"""Clusters of voices: the same voice stays together, languages stay apart, and known speakers keep their names."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline import checksums, tables, voices
from pipeline.rows import VoiceRow
from pipeline.store.feature_store import FeatureStore
from tests.splits.rows import recording
from tests.stores import build


def around(speakers: int, each: int, spread: float, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vectors around one centre per speaker, and the number of the speaker of each."""
    rng = np.random.default_rng(seed)
    true = np.repeat(np.arange(speakers), each)
    centres = rng.normal(size=(speakers, 40))
    return centres[true] + spread * rng.normal(size=(len(true), 40)), true


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("all_pairs", [voices.ALL_PAIRS, 10])  # beyond it, recordings are compared with neighbours
def test_recordings_of_one_voice_stay_together(seed: int, all_pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "ALL_PAIRS", all_pairs)
    found, true = around(12, 6, 0.3, seed)
    labels = voices.cluster(found)
    assert 9 <= len(set(labels)) <= 12  # voices that happen to be similar count as one
    for speaker in range(12):
        assert len(set(labels[true == speaker])) == 1


def test_the_order_of_the_recordings_does_not_matter() -> None:
    found, _ = around(9, 5, 0.5)
    order = np.random.default_rng(1).permutation(len(found))
    one, other = voices.cluster(found), voices.cluster(found[order])
    together = one[:, None] == one[None, :]
    np.testing.assert_array_equal(together[np.ix_(order, order)], other[:, None] == other[None, :])


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_or_equal_recordings_are_one_voice(count: int) -> None:
    assert len(set(voices.cluster(np.ones((count, 8))))) <= 1


def test_languages_are_clustered_apart_and_known_speakers_are_kept(tmp_path: Path) -> None:
    found, _ = around(2, 6, 0.1)
    languages = [("hindi", "english")[number % 2] for number in range(12)]
    rows = [dataclasses.replace(recording(*one, "unknown"), speaker_from="cluster") for one in enumerate(languages)]
    named = voices.speakers(rows, found)
    for name in set(named.values()):
        assert len({item.language for item in rows if named[item.recording] == name}) == 1
    known = recording(99, "hindi", "ann")
    tables.write(tmp_path / "voices.csv", VoiceRow, [VoiceRow(*pair) for pair in named.items()])
    checksums.seal(tmp_path)
    renamed = voices.renamed([*rows, known], tmp_path / "voices.csv")
    assert [item.speaker for item in renamed] == [*(named[item.recording] for item in rows), "ann"]


def test_a_vector_is_mean_and_deviation_of_the_speech(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(50, 4)).astype(np.float32)
    speech = rng.random(50) < 0.6
    speech[30:] = False
    features[3] = np.nan  # could not be computed
    build(tmp_path / "s.zarr", ["a", "b"], ["hindi"] * 2, ["x", "y"], [30, 20], features, speech)
    found = voices.vectors(FeatureStore.open(tmp_path / "s.zarr"), ["b", "a"])
    used = features[:30][speech[:30] & np.isfinite(features[:30, 0])]
    np.testing.assert_allclose(found[1], [*used.mean(axis=0), *used.std(axis=0)], atol=1e-5)
    assert not found[0].any()
