"""MFCCs equal librosa's, for a whole recording and any slice of it, and have the same bits on any processor."""

import os
from pathlib import Path

import librosa
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from pipeline import params
from pipeline.arrays import Features, Samples
from pipeline.audio.samples import in_memory, to_waveform
from pipeline.mfcc import compiled, recording
from pipeline.mfcc.kernel import frame_count, make_kernel
from pipeline.mfcc.stream import Framer
from tests.audio.signals import RATE, babble
from tests.programs import python

DEFAULTS = params.load(Path(__file__).parents[2] / "params.yaml").mfcc


def by_librosa(signal: Samples, settings: params.Mfcc) -> Features:
    same = settings.model_dump(include={"n_fft", "hop_length", "n_mels", "fmin", "fmax"})
    mel = librosa.feature.melspectrogram(y=to_waveform(signal), sr=RATE, pad_mode="constant", **same)
    decibels = librosa.power_to_db(mel, top_db=settings.top_db)
    features: Features = librosa.feature.mfcc(S=decibels, n_mfcc=settings.n_mfcc).T
    return features


def compute(signal: Samples, settings: params.Mfcc, first: int, count: int) -> Features:
    kernel = make_kernel(settings, RATE)
    return recording.compute(kernel, in_memory(signal), len(signal), first, count, settings.top_db)


@profile(max_examples=20)
@given(
    seed=st.integers(0, 2**32),
    n_samples=st.one_of(st.integers(1, 500), st.integers(1, 30_000)),
    scale=st.sampled_from([1, 300]),
    settings=st.builds(
        params.Mfcc,
        n_mfcc=st.sampled_from([13, 26]),
        n_fft=st.sampled_from([256, 400, 402, 512]),
        hop_length=st.sampled_from([80, 160, 200]),
        n_mels=st.sampled_from([26, 40, 64]),
        fmin=st.just(20.0),
        fmax=st.sampled_from([None, 7000.0]),
        top_db=st.sampled_from([None, None, 80.0, 30.0]),
    ),
)
@example(seed=5, n_samples=60 * RATE, scale=1, settings=DEFAULTS)
@example(seed=5, n_samples=60 * RATE, scale=300, settings=DEFAULTS)
@pytest.mark.filterwarnings("ignore:Empty filters", "ignore:n_fft=")
def test_mfccs_equal_librosas(seed: int, n_samples: int, scale: int, settings: params.Mfcc) -> None:
    signal = babble(seed, n_samples) // scale
    found = compute(signal, settings, 0, frame_count(n_samples, settings.hop_length))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_librosa(signal, settings), atol=1e-3)


@given(data=st.data(), n_samples=st.integers(1, 20_000), top_db=st.sampled_from([None, 40.0]))
def test_a_slice_has_the_frames_of_the_whole(
    data: st.DataObject, defaults: params.Params, n_samples: int, top_db: float | None
) -> None:
    settings = defaults.mfcc.model_copy(update={"top_db": top_db})
    frames = frame_count(n_samples, settings.hop_length)
    first = data.draw(st.integers(0, frames - 1))
    count = data.draw(st.integers(1, frames - first))
    signal = babble(n_samples, n_samples)
    whole = compute(signal, settings, 0, frames)
    np.testing.assert_array_equal(compute(signal, settings, first, count), whole[first : first + count])


def test_a_slice_reads_only_the_samples_that_its_frames_see(defaults: params.Params) -> None:
    signal, slices = babble(1, 100_000), []

    def read(start: int, stop: int) -> Samples:
        slices.append((start, stop))
        return signal[start:stop]

    recording.compute(make_kernel(defaults.mfcc, RATE), read, len(signal), 100, 3)
    assert slices == [(100 * 160 - 200, 102 * 160 + 200)]


@given(st.lists(st.floats(2.0**-33, 2.0**40, width=32), min_size=1))
def test_levels_are_logarithms(powers: list[float]) -> None:
    levels = np.array(powers, np.float32)
    compiled.to_decibels(levels)
    np.testing.assert_allclose(levels, 10 * np.log10(np.array(powers, np.float32).astype(float)), rtol=1e-6, atol=1e-6)


OTHER_PROCESSORS: dict[str, dict[str, str]] = {
    "this one": {},
    "without AVX2 and AVX-512": {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"},
    "another BLAS": {"OPENBLAS_CORETYPE": "Nehalem"},
    "another compiled code": {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ""},
}
BYTES = """
import hashlib, sys
from pathlib import Path
import numpy as np
from pipeline import params
from pipeline.mfcc import kernel, recording
settings = params.load(Path("params.yaml"))
samples = (np.random.default_rng(0).standard_normal(48_000).cumsum() * 30).astype(np.int16)
features = recording.whole(kernel.make_kernel(settings.mfcc, settings.audio.sample_rate), samples)
print(hashlib.sha256(features.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_bytes_are_the_same_on_any_processor(tmp_path: Path) -> None:
    found = set()
    for number, other in enumerate(OTHER_PROCESSORS.values()):
        env = os.environ | other | {"NUMBA_CACHE_DIR": str(tmp_path / str(number))}
        found.add(python(BYTES, env=env).stdout)
    assert len(found) == 1
    assert len(found.pop()) == 65


@example(n_samples=300_000, most=200_000)  # in steps
@given(n_samples=st.integers(0, 20_000), most=st.sampled_from([3, 160, 5000]))
def test_a_stream_has_the_frames_of_the_whole(defaults: params.Params, n_samples: int, most: int) -> None:
    n_samples = min(n_samples, 300 * most)
    signal, rng = babble(n_samples, n_samples), np.random.default_rng(n_samples)
    kernel, cuts = make_kernel(defaults.mfcc, RATE), np.cumsum(rng.integers(1, most + 1, n_samples))
    framer = Framer(kernel)
    frames = [framer.accept(chunk) for chunk in np.split(signal, cuts[cuts < n_samples])]
    found = np.concatenate([*frames, framer.finish()])
    np.testing.assert_allclose(found, recording.whole(kernel, signal), atol=1e-3)
