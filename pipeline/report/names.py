"""Names of speakers and recordings as the report shows them: as they are, or as numbers."""

import re
from collections.abc import Callable, Iterable, Iterator

from pipeline.console.text import brief, printable, shorten

WITHHELD = "A sentence that holds shortened names is left out."
PLAIN, SHORT = re.compile(r"[\w./-]*(?: [\w./-]+)*"), 50  # a name that sentences write as it is, up to this length
STANDS_ALONE = r"(?:(?<=['\"(])(?:{0})(?=['\")])|(?<![\w.,])(?:{0})(?= alone has ))"


def shown(speakers: Iterable[str], recordings: Iterable[str], hidden: bool) -> Callable[[str], str]:
    """Return what shows a name, or a sentence that may hold some.

    A short number is hidden only where it stands as a name, since it may be a figure elsewhere. If a sentence holds
    something shortened, names may have been cut, so no word of it is shown.

    Examples
    --------
    >>> said = shown(["bob", "ann", "7", "5551234"], ["bob_1"], hidden=True)
    >>> said("bob"), said("7"), said("7 of 9 hours, 'ann' alone has 3; see bob_1")
    ('speaker 4', 'speaker 2', "7 of 9 hours, 'speaker 3' alone has 3; see recording 1")
    >>> said("of 7 speakers, 7 alone has 3; such as '7' (5551234)")
    "of 7 speakers, speaker 2 alone has 3; such as 'speaker 2' (speaker 1)"
    >>> shown(["bob"], [], hidden=False)("bob")
    'bob'
    """
    if not hidden:
        return str
    numbers = {name: f"recording {number}" for number, name in enumerate(sorted(set(recordings)), 1)}
    numbers |= {name: f"speaker {number}" for number, name in enumerate(sorted(set(speakers)), 1)}
    written = {form: number for name, number in numbers.items() for form in _forms(name)} | numbers
    written.pop("", None)

    def said(text: str) -> str:
        if text in numbers:
            return numbers[text]
        found = sorted((form for form in written if form in text), key=len, reverse=True)
        clear, figures = _either(filter(_distinctive, found)), _either(form for form in found if not _distinctive(form))
        patterns = [rf"(?<!\w)(?:{clear})(?!\w)"] * bool(clear) + [STANDS_ALONE.format(figures)] * bool(figures)
        masked = re.sub("|".join(patterns), lambda one: written[one[0]], text) if patterns else text
        return WITHHELD if "..." in masked else masked

    return said


def _forms(name: str) -> Iterator[str]:
    """Yield a name as sentences write it: without its source, in lower case, on one line, shortened, escaped."""
    for part in {name, name.partition("/")[2]}:
        for plain in {part, part.casefold()}:
            yield plain
            if len(plain) > SHORT or not PLAIN.fullmatch(plain):
                for text in {plain, shorten(plain)}:
                    yield from (text, printable(text), repr(text)[1:-1], brief(text)[1:-1])


def _either(forms: Iterable[str]) -> str:
    return "|".join(map(re.escape, forms))


def _distinctive(form: str) -> bool:
    """Tell whether a form can't be a figure or a mark of a sentence."""
    return len(form) >= 4 or re.search(r"[^\W\d]", form) is not None
