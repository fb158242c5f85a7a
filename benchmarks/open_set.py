"""Hold every language out in turn: how often a network that does not know it calls it one of the others.

    python -m benchmarks.open_set --artifacts DIR --seeds 5      # of `dvc repro features`

limit         confidence below which an answer is unknown
validation    the limit that 5 % of the right answers to validation recordings do not reach
in turn       the mean of the limits at which the error rates add up to least in the runs that hold other languages out
lost          share of the right answers to test recordings below the limit
called        share of the recordings of the held-out language at or above it
"""

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import recipes
from benchmarks.recipes import Answers
from pipeline import params, tables
from pipeline.console import terminal
from pipeline.rows import SPLITS, RecordingRow
from pipeline.scoring import calibration
from pipeline.scoring.open_set import LOST
from pipeline.splits import methods, sources
from pipeline.store.feature_store import FeatureStore
from pipeline.streaming.decision import Rule


class Run(NamedTuple):
    """A network that does not know a language: its limit from validation, and the confidences of its answers."""

    limit: float
    right: NDArray[np.float64]  # right answers to test recordings
    unknown: NDArray[np.float64]  # answers to recordings of the language

    def rates(self, limit: float) -> tuple[float, float]:
        """The share of right answers below a limit, and that of the unknown recordings that are not."""
        return float((self.right < limit).mean()), float((self.unknown >= limit).mean())

    def best(self) -> float:
        """The limit at which the two rates add up to least."""
        limits: list[float] = np.sort(self.right).tolist()
        return min(limits, key=lambda limit: sum(self.rates(limit)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--artifacts", type=Path, default=recipes.ROOT / "artifacts")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    store = FeatureStore.open(given.artifacts / "features.zarr")
    rows = tables.read(given.artifacts / "ingest" / "recordings.csv", RecordingRow)
    rows = [row for row in rows if row.recording not in store.failed]
    languages = sorted({row.language for row in rows})
    runs: dict[str, list[Run]] = {language: [] for language in languages}
    for seed, language in itertools.product(range(1, given.seeds + 1), languages):
        settings = recipes.changed({}, set(languages) - {language})
        runs[language].append(run(store, rows, settings, seed))
        if language == languages[-1]:
            show(runs)


def run(store: FeatureStore, rows: Sequence[RecordingRow], settings: params.Params, seed: int) -> Run:
    """Train a network on the languages of the settings, and let it answer all."""
    names = settings.corpus.languages
    split_of, _ = methods.assign([row for row in rows if row.language in names], settings.split, seed)
    split = {name: [row for row in rows if split_of.get(row.recording) == name] for name in SPLITS}
    open_rows, _ = sources.unheard(rows, split_of)
    model = recipes.trained(store, split, settings, seed)
    val, test, unknown = (
        recipes.answers(model, store, part, settings) for part in (split["val"], split["test"], open_rows)
    )
    rule = calibration.fit(val.means, val.truth(names), Rule(), LOST, calibration.WIDENING)

    def confidence(answers: Answers) -> NDArray[np.float64]:
        return np.asarray(rule.answer(answers.means).max(axis=1))

    right = test.means.argmax(axis=1) == test.truth(names)
    return Run(rule.unknown_below, confidence(test)[right], confidence(unknown))


def show(runs: dict[str, list[Run]]) -> None:
    lines: list[list[object]] = []
    for language, found in runs.items():
        rates = [one.rates(one.limit) for one in found]
        others = [
            [other.best() for name, of in runs.items() if name != language for other in of[n : n + 1]]
            for n in range(len(found))
        ]
        in_turn = [one.rates(float(np.mean(limits))) for one, limits in zip(found, others, strict=True)]
        cells = [f"{np.mean(part):.1%} ({min(part):.0%} to {max(part):.0%})" for part in zip(*rates, strict=True)]
        cells += [f"{np.mean(part):.1%} ({min(part):.0%} to {max(part):.0%})" for part in zip(*in_turn, strict=True)]
        lines.append([language, len(found), *cells])
    header = ["held out", "seeds", "validation: lost", "called", "in turn: lost", "called"]
    terminal.show_table(header, lines)


if __name__ == "__main__":
    main()
