"""What several tests make: signals, parameters, exported networks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from pipeline import params
from pipeline.audio.samples import Samples
from pipeline.shards import layout, writer
from pipeline.store.feature_store import FeatureStore

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


@pytest.fixture(scope="session")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    """Sixty recordings of twelve frames of noise around a mean of each language, in 12 shards."""
    languages = ("english", "hindi", "mandarin")
    rng = np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "CHUNK", 16)
        patch.setattr(layout, "SHARD", 64)
        path = tmp_path_factory.mktemp("noisy") / "features.zarr"
        names = [languages[number % 3] for number in range(60)]
        lengths = [12] * len(names)
        speakers = [f"s{number}" for number in range(len(names))]
        writer.create(path, list(map(str, range(len(names)))), names, speakers, lengths, 4, {})
        centres = np.repeat(np.eye(3, 4)[[languages.index(name) for name in names]] * 3, 12, axis=0)
        mfcc = (centres + rng.normal(size=centres.shape)).astype(np.float32)
        for shard in layout.deal(lengths):
            rows = slice(shard.start, shard.stop)
            writer.write(path, shard.start, mfcc[rows], np.ones(shard.stop - shard.start, bool))
        return FeatureStore.open(path)
