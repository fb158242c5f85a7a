"""A stream in chunks of any size has the MFCCs of the whole recording."""

from collections.abc import Callable

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline import params
from pipeline.arrays import Samples
from pipeline.mfcc.kernel import make_kernel
from pipeline.mfcc.recording import whole
from pipeline.mfcc.stream import Framer

RATE = 16000


@example(n_samples=300_000, most=200_000)  # in steps
@given(n_samples=st.integers(0, 20_000), most=st.sampled_from([3, 160, 5000]))
def test_a_stream_has_the_frames_of_the_whole(
    babble: Callable[[int, int], Samples], defaults: params.Params, n_samples: int, most: int
) -> None:
    n_samples = min(n_samples, 300 * most)
    signal, rng = babble(n_samples, n_samples), np.random.default_rng(n_samples)
    kernel = make_kernel(defaults.mfcc, RATE)
    framer, frames, at = Framer(kernel), [], 0
    while at < n_samples:
        chunk = signal[at : at + int(rng.integers(1, most + 1))]
        at += len(chunk)
        frames.append(framer.accept(chunk))
    frames.append(framer.finish())
    np.testing.assert_allclose(np.concatenate(frames), whole(kernel, signal), atol=1e-3)
