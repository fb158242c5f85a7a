"""Changes that training sequences go through, with new random values for every sequence and epoch.

    splice ─► voice: warp ─► room: echo, noise ─► microphone: gain, tilt, equaliser ─► cut-off ─► masks

MFCCs with n_mfcc = n_mels are a rotation of the log-mel bands: they are rotated back, changed, and rotated again. Fewer
MFCCs give smoothed bands, on which only what is added to them is exact: gain, tilt and equaliser. Filters add to bands
in dB, noise and echoes add their power.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline import params
from pipeline.mfcc.kernel import POWER_FLOOR, Kernel, make_kernel
from pipeline.store.items import Example

FLOOR_DB = np.float32(10 * np.log10(POWER_FLOOR))
NEPERS = np.float32(np.log(10) / 10)  # of power, per dB
EDGE = 1 / 6  # of a sequence, at its start and end, in which no other one begins
N_CURVES = 4  # cosines over the bands that a random equaliser is made of
APPLIED = 0.5  # share of the sequences that get noise or echoes: the network needs recordings without them as well
NOISE_FRAMES = 4096  # of noise, from which every sequence gets a part
HANN_BINS = 1.5  # bins of the spectrum that one independent value of noise takes

Bands = NDArray[np.float32]  # shape (sequences, frames, n_mels), dB
Power = NDArray[np.float32]  # the same, as power


def chain(settings: params.Augment, mfcc: params.Mfcc, sample_rate: int, seed: int, stride: int = 1) -> "Chain | None":
    """Return the changes, None if all of them are switched off."""
    return Chain(settings, mfcc, sample_rate, seed, stride) if settings.active() else None


class Chain:
    """Change batches of training sequences at random.

    Parameters
    ----------
    settings
        Ranges; 0 or null switches a change off.
    seed
        Seed of the noise.
    stride
        Frames of the recording from one frame of a sequence to the next.
    """

    def __init__(
        self, settings: params.Augment, mfcc: params.Mfcc, sample_rate: int, seed: int, stride: int = 1
    ) -> None:
        kernel = make_kernel(mfcc, sample_rate)
        self._settings, self._cosines = settings, kernel.cosines
        self._bands = np.ascontiguousarray(kernel.cosines.T)  # the inverse, as the cosines are orthonormal
        self._invertible = mfcc.n_mfcc == mfcc.n_mels
        self._ramp = np.linspace(-1, 1, mfcc.n_mels, dtype=np.float32)
        order = np.arange(1, N_CURVES + 1)
        places = np.pi * order[:, None] * (np.arange(mfcc.n_mels) + 0.5) / mfcc.n_mels
        self._curves = (np.cos(places) / np.sqrt(order[:, None])).astype(np.float32)
        self._centres = _centres(kernel, sample_rate)
        self._frame_s = stride * mfcc.hop_length / sample_rate
        self._noise = _noise(kernel, np.random.default_rng(seed))
        active = settings.active()
        steps = {
            self._warp: "warp" in active,
            self._room: "echo" in active or "noise" in active,
            self._microphone: True,
            self._cut_off: "cutoff" in active,
            self._mask: "mask" in active,
        }
        self._steps = [step for step, wanted in steps.items() if wanted]

    def __call__(self, batch: Example, rng: np.random.Generator) -> Example:
        """Change a batch of sequences; the level of each is that of its frames of non-zero weight."""
        if self._settings.splice:
            splice(batch, self._settings.splice, rng)
        features, targets, weights = batch
        shape = features.shape
        bands: Bands = (features.reshape(-1, shape[2]) @ self._bands).reshape(*shape[:2], -1)
        for step in self._steps:
            bands = step(bands, weights, rng)
        if self._invertible:
            np.maximum(bands, FLOOR_DB, out=bands)
        return Example((bands.reshape(-1, bands.shape[2]) @ self._cosines).reshape(shape), targets, weights)

    def _warp(self, bands: Bands, weights: NDArray[np.float32], rng: np.random.Generator) -> Bands:
        factors = rng.uniform(1 - self._settings.warp, 1 + self._settings.warp, len(bands))
        wanted = np.minimum(factors[:, None] * self._centres, self._centres[-1])
        places = np.interp(wanted, self._centres, np.arange(len(self._centres)))
        return warp(bands, places.astype(np.float32))

    def _room(self, bands: Bands, weights: NDArray[np.float32], rng: np.random.Generator) -> Bands:
        power: Power = np.exp(np.multiply(bands, NEPERS, out=bands), out=bands)
        if self._settings.echo:
            self._add_echoes(power, rng)
        if self._settings.noise is not None:
            self._add_noise(power, weights, rng)
        np.log(power, out=power)
        return np.divide(power, NEPERS, out=power)

    def _add_echoes(self, power: Power, rng: np.random.Generator) -> None:
        chosen = rng.random(len(power)) < APPLIED
        seconds = rng.uniform(0.05, self._settings.echo, chosen.sum())  # until the echo is 60 dB weaker
        share = 10 ** rng.uniform(-1.5, 0, len(seconds))
        decay = 10 ** (-6 * self._frame_s / seconds)
        power[chosen] = echo(power[chosen], decay.astype(np.float32), share.astype(np.float32))

    def _add_noise(self, power: Power, weights: NDArray[np.float32], rng: np.random.Generator) -> None:
        chosen = rng.random(len(power)) < APPLIED
        voiced = (weights[chosen] > 0).astype(np.float32)
        level = (power[chosen].mean(axis=2) * voiced).sum(axis=1) / np.maximum(voiced.sum(axis=1), 1) + POWER_FLOOR
        below = rng.uniform(self._settings.noise or 0, 50, len(level))
        colour = rng.uniform(-20, 5, len(level))
        shape = np.exp(colour[:, None] * self._ramp * NEPERS)
        spectrum = shape / shape.mean(axis=1, keepdims=True) * (level * 10 ** (-below / 10))[:, None]
        starts = rng.integers(NOISE_FRAMES, size=len(level))
        rows = (starts[:, None] + np.arange(power.shape[1])) % NOISE_FRAMES
        noise = self._noise[rows]
        noise *= spectrum.astype(np.float32)[:, None, :]
        power[chosen] += noise

    def _microphone(self, bands: Bands, weights: NDArray[np.float32], rng: np.random.Generator) -> Bands:
        n, ranges = len(bands), self._settings
        gain = rng.uniform(-ranges.gain, ranges.gain, (n, 1))
        tilt = rng.uniform(-ranges.tilt, ranges.tilt, (n, 1)) * self._ramp
        curve = rng.normal(0, 1, (n, N_CURVES)) * ranges.equaliser @ self._curves
        bands += (gain + tilt + curve).astype(np.float32)[:, None, :]
        return bands

    def _cut_off(self, bands: Bands, weights: NDArray[np.float32], rng: np.random.Generator) -> Bands:
        chosen = rng.random(len(bands)) < 0.3
        edges = rng.uniform(min(self._settings.cutoff or 0, self._centres[-1]), self._centres[-1], len(bands))
        depth = rng.uniform(20, 60, len(bands))
        above = self._centres > edges[:, None]
        bands[chosen] -= (above * depth[:, None]).astype(np.float32)[chosen, None, :]
        return bands

    def _mask(self, bands: Bands, weights: NDArray[np.float32], rng: np.random.Generator) -> Bands:
        n_bands = bands.shape[2]
        widths = rng.integers(0, min(self._settings.mask, n_bands // 2) + 1, len(bands))
        starts = rng.integers(0, n_bands - widths + 1)
        for sequence, start, stop, mean in zip(bands, starts, starts + widths, bands.mean(axis=(1, 2)), strict=True):
            sequence[:, start:stop] = mean
        return bands


def splice(batch: Example, share: float, rng: np.random.Generator) -> None:
    """Let a share of the sequences go on, in place, as the beginning of others, from random frames on.

    So the network learns that the language, the voice and the microphone of a stream may change.
    """
    count, frames = batch.weights.shape
    chosen = np.flatnonzero(rng.random(count) < share)
    others = batch.part(rng.permutation(count)[chosen])
    ends = frames - (batch.weights[chosen, ::-1] > 0).argmax(axis=1)  # of what is not padding
    for number, (sequence, at) in enumerate(zip(chosen, rng.uniform(EDGE, 1 - EDGE, len(chosen)) * ends, strict=True)):
        batch.part((sequence, slice(int(at), None))).fill(others.part((number, slice(frames - int(at)))))


def echo(power: Power, decay: NDArray[np.float32], share: NDArray[np.float32]) -> Power:
    """Add, in place, the late echoes of a room, which decay exponentially; return the power.

    Parameters
    ----------
    decay
        Factor of the power from one frame to the next, shape (sequences,).
    share
        Power of the echoes of a short sound, all together, as a share of its own, shape (sequences,).
    """
    tail = np.zeros_like(power[:, 0])
    keep = decay[:, None]
    arrives = (share * (1 - decay))[:, None]  # a geometric series: all of it sums up to the share
    for frame in range(power.shape[1]):
        direct = power[:, frame].copy()
        power[:, frame] += tail
        tail += arrives * direct
        tail *= keep
    return power


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
    part = np.clip(places - low, 0, 1)
    sequences, to = np.ogrid[: len(places), : places.shape[1]]
    weights = np.zeros((len(places), bands.shape[2], places.shape[1]), np.float32)
    weights[sequences, low, to], weights[sequences, low + 1, to] = 1 - part, part
    return bands @ weights  # three times as fast as indexing


def _centres(kernel: Kernel, sample_rate: int) -> NDArray[np.float64]:
    """Return the centre frequencies of the mel bands, Hz."""
    frequencies = np.linspace(0, sample_rate / 2, len(kernel.mel))
    return np.asarray(frequencies @ kernel.mel / kernel.mel.sum(axis=0))


def _noise(kernel: Kernel, rng: np.random.Generator) -> Power:
    """Return mel bands of white noise with a mean power of 1 in every band, shape (NOISE_FRAMES, n_mels)."""
    share = kernel.mel / kernel.mel.sum(axis=0)
    independent = np.maximum(1 / np.square(share).sum(axis=0) / HANN_BINS, 1)
    power = rng.standard_gamma(independent, (NOISE_FRAMES, len(independent))) / independent
    return np.asarray(power, np.float32)
