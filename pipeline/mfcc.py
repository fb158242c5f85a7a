"""MFCCs frame by frame: librosa's window, filters and cosine transform, in blocks that fit the processor's cache.

Frame t is centred on sample t * hop_length and sees n_fft samples, with zeros beyond both ends of a recording. It
depends only on those samples, so the frames of a slice are the frames of the whole recording.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline import params
from pipeline.arrays import Features, LogMel, Samples, Waveform
from pipeline.audio.samples import Read, in_memory, to_waveform

BLOCK_FRAMES = 256  # 400 x 256 x 4 B, and the spectra of these, stay in a core's cache
STEP_FRAMES = 32 * BLOCK_FRAMES  # computed at a time: 82 s, so that memory does not grow with a recording
POWER_FLOOR = 1e-10  # lowest power that librosa.power_to_db distinguishes
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
        """Log-mel power in dB of every whole frame, shape (frames, n_mels).

        Parameters
        ----------
        waveform
            Shape (n_fft + (frames - 1) * hop_length,): no padding is added.
        """
        waveform = np.ascontiguousarray(waveform, np.float32)
        count, step = 1 + (len(waveform) - self.n_fft) // self.hop_length, waveform.itemsize
        # NumPy's own sliding window takes 20 µs, half of the time of a frame of a stream.
        frames = np.ndarray((count, self.n_fft), np.float32, waveform, 0, (self.hop_length * step, step))
        decibels = np.empty((len(frames), self.mel.shape[1]), np.float32)
        # These arrays are allocated once: if freed memory goes back to the system at once, as in Dask's workers,
        # allocating them for every block would double the time.
        rows = min(BLOCK_FRAMES, len(frames))
        windowed = np.empty((rows, self.n_fft), np.float32)
        spectrum = np.empty((rows, len(self.mel)), np.complex64)
        power, imaginary = np.empty((2, rows, len(self.mel)), np.float32)
        for at in range(0, len(frames), BLOCK_FRAMES):
            block = slice(len(frames[at : at + BLOCK_FRAMES]))
            np.multiply(frames[at : at + BLOCK_FRAMES], self.window, out=windowed[block])
            # NumPy's transform is three times closer to librosa's than SciPy's in single precision.
            np.fft.rfft(windowed[block], axis=1, out=spectrum[block])  # type: ignore[arg-type]  # single precision too
            np.square(spectrum.real[block], out=power[block])
            power[block] += np.square(spectrum.imag[block], out=imaginary[block])
            np.matmul(power[block], self.mel, out=decibels[at : at + BLOCK_FRAMES])
        np.log(
            np.maximum(decibels, np.float32(POWER_FLOOR), out=decibels), out=decibels
        )  # four times faster than log10
        decibels *= np.float32(10 / np.log(10))
        return decibels

    def cepstrum(self, log_mel: LogMel) -> Features:
        """MFCCs of log-mel frames, shape (frames, n_mfcc)."""
        mfcc: Features = log_mel @ self.cosines
        return mfcc


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
    """Number of frames of a recording with `n_samples` samples.

    >>> frame_count(16000, 160)
    101
    """
    return 1 + n_samples // hop_length


def compute(
    kernel: Kernel, read: Read, n_samples: int, first: int, count: int, top_db: float | None = None
) -> Features:
    """Compute frames first:first+count of a recording, reading only the samples that they see.

    Parameters
    ----------
    read
        Returns samples start:stop of the recording.
    n_samples
        Length of the recording.
    top_db
        Raise all levels to at least `top_db` dB below the loudest of the whole recording, which is then read twice.

    Returns
    -------
    Shape (count, n_mfcc).

    Examples
    --------
    >>> settings = params.Mfcc(n_mfcc=13, n_fft=400, hop_length=160, n_mels=40, fmin=0.0, fmax=None, top_db=None)
    >>> kernel, samples = make_kernel(settings, 16000), np.arange(-8000, 8000).astype(np.int16)
    >>> compute(kernel, lambda start, stop: samples[start:stop], len(samples), first=50, count=10).shape
    (10, 13)
    """
    floor = None if top_db is None else _loudest(kernel, read, n_samples) - np.float32(top_db)
    features = np.empty((count, kernel.cosines.shape[1]), np.float32)
    for at, log_mel in _log_mel(kernel, read, n_samples, first, count):
        if floor is not None:
            np.maximum(log_mel, floor, out=log_mel)
        features[at : at + len(log_mel)] = kernel.cepstrum(log_mel)
    return features


def whole(kernel: Kernel, samples: Samples) -> Features:
    """Compute every frame of a recording in memory, shape (frames, n_mfcc).

    >>> settings = params.Mfcc(n_mfcc=13, n_fft=400, hop_length=160, n_mels=40, fmin=0.0, fmax=None, top_db=None)
    >>> whole(make_kernel(settings, 16000), np.zeros(16000, np.int16)).shape
    (101, 13)
    """
    return compute(kernel, in_memory(samples), len(samples), 0, frame_count(len(samples), kernel.hop_length))


class Framer:
    """MFCCs of a stream: the frames that `compute` gives, each as soon as its samples have arrived.

    >>> settings = params.Mfcc(n_mfcc=13, n_fft=400, hop_length=160, n_mels=40, fmin=0.0, fmax=None, top_db=None)
    >>> framer = Framer(make_kernel(settings, 16000))
    >>> len(framer.accept(np.zeros(1000, np.int16))), len(framer.finish())
    (6, 1)
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._pending = np.zeros(kernel.n_fft // 2, np.float32)  # from the first sample of the next frame on
        self._n_samples = self._n_frames = 0

    def accept(self, samples: Samples) -> Features:
        """Take more samples, shape (samples,); return the frames that are complete, shape (frames, n_mfcc)."""
        self._n_samples += len(samples)
        return self._compute(to_waveform(samples))

    def finish(self) -> Features:
        """Return the last frames, which see zeros beyond the end."""
        due = frame_count(self._n_samples, self._kernel.hop_length) - self._n_frames
        return self._compute(np.zeros(self._kernel.n_fft, np.float32))[:due]

    def _compute(self, waveform: Waveform) -> Features:
        kernel, pending = self._kernel, np.concatenate([self._pending, waveform])
        count = max(0, 1 + (len(pending) - kernel.n_fft) // kernel.hop_length)
        self._pending = pending[count * kernel.hop_length :]
        self._n_frames += count
        if not count:
            return np.zeros((0, kernel.cosines.shape[1]), np.float32)
        return kernel.cepstrum(kernel.log_mel(pending[: (count - 1) * kernel.hop_length + kernel.n_fft]))


def _padded(kernel: Kernel, read: Read, n_samples: int, first: int, count: int) -> Waveform:
    """The samples that frames first:first+count see, zeros beyond the ends, shape (n_fft + (count - 1) * hop,)."""
    start = first * kernel.hop_length - kernel.n_fft // 2
    stop = start + (count - 1) * kernel.hop_length + kernel.n_fft
    padded = np.zeros(stop - start, np.float32)
    inside = slice(max(-start, 0), min(stop, n_samples) - start)
    padded[inside] = to_waveform(read(max(start, 0), min(stop, n_samples)))
    return padded


def _log_mel(kernel: Kernel, read: Read, n_samples: int, first: int, count: int) -> Iterator[tuple[int, LogMel]]:
    """Log-mel frames first:first+count in steps, each with its offset from `first`."""
    for at in range(0, count, STEP_FRAMES):
        yield at, kernel.log_mel(_padded(kernel, read, n_samples, first + at, min(STEP_FRAMES, count - at)))


def _loudest(kernel: Kernel, read: Read, n_samples: int) -> np.float32:
    """Highest log-mel power of a whole recording, dB."""
    count = frame_count(n_samples, kernel.hop_length)
    return np.float32(max(log_mel.max() for _, log_mel in _log_mel(kernel, read, n_samples, 0, count)))
