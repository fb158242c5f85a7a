"""Landmarks do not depend on the blocks or the level, and are where the signal is strong and changes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.fingerprint.landmarks import BANDS_HZ, BLOCK, STEP, WINDOW, Landmarker
from pipeline.fingerprint.matching import RATE_HZ, Landmarks, tick_s
from tests.fingerprint.signals import RATE, landmarks, voice

LONG_S = 90
LONG = voice(0, LONG_S)
WHOLE = landmarks(LONG)
assert LONG_S * RATE_HZ > 2 * STEP * BLOCK  # more than two steps
TIMES = np.arange(10 * RATE) / RATE


def equal(a: Landmarks, b: Landmarks) -> bool:
    same = (np.array_equal(getattr(a, name), getattr(b, name)) for name in ("ticks", "bins", "levels"))
    return all(same) and a.length == b.length


@settings(max_examples=20)
@given(st.lists(st.integers(0, len(LONG)), max_size=20))
@example(list(range(RATE)))
def test_the_size_of_the_blocks_does_not_matter(cuts: list[int]) -> None:
    assert equal(landmarks(LONG, cuts=cuts), WHOLE)


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, len(LONG)), st.integers(0, len(LONG))), max_size=9))
@example([(0, count) for count in (0, 1, 4, 5, 999)])
def test_what_else_is_in_the_task_does_not_matter(ends: list[tuple[int, int]]) -> None:
    landmarker = Landmarker(RATE)
    recordings = [LONG[min(pair) : max(pair)] for pair in ends]
    for samples in recordings:
        landmarker.start()
        landmarker.accept(samples)
    for samples, found in zip(recordings, landmarker.finish(), strict=True):
        assert equal(found, landmarks(samples))


def test_speech_has_some_landmarks_per_second_in_order_at_any_level() -> None:
    assert 2 < len(WHOLE.ticks) / LONG_S < 10
    assert WHOLE.length == pytest.approx(LONG_S / tick_s(RATE), abs=1)
    assert (np.diff(WHOLE.ticks) >= 0).all()
    assert WHOLE.bins.shape == (len(WHOLE.ticks), len(BANDS_HZ) - 1)
    assert WHOLE.ticks[0] >= 0 and WHOLE.ticks[-1] <= WHOLE.length
    louder = landmarks(LONG * np.int16(2))
    assert equal(replace(louder, levels=louder.levels - 2), WHOLE)  # steps of 3 dB


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_a_burst_is_found_at_its_time_at_any_rate(rate: int) -> None:
    times = np.arange(4 * rate) / rate
    tones = np.sin(2 * np.pi * 600 * times) + np.sin(2 * np.pi * 1200 * times)
    found = landmarks(np.rint(9999 * tones * np.exp(-np.square((times - 2.5) / 0.03))).astype(np.int16), rate)
    assert found.ticks * tick_s(rate) == pytest.approx([2.5], abs=0.01)
    resolution = rate / round(rate / RATE_HZ) / WINDOW
    assert found.bins[0] * resolution == pytest.approx([0, 600, 0, 1200], abs=resolution)


CONSTANT = {
    "zeros": TIMES * 0,
    "constant": TIMES * 0 + 5000,
    "tone": 8000 * np.sin(2 * np.pi * 440 * TIMES),
    "hum": 5000 * np.sum([np.sin(2 * np.pi * 50 * harmonic * TIMES) / harmonic for harmonic in range(1, 40)], axis=0),
    "rounding": np.tile([0.0, 1.0], len(TIMES) // 2),
}


@pytest.mark.parametrize("name", CONSTANT)
def test_a_constant_signal_has_no_landmarks_but_at_its_ends(name: str) -> None:
    seconds = landmarks(np.rint(CONSTANT[name]).astype(np.int16)).ticks * tick_s(RATE)
    assert not np.any((seconds > 0.1) & (seconds < 9.9))
