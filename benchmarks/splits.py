"""Splits of random corpora: how far the hours are off the requested shares, next to greedy and to scikit-learn.

    python -m benchmarks.splits                       # 200 corpora, then time and memory of large ones
    python -m benchmarks.splits --corpora 20 --speakers 5000

A corpus has 2 to 6 languages of 3 to 300 speakers each; hours per speaker are log-normal with a heavy tail; up to a
fifth of the speakers have a second language. The shares are 65, 15 and 20 %. The miss is the mean over languages and
splits.

greedy: the longest speaker first, each to the split that lacks most relative to its share. scikit-learn: the recordings
in 20 folds by StratifiedGroupKFold (fewer if there are fewer speakers), of which 13, 3 and 4 make the splits.
"""

import argparse
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from pipeline import params
from pipeline.console import terminal
from pipeline.rows import SPLITS, RecordingRow
from pipeline.splits import methods

SHARES = (0.65, 0.15, 0.2)
SETTINGS = params.Split(val=SHARES[1], test=SHARES[2])
MAX_FOLDS = 20
Assign = Callable[[Sequence[RecordingRow]], Mapping[str, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpora", type=int, default=200)
    parser.add_argument("--speakers", type=int, nargs="*", default=[2000, 10_000, 100_000])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)  # one size, in a process of its own
    given = parser.parse_args()
    if given.one:
        return measure(given.one)
    compare(given.corpora)
    print("\nspeakers  seconds  peak MB", flush=True)
    for size in given.speakers:  # each in a process of its own, because the peak is that of a process
        subprocess.run([sys.executable, __file__, "--one", str(size)], check=True)
    return None


def compare(count: int) -> None:
    assigns: dict[str, Assign] = {"pipeline": assign, "greedy": greedy, "scikit-learn": scikit_learn}
    misses: dict[str, list[float]] = {name: [] for name in assigns}
    worst, leaks, empty = dict.fromkeys(assigns, 0.0), dict.fromkeys(assigns, 0), dict.fromkeys(assigns, 0)
    progress = terminal.Progress("compare", count, "corpora")
    for number in range(count):
        recordings = corpus(np.random.default_rng(number))
        for name, assigned in assigns.items():
            split_of = assigned(recordings)
            missed = miss(recordings, split_of)
            misses[name].append(100 * float(missed.mean()))
            worst[name] = max(worst[name], 100 * float(missed.max()))
            empty[name] += int((missed == np.array(SHARES)[:, None]).sum())
            leaks[name] += sum(len(places) > 1 for places in splits_of_speakers(recordings, split_of).values())
        progress.update(1)
    rows = [[name, f"{np.mean(misses[name]):.2f}", f"{worst[name]:.1f}", empty[name], leaks[name]] for name in assigns]
    terminal.show_table(["method", "mean miss, points", "largest", "empty splits", "leaking speakers"], rows)


def corpus(rng: np.random.Generator) -> list[RecordingRow]:
    rows: list[RecordingRow] = []
    for language in range(rng.integers(2, 7)):
        n_speakers = round(np.exp(rng.uniform(np.log(3), np.log(300))))
        tail = rng.uniform(0.3, 2)
        for speaker in range(n_speakers):
            rows += spoken(f"l{language}", f"s{language}-{speaker}", 600 * rng.lognormal(0, tail), rng, len(rows))
    speakers = sorted({row.speaker for row in rows})
    languages = sorted({row.language for row in rows})
    for speaker in rng.choice(speakers, round(rng.uniform(0, 0.2) * len(speakers)), replace=False):
        rows += spoken(str(rng.choice(languages)), str(speaker), 600 * rng.lognormal(0, 1), rng, len(rows))
    return rows


def spoken(language: str, speaker: str, seconds: float, rng: np.random.Generator, at: int) -> list[RecordingRow]:
    """Recordings of one speaker in one language."""
    count = min(1 + int(seconds // 60), 1 + int(rng.integers(20)))
    return [
        RecordingRow(
            f"r{at + number:07}", "", language, speaker, f"r{at + number:07}", seconds / count, 1, 16000, 1, "",
            f"r{at + number:07}", 0, 0, 0, 0,
        )
        for number in range(count)
    ]  # fmt: skip


def assign(recordings: Sequence[RecordingRow]) -> Mapping[str, str]:
    return methods.assign(recordings, SETTINGS, seed=0)[0]


def greedy(recordings: Sequence[RecordingRow]) -> Mapping[str, str]:
    languages = sorted({row.language for row in recordings})
    hours: dict[str, NDArray[np.float64]] = {}
    for row in recordings:
        hours.setdefault(row.speaker, np.zeros(len(languages)))[languages.index(row.language)] += row.duration_s
    total = np.sum(list(hours.values()), axis=0)
    wanted = np.outer(SHARES, total)
    lacks, split_of = wanted.copy(), {}
    for speaker in sorted(hours, key=lambda name: -hours[name].sum()):
        at = int(np.argmax((lacks / wanted) @ (hours[speaker] / total)))
        lacks[at] -= hours[speaker]
        split_of[speaker] = SPLITS[at]
    return {row.recording: split_of[row.speaker] for row in recordings}


def scikit_learn(recordings: Sequence[RecordingRow]) -> Mapping[str, str]:
    languages, speakers = [row.language for row in recordings], [row.speaker for row in recordings]
    n_folds = min(MAX_FOLDS, len(set(speakers)))
    few = [max(round(share * n_folds), 1) for share in SHARES[1:]]
    names = np.repeat(SPLITS, [n_folds - sum(few), *few])
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=0)
    split_of: dict[str, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a language has fewer speakers than folds
        for name, (_, chosen) in zip(names, folds.split(languages, languages, speakers), strict=True):
            split_of |= {recordings[at].recording: str(name) for at in chosen}
    return split_of


def miss(recordings: Sequence[RecordingRow], split_of: Mapping[str, str]) -> NDArray[np.float64]:
    """Distance of the share of hours from the requested one, shape (splits, languages)."""
    languages = sorted({row.language for row in recordings})
    hours = np.zeros((len(SPLITS), len(languages)))
    for row in recordings:
        hours[SPLITS.index(split_of[row.recording]), languages.index(row.language)] += row.duration_s
    distance: NDArray[np.float64] = np.abs(hours / hours.sum(axis=0) - np.array(SHARES)[:, None])
    return distance


def splits_of_speakers(recordings: Sequence[RecordingRow], split_of: Mapping[str, str]) -> Mapping[str, set[str]]:
    places: dict[str, set[str]] = {}
    for row in recordings:
        places.setdefault(row.speaker, set()).add(split_of[row.recording])
    return places


def measure(n_speakers: int) -> None:
    """Time and memory of one corpus with three languages."""
    rng = np.random.default_rng(0)
    rows: list[RecordingRow] = []
    for number in range(n_speakers):
        rows += spoken(f"l{rng.integers(3)}", f"s{number}", 60 * rng.lognormal(0, 1.5), rng, len(rows))
        if number % 10 == 0:
            rows += spoken(f"l{rng.integers(3)}", f"s{number}", 60 * rng.lognormal(0, 1.5), rng, len(rows))
    start = time.perf_counter()
    assign(rows)
    seconds = time.perf_counter() - start
    print(
        f"{n_speakers:8,}  {seconds:7.1f}  {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:7.0f}", flush=True
    )


if __name__ == "__main__":
    main()
