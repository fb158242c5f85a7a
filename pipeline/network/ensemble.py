"""The division of the classes between the two networks of an ensemble."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Division:
    """Two networks instead of one.

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

    @classmethod
    def read(cls, summary: Mapping[str, Any]) -> Self | None:
        """The division in manifests/summary.json; None if one network separates all classes.

        Examples
        --------
        >>> Division.read({"ensemble": {"large": "english", "parts": [["ann"], ["bob"]], "others": ["hindi"]}})
        Division(large='english', parts=(('ann',), ('bob',)), others=('hindi',))
        """
        tree = summary["ensemble"]
        return tree and cls(tree["large"], tuple(map(tuple, tree["parts"])), tuple(tree["others"]))
