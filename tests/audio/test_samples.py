"""16-bit samples and waveforms: every sample survives, and nothing wraps around."""

import numpy as np

from pipeline.audio.samples import FULL_SCALE, in_memory, to_samples, to_waveform

EVERY = np.arange(-FULL_SCALE, FULL_SCALE).astype(np.int16)


def test_every_sample_is_exact_as_a_waveform_and_back() -> None:
    waveform = to_waveform(EVERY)
    assert waveform.dtype == np.float32
    assert np.array_equal(waveform.astype(np.float64) * FULL_SCALE, EVERY)
    assert np.array_equal(to_samples(waveform), EVERY)


def test_half_a_step_rounds_to_even() -> None:
    steps = np.array([-1.5, -0.5, 0.5, 1.5, 2.5], np.float32)
    assert to_samples(steps / np.float32(FULL_SCALE)).tolist() == [-2, 0, 0, 2, 2]


def test_a_waveform_beyond_full_scale_is_clipped_not_wrapped() -> None:
    assert to_samples(np.array([-9.0, -1.0, 1.0, 9.0], np.float32)).tolist() == [EVERY[0]] * 2 + [EVERY[-1]] * 2


def test_a_recording_in_memory_has_fewer_samples_at_its_end() -> None:
    read = in_memory(EVERY[:100])
    assert np.array_equal(read(90, 200), EVERY[90:100])
    assert len(read(100, 200)) == 0
