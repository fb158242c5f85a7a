"""Find recordings of the same speech by their landmarks: an inverted index of hashes, votes for offsets, a check."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.fingerprint.landmarks import Landmarks

FOLLOWERS = 4  # a hash is made of a peak and two of its next peaks, of so many
QUANTUM_TICKS, MAX_QUANTA = 6, 15  # distances in time between the peaks of a hash: 47 ms each, in 4 bits
NEIGHBOURS = 2  # a hash is compared with so many of its neighbours in its bucket, however large that is
MAX_HASHES = 1 << 23  # indexed at a time, 8 bytes each
MIN_VOTES = 2  # for one offset, before a pair is checked
TOLERANCE_TICKS = 4  # of the time of a peak: 31 ms
MIN_MATCHES = 12  # common peaks: about a second of speech
MIN_SHARE = 0.3  # of the peaks that the recording with fewer of them has in the time that both cover

Key = NDArray[np.int64]


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

    def votes(self, hashes: NDArray[np.uint64], labels: NDArray[np.int32]) -> Iterator[tuple[int, int, int]]:
        """Pairs of recordings that are not in one component yet, with offsets that several hashes voted for."""
        n_bits = len(self.recordings).bit_length()
        longest = max(landmarks.length for landmarks in self.recordings) + 1
        keys = []
        for lag in range(1, NEIGHBOURS + 1):
            same = np.flatnonzero((hashes[lag:] ^ hashes[:-lag]) < 1 << 32)
            first, second = (hashes[at] & np.uint64(0xFFFFFFFF) for at in (same, same + lag))
            a, b = self.recording[first], self.recording[second]
            other = labels[a] != labels[b]
            a, b, first, second = a[other], b[other], first[other], second[other]
            pair = (a.astype(np.int64) << n_bits) | b
            keys.append(pair * (4 * longest) + (self.ticks[first] - self.ticks[second] + 2 * longest))
        key = np.sort(np.concatenate(keys))
        starts = np.flatnonzero(np.diff(key, prepend=-longest) > TOLERANCE_TICKS)
        counts = np.diff(starts, append=len(key))
        for chosen in np.flatnonzero(counts >= MIN_VOTES)[np.argsort(-counts[counts >= MIN_VOTES], kind="stable")]:
            pair, offset = divmod(int(key[starts[chosen] + counts[chosen] // 2]), 4 * longest)
            yield pair >> n_bits, pair & ((1 << n_bits) - 1), offset - 2 * longest


def find(recordings: Sequence[Landmarks]) -> list[Link]:
    """Find recordings of the same speech.

    Every two recordings of the same speech are linked, directly or by a chain of links. Time and memory grow with the
    hours of the recordings, not with the number of pairs.
    """
    if sum(len(landmarks.ticks) for landmarks in recordings) < 2 * MIN_MATCHES:
        return []
    index = _Index(recordings)
    labels = np.arange(len(recordings), dtype=np.int32)
    n_hashes = len(index.ticks) * FOLLOWERS * (FOLLOWERS - 1) // 2
    passes = -(-n_hashes // MAX_HASHES)
    links = []
    for number in range(passes):
        # All hashes of a peak are indexed in the same pass, so that they vote together.
        anchors = np.flatnonzero(index.bins % passes == number) if passes > 1 else np.arange(len(index.bins))
        parents = labels.tolist()
        for first, second, offset in index.votes(index.hashes(anchors), labels):
            roots = _root(parents, first), _root(parents, second)
            if roots[0] == roots[1]:
                continue
            if link := _check(recordings, first, second, offset):
                links.append(link)
                parents[max(roots)] = min(roots)
        labels = np.array([_root(parents, number) for number in range(len(parents))], np.int32)
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
    matches = _common(fewer, more)
    if matches < max(MIN_MATCHES, MIN_SHARE * len(fewer[0])):
        return None
    return Link(first, second, offset, matches)


def _common(
    fewer: tuple[NDArray[np.int32], NDArray[np.uint8]], more: tuple[NDArray[np.int32], NDArray[np.uint8]]
) -> int:
    """How many peaks have a partner of the same bin, or the next one, at the same time."""
    width = int(max(ticks[-1] if len(ticks) else 0 for ticks, _ in (fewer, more))) + 2 * TOLERANCE_TICKS + 2
    wanted, present = (bins.astype(np.int64) * width + ticks for ticks, bins in (fewer, more))
    present.sort()
    found = np.zeros(len(wanted), bool)
    for step in (-1, 0, 1):
        low, high = (
            np.searchsorted(present, wanted + step * width + reach) for reach in (-TOLERANCE_TICKS, TOLERANCE_TICKS + 1)
        )
        found |= low < high
    return int(np.count_nonzero(found))
