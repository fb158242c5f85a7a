"""An export of every kind of network."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline import params
from pipeline.network.definition import Architecture
from pipeline.network.ensemble import Division
from pipeline.streaming.description import Description
from tests.export import small

KINDS = {
    "gru": small.design("mask", "gru", (12, 7), (9,)),
    "lstm with CMVN and deltas": small.design("mask", "lstm", (12, 7), (9,), cmvn="mean_variance", deltas=3),
    "ensemble of gru with silence": small.design(
        "label", "gru", (12, 7), (9,), Division("english", (("a", "b"), ("c",)), ("hindi", "mandarin"))
    ),
}


@dataclass(frozen=True)
class Export:
    """A network with random weights, and its export."""

    architecture: Architecture
    description: Description
    folder: Path  # of model/ and streaming/

    @property
    def streaming(self) -> Path:
        return self.folder / "streaming"


@pytest.fixture(scope="session", params=list(KINDS))
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, defaults: params.Params
) -> Export:
    architecture, folder = KINDS[request.param], tmp_path_factory.mktemp("export")
    strategy: params.SilenceStrategy = "label" if "silence" in request.param else "mask"
    description = small.export(architecture, strategy, defaults.silence, folder, tolerance=1e-5)
    return Export(architecture, description, folder)
