"""The DVC stages: each reads params.yaml and its inputs, calls pipeline, writes artifacts. Imported by nobody.

What all of them share is here: where things are, and how a user's mistake is told.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import UserError

PARAMS = Path("params.yaml")
ARTIFACTS = Path("artifacts")


def run(stage: Callable[[], None]) -> None:
    """Run a stage; a user's mistake is one line on standard error and exit status 2."""
    try:
        stage()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
