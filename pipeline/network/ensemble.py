"""The division of classes between the two networks of an ensemble."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ensemble:
    """Two networks in place of one.

    The first tells the parts of the large class and the super-class of all others apart, the second the classes inside
    the super-class.

    Attributes
    ----------
    large
        The over-represented class.
    parts
        Its sub-classes, as their speakers: each about as large as the super-class.
    others
        The classes of the super-class.
    """

    large: str
    parts: tuple[tuple[str, ...], ...]
    others: tuple[str, ...]

    @classmethod
    def read(cls, summary: Mapping[str, Any]) -> "Ensemble | None":
        """The division in manifests/summary.json; None where one network does."""
        tree = summary["ensemble"]
        return tree and cls(tree["large"], tuple(map(tuple, tree["parts"])), tuple(tree["others"]))
