"""An export for every silence strategy."""

from pathlib import Path

import pytest

from pipeline import params
from tests.export import small


@pytest.fixture(scope="session")
def folders() -> dict[params.SilenceStrategy, Path]:
    """By strategy, the folder of model/ and streaming/."""
    return {strategy: small.made(strategy).folder for strategy in small.STRATEGIES}


@pytest.fixture(scope="session")
def masked(folders: dict[params.SilenceStrategy, Path]) -> Path:
    """The export for the strategy `mask`."""
    return folders["mask"] / "streaming"
