"""The arrays between samples and MFCCs: librosa's window, mel filters and cosine transform.

Frame t is centred on sample t * hop_length and sees n_fft samples, with zeros beyond both ends of a recording.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline import params
from pipeline.arrays import Features, LogMel, Waveform

POWER_FLOOR = 1e-10  # lowest power that librosa.power_to_db distinguishes
DB_PER_NEPER = np.float32(10 / np.log(10))  # of power
FIXED = {"center": True, "window": "hann", "power": 2.0, "htk": False, "dct_type": 2, "norm": "ortho", "lifter": 0}
"""Fixed choices of `make_kernel` under librosa's names; written next to the parameters wherever MFCCs are described."""


@dataclass(frozen=True)
class Kernel:
    """The arrays between samples and MFCCs, all float32.

    Attributes
    ----------
    window
        Shape (n_fft,).
    mel
        Filters, shape (n_fft // 2 + 1, n_mels).
    cosines
        Orthonormal DCT-II, shape (n_mels, n_mfcc).
    hop_length
        Samples from one frame to the next.

    Examples
    --------
    >>> settings = params.Mfcc(
    ...     n_mfcc=13, n_fft=400, hop_length=160, n_mels=40, fmin=0.0, fmax=None, top_db=None
    ... )
    >>> kernel = make_kernel(settings, 16000)
    >>> kernel.cepstrum(kernel.log_mel(np.zeros(720, np.float32))).shape  # no padding: 1 + (720 - 400) // 160
    (3, 13)
    """

    window: NDArray[np.float32]
    mel: NDArray[np.float32]
    cosines: NDArray[np.float32]
    hop_length: int

    @property
    def n_fft(self) -> int:
        """Number of samples that a frame sees."""
        return len(self.window)

    def log_mel(self, waveform: Waveform) -> LogMel:
        """Return the log-mel power in dB of every whole frame, shape (frames, n_mels).

        Parameters
        ----------
        waveform
            Shape (n_fft + (frames - 1) * hop_length,): no padding is added.
        """
        waveform = np.ascontiguousarray(waveform, np.float32)
        count, step = 1 + (len(waveform) - self.n_fft) // self.hop_length, waveform.itemsize
        # NumPy's own sliding window takes 20 µs, half of the time of a frame of a stream.
        frames = np.ndarray((count, self.n_fft), np.float32, waveform, 0, (self.hop_length * step, step))
        # With an array for the output, NumPy does not look for its type.
        spectrum = np.fft.rfft(frames * self.window, out=np.empty((count, len(self.mel)), np.complex64))
        decibels: LogMel = np.square(np.abs(spectrum)) @ self.mel
        np.log(np.maximum(decibels, POWER_FLOOR, out=decibels), out=decibels)  # faster than log10
        decibels *= DB_PER_NEPER
        return decibels

    def cepstrum(self, log_mel: LogMel) -> Features:
        """Return the MFCCs of log-mel frames, shape (frames, n_mfcc)."""
        return np.asarray(log_mel @ self.cosines)


def make_kernel(settings: params.Mfcc, sample_rate: int) -> Kernel:
    """Compute the arrays for these parameters with librosa's filters and window.

    Source: librosa.feature.mfcc with norm="ortho", dct_type=2, center=True, window="hann", power=2, htk=False.

    Examples
    --------
    >>> settings = params.Mfcc(n_mfcc=13, n_fft=400, hop_length=160, n_mels=40, fmin=0.0, fmax=None, top_db=None)
    >>> kernel = make_kernel(settings, 16000)
    >>> kernel.mel.shape, kernel.cosines.shape
    ((201, 40), (40, 13))
    """
    from librosa.filters import get_window, mel
    from scipy.fft import dct

    fmax = settings.fmax or sample_rate / 2
    bands = mel(sr=sample_rate, n_fft=settings.n_fft, n_mels=settings.n_mels, fmin=settings.fmin, fmax=fmax)
    cosines = dct(np.eye(settings.n_mels), axis=1, type=2, norm="ortho")[:, : settings.n_mfcc]
    return Kernel(
        window=get_window("hann", settings.n_fft, fftbins=True).astype(np.float32),
        mel=np.ascontiguousarray(bands.T, np.float32),
        cosines=np.ascontiguousarray(cosines, np.float32),
        hop_length=settings.hop_length,
    )


def frame_count(n_samples: int, hop_length: int) -> int:
    """Return the number of frames of a recording with `n_samples` samples.

    >>> frame_count(16000, 160)
    101
    """
    return 1 + n_samples // hop_length
