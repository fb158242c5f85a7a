"""Sounds in no language, synthesised: what a model makes of music, hum, tones, clapping, street noise and babble."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pipeline.arrays import Waveform

COUNT, SECONDS = 20, 6.0  # of each kind; length
RMS = 0.05  # of full scale, -26 dBFS: as loud as speech
VOICES = 8  # of a babble
SCALE = np.array([0, 2, 4, 7, 9])  # semitones of a pentatonic scale

Signal = NDArray[np.float64]


def music(rng: Generator, n_samples: int, rate: int) -> Signal:
    """Return chords of plucked strings: three notes of a scale with eight harmonics, two to four times a second."""
    signal, at = np.zeros(n_samples), 0
    while at < n_samples:
        t = np.arange(n_samples - at) / rate
        for note in rng.choice(SCALE, 3) + 12 * rng.integers(0, 3, 3):
            pitch = 110 * 2 ** (note / 12)
            signal[at:] += sum(np.sin(2 * np.pi * k * pitch * t) / k for k in range(1, 9)) * np.exp(-4 * t)
        at += round(rate * rng.uniform(0.25, 0.5))
    return signal


def hum(rng: Generator, n_samples: int, rate: int) -> Signal:
    """Return the hum of a mains supply: 50 or 60 Hz with twenty harmonics, and a little hiss."""
    t, mains = np.arange(n_samples) / rate, rng.choice([50.0, 60.0])
    waves = [rng.uniform(0, 1) / k * np.sin(2 * np.pi * (k * mains * t + rng.random())) for k in range(1, 21)]
    return np.asarray(np.sum(waves, axis=0) + 0.05 * rng.standard_normal(n_samples))


def tones(rng: Generator, n_samples: int, rate: int) -> Signal:
    """Return pairs of steady tones of 0.1 to 0.4 s with gaps, as a telephone dials."""
    signal, at = np.zeros(n_samples), 0
    while at < n_samples:
        length, gap = (rng.uniform(0.1, 0.4, 2) * rate).astype(int)
        t = np.arange(min(length, n_samples - at)) / rate
        signal[at : at + length] = sum(np.sin(2 * np.pi * pitch * t) for pitch in rng.uniform(350, 1700, 2))
        at += length + gap
    return signal


def clapping(rng: Generator, n_samples: int, rate: int) -> Signal:
    """Return 4 to 30 claps per second, each a burst of noise around 1 to 3 kHz that fades within some 10 ms."""
    signal, length = np.zeros(n_samples), round(0.1 * rate)
    t = np.arange(length) / rate
    for at in rng.integers(0, n_samples - length, round(rng.uniform(4, 30) * n_samples / rate)):
        carrier = np.sin(2 * np.pi * (rng.uniform(1000, 3000) * t + rng.random()))
        burst = np.exp(-t / rng.uniform(0.005, 0.02)) * (carrier + 0.5 * rng.standard_normal(length))
        signal[at : at + length] += rng.uniform(0.2, 1) * burst
    return signal


def street(rng: Generator, n_samples: int, rate: int) -> Signal:
    """Return noise whose power falls with the frequency, as a road's does, swelling as vehicles pass."""
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    spectrum /= np.maximum(np.fft.rfftfreq(n_samples, 1 / rate), 50) ** rng.uniform(0.5, 1)
    t = np.arange(n_samples) / rate
    passing = [np.exp(-(((t - rng.uniform(0, SECONDS)) / rng.uniform(0.5, 2)) ** 2)) for _ in range(3)]
    return np.asarray(np.fft.irfft(spectrum, n_samples) * (0.3 + np.sum(passing, axis=0)))


KINDS: Mapping[str, Callable[[Generator, int, int], Signal]] = {
    "music": music,
    "hum": hum,
    "tones": tones,
    "clapping": clapping,
    "street noise": street,
}


def babble(rng: Generator, n_samples: int, voices: Sequence[Waveform]) -> Signal:
    """Return voices at once, each as loud, repeated or cut to the length, from a random sample on."""
    signal = np.zeros(n_samples)
    for number in rng.permutation(len(voices))[:VOICES]:
        voice = np.roll(voices[number], rng.integers(len(voices[number])))
        signal += np.resize(voice / (np.std(voice) + 1e-9), n_samples)
    return signal


def synthesised(seed: int, rate: int, voices: Sequence[Waveform]) -> Iterator[tuple[str, Waveform]]:
    """Yield `COUNT` sounds of each kind, with its name.

    Parameters
    ----------
    voices
        Speech, of which babble is made; fewer than two: none is made.

    Examples
    --------
    >>> found = [kind for kind, _ in synthesised(0, 8000, [])]
    >>> sorted(set(found)), found.count("hum")
    (['clapping', 'hum', 'music', 'street noise', 'tones'], 20)
    """
    rng, n_samples = np.random.default_rng(seed), round(SECONDS * rate)
    for kind, make in KINDS.items():
        for _ in range(COUNT):
            yield kind, _at_level(make(rng, n_samples, rate))
    for _ in range(COUNT if len(voices) > 1 else 0):
        yield "babble", _at_level(babble(rng, n_samples, voices))


def _at_level(signal: Signal) -> Waveform:
    return np.clip(signal * (RMS / max(float(np.std(signal)), 1e-9)), -1, 1).astype(np.float32)
