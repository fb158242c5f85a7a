"""How far changes of the mel bands are from the same changes of the samples, and what they cost.

    python -m benchmarks.augmentation                     # the demo corpus
    python -m benchmarks.augmentation --corpus FOLDER     # every audio file below a folder

A change of the samples is followed by the MFCC stage's own mel bands, and compared with the change of the bands of the
unchanged samples: the mean difference, and the mean absolute one, over all frames and bands, and over those of speech
within 40 dB of the loudest.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from benchmarks.duplicates import DEMO, RATE_HZ, ROOT, load
from pipeline import augment as change
from pipeline import params
from pipeline.augment import FLOOR_DB, Chain
from pipeline.console import terminal
from pipeline.mfcc.kernel import Kernel, make_kernel
from pipeline.store.items import Example

GAIN_DB, SNR_DB, CUTOFF_HZ, ECHO_S, ECHO_SHARE = 6.0, 10.0, 3400.0, 0.3, 0.3
NEAR_DB = 40  # of the loudest band of a recording
RECORDINGS = 100
BATCH, FRAMES = 32, 300

Waveform = NDArray[np.float64]


class Difference(NamedTuple):
    """Of the bands of one recording, dB."""

    mean: float
    absolute: float
    near: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", type=Path, default=DEMO)
    recordings = [samples / 32768 for samples in load(parser.parse_args().corpus).values() if len(samples) > RATE_HZ]
    recordings = recordings[:: -(-len(recordings) // RECORDINGS)]
    settings = params.load(ROOT / "params.yaml")
    kernel = make_kernel(settings.mfcc, RATE_HZ)
    rows = []
    for name, compare in COMPARISONS.items():
        found = np.array([compare(samples, kernel, np.random.default_rng(n)) for n, samples in enumerate(recordings)])
        rows.append([name, *(f"{value:.2f}" for value in found.mean(axis=0))])
    print(f"{len(recordings)} recordings")
    terminal.show_table(["change", "mean, dB", "absolute", "of the loudest 40 dB"], rows)
    show_time(settings)


def difference(changed: Waveform, expected: NDArray[np.float32], kernel: Kernel, n_frames: int) -> Difference:
    true = kernel.log_mel(changed.astype(np.float32))[:n_frames]
    error = np.maximum(expected[:n_frames], FLOOR_DB) - true
    near = true > true.max() - NEAR_DB
    return Difference(float(error.mean()), float(np.abs(error).mean()), float(np.abs(error[near]).mean()))


def gain(samples: Waveform, kernel: Kernel, rng: np.random.Generator) -> Difference:
    before = kernel.log_mel(samples.astype(np.float32))
    return difference(samples * 10 ** (GAIN_DB / 20), before + np.float32(GAIN_DB), kernel, len(before))


def filtered(samples: Waveform, kernel: Kernel, rng: np.random.Generator) -> Difference:
    """A random smooth equaliser."""
    levels = rng.normal(0, 6, 6)
    taps = scipy.signal.firwin2(129, np.linspace(0, RATE_HZ / 2, 6), 10 ** (levels / 20), fs=RATE_HZ)
    return _filter(samples, taps, kernel)


def cut_off(samples: Waveform, kernel: Kernel, rng: np.random.Generator) -> Difference:
    return _filter(samples, scipy.signal.firwin(129, CUTOFF_HZ, fs=RATE_HZ), kernel)


def noise(samples: Waveform, kernel: Kernel, rng: np.random.Generator) -> Difference:
    """White noise; its bands are those of another draw, so that single values differ and only their mean can agree."""
    level = np.sqrt(np.mean(np.square(samples)) / 10 ** (SNR_DB / 10))
    first, second = rng.normal(0, level, (2, len(samples)))
    before, added = (kernel.log_mel(part.astype(np.float32)) for part in (samples, second))
    both = 10 * np.log10(10 ** (before / 10) + 10 ** (added / 10))
    return difference(samples + first, both, kernel, len(before))


def echoes(samples: Waveform, kernel: Kernel, rng: np.random.Generator) -> Difference:
    """A room of exponentially decaying noise."""
    times = np.arange(round(ECHO_S * RATE_HZ)) / RATE_HZ
    response = rng.normal(0, 1, len(times)) * 10 ** (-3 * times / ECHO_S)
    response *= np.sqrt(ECHO_SHARE / np.sum(np.square(response)))
    response[0] += 1
    before = kernel.log_mel(samples.astype(np.float32))
    decay = np.array([10 ** (-6 * kernel.hop_length / RATE_HZ / ECHO_S)], np.float32)
    power = change.echo(10 ** (before[None] / np.float32(10)), decay, np.array([ECHO_SHARE], np.float32))[0]
    expected = 10 * np.log10(power)
    return difference(scipy.signal.fftconvolve(samples, response)[: len(samples)], expected, kernel, len(before))


def _filter(samples: Waveform, taps: Waveform, kernel: Kernel) -> Difference:
    _, response = scipy.signal.freqz(taps, worN=len(kernel.mel), fs=RATE_HZ, include_nyquist=True)
    curve = 10 * np.log10(np.square(np.abs(response)) @ kernel.mel / kernel.mel.sum(axis=0))
    delay = len(taps) // 2
    changed = scipy.signal.lfilter(taps, 1, np.append(samples, np.zeros(delay)))[delay:]
    before = kernel.log_mel(samples.astype(np.float32))
    return difference(changed, before + curve.astype(np.float32), kernel, len(before))


COMPARISONS: dict[str, Callable[[Waveform, Kernel, np.random.Generator], Difference]] = {
    f"gain of {GAIN_DB:g} dB": gain,
    "random equaliser, 6 dB": filtered,
    f"cut-off at {CUTOFF_HZ:,.0f} Hz": cut_off,
    f"noise {SNR_DB:g} dB below": noise,
    f"echoes, {ECHO_S:g} s": echoes,
}


def show_time(settings: params.Params) -> None:
    """Time of the whole chain per batch."""
    chain, rng = Chain(settings.augment, settings.mfcc, RATE_HZ, 0), np.random.default_rng(0)
    features = rng.normal(0, 20, (BATCH, FRAMES, settings.mfcc.n_mfcc)).astype(np.float32)
    shape, seconds = (BATCH, FRAMES), []
    batch = Example(features, np.zeros(shape, np.int64), np.ones(shape, np.float32))
    for _ in range(20):
        began = time.perf_counter()
        chain(batch, rng)
        seconds.append(time.perf_counter() - began)
    print(f"the chain takes {1000 * np.median(seconds):.0f} ms per batch of {BATCH} sequences of {FRAMES} frames")


if __name__ == "__main__":
    main()
