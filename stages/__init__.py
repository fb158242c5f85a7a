"""The DVC stages: each reads params.yaml and its inputs, calls pipeline and writes artifacts.

No other module imports them. This module holds the paths that they share, and the way in which they run.
"""

from pipeline.console import entry  # isort: skip  # first: it handles Ctrl-C from the start

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline import params

GRAPH = Path(__file__).parents[1] / "dvc.yaml"
PARAMS = Path("params.yaml")
ARTIFACTS = Path("artifacts")


def read_params(stage: str) -> "params.Params":
    """Check all of params.yaml and return what dvc.yaml lists for a stage; reading anything else is a defect.

    DVC re-runs a stage if a listed parameter changes. A stage that read another would give stale results.
    """
    from pipeline import params  # after a stage has started its workers
    from pipeline.params import plain_yaml

    graph: Any = plain_yaml.read(GRAPH)
    listed = [entry for entry in graph["stages"][stage]["params"] if isinstance(entry, str)]
    return params.only(params.load(PARAMS), listed)


@contextmanager
def building(name: str) -> Iterator[Path]:
    """Yield an empty folder that replaces artifacts/NAME, with its checksums, when the block ends without an error."""
    from pipeline import checksums, files

    with files.building(ARTIFACTS / name) as folder:
        yield folder
        checksums.seal(folder)


def run(stage: Callable[[], None]) -> None:
    """Run a stage, as `entry.run` does."""
    from pipeline.console.command import Command

    entry.run(Command(stage.__module__, callback=stage, folder=str(ARTIFACTS)))
