"""Signals that several tests of audio write to files, and recordings as ingest writes them."""

from pathlib import Path

import numpy as np

from pipeline.arrays import Waveform
from pipeline.audio.cuts import Cut, take
from pipeline.audio.decode import decode
from pipeline.audio.measure import Measures, measure
from pipeline.audio.wav import Container

RATE = 16000


def noise(frames: int, channels: int = 1, seed: int = 0) -> Waveform:
    """Noise below full scale, shape (frames,) or (frames, channels)."""
    sound = np.random.default_rng(seed).normal(0, 0.2, (frames, channels)).astype(np.float32)
    return np.clip(sound[:, 0] if channels == 1 else sound, -0.99, 0.99)


def write(source: Path, target: Path, sample_rate: int, min_duration: float = 0.0) -> Measures:
    """Decode a file, measure it and write it into a container of its own."""
    container, found = Container(target, sample_rate), list[Measures]()
    container.begin()
    measured = lambda _, blocks: found.append(measure(blocks, container.write, sample_rate, min_duration))  # noqa: E731
    take(decode(source), [Cut()], sample_rate, measured)
    container.close()
    return found[0]
