"""The quantities that a split divides by shares, and the cost of a division that misses them.

    quantity                                       price of a miss
    hours of a language                            1, and 3 more beyond 4 points of its share
    speakers of a language                         0.4
    hours of a language with one value of a        0.1 per column, divided among its values by their hours
    column (`source`, `split.stratify`)

Hours come first, but a split may miss them by up to 4 points if that gives it more voices: otherwise two talkative
speakers could be all of a language's training data, although others could join them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from pipeline.rows import RecordingRow

TOLERANCE = 0.04  # of the share of hours
STEEP_PRICE = 3.0  # of hours missed beyond it
SPEAKERS_PRICE = 0.4
STRATUM_PRICE = 0.1
MISSING_PRICE = 10.0  # of a split without a language; above any sum of misses of one language

Deal = NDArray[np.int64]  # the bin of each group, shape (groups,)


@dataclass(frozen=True)
class Bins:
    """The bins that groups are dealt to: splits or folds.

    Attributes
    ----------
    shares
        Share of every quantity that each bin should get, shape (bins,).
    needs
        How much each bin needs every language, relative to the others, shape (bins,): with too few groups, the bin
        with the lowest need goes without.
    """

    shares: NDArray[np.float64]
    needs: NDArray[np.float64]


@dataclass(frozen=True)
class Quantities:
    """The amount of each quantity that each group has.

    Attributes
    ----------
    amounts
        Sparse, shape (groups, quantities), as a share of the whole quantity. Hours of the languages come first.
    prices
        Price of a miss, shape (quantities,).
    n_languages
        Number of the quantities that are hours of a language.
    """

    amounts: csr_array
    prices: NDArray[np.float64]
    n_languages: int

    @classmethod
    def of(cls, recordings: Sequence[RecordingRow], group: NDArray[np.int64], columns: Iterable[str]) -> Self:
        """The quantities of recordings in these groups; `columns` are columns of the corpus table to stratify by."""
        hours: dict[tuple[str, ...], dict[int, float]] = {}
        speakers: dict[tuple[str, ...], dict[int, float]] = {}
        strata: dict[tuple[str, ...], dict[int, float]] = {}
        seen: set[tuple[str, str]] = set()
        for row, number in zip(recordings, group.tolist(), strict=True):
            _add(hours, (row.language,), number, row.duration_s)
            if (row.language, row.speaker) not in seen:
                seen.add((row.language, row.speaker))
                _add(speakers, (row.language,), number, 1)
            for column in columns:
                _add(strata, (row.language, column, row.extra.get(column, "")), number, row.duration_s)
        totals = {language: sum(parts.values()) for (language,), parts in hours.items()}
        priced = [
            *((parts, 1.0) for _, parts in sorted(hours.items())),
            *((parts, SPEAKERS_PRICE) for _, parts in sorted(speakers.items())),
            *((parts, STRATUM_PRICE * sum(parts.values()) / totals[key[0]]) for key, parts in sorted(strata.items())),
        ]
        entries = [
            (number, at, amount / sum(parts.values()))
            for at, (parts, _) in enumerate(priced)
            for number, amount in sorted(parts.items())
        ]
        rows, cols, amounts = zip(*entries, strict=True)
        shape = (int(group.max()) + 1, len(priced))
        prices = np.array([price for _, price in priced])
        return cls(coo_array((amounts, (rows, cols)), shape=shape).tocsr(), prices, len(hours))

    def part(self, groups: NDArray[np.int64], languages: NDArray[np.int64]) -> Self:
        """The quantities of some groups, and of those languages that only they speak."""
        amounts = self.amounts[groups].tocsc()
        spoken = np.flatnonzero(np.diff(amounts.indptr))
        return type(self)(amounts[:, spoken].tocsr(), self.prices[spoken], len(languages))

    def cost(self, deal: Deal, bins: Bins) -> float:
        """The sum of the prices of all misses, and of the languages that bins lack."""
        n_groups, n_bins = self.amounts.shape[0], len(bins.shares)
        dealt = coo_array((np.ones(n_groups), (deal, np.arange(n_groups))), shape=(n_bins, n_groups)).tocsr()
        sums = (dealt @ self.amounts).toarray()
        missing = (sums[:, : self.n_languages] == 0).sum(axis=1) @ bins.needs
        missed = np.abs(sums - bins.shares[:, None])
        steep = np.maximum(missed[:, : self.n_languages] - TOLERANCE, 0).sum()
        return float(missed.sum(axis=0) @ self.prices + STEEP_PRICE * steep + MISSING_PRICE * missing)


def _add(table: dict[tuple[str, ...], dict[int, float]], key: tuple[str, ...], number: int, amount: float) -> None:
    parts = table.setdefault(key, {})
    parts[number] = parts.get(number, 0) + amount
