"""The DVC stages: each reads params.yaml and its inputs, calls pipeline, writes artifacts. Imported by nobody.

All of them share where things are, and how they run.
"""

from pipeline.console import entry  # isort: skip  # first: it has to do with how a stage starts

import gc
from collections.abc import Callable, Iterable
from pathlib import Path

from pipeline import params

PARAMS = Path("params.yaml")
ARTIFACTS = Path("artifacts")


def read_params(leaves: Iterable[str]) -> params.Params:
    """Check all of params.yaml and give the parameters that a stage declares; reading any other is a defect."""
    return params.only(params.load(PARAMS), leaves)


def run(stage: Callable[[], None]) -> None:
    """Run a stage, as `entry.run` does."""

    def whole() -> None:
        stage()
        gc.freeze()  # else Python looks for garbage before it ends: 0.3 s for what the system frees anyway

    entry.run(whole, str(ARTIFACTS))
