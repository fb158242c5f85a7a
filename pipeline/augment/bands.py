"""Effects of changes of the sound on its log-mel bands, in dB: filters add to them, noise and echoes add their power.

Bands have the shape (sequences, frames, n_mels).
"""

import numpy as np
from numpy.typing import NDArray

Bands = NDArray[np.float32]

NEPERS = np.float32(np.log(10) / 10)  # of power, per dB


def add_power(bands: Bands, other: Bands) -> Bands:
    """Return the bands of the sum of two independent sounds.

    >>> add_power(np.full((1, 1, 2), 20, np.float32), np.array([[[20, 0]]], np.float32)).round(2)
    array([[[23.01, 20.04]]], dtype=float32)
    """
    louder, softer = np.maximum(bands, other), np.minimum(bands, other)
    louder += np.log1p(np.exp((softer - louder) * NEPERS)) / NEPERS
    return louder


def echo(bands: Bands, decay: NDArray[np.float32], share: NDArray[np.float32]) -> Bands:
    """Return the bands in a room whose late echoes decay exponentially.

    Parameters
    ----------
    decay
        Factor of the power from one frame to the next, shape (sequences,).
    share
        Power of the echoes of a short sound, all together, as a share of its own, shape (sequences,).
    """
    power = np.exp(bands * NEPERS)
    tail = np.zeros_like(power[:, 0])
    keep = decay[:, None]
    arrives = (share * (1 - decay))[:, None]  # a geometric series: all of it sums up to the share
    for frame in range(power.shape[1]):
        direct = power[:, frame].copy()
        power[:, frame] += tail
        tail += arrives * direct
        tail *= keep
    reverberant: Bands = np.log(power, out=power) / NEPERS
    return reverberant


def warp(bands: Bands, places: NDArray[np.float32]) -> Bands:
    """Move the bands along the frequency axis: vocal tracts of other lengths.

    Parameters
    ----------
    places
        Place that each band comes from, as a fractional index, shape (sequences, n_mels).

    >>> warp(np.array([[[0, 10, 20]]], np.float32), np.array([[0.5, 1.0, 2.0]], np.float32))
    array([[[ 5., 10., 20.]]], dtype=float32)
    """
    low = np.clip(places.astype(np.int64), 0, bands.shape[2] - 2)
    part = np.clip(places - low, 0, 1).astype(np.float32)[:, None, :]
    lower = np.take_along_axis(bands, low[:, None, :], axis=2)
    upper = np.take_along_axis(bands, low[:, None, :] + 1, axis=2)
    moved: Bands = lower + part * (upper - lower)
    return moved
