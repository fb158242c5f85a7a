"""MFCCs of a stream, in NumPy alone: the package that answers on streams has no compiler."""

import dataclasses

import numpy as np

from pipeline.arrays import Features, Samples
from pipeline.audio.samples import FULL_SCALE
from pipeline.mfcc.kernel import Kernel, frame_count

STEP_SAMPLES = 1 << 16  # computed at a time, so that memory does not grow with a chunk


class Framer:
    """MFCCs of a stream: the frames that `compute` gives, each as soon as its samples have arrived.

    >>> from pipeline import params
    >>> from pipeline.mfcc.kernel import make_kernel
    >>> settings = params.Mfcc(n_mfcc=13, n_fft=400, hop_length=160, n_mels=40, fmin=0.0, fmax=None, top_db=None)
    >>> framer = Framer(make_kernel(settings, 16000))
    >>> len(framer.accept(np.zeros(1000, np.int16))), len(framer.finish())
    (6, 1)
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = dataclasses.replace(kernel, window=kernel.window / np.float32(FULL_SCALE))  # for 16-bit steps
        # From the first sample of the next frame on; in float32, so that joining more samples to it converts them.
        self._pending = np.zeros(kernel.n_fft // 2, np.float32)
        self._n_samples = self._n_frames = 0

    def accept(self, samples: Samples) -> Features:
        """Take more samples, shape (samples,); return the frames that are complete, shape (frames, n_mfcc)."""
        self._n_samples += len(samples)
        if len(samples) <= STEP_SAMPLES:
            return self._compute(samples)
        steps = (samples[at : at + STEP_SAMPLES] for at in range(0, len(samples), STEP_SAMPLES))
        return np.concatenate([self._compute(step) for step in steps])

    def finish(self) -> Features:
        """Return the last frames, which see zeros beyond the end."""
        due = frame_count(self._n_samples, self._kernel.hop_length) - self._n_frames
        return self._compute(np.zeros(self._kernel.n_fft, np.int16))[:due]

    def _compute(self, samples: Samples) -> Features:
        kernel, pending = self._kernel, np.concatenate([self._pending, samples])
        count = max(0, 1 + (len(pending) - kernel.n_fft) // kernel.hop_length)
        self._pending = pending[count * kernel.hop_length :]
        self._n_frames += count
        if not count:
            return np.zeros((0, kernel.cosines.shape[1]), np.float32)
        return kernel.cepstrum(kernel.log_mel(pending[: (count - 1) * kernel.hop_length + kernel.n_fft]))
