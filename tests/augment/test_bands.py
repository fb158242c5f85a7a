"""Changes of the bands equal the same changes of the samples."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline import params
from pipeline.augment import bands
from pipeline.mfcc.kernel import make_kernel
from tests.fingerprint.signals import voice

RATE = 16000
MFCC = params.Mfcc(n_mfcc=64, n_fft=400, hop_length=160, n_mels=64, fmin=0.0, fmax=None, top_db=None)
KERNEL = make_kernel(MFCC, RATE)
VOICE = voice(0, 4) / np.float32(32768)


def log_mel(waveform: NDArray[np.floating]) -> NDArray[np.float32]:
    return KERNEL.log_mel(waveform.astype(np.float32))


@pytest.mark.parametrize("gain", [-20, -0.3, 7, 20])
def test_a_gain_is_added_to_every_band(gain: float) -> None:
    assert log_mel(VOICE * 10 ** (gain / 20)) == pytest.approx(log_mel(VOICE) + gain, abs=0.01)


def test_a_filter_is_added_to_every_band() -> None:
    taps = scipy.signal.firwin2(65, [0, 500, 2000, 8000], [1, 1, 0.3, 0.1], fs=RATE)
    _, response = scipy.signal.freqz(taps, worN=201, fs=RATE)
    curve = 10 * np.log10(np.square(np.abs(response)) @ KERNEL.mel / KERNEL.mel.sum(axis=0))
    filtered = scipy.signal.lfilter(taps, 1, np.append(VOICE, np.zeros(32)))[32:]
    error = log_mel(filtered) - (log_mel(VOICE) + curve)
    assert np.abs(error).mean() < 0.3  # dB


@pytest.mark.parametrize("snr", [0, 10, 20])
def test_the_power_of_noise_is_added(snr: float) -> None:
    noise = np.random.default_rng(0).normal(0, np.sqrt(np.mean(np.square(VOICE)) / 10 ** (snr / 10)), len(VOICE))
    added = bands.add_power(log_mel(VOICE)[None], log_mel(noise)[None])[0]
    error = log_mel(VOICE + noise) - added
    assert abs(error.mean()) < 0.6  # dB
    assert np.abs(error).mean() < 1.5  # bands of few bins: voice and noise add or cancel out


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_powers_add_up(first: float, second: float) -> None:
    both = bands.add_power(np.full((1, 1, 1), first, np.float32), np.full((1, 1, 1), second, np.float32))
    assert both == pytest.approx(10 * np.log10(10 ** (first / 10) + 10 ** (second / 10)), abs=1e-3)


def test_the_echoes_of_a_click_decay_and_add_up_to_their_share() -> None:
    click = np.full((1, 400, 1), -100, np.float32)
    click[0, 10] = 0
    power = 10 ** (bands.echo(click, np.array([0.9], np.float32), np.array([0.5], np.float32))[0, :, 0] / 10)
    assert power[:10] == pytest.approx(0, abs=1e-9)
    assert power[10] == pytest.approx(1, rel=1e-4)
    assert power[12:60] / power[11:59] == pytest.approx(0.9, rel=1e-3)
    assert power[11:].sum() == pytest.approx(0.9 * 0.5, rel=0.01)


@given(st.integers(0, 99))
def test_no_warp_changes_nothing(seed: int) -> None:
    some = np.random.default_rng(seed).normal(size=(2, 3, 5)).astype(np.float32)
    assert bands.warp(some, np.tile(np.arange(5, dtype=np.float32), (2, 1))) == pytest.approx(some, abs=1e-6)
