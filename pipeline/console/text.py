"""Show names and values inside a sentence: on one line, printable, not too long."""

import reprlib

BRIEF_CHARACTERS = 60  # of a wrong value in a message
REPR = reprlib.Repr()  # of nested lists: some levels and elements; of anything else: all, to be shortened later
REPR.maxlevel, REPR.maxlist, REPR.maxdict, REPR.maxtuple = 4, 20, 20, 20
REPR.maxstring = REPR.maxlong = REPR.maxother = 100_000


def printable(text: object) -> str:
    r"""Escape anything that does not print, such as line breaks and sequences that control a terminal.

    >>> print(printable("a\x1b[2Jb\nc"))
    a\x1b[2Jb\nc
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in str(text)
    )


def brief(value: object) -> str:
    """Return a value as Python writes it, on one line and shortened.

    >>> brief("x" * 100)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...xxxxxxxxx'"
    """
    try:
        return shorten(REPR.repr(value))
    except ValueError:  # an integer of more than 4,300 digits
        return "a value too long to print"


def shorten(text: str, limit: int = BRIEF_CHARACTERS) -> str:
    """Put a text on one line, and cut out its middle if it has more than `limit` characters.

    >>> shorten("one two three\\nfour five", limit=20)
    'one two... four five'
    """
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 13]}...{text[-10:]}"
