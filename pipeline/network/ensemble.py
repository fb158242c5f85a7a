"""The division of the classes between the two networks of an ensemble."""

import functools
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

    @functools.cached_property
    def part_of(self) -> dict[str, str]:
        """Name of the sub-class of each speaker of the large class."""
        count = len(self.parts)
        return {who: f"{self.large}, part {n} of {count}" for n, part in enumerate(self.parts, 1) for who in part}

    @classmethod
    def read(cls, summary: Mapping[str, Any]) -> Self | None:
        """Return the division in manifests/summary.json; None if one network separates all classes.

        Examples
        --------
        >>> Division.read({"ensemble": {"large": "english", "parts": [["ann"], ["bob"]], "others": ["hindi"]}})
        Division(large='english', parts=(('ann',), ('bob',)), others=('hindi',))
        """
        tree = summary["ensemble"]
        return tree and cls(tree["large"], tuple(map(tuple, tree["parts"])), tuple(tree["others"]))
