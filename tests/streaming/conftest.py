"""An export for every silence strategy."""

import itertools
from pathlib import Path
from typing import get_args

import pytest

from pipeline import params
from tests.export import small

CELLS: dict[params.SilenceStrategy, params.Cell] = dict(
    zip(small.STRATEGIES, itertools.cycle(get_args(params.Cell)), strict=False)
)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory, defaults: params.Params) -> dict[params.SilenceStrategy, Path]:
    """By strategy, the folder of model/ and streaming/."""
    made = {strategy: tmp_path_factory.mktemp(strategy) for strategy in small.STRATEGIES}
    for strategy, folder in made.items():
        every = CELLS[strategy] == "lstm"  # option that changes the stream
        design = small.design(
            strategy, CELLS[strategy], cmvn="mean_variance" if every else "none", deltas=3 if every else 0
        )
        small.export(design, strategy, defaults.silence.model_copy(update={"automatic_gain": every}), folder)
    return made


@pytest.fixture(scope="session")
def masked(folders: dict[params.SilenceStrategy, Path]) -> Path:
    """The export for the strategy `mask`."""
    return folders["mask"] / "streaming"
