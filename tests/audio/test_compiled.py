"""The compiled loops give what NumPy gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter1d

from pipeline.arrays import Samples
from pipeline.audio import compiled
from pipeline.audio.samples import FULL_SCALE

lengths = st.integers(0, 3000)


def random(seed: int, n_samples: int) -> Samples:
    """Noise of any level with extremes in it."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=n_samples) * 10 ** rng.uniform(0, 5)
    noise[rng.random(n_samples) < 0.01] = rng.choice([-FULL_SCALE, 0, FULL_SCALE])
    return np.clip(noise, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


@given(seed=st.integers(0, 999), n_samples=lengths)
def test_totals_are_exact(seed: int, n_samples: int) -> None:
    samples = random(seed, n_samples)
    wide = samples.astype(object)
    assert compiled.totals(samples) == (
        min(0, samples.min(initial=0)),
        max(0, samples.max(initial=0)),
        wide.sum(),
        (wide**2).sum(),
    )


@given(seed=st.integers(0, 999), n_samples=lengths, frame=st.integers(1, 400))
def test_levels_are_those_of_whole_frames(seed: int, n_samples: int, frame: int) -> None:
    samples, levels = random(seed, n_samples), np.zeros(101, np.int64)
    compiled.count_levels(samples, frame, levels)
    frames = samples[: n_samples // frame * frame].reshape(-1, frame) / FULL_SCALE
    below = np.rint(-10 * np.log10(np.maximum(frames.var(axis=1), 1e-30)))
    wanted = np.bincount(np.clip(below, 0, 100).astype(int), minlength=101)
    assert np.abs(np.cumsum(levels - wanted)).max() <= 1  # a level between two steps may be rounded either way
    assert levels.sum() == len(frames)


@given(seed=st.integers(0, 999), count=st.integers(0, 5))
def test_windows_are_parts_of_the_samples(seed: int, count: int) -> None:
    samples, window = random(seed, 500), np.hanning(100).astype(np.float32)
    starts = np.random.default_rng(seed).integers(0, 401, count)
    wanted = [samples[start : start + 100] * window for start in starts]
    np.testing.assert_array_equal(compiled.windows(samples, starts, window), np.reshape(wanted, (count, 100)))


def test_powers_are_squared_amplitudes() -> None:
    assert compiled.powers(np.array([[3 + 4j, 1j]], np.complex64)).tolist() == [[25, 1]]


@given(seed=st.integers(0, 999), pairs=st.integers(0, 4), bins=st.integers(3, 90), width=st.sampled_from([3, 15]))
def test_correlations_are_of_the_fine_structure(seed: int, pairs: int, bins: int, width: int) -> None:
    logs = np.random.default_rng(seed).normal(10, 2, (2 * pairs, bins)).astype(np.float32)
    wide = logs.astype(np.float64)
    first, second = np.split(wide - uniform_filter1d(wide, width, axis=1, mode="nearest"), 2)
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    wanted = (first * second).sum(axis=1) / (norms + 1e-12)
    found = compiled.correlations(logs, width)
    assert found == pytest.approx(wanted, abs=1e-6)
    assert (np.abs(found) <= 1 + 1e-9).all()
