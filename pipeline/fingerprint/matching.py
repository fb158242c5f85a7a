"""Find recordings of the same speech by their landmarks: an inverted index of hashes, votes for offsets, a check."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.fingerprint.landmarks import Landmarks

FOLLOWERS = 4  # a hash is made of a peak and two of its next peaks, of so many
QUANTUM_TICKS, MAX_QUANTA = 6, 15  # distances in time between the peaks of a hash: 47 ms each, in 4 bits
NEIGHBOURS = 2  # a hash is compared with so many of its neighbours in its bucket, however large that is
MAX_HASHES = 1 << 20  # indexed at a time, so that memory does not grow with the hours
LOWER_BITS = np.uint64(0xFFFFFFFF)
MIN_VOTES = 2  # for one offset, before a pair is checked
MAX_CHECKS = 4  # of pairs between the same two components
SPREAD_TICKS = 4  # of votes for one offset: 31 ms
TOLERANCE_TICKS = 1  # of the time of a common peak: 8 ms
MIN_MATCHES = 7  # common peaks: about half a second of speech
# By chance, this share of the peaks in the time that both cover is common. False pairs of the demo's voices and of real
# speech reached 5.4 standard deviations more, copies in noise 20 dB below them had 8.4 and more.
CHANCE, DEVIATIONS = 0.05, 6.8


@dataclass(frozen=True)
class Link:
    """Two recordings with the same speech.

    Attributes
    ----------
    first, second
        Their numbers, the first below the second.
    offset
        Ticks; what the second has at time t, the first has at ``t + offset``.
    matches
        Peaks that they have in common.
    """

    first: int
    second: int
    offset: int
    matches: int


class _Index:
    """The landmarks of all recordings in one row."""

    def __init__(self, recordings: Sequence[Landmarks]) -> None:
        self.recordings = recordings
        counts = [len(landmarks.ticks) for landmarks in recordings]
        self.recording = np.repeat(np.arange(len(recordings), dtype=np.int32), counts)
        self.ticks = np.concatenate([landmarks.ticks for landmarks in recordings])
        self.bins = np.concatenate([landmarks.bins for landmarks in recordings])

    def hashes(self, anchors: NDArray[np.intp]) -> NDArray[np.uint64]:
        """Sorted hashes, each with the peak that it starts from in its lower 32 bits."""
        parts = []
        for second in range(1, FOLLOWERS):
            for third in range(second + 1, FOLLOWERS + 1):
                a = anchors[: np.searchsorted(anchors, len(self.ticks) - third)]
                b, c = a + second, a + third
                ab, ac = ((self.ticks[end] - self.ticks[a] + QUANTUM_TICKS // 2) // QUANTUM_TICKS for end in (b, c))
                near = (ac <= MAX_QUANTA) & (self.recording[a] == self.recording[c])
                hashed = self.bins[a].astype(np.uint64)
                for part, bits in ((self.bins[b], 8), (self.bins[c], 8), (ab, 4), (ac, 4), (a, 32)):
                    hashed <<= np.uint64(bits)
                    hashed |= part.astype(np.uint64)
                parts.append(hashed[near])
        hashes = np.concatenate(parts)
        hashes.sort()
        return hashes

    def candidates(self, hashes: NDArray[np.uint64], labels: NDArray[np.int32]) -> Iterator[tuple[int, int, int]]:
        """Pairs of recordings of different components, each with an offset that several hashes vote for.

        The pairs with most votes come first.
        """
        n_bits = len(self.recordings).bit_length()
        span = 2 * max(landmarks.length for landmarks in self.recordings) + 2  # of the offsets
        keys = []
        for lag in range(1, NEIGHBOURS + 1):
            same = np.flatnonzero((hashes[lag:] ^ hashes[:-lag]) < 1 << 32)
            first, second = ((hashes[at] & LOWER_BITS).astype(np.uint32) for at in (same, same + lag))
            apart = labels[self.recording[first]] != labels[self.recording[second]]
            first, second = first[apart], second[apart]
            pairs = (self.recording[first].astype(np.int64) << n_bits) | self.recording[second]
            keys.append(2 * span * pairs + span + self.ticks[first] - self.ticks[second])
        key = np.sort(np.concatenate(keys))
        starts = np.flatnonzero(np.diff(key, prepend=-span) > SPREAD_TICKS)
        votes = np.diff(starts, append=len(key))
        enough = np.flatnonzero(votes >= MIN_VOTES)
        enough = enough[np.argsort(-votes[enough], kind="stable")]
        pairs, offsets = np.divmod(key[starts[enough] + votes[enough] // 2], 2 * span)  # the median
        yield from zip(
            (pairs >> n_bits).tolist(), (pairs & ((1 << n_bits) - 1)).tolist(), (offsets - span).tolist(), strict=True
        )


def find(recordings: Sequence[Landmarks]) -> list[Link]:
    """Find recordings of the same speech.

    Recordings of the same speech are linked directly or by a chain of links. Time and memory grow with the
    hours of the recordings, not with the number of pairs.
    """
    if sum(len(landmarks.ticks) for landmarks in recordings) < 2 * MIN_MATCHES:
        return []
    index = _Index(recordings)
    n_hashes = len(index.ticks) * FOLLOWERS * (FOLLOWERS - 1) // 2
    passes = -(-n_hashes // MAX_HASHES)
    links = []
    checks: Counter[tuple[int, int]] = Counter()
    parents = list(range(len(recordings)))
    for number in range(passes):
        # All hashes of a peak are indexed in the same pass, so that they vote together.
        anchors = np.flatnonzero(index.bins % passes == number) if passes > 1 else np.arange(len(index.bins))
        labels = np.array([_root(parents, number) for number in range(len(parents))], np.int32)
        for first, second, offset in index.candidates(index.hashes(anchors), labels):
            low, high = sorted((_root(parents, first), _root(parents, second)))
            if low == high or checks[low, high] == MAX_CHECKS:
                continue
            checks[low, high] += 1
            if link := _check(recordings, first, second, offset):
                links.append(link)
                parents[high] = low
    return links


def components(count: int, links: Sequence[Link]) -> list[int]:
    """For each of `count` recordings, the first recording that links join it with, itself included.

    >>> components(4, [Link(0, 2, 0, 20), Link(2, 3, 5, 20)])
    [0, 1, 0, 0]
    """
    parents = list(range(count))
    for link in links:
        roots = _root(parents, link.first), _root(parents, link.second)
        parents[max(roots)] = min(roots)
    return [_root(parents, number) for number in range(count)]


def _root(parents: list[int], number: int) -> int:
    while parents[number] != number:
        parents[number] = number = parents[parents[number]]
    return number


def _check(recordings: Sequence[Landmarks], first: int, second: int, offset: int) -> Link | None:
    """Count the peaks that two recordings have in common, if the offset is right."""
    a, b = recordings[first], recordings[second]
    inside = []
    for landmarks, shift, other in ((a, 0, b.length + offset), (b, offset, a.length)):
        ticks = landmarks.ticks + shift
        part = slice(*np.searchsorted(ticks, [max(0, offset), other]))
        inside.append((ticks[part], landmarks.bins[part]))
    fewer, more = sorted(inside, key=lambda peaks: len(peaks[0]))
    matches, n = _common(fewer, more), len(fewer[0])
    if matches < max(MIN_MATCHES, CHANCE * n + DEVIATIONS * math.sqrt(CHANCE * (1 - CHANCE) * n)):
        return None
    return Link(first, second, offset, matches)


def _common(
    fewer: tuple[NDArray[np.int32], NDArray[np.uint8]], more: tuple[NDArray[np.int32], NDArray[np.uint8]]
) -> int:
    """How many peaks have a partner of the same bin, or the next one, at the same time."""
    width = int(max(ticks[-1] if len(ticks) else 0 for ticks, _ in (fewer, more))) + 2 * TOLERANCE_TICKS + 2
    wanted, present = (bins.astype(np.int64) * width + ticks for ticks, bins in (fewer, more))
    present.sort()
    steps = width * np.array([-1, 0, 1])[:, None] + wanted
    low, high = np.searchsorted(present, [steps - TOLERANCE_TICKS, steps + TOLERANCE_TICKS + 1])
    return int(np.count_nonzero((low < high).any(axis=0)))
