"""Architecture: everything that defines a network except its weights; the table of recurrent cells; ensembles."""

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from pipeline import checksums, params
from pipeline.errors import ArtifactError
from pipeline.params import Cell


class RecurrentLayer(NamedTuple):
    """The layer of a recurrent cell."""

    keras: str  # its name in keras.layers
    states: tuple[str, ...]  # in the order of the layer's own
    holds: bool  # True if its gates can keep the states as they are: the output gate of an LSTM always acts


CELLS: dict[Cell, RecurrentLayer] = {
    "gru": RecurrentLayer("GRU", ("h",), holds=True),
    "lstm": RecurrentLayer("LSTM", ("h", "c"), holds=False),
}

Output = tuple[str, ...]  # the classes that one output of a network stands for


@dataclass(frozen=True)
class Division:
    """The division of the classes between the two networks of an ensemble.

    The first separates the parts of the large class and the super-class of all others; the second separates the classes
    of the super-class.

    Attributes
    ----------
    large
        The over-represented class.
    parts
        The speakers of each of its sub-classes, which are about as large as the super-class.
    others
        The classes of the super-class.
    """

    large: str
    parts: tuple[tuple[str, ...], ...]
    others: tuple[str, ...]

    @functools.cached_property
    def part_of(self) -> dict[str, int]:
        """Number of the sub-class of each speaker of the large class."""
        return {speaker: number for number, part in enumerate(self.parts) for speaker in part}

    @classmethod
    def read(cls, summary: Mapping[str, Any]) -> Self | None:
        """Return the division in manifests/summary.json; None if one network separates all classes.

        Examples
        --------
        >>> Division.read({"ensemble": {"large": "english", "parts": [["ann"], ["bob"]], "others": ["hindi"]}})
        Division(large='english', parts=(('ann',), ('bob',)), others=('hindi',))
        """
        tree = summary["ensemble"]
        return tree and TypeAdapter(cls).validate_python(tree)


@dataclass(frozen=True)
class Architecture:
    """Everything that defines a network except its weights, as in model/architecture.json.

    Attributes
    ----------
    classes
        Names in the order of the posteriors.
    members
        Outputs of each network: the classes if there is only one, otherwise those of the two of an ensemble.
    mean, variance
        Moments of each MFCC over the training frames, n_mfcc of each.
    view
        The silence strategy that it was trained with.
    stride
        Frames per step: the states change at the first of them, and hold at the others.
    cepstra
        As in params.yaml.
    """

    cell: Cell
    stride: int
    units: tuple[int, ...]
    dense: tuple[int, ...]
    dropout: float
    noise: float
    classes: tuple[str, ...]
    members: tuple[tuple[Output, ...], ...]
    mean: tuple[float, ...]
    variance: tuple[float, ...]
    view: str = ""
    cepstra: int | None = None

    @property
    def n_mfcc(self) -> int:
        """Coefficients per frame."""
        return len(self.mean)

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of each recurrent layer, with those that count frames: one per frame of a step."""
        return tuple(units + (self.stride if self.stride > 1 else 0) for units in self.units)

    @property
    def states(self) -> dict[str, int]:
        """Names and lengths of the states of the step form, in the order of its layers."""
        return {
            f"network{number}_{self.cell}{layer}_{state}": width
            for number in range(len(self.members))
            for layer, width in enumerate(self.widths)
            for state in CELLS[self.cell].states
        }

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        checksums.write_json(path, dataclasses.asdict(self))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file written by `write`.

        Raises
        ------
        ArtifactError
            If the file is missing, altered or not an architecture.
        """
        try:
            return TypeAdapter(cls).validate_python(checksums.read_json(path))
        except ValidationError as error:
            mistake = params.first_mistake(error)
            raise ArtifactError(f"{path} is not a network's description ({mistake}); run `dvc repro`") from error


def make_architecture(
    model: params.Model,
    classes: tuple[str, ...],
    division: Division | None,
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
    view: str = "",
) -> Architecture:
    """Return the architecture for these classes: one network, or an ensemble if the classes are divided.

    A class outside of the division, such as silence, is an output of the first network of an ensemble.

    Parameters
    ----------
    mean, variance
        Moments of each MFCC over the training frames, each of shape (n_mfcc,).
    view
        The silence strategy that it is trained with.

    Examples
    --------
    >>> model = params.Model(cell="lstm", units=(8,), dense=())
    >>> division = Division("english", (("ann",), ("bob", "eve")), ("hindi", "mandarin"))
    >>> classes = ("english", "hindi", "mandarin")
    >>> architecture = make_architecture(model, classes, division, np.zeros(13), np.ones(13))
    >>> architecture.members[0]
    (('english',), ('english',), ('hindi', 'mandarin'))
    >>> architecture.members[1]
    (('hindi',), ('mandarin',))
    >>> list(architecture.states)
    ['network0_lstm0_h', 'network0_lstm0_c', 'network1_lstm0_h', 'network1_lstm0_c']
    """
    members: tuple[tuple[Output, ...], ...] = (tuple((name,) for name in classes),)
    if division is not None:
        extra = tuple((name,) for name in classes if name not in (division.large, *division.others))
        parts = tuple((division.large,) for _ in division.parts)
        members = ((*parts, division.others, *extra), tuple((name,) for name in division.others))
    moments: dict[str, Any] = {"mean": tuple(mean.tolist()), "variance": tuple(variance.tolist())}
    given = dict(model) | {"stride": model.stride if CELLS[model.cell].holds else 1}
    return Architecture(**given, **moments, classes=classes, members=members, view=view)


def membership(outputs: tuple[Output, ...], classes: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return True for each output that stands for a class, shape (outputs, classes)."""
    return np.array([[name in output for name in classes] for output in outputs])
