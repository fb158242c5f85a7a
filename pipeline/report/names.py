"""Names of speakers and recordings as the report shows them: as they are, or as numbers."""

import re
from collections.abc import Callable, Iterable


def shown(speakers: Iterable[str], recordings: Iterable[str], hidden: bool) -> Callable[[str], str]:
    """Return what shows a name, or a sentence that may hold some.

    Examples
    --------
    >>> said = shown(["bob", "ann", "7"], ["bob_1"], hidden=True)
    >>> said("bob"), said("7"), said("7 of 9 hours, 'ann' alone has 3; see bob_1")
    ('speaker 3', 'speaker 1', "7 of 9 hours, 'speaker 2' alone has 3; see recording 1")
    >>> shown(["bob"], [], hidden=False)("bob")
    'bob'
    """
    if not hidden:
        return str
    numbers = {name: f"recording {number}" for number, name in enumerate(sorted(set(recordings)), 1)}
    numbers |= {name: f"speaker {number}" for number, name in enumerate(sorted(set(speakers)), 1)}
    written = sorted(filter(re.compile(r"[^\W\d]").search, numbers), key=len, reverse=True)  # numbers name nobody

    def said(text: str) -> str:
        found = "|".join(re.escape(name) for name in written if name in text)
        numbered = re.sub(rf"(?<!\w)({found})(?!\w)", lambda one: numbers[one[0]], text) if found else text
        return numbers.get(text, numbered)

    return said
