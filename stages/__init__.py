"""The DVC stages: each reads params.yaml and its inputs, calls pipeline and writes artifacts.

No other module imports them. This module holds the paths that they share, and the way in which they run.
"""

from pipeline.console import entry  # isort: skip  # first: it handles Ctrl-C from the start

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline import params

PARAMS = Path("params.yaml")
ARTIFACTS = Path("artifacts")


def read_params(leaves: Iterable[str]) -> "params.Params":
    """Check all of params.yaml and return the parameters that a stage declares; reading any other is a defect."""
    from pipeline import params  # after a stage has started its workers

    return params.only(params.load(PARAMS), leaves)


def run(stage: Callable[[], None]) -> None:
    """Run a stage, as `entry.run` does."""
    entry.run(stage, str(ARTIFACTS))
