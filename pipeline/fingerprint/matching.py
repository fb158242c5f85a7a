"""Find recordings of the same speech by their landmarks: an inverted index of hashes, votes for offsets, a check.

The method is that of A. Wang, "An industrial-strength audio search algorithm", ISMIR 2003, with other landmarks.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 3200  # approximate rate of the analysed signal
TICK = 25  # samples at that rate, 8 ms
BANDS = ((0, 1), (2, 3))  # a hash is made of two of the bands of a landmark and of the next: the other two may differ
BIN_BITS = 6
N_BINS = 1 << BIN_BITS  # no band has more
QUANTUM_TICKS, QUANTUM_BITS = 3, 6  # distances in time between the two landmarks: 23 ms each, up to 1.5 s
NUMBER_BITS = 32  # number of the landmark that a hash starts from
NEIGHBOURS = 2  # neighbours in its bucket that a hash is compared with, however large the bucket is
MAX_HASHES = 1 << 20  # sorted at a time
MIN_VOTES, SPREAD_TICKS = 2, 3  # a pair is checked if two hashes agree on its offset within 23 ms
CHECKED = 1 << 17  # landmarks checked at a time: a thousand pairs of ten seconds
TOLERANCE_TICKS = 2  # time tolerance for a common landmark: 16 ms
PARTNERS = 3  # landmarks within the tolerance that are compared
SAME_BANDS = 3  # equal bands of a common landmark
MIN_MATCHES = 4  # common landmarks: half a second of speech
# Beyond the two that voted, this share of the landmarks is common by chance. False pairs of real speech and of the
# demo's voices reached 0.5 standard deviations more, copies of a few seconds 4.0 and more.
CHANCE, DEVIATIONS = 0.02, 3.5
# Recordings that share an announcement, a jingle or a sentence are not the same: those agree in all of their overlap,
# but for a few landmarks that noise hides. If that is not all of the shorter one, it must be much of it or longer than
# a sentence, and no third recording may share it and differ elsewhere: an announcement may end a call and begin
# another, and be so loud that the callers pass for noise.
# Of calls that share ten seconds and have three of their own, 7 or more landmarks are missing; of copies, up to 5.
QUIET_LEVELS = 8  # steps of 3 dB below the loudest landmark: fainter ones are noise and not compared
GAP = 10  # landmarks without a common one that end a matching stretch: 2 s of speech
MAX_MISSING = 5  # common landmarks expected outside matching stretches
WHOLE = 0.9  # of the shorter recording, and of its landmarks, faint ones too
MIN_OVERLAP, SENTENCE_TICKS = 0.45, 5 * 128  # share of the shorter recording; 5 s
MOST = 0.8  # of a stretch, that a third recording shares
LONG_TICKS = 15 * 128  # 15 s: a longer matching stretch is always the same speech


@dataclass(frozen=True)
class Landmarks:
    """Maxima of a recording's envelope, in order of time.

    Attributes
    ----------
    ticks
        Times, shape (landmarks,), in units of `tick_s`.
    bins
        The strongest bin of the spectrum in every band, shape (landmarks, bands); 0 if the band is weak.
    levels
        Powers of the envelope in steps of 3 dB, shape (landmarks,).
    length
        Ticks of the whole recording.
    """

    ticks: NDArray[np.int32]
    bins: NDArray[np.uint8]
    levels: NDArray[np.uint8]
    length: int


def tick_s(sample_rate: int) -> float:
    """Return the seconds per tick for recordings at `sample_rate` Hz.

    >>> tick_s(16000)
    0.0078125
    """
    return TICK * factor(sample_rate) / sample_rate


def factor(sample_rate: int) -> int:
    """Return the number of samples that are summed to one sample of the analysed signal."""
    return max(1, round(sample_rate / RATE_HZ))


@dataclass(frozen=True)
class Link:
    """Two recordings with the same speech.

    Attributes
    ----------
    first, second
        Numbers of the recordings, the first below the second.
    offset
        Ticks; what the second has at time t, the first has at ``t + offset``.
    matches
        Number of common landmarks.
    """

    first: int
    second: int
    offset: int
    matches: int


class _Index:
    """The landmarks of all recordings in one row, which is also one axis of time."""

    def __init__(self, recordings: Sequence[Landmarks]) -> None:
        self.counts = np.array([len(landmarks.ticks) for landmarks in recordings])
        self.lengths = np.array([landmarks.length for landmarks in recordings])
        self.span = int(self.lengths.max()) + TOLERANCE_TICKS + 2  # ticks per recording on the axis
        self.recording = np.repeat(np.arange(len(recordings)), self.counts)
        columns = zip(*((landmarks.ticks, landmarks.bins, landmarks.levels) for landmarks in recordings), strict=True)
        self.ticks, self.bins, levels = map(np.concatenate, columns)
        self.times = self.recording * self.span + self.ticks
        highest = np.zeros(len(recordings), np.uint8)
        np.maximum.at(highest, self.recording, levels)
        self.loud = levels + QUIET_LEVELS > highest[self.recording]

    def hashes(self) -> Iterator[NDArray[np.uint64]]:
        """Yield sorted hashes with the number of their first landmark in the lower 32 bits, in parts of MAX_HASHES.

        The hashes of one landmark are in the same part, so that they vote together.
        """
        parts = len(BANDS) * len(self.ticks) // MAX_HASHES + 1
        yield from (self._hashes(part, parts) for part in range(parts))

    def _hashes(self, part: int, parts: int) -> NDArray[np.uint64]:
        quanta = (np.diff(self.ticks) + QUANTUM_TICKS // 2) // QUANTUM_TICKS
        near = (np.diff(self.recording) == 0) & (quanta < 1 << QUANTUM_BITS) & (quanta % parts == part)
        rows = []
        for number, bands in enumerate(BANDS):
            low, high = self.bins[:, bands].T
            usable = (low > 0) & (high > 0)
            at = np.flatnonzero(near & usable[:-1] & usable[1:])
            spectrum = (low % N_BINS).astype(np.uint32) << BIN_BITS | high % N_BINS
            hashed = number << 2 * BIN_BITS | spectrum[at]
            hashed = hashed << 2 * BIN_BITS | spectrum[at + 1]
            hashed = hashed << QUANTUM_BITS | quanta[at].astype(np.uint32)
            rows.append(hashed.astype(np.uint64) << NUMBER_BITS | at.astype(np.uint64))
        return np.sort(np.concatenate(rows))

    def candidates(self, hashes: NDArray[np.uint64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return pairs of recordings from different components with an offset that several hashes vote for.

        Shape (pairs, 3): first, second, offset; the pairs with most votes come first.
        """
        n_bits = len(self.lengths).bit_length()
        vote = np.concatenate([self._votes(hashes, labels, lag, n_bits) for lag in range(1, NEIGHBOURS + 1)])
        vote.sort()
        starts = np.concatenate([[0], np.flatnonzero(np.diff(vote) > SPREAD_TICKS) + 1])
        counts = np.diff(starts, append=len(vote))
        enough = np.flatnonzero(counts >= MIN_VOTES)
        enough = enough[np.argsort(-counts[enough], kind="stable")]
        pairs, offsets = np.divmod(vote[starts[enough] + counts[enough] // 2], 2 * self.span)  # the median
        return np.stack([pairs >> n_bits, pairs & ((1 << n_bits) - 1), offsets - self.span], axis=1)

    def _votes(self, hashes: NDArray[np.uint64], labels: NDArray[np.int64], lag: int, n_bits: int) -> NDArray[np.int64]:
        """Return the votes of hashes and those `lag` places later that are equal: pair and offset in one number."""
        same = np.flatnonzero((hashes[lag:] ^ hashes[:-lag]) < 1 << NUMBER_BITS)
        first, second = ((hashes[at] & np.uint64(0xFFFFFFFF)).astype(np.uint32) for at in (same, same + lag))
        apart = labels[self.recording[first]] != labels[self.recording[second]]
        first, second = first[apart], second[apart]
        pairs = (self.recording[first] << n_bits) | self.recording[second]
        return np.asarray(2 * self.span * pairs + self.span + self.ticks[first] - self.ticks[second])

    def compared(self, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of the pairs from `candidates` that share speech, shape (shared, 7).

        First, second, offset, number of common landmarks, ticks of the first at which the longest matching stretch
        begins and ends, and whether they are the same speech: 2: yes; 1: if `_of_two`; 0: no.
        """
        first, second, offset = pairs.T
        ends = np.stack([np.maximum(offset, 0), np.minimum(self.lengths[first], self.lengths[second] + offset) + 1])
        zero = np.stack([first * self.span, second * self.span - offset])  # the first's time 0 in either
        starts, stops = np.searchsorted(self.times, zero + ends[:, None])
        counts = np.maximum(stops - starts, 0)
        # In noise, one of them has more landmarks than the other.
        number, fewer = np.arange(len(pairs)), counts.argmin(axis=0)
        starts, counts = starts[fewer, number], counts[fewer, number]
        pair = np.repeat(number, counts)
        own = np.arange(len(pair)) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
        expected = self.times[own] + (zero[1 - fewer, number] - zero[fewer, number])[pair]
        found = np.zeros(len(own), np.bool_)
        low = np.searchsorted(self.times, expected - TOLERANCE_TICKS)
        for next_one in range(PARTNERS):
            partner = np.minimum(low + next_one, len(self.times) - 1)
            near = np.flatnonzero(np.abs(self.times[partner] - expected) <= TOLERANCE_TICKS)
            bins = self.bins[own[near]]
            same = (bins == self.bins[partner[near]]) & (bins > 0)
            found[near] |= np.count_nonzero(same, axis=1) >= SAME_BANDS
        matches = np.bincount(pair[found], minlength=len(pairs))
        surprise = matches - MIN_VOTES - CHANCE * counts
        far = (matches >= MIN_MATCHES) & (surprise >= DEVIATIONS * np.sqrt(CHANCE * (1 - CHANCE) * counts))
        loud, ticks = self.loud[own], self.times[own] - zero[fewer, number][pair]
        throughout, *loudest = _stretches(pair[loud], ticks[loud], found[loud], len(pairs))
        longest = loudest[1] - loudest[0]
        _, *any_level = _stretches(pair, ticks, found, len(pairs))
        begin, end = np.where(any_level[1] - any_level[0] > longest, any_level, loudest)
        overlap, shorter = ends[1] - ends[0], self.lengths[pairs[:, :2]].min(axis=1)
        inside = np.bincount(pair[(begin[pair] <= ticks) & (ticks <= end[pair])], minlength=len(pairs))
        whole = (overlap >= WHOLE * shorter) & (inside >= WHOLE * counts)
        same = throughout & whole | (longest > LONG_TICKS)
        perhaps = throughout & ((overlap >= MIN_OVERLAP * shorter) | (longest > SENTENCE_TICKS))
        verdict = np.where(same, 2, np.where(perhaps, 1, 0))
        return np.asarray(np.column_stack([pairs, matches, begin, end, verdict])[far])


def _stretches(
    pair: NDArray[np.int64], ticks: NDArray[np.int64], found: NDArray[np.bool_], count: int
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """Return which of `count` pairs match throughout, and where the longest matching stretch of each begins, ends."""
    at = np.flatnonzero(found)
    new = (np.diff(at, prepend=-GAP - 1) > GAP) | (np.diff(pair[at], prepend=-1) > 0)
    begin, end = at[new], at[np.roll(new, -1)]
    by_length = np.argsort(ticks[end] - ticks[begin], kind="stable")
    spans = np.zeros((2, count), np.int64)
    spans[:, pair[begin[by_length]]] = ticks[begin[by_length]], ticks[end[by_length]]  # the last of a pair stays
    agreeing = np.bincount(pair[begin], end - begin + 1, count)
    outside = np.bincount(pair, minlength=count) - agreeing
    return outside * np.bincount(pair[at], minlength=count) <= MAX_MISSING * agreeing, *spans


def _of_two(shared: NDArray[np.int64], parents: list[int]) -> Iterator[list[int]]:
    """Yield rows of `_Index.compared` with a 1 whose stretch no third recording shares that differs elsewhere."""
    differing = defaultdict[int, list[tuple[int, int, int]]](list)
    for first, second, offset, _, begin, end, _ in shared[shared[:, 6] == 0].tolist():
        differing[first].append((begin, end, _root(parents, second)))
        differing[second].append((begin - offset, end - offset, _root(parents, first)))
    for row in shared[shared[:, 6] == 1].tolist():
        first, second, offset, _, begin, end, _ = row
        own, least = {_root(parents, first), _root(parents, second)}, MOST * (end - begin)
        if not any(
            root not in own and min(stop + shift, end) - max(start + shift, begin) >= least
            for number, shift in ((first, 0), (second, offset))
            for start, stop, root in differing[number]
        ):
            yield row


def find(recordings: Sequence[Landmarks]) -> list[Link]:
    """Find recordings of the same speech.

    Recordings of the same speech are linked directly or by a chain of links. Time and memory grow with the
    hours of the recordings, not with the number of pairs.
    """
    if sum(len(landmarks.ticks) for landmarks in recordings) < 2 * MIN_MATCHES:
        return []
    index, parents, links = _Index(recordings), list(range(len(recordings))), list[Link]()
    shared = [np.zeros((0, 7), np.int64)]

    def link(rows: list[list[int]]) -> None:
        links.extend(Link(*row[:4]) for row in rows if _join(parents, row[0], row[1]))

    for hashes in index.hashes():
        pairs = index.candidates(hashes, np.array([_root(parents, number) for number in range(len(recordings))]))
        ends = np.cumsum(index.counts[pairs[:, 0]])
        for part in np.split(pairs, np.searchsorted(ends, range(CHECKED, int(ends[-1:].sum()), CHECKED))):
            apart = part[[_root(parents, first) != _root(parents, second) for first, second, _ in part.tolist()]]
            shared.append(index.compared(apart))
            link(shared[-1][shared[-1][:, 6] == 2].tolist())
    link(list(_of_two(np.concatenate(shared), parents)))
    return links


def components(count: int, links: Sequence[Link]) -> list[int]:
    """Return for each of `count` recordings the first recording that links join it with, itself included.

    >>> components(4, [Link(0, 2, 0, 20), Link(2, 3, 5, 20)])
    [0, 1, 0, 0]
    """
    parents = list(range(count))
    for link in links:
        _join(parents, link.first, link.second)
    return [_root(parents, number) for number in range(count)]


# SciPy has a DisjointSet, whose import takes half a second and 40 MB.


def _join(parents: list[int], first: int, second: int) -> bool:
    """Join two components of a forest under the lower of their roots; return whether they were separate."""
    low, high = sorted((_root(parents, first), _root(parents, second)))
    parents[high] = low
    return low != high


def _root(parents: list[int], number: int) -> int:
    while parents[number] != number:
        parents[number] = number = parents[parents[number]]
    return number
