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

BYTES_PER_S = 0.5e6  # of files in any format, for allowances: slower than 32 kbit/s MP3 decodes on a busy machine
SAMPLES_PER_S = 1e6  # for allowances: a tenth of what trim and features do


@dataclass(frozen=True)
class Job(Generic[Item, Result]):
    """The work, its items, and everything that its results depend on.

    Attributes
    ----------
    name
        Of the stage.
    unit
        What the items are, in messages.
    params
        Leaves of params.yaml that the stage reads.
    code
        Rooms and modules of the package that decide the results, as paths relative to it: the memo's key holds them.
    packages
        Packages whose versions decide the results: workers must have the same.
    function
        From a batch of items, and what is bound to it by keyword, to one result per item. Workers import it by name;
        its results should be small, its large output written by itself.
    batches
        From the inputs of the stage to batches of items, one task each: a task costs some milliseconds of its own.
    placeholder
        The result of an item that failed; called as soon as that is known.
    allowance_s
        Seconds that an item may take, beside the time limit of every task.
    """

    name: str
    unit: str
    params: tuple[str, ...]
    code: tuple[str, ...]
    packages: tuple[str, ...]
    function: Callable[..., list[Result]]
    batches: Callable[..., Sequence[Sequence[Item]]]
    placeholder: Callable[[Item, Cause], Result]
    allowance_s: Callable[[Item], float]

    @property
    def module(self) -> str:
        """The module of the function: workers of this machine import it while they start."""
        function: Any = self.function
        return str(getattr(function, "func", function).__module__)
