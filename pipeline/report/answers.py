"""The answers to the test recordings: those to each speaker, how soon they are right, how well they are calibrated."""

import itertools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from pipeline.errors import ArtifactError
from pipeline.report.figures import lines
from pipeline.rows import DecisionRow, SplitRow, StreamRow

BINS = 5  # of the posterior


@dataclass(frozen=True)
class Answer:
    """The answer to one test recording, and how it came about."""

    row: SplitRow
    decision: DecisionRow
    stream: StreamRow

    @property
    def right(self) -> bool:
        return self.decision.predicted == self.row.language

    @property
    def own(self) -> float:
        """Posterior of the language that is spoken."""
        return self.posterior(self.row.language)

    def posterior(self, language: str) -> float:
        return float(self.decision.extra[language])


def joined(rows: Sequence[SplitRow], decisions: Sequence[DecisionRow], streams: Sequence[StreamRow]) -> list[Answer]:
    """Join the rows of test.csv, evaluation/recordings.csv and evaluation/stream.csv.

    The last two have the same order; the first also holds recordings whose features could not be computed.

    Raises
    ------
    ArtifactError
        If they are of different runs.
    """
    waiting, answers = iter(rows), []
    for decision, stream in itertools.zip_longest(decisions, streams):
        names = {one.recording if one else "" for one in (decision, stream)}
        row = next((row for row in waiting if {row.recording} == names), None)
        if row is None:
            raise ArtifactError(
                f"the evaluation and the test split are of different runs: they differ at {max(names)!r}; "
                "run `dvc repro`"
            )
        answers.append(Answer(row, decision, stream))
    return answers


def speakers(answers: Sequence[Answer]) -> list[tuple[str, str, list[Answer]]]:
    """Return every speaker with a language and the answers to the recordings of both, by ascending accuracy."""
    found: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for answer in answers:
        found[answer.row.speaker, answer.row.language].append(answer)

    def accuracy(mine: Sequence[Answer]) -> tuple[float, float]:
        return fmean(answer.right for answer in mine), fmean(answer.own for answer in mine)

    return [(*key, mine) for key, mine in sorted(found.items(), key=lambda one: accuracy(one[1]))]


def reliability(answers: Sequence[Answer], languages: Sequence[str]) -> str:
    """Draw how often a language is spoken over the posterior that it got."""
    from sklearn.calibration import calibration_curve  # takes a second to import

    series: dict[str, list[tuple[float, float]]] = {}
    for language in languages:
        posteriors = [answer.posterior(language) for answer in answers]
        spoken = [answer.row.language == language for answer in answers]
        shares, means = calibration_curve(spoken, posteriors, n_bins=BINS) if answers else ([], [])
        series[language] = list(zip(means, shares, strict=True))
    title = "Share of recordings in a language over the posterior of that language"
    return lines(title, series, ("posterior", "share"), diagonal=True)


def until_right(answers: Sequence[Answer]) -> str:
    """Draw the share of recordings whose decision is right and final over the seconds of audio."""
    times = sorted(answer.stream.right_s for answer in answers if math.isfinite(answer.stream.right_s))
    steps = [(0.0, 0.0)] + [(time, number / len(answers)) for number, time in enumerate(times, 1)]
    title = "Share of recordings whose answer stays right, over the seconds of audio"
    return lines(title, {"recordings": steps}, ("seconds of audio", "right and final"), steps=True)


def after(metrics: Mapping[str, Mapping[str, float]]) -> str | None:
    """Draw accuracy and macro recall over the seconds of speech; None if they are unknown."""
    known = {name: row for name, row in metrics.items() if "recording_accuracy" in row}
    if not known:
        return None
    series = {
        name: [(float(seconds.removesuffix(" s")), row[measure]) for seconds, row in known.items()]
        for name, measure in (("accuracy", "recording_accuracy"), ("macro recall", "macro_recall"))
    }
    return lines("Accuracy and macro recall over the seconds of speech", series, ("seconds of speech", "right"))


def drift(by_minute: Mapping[str, Sequence[float]]) -> str | None:
    """Draw the frame accuracy of each language in every minute without a reset; None if it is unknown."""
    series = {language: list(enumerate(shares, 1)) for language, shares in by_minute.items() if shares}
    title, axes = "Frame accuracy in each minute without a reset", ("minutes without a reset", "frames right")
    return lines(title, series, axes) if series else None
