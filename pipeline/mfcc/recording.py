"""MFCCs of recordings: compiled, in blocks that fit the processor's cache; the same bytes on every processor.

Every frame depends only on its own samples, so the frames of a slice are the frames of the whole recording. The Fourier
transform is in single precision, which SciPy computes for several frames at a time. Frames whose softest band is so far
below the loudest that this would show are computed again in double precision.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from pipeline.arrays import Features, Samples
from pipeline.audio.samples import FULL_SCALE, Read, in_memory
from pipeline.mfcc import compiled
from pipeline.mfcc.kernel import POWER_FLOOR, Kernel, frame_count

BLOCK_FRAMES = 256  # 400 x 256 x 4 B, and the spectra of these, stay in a core's cache
STEP_FRAMES = 32 * BLOCK_FRAMES  # read at a time: 82 s, so that memory does not grow with a recording
WIDE_DB = 80  # between bands: beyond that, MFCCs in single precision can be wrong by more than 0.0005

Bands = NDArray[np.float32]  # shape (n_mels, frames): the frames are last, as the compiled loops need them


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
    >>> from pipeline import params
    >>> from pipeline.mfcc.kernel import make_kernel
    >>> settings = params.Mfcc(n_mfcc=13, n_fft=400, hop_length=160, n_mels=40, fmin=0.0, fmax=None, top_db=None)
    >>> kernel, samples = make_kernel(settings, 16000), np.arange(-8000, 8000).astype(np.int16)
    >>> compute(kernel, lambda start, stop: samples[start:stop], len(samples), first=50, count=10).shape
    (10, 13)
    """
    floor = None if top_db is None else _loudest(kernel, read, n_samples) - np.float32(top_db)
    features = np.empty((count, kernel.cosines.shape[1]), np.float32)
    for at, bands in _log_mel(kernel, read, n_samples, first, count):
        if floor is not None:
            np.maximum(bands, floor, out=bands)
        cepstrum = fft.dct(bands, axis=0, type=2, norm="ortho", overwrite_x=True)
        features[at : at + bands.shape[1]] = cepstrum[: features.shape[1]].T
    return features


def whole(kernel: Kernel, samples: Samples) -> Features:
    """Compute every frame of a recording in memory, shape (frames, n_mfcc).

    >>> from pipeline import params
    >>> from pipeline.mfcc.kernel import make_kernel
    >>> settings = params.Mfcc(n_mfcc=13, n_fft=400, hop_length=160, n_mels=40, fmin=0.0, fmax=None, top_db=None)
    >>> whole(make_kernel(settings, 16000), np.zeros(16000, np.int16)).shape
    (101, 13)
    """
    return compute(kernel, in_memory(samples), len(samples), 0, frame_count(len(samples), kernel.hop_length))


def _log_mel(kernel: Kernel, read: Read, n_samples: int, first: int, count: int) -> Iterator[tuple[int, Bands]]:
    """Yield the log-mel power in dB of frames first:first+count in blocks, each with its offset from `first`."""
    window, edges, beyond = kernel.window / np.float32(FULL_SCALE), _edges(kernel.mel), _beyond(kernel)

    def bands(frames: NDArray[np.floating]) -> Bands:
        levels: Bands = compiled.mel_power(fft.rfft(frames, axis=0), kernel.mel, edges, np.float32(POWER_FLOOR))
        compiled.to_decibels(levels.reshape(-1))
        return levels

    for step in range(0, count, STEP_FRAMES):
        in_step = min(STEP_FRAMES, count - step)
        hops = _hops(kernel, read, n_samples, first + step, in_step)
        for block in range(0, in_step, BLOCK_FRAMES):
            size = min(BLOCK_FRAMES, in_step - block)
            frames = compiled.windowed(hops[block : block + size + beyond], window, size)
            levels = bands(frames)
            wide = levels.max(axis=0) - levels.min(axis=0) > WIDE_DB
            if wide.any():
                levels[:, wide] = bands(frames[:, wide].astype(np.float64))
            yield step + block, levels


def _edges(mel: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the first bin of every filter and the first after it, shape (n_mels, 2); 0 for a filter without bins."""
    inside = mel != 0
    first = inside.argmax(axis=0)
    stop = np.where(inside.any(axis=0), len(mel) - inside[::-1].argmax(axis=0), 0)
    return np.stack([first, stop], axis=1)


def _beyond(kernel: Kernel) -> int:
    """Return the number of hops that a frame sees after its first."""
    return (kernel.n_fft - 1) // kernel.hop_length


def _hops(kernel: Kernel, read: Read, n_samples: int, first: int, count: int) -> Samples:
    """Return the samples that frames first:first+count see, zeros beyond the ends, shape (hops, hop_length)."""
    start = first * kernel.hop_length - kernel.n_fft // 2
    stop = min(start + (count - 1) * kernel.hop_length + kernel.n_fft, n_samples)
    padded = np.zeros((count + _beyond(kernel)) * kernel.hop_length, np.int16)
    padded[max(-start, 0) : stop - start] = read(max(start, 0), stop)
    return padded.reshape(-1, kernel.hop_length)


def _loudest(kernel: Kernel, read: Read, n_samples: int) -> np.float32:
    """Return the highest log-mel power of a whole recording, dB."""
    count = frame_count(n_samples, kernel.hop_length)
    return np.float32(max(bands.max() for _, bands in _log_mel(kernel, read, n_samples, 0, count)))
