"""Names and values inside a sentence: on one line, printable, not too long."""

SHOWN = 60  # characters of a wrong value that a message repeats


def printable(text: object) -> str:
    r"""Text on one line that only prints: what would move a cursor or turn the line around is escaped.

    >>> print(printable("a\x1b[2Jb\nc"))
    a\x1b[2Jb\nc
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in str(text)
    )


def brief(value: object) -> str:
    """A value as Python writes it, on one line, its middle left out if it is long."""
    try:
        return shorten(repr(value))
    except ValueError:  # an integer of more than 4,300 digits
        return "a value too long to print"


def shorten(text: str, most: int = SHOWN) -> str:
    """The text on one line, its middle left out if it is longer than so many characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 13]}...{text[-10:]}"
