"""How often the 95 % intervals of the scores hold the truth, in simulated test sets.

    python -m benchmarks.intervals --cases 400

Each speaker has one of three languages, 3 to 14 recordings, and a recall of its own, around that of the language. The
truth is the mean over all speakers there could be. `bootstrap` is the plain one, for comparison.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from pipeline.console import terminal
from pipeline.scoring import bootstrap, intervals
from pipeline.scoring.bootstrap import Tally

RECALLS = ((0.9, 0.8, 0.7), (0.95, 0.92, 0.88), (0.99, 0.98, 0.97))
SPEAKERS = (12, 24, 42, 60, 120)
SPREADS = (2, 8)  # a + b of the beta distribution of the speakers' recalls: 2 is nearly all or nothing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=400)
    cases = parser.parse_args().cases
    rows = []
    for recalls in RECALLS:
        for n_speakers in SPEAKERS:
            held = np.zeros(4)
            for spread in SPREADS:
                rng = np.random.default_rng(0)
                for _ in range(cases // len(SPREADS)):
                    held += of_case(simulated(rng, n_speakers, recalls, spread), recalls)
            shares = (f"{share:.1%}" for share in held / (cases // len(SPREADS) * len(SPREADS)))
            rows.append([" ".join(f"{recall:.0%}" for recall in recalls), str(n_speakers), *shares])
    terminal.show_table(["recalls", "speakers", "accuracy", "macro recall", "C_avg", "macro recall, bootstrap"], rows)


def simulated(rng: np.random.Generator, n_speakers: int, recalls: tuple[float, ...], spread: float) -> Tally:
    """A test set; whoever is not recognised is accepted as the next language."""
    recordings, right, errors = np.zeros((3, n_speakers, 3))
    for number in range(n_speakers):
        language = number % 3
        recall = rng.beta(spread * recalls[language], spread * (1 - recalls[language]))
        total = int(rng.integers(3, 15))
        recordings[number, language] = total
        right[number, language] = rng.binomial(total, recall)
        errors[number, language] = 0.75 * (total - right[number, language])  # at two detectors of three
    return Tally(tuple(f"s{number:04}" for number in range(n_speakers)), recordings, right, errors, errors)


def of_case(counted: Tally, recalls: tuple[float, ...]) -> NDArray[np.float64]:
    """1 for every interval that holds the truth."""
    mean = float(np.mean(recalls))
    miss = np.array([1 - recall for recall in recalls])
    c_avg = float(np.mean((miss + np.roll(miss, 1) / 2) / 2))  # the next language gets half of the false alarms' weight
    of_languages = intervals.of_languages(counted)
    accuracy = intervals.of_share(counted.speakers, counted.right.sum(axis=1), counted.recordings.sum(axis=1))
    weights = np.array(list(bootstrap.draw(counted.speakers).values())).T
    plain = bootstrap.interval(bootstrap.scores(counted, weights)["macro_recall"])
    found = [accuracy, of_languages["macro_recall"], of_languages["c_avg"], plain]
    truths = [mean, mean, c_avg, mean]
    return np.array(
        [one is not None and one[0] <= truth <= one[1] for one, truth in zip(found, truths, strict=True)], float
    )


if __name__ == "__main__":
    main()
