"""All that a network is but its weights."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from pipeline import checksums, params
from pipeline.dataset.views import SILENCE
from pipeline.errors import ArtifactError
from pipeline.network.ensemble import Ensemble

if TYPE_CHECKING:
    pass
Output = tuple[str, ...]  # the classes that one output of a network stands for
STATES = {"gru": ("h",), "lstm": ("h", "c")}


@dataclass(frozen=True)
class Architecture:
    """All that a network is but its weights; kept in model/architecture.json.

    Attributes
    ----------
    classes
        Names in the order of the posteriors.
    members
        The outputs of each network: one network whose outputs are the classes, or the two of an ensemble.
    mean, variance
        Of the MFCCs of the training frames, n_mfcc of each.
    view
        The silence strategy that it was trained with.
    """

    cell: Literal["gru", "lstm"]
    units: tuple[int, ...]
    dense: tuple[int, ...]
    dropout: float
    noise: float
    classes: tuple[str, ...]
    members: tuple[tuple[Output, ...], ...]
    mean: tuple[float, ...]
    variance: tuple[float, ...]
    view: str = ""

    @property
    def n_mfcc(self) -> int:
        """Coefficients of a frame."""
        return len(self.mean)

    @property
    def states(self) -> dict[str, int]:
        """Names of the states of the step form, and the length of each."""
        return {
            f"network{member}_{self.cell}{layer}_{kind}": units
            for member in range(len(self.members))
            for layer, units in enumerate(self.units)
            for kind in STATES[self.cell]
        }

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote; ArtifactError where it can't be."""
        try:
            return cls(**{name: _tuples(value) for name, value in checksums.read_json(path).items()})
        except (TypeError, AttributeError) as error:
            raise ArtifactError(f"{path} is not a network's description ({error}); run `dvc repro`") from None


def make_architecture(
    model: params.Model,
    classes: tuple[str, ...],
    division: Ensemble | None,
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
) -> Architecture:
    """The architecture for these classes, as one network or as an ensemble."""
    members: tuple[tuple[Output, ...], ...] = (tuple((name,) for name in classes),)
    if division is not None:
        extra = tuple((name,) for name in classes if name == SILENCE)
        parts = tuple((division.large,) for _ in division.parts)
        members = ((*parts, division.others, *extra), tuple((name,) for name in division.others))
    return Architecture(
        model.cell,
        model.units,
        model.dense,
        model.dropout,
        model.noise,
        classes,
        members,
        tuple(float(value) for value in mean),
        tuple(float(value) for value in variance),
    )


def membership(outputs: tuple[Output, ...], classes: tuple[str, ...]) -> NDArray[np.bool_]:
    """Whether an output stands for a class, shape (outputs, classes)."""
    return np.array([[name in output for name in classes] for output in outputs])


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
