"""Signals that several tests of audio write to files."""

import numpy as np

from pipeline.arrays import Waveform

RATE = 16000


def noise(frames: int, channels: int = 1, seed: int = 0) -> Waveform:
    """Noise below full scale, shape (frames,) or (frames, channels)."""
    sound = np.random.default_rng(seed).normal(0, 0.2, (frames, channels)).astype(np.float32)
    return np.clip(sound[:, 0] if channels == 1 else sound, -0.99, 0.99)
