"""Signals that several tests of audio write to files, and recordings as ingest writes them."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.arrays import Samples, Waveform
from pipeline.audio.cuts import Cut, take
from pipeline.audio.decode import decode
from pipeline.audio.measure import Measures, measure
from pipeline.audio.samples import FULL_SCALE
from pipeline.audio.wav import Container

RATE = 16000
SPEECH = Path(__file__).parents[3] / "shared" / "speech"
real_speech = pytest.mark.skipif(not SPEECH.is_dir(), reason="no recordings of real people next to the project")


def noise(frames: int, channels: int = 1, seed: int = 0) -> Waveform:
    """Noise below full scale, shape (frames,) or (frames, channels)."""
    sound = np.random.default_rng(seed).normal(0, 0.2, (frames, channels)).astype(np.float32)
    return np.clip(sound[:, 0] if channels == 1 else sound, -0.99, 0.99)


def babble(seed: int, n_samples: int) -> Samples:
    """Noise whose level jumps up and down around SoX's thresholds, as 16-bit samples."""
    rng = np.random.default_rng(seed)
    step = int(rng.integers(40, 6000))
    level = np.repeat(10 ** rng.uniform(-3.5, -0.7, n_samples // step + 1), step)[:n_samples]
    noise = rng.standard_normal(n_samples) * level
    for _ in range(int(rng.integers(4))):  # stretches at full scale, of a constant and of zeros
        start = int(rng.integers(n_samples + 1))
        noise[start : start + int(rng.integers(3000))] = rng.choice([-1.0, 1.0, 0.02, 0.0])
    return np.clip(np.rint(noise * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def write(source: Path, target: Path, sample_rate: int) -> Measures:
    """Decode a file, measure it and write it into a container of its own."""
    container = Container(target, sample_rate)
    container.begin()
    [blocks] = take(decode(source), [Cut()], sample_rate)
    found = measure(blocks, container.write, sample_rate, 0.0)
    container.close()
    return found
