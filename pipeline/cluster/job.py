"""The work of a stage on a Dask cluster, declared once.

The stage, `lid plan`, the memo, the workers and the test of dvc.yaml all read the same declaration.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Cause = Literal["killed", "hung"]
"""Why an item failed: alone in a task, it crashed every worker that took it, or the task did not end."""
FAILURE: dict[Cause, str] = {"killed": "crashed every worker", "hung": "never ended"}

BYTES_PER_S = 0.5e6  # of files in any format, for allowances: slower than decoding 32 kbit/s MP3 on a busy machine
COMPILE_S = 120.0  # of a job: 5 to 15 s of one processor, on a machine that has other work
SAMPLES_PER_S = 1e6  # for allowances: a tenth of the speed of trim and features


@dataclass(frozen=True)
class Job(Generic[Item, Result]):
    """The work, its items, and everything that its results depend on.

    Attributes
    ----------
    name
        Name of the stage.
    unit
        Name of the items in messages.
    code
        Rooms and modules of the package that affect the results, as paths relative to it; part of the memo's key.
    packages
        Packages whose versions affect the results: workers must have the same.
    function
        Takes a batch of items, and further arguments bound by keyword; returns one result per item. Workers import it
        by name. Its results should be small; it should write large output itself.
    batches
        Divides the inputs of the stage into batches of items, one task each; a task costs some milliseconds.
    placeholder
        Returns the result of an item that failed; called as soon as the failure is known.
    allowance_s
        Seconds that an item may take, in addition to the time limit of every task.
    compile_s
        Seconds that the first task of a worker may take in addition: Numba compiles the function on a new machine.
    """

    name: str
    unit: str
    code: tuple[str, ...]
    packages: tuple[str, ...]
    function: Callable[..., list[Result]]
    batches: Callable[..., Sequence[Sequence[Item]]]
    placeholder: Callable[[Item, Cause], Result]
    allowance_s: Callable[[Item], float]
    compile_s: float = 0.0

    @property
    def module(self) -> str:
        """The module of the function: workers of this machine import it while they start."""
        function: Any = self.function
        return str(getattr(function, "func", function).__module__)
