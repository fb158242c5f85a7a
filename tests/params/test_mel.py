"""Mel filters: empty for params if and only if they are empty for librosa."""

import copy
import warnings

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pipeline import params
from tests.params.project import RELAXED, TREE


@RELAXED
@given(
    rate=st.sampled_from([8000, 16000, 44100, 48000]),
    n_fft=st.integers(4, 1024).map(lambda half: 2 * half),
    n_mels=st.integers(1, 160),
    low=st.floats(0, 0.99),
    width=st.floats(0.01, 1),
)
@example(16000, 400, 64, 0.0, 1.0)
@example(16000, 400, 64, 0.9875, 1.0)
def test_mel_filters_are_refused_if_librosa_finds_one_empty(
    rate: int, n_fft: int, n_mels: int, low: float, width: float
) -> None:
    from librosa.filters import mel

    fmin = low * rate / 2
    fmax = min(fmin + width * rate / 2, rate / 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of empty filters
        peaks = mel(sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, norm=None).max(axis=1)
    assume(not ((peaks > 0) & (peaks < 1e-5)).any())  # a frequency on the edge itself is a matter of rounding
    tree = copy.deepcopy(TREE)
    tree["audio"]["sample_rate"] = rate
    tree["mfcc"] |= {"n_fft": n_fft, "hop_length": 1, "n_mels": n_mels, "n_mfcc": 1, "fmin": fmin, "fmax": fmax}
    tree["augment"] |= {"noise": None, "echo": 0.0, "warp": 0.0, "cutoff": None, "mask": 0}  # they need n_mfcc = n_mels
    if (peaks > 0).all():
        params.Params.model_validate(tree)
    else:
        with pytest.raises(ValueError, match="holds no frequency of the spectrum"):
            params.Params.model_validate(tree)
