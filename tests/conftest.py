"""What several tests make: signals, parameters, exported networks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from pipeline import params
from pipeline.audio import Samples

settings.register_profile("pipeline", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("pipeline")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's own folder."""
    return ROOT


@pytest.fixture(scope="session")
def defaults() -> params.Params:
    """The project's params.yaml."""
    return params.load(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def babble() -> Callable[[int, int], Samples]:
    """Noise whose level jumps up and down around SoX's thresholds, as 16-bit samples."""

    def make(seed: int, samples: int) -> Samples:
        rng = np.random.default_rng(seed)
        step = int(rng.integers(40, 6000))
        level = np.repeat(10 ** rng.uniform(-3.5, -0.7, samples // step + 1), step)[:samples]
        noise = rng.standard_normal(samples) * level
        for _ in range(int(rng.integers(4))):  # stretches of full scale, a constant and nothing
            start = int(rng.integers(samples + 1))
            noise[start : start + int(rng.integers(3000))] = rng.choice([-1.0, 1.0, 0.02, 0.0])
        return np.clip(np.rint(noise * 32768), -32768, 32767).astype(np.int16)

    return make
