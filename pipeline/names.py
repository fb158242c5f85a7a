"""Names as people write them: those that look alike are one name.

Systems and keyboards write the same name differently: é as one character or two, a space that does not break, marks
without width. Names from tables, parameters and paths are brought into one form where they enter, and compared as such.
"""

import re
import unicodedata

# Default_Ignorable_Code_Point of Unicode, but no control of direction, which changes what is seen, and no filler.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)


def composed(text: str) -> str:
    """Return a text in Unicode's form NFC, in which é is one character."""
    return unicodedata.normalize("NFC", text)


def normal(text: str) -> str:
    r"""Return the form that stands for all names that look the same: composed, nothing invisible, single spaces.

    >>> normal(" Jose\u0301\u00a0 Luis\u200b") == "José Luis"
    True
    """
    return " ".join(composed(_INVISIBLE.sub("", text)).split())


def line(text: str) -> str:
    r"""Return the normal form of any text, with a space for anything that does not print.

    >>> line("x\r\n\x1by\0")
    'x y'
    """
    text = normal(text)
    return text if text.isprintable() else normal("".join(c if c.isprintable() else " " for c in text))
