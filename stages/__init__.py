"""The DVC stages: each reads params.yaml and its inputs, calls pipeline, writes artifacts. Imported by nobody.

All of them share where things are, and how they run.
"""

from pipeline.console import entry  # isort: skip  # first: it has to do with how a stage starts

import gc
from collections.abc import Callable
from pathlib import Path

PARAMS = Path("params.yaml")
ARTIFACTS = Path("artifacts")


def run(stage: Callable[[], None]) -> None:
    """Run a stage, as `entry.run` does."""

    def whole() -> None:
        stage()
        gc.freeze()  # else Python looks for garbage before it ends: 0.3 s for what the system frees anyway

    entry.run(whole, str(ARTIFACTS))
