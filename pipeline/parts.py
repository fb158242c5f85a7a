"""Parts of a corpus: consecutive files that are one task in ingest, trim and features, with one container of audio.

The names of the files decide where a part ends, not their positions. So a file that comes or goes changes its own part
and at most the neighbours of it; the results of all others are found in the cache.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence, Sized
from itertools import accumulate, pairwise

LEAST_BYTES = 7 << 19  # of a part, two minutes of 16-bit WAV at 16 kHz; twice as much on average
MOST_BYTES = 4 * LEAST_BYTES  # unless it is a single file
FILE_BYTES = 16 << 10  # added to the size of each file, so that small files are limited in number


def cut(names: Sequence[str], sizes: Sequence[int]) -> list[range]:
    """Divide sorted files into parts, each a range of their positions.

    A part ends after a file if the digest of its name is the largest within `LEAST_BYTES` on both sides.

    Parameters
    ----------
    names
        Unique names.
    sizes
        In bytes.

    >>> cut(["a.wav", "b.wav", "c.wav"], [LEAST_BYTES * 2] * 3)
    [range(0, 1), range(1, 2), range(2, 3)]
    """
    digests = [hashlib.sha256(name.encode()).digest() for name in names]
    edges = [0, *accumulate(size + FILE_BYTES for size in sizes)]
    ends = [0]
    for number, digest in enumerate(digests):
        first = bisect_right(edges, edges[number] - LEAST_BYTES, hi=number + 1) - 1
        last = bisect_left(edges, edges[number + 1] + LEAST_BYTES)
        if digest == max(digests[max(first, 0) : last]):
            ends.append(number + 1)
    if ends[-1] < len(names):
        ends.append(len(names))
    return [part for start, stop in pairwise(ends) for part in _bounded(start, stop, edges)]


def _bounded(start: int, stop: int, edges: Sequence[int]) -> list[range]:
    """Divide files start:stop further if they are too large together; no other part depends on it."""
    ends = [start]
    for number in range(start, stop):
        if edges[number + 1] - edges[ends[-1]] > MOST_BYTES and number > ends[-1]:
            ends.append(number)
    return [range(*pair) for pair in pairwise([*ends, stop])]


def count_reused(parts: Iterable[Sized], outcomes: Iterable[tuple[object, bool]]) -> int:
    """Return the number of items in parts whose outcome is from the cache, as its second value says.

    >>> count_reused([["a", "b"], ["c"]], [("result", True), ("result", False)])
    2
    """
    return sum(len(part) for part, (_, reused) in zip(parts, outcomes, strict=True) if reused)


def of_containers(containers: Sequence[str]) -> list[range]:
    """Return the parts of recordings by the containers that hold them.

    >>> of_containers(["a.wav", "a.wav", "b.wav"])
    [range(0, 2), range(2, 3)]
    """
    starts = [number for number, name in enumerate(containers) if not number or name != containers[number - 1]]
    return [range(*pair) for pair in pairwise([*starts, len(containers)])]
