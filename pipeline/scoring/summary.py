"""The scores of a test set, summed up over its recordings: the content of evaluation/metrics.json."""

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.rows import DetRow, StreamRow
from pipeline.scoring import detection, intervals, metrics, sources
from pipeline.scoring.bootstrap import tally
from pipeline.scoring.evaluation import MARKS_S, RecordingScore
from pipeline.scoring.metrics import MANY
from pipeline.streaming.decision import POSTERIOR_FLOOR, UNKNOWN
from pipeline.streaming.description import Description

MOST_COLUMNS = 10  # languages of a confusion matrix in a terminal
KEPT = ("recording_accuracy", "macro_recall", "c_avg", "min_c_avg", "c_llr", "ece")  # of the scores after some seconds


class Answers(NamedTuple):
    """Answers to recordings: speakers, languages spoken and predicted, and posteriors (recordings, languages)."""

    speakers: list[str]
    actual: list[str]
    predicted: list[str]
    posteriors: NDArray[np.float64]


def summarise(scores: Sequence[RecordingScore], description: Description) -> dict[str, Any]:
    """Return the scores of a test set, rounded to 6 digits, over the languages spoken in it."""
    languages = spoken_in(scores, description)
    answers = _answers(scores, languages, description)
    frames = np.array([[scored.right, scored.weight] for scored in scores])
    sequences = np.array([[scored.sequences_right, scored.sequences] for scored in scores], float)
    stable_s = [scored.stable_frame * description.frame_s for scored in scores if scored.stable_frame is not None]
    spoken = set(zip(answers.speakers, answers.actual, strict=True))
    tree = {
        "frame_accuracy": _share(frames),
        "sequence_accuracy": _share(sequences),
        **metrics.score(*answers[1:], languages),
        "intervals": {
            "frame_accuracy": intervals.of_share(answers.speakers, *frames.T),
            "sequence_accuracy": intervals.of_share(answers.speakers, *sequences.T),
            **_intervals(answers, languages),
        },
        "recordings": len(scores),
        "speakers": len(set(answers.speakers)),
        "speakers_needed": intervals.MIN_SPEAKERS,  # for intervals that one can trust
        "speakers_by_language": {name: sum(language == name for _, language in spoken) for name in languages},
        "after": {f"{seconds} s": _after(scores, seconds, description) for seconds in MARKS_S},
        "temperature": description.decision.temperature,
        "unknown": _unknown(scores, description),
        "by_source": sources.summary(answers.actual, answers.predicted, [scored.row.source for scored in scores]),
        "paired": paired(answers, languages),
        "stream": {
            "seconds_until_right": float(np.median(stable_s)) if stable_s else None,
            "decision_changes": float(np.mean([scored.decision.changes for scored in scores])),
        },
    }
    rounded: dict[str, Any] = json.loads(json.dumps(tree), parse_float=lambda number: round(float(number), 6))
    return rounded


def spoken_in(scores: Sequence[RecordingScore], description: Description) -> list[str]:
    """Return the languages of the recordings, in the order of the model."""
    return [name for name in description.languages if any(scored.row.language == name for scored in scores)]


def det(scores: Sequence[RecordingScore], description: Description) -> list[DetRow]:
    """Return the error rates of every spoken language's detector at every threshold; none with a single language."""
    languages = spoken_in(scores, description)
    if len(languages) < 2:
        return []
    answers = _answers(scores, languages, description)
    ratios = detection.log_ratios(answers.posteriors)
    return [
        DetRow(language, round(miss, 6), round(alarm, 6))
        for number, language in enumerate(languages)
        for miss, alarm in detection.det_curve(np.array(answers.actual) == language, ratios[:, number]).T.tolist()
    ]


def streams(scores: Iterable[RecordingScore], description: Description) -> list[StreamRow]:
    """Return how soon and how stably each recording is recognised."""
    rows = []
    for scored in scores:
        right_s = math.inf if scored.stable_frame is None else round(scored.stable_frame * description.frame_s, 6)
        speech_s = round(scored.decision.frames * description.frame_s, 6)
        rows.append(StreamRow(scored.row.recording, speech_s, right_s, scored.decision.changes))
    return rows


def table(scores: Sequence[RecordingScore], languages: Sequence[str]) -> tuple[list[str], list[list[object]]]:
    """Return the confusion matrix with the recall of each language, as a header and rows to show.

    Of many languages, it is the recall of those where it is lowest, with their most frequent wrong answers.
    """
    actual, predicted = [scored.row.language for scored in scores], [scored.predicted for scored in scores]
    counts = metrics.confusion(actual, predicted, languages)
    recall = {name: counts[name][name] / max(actual.count(name), 1) for name in languages}
    if len(languages) <= MOST_COLUMNS:
        rows: list[list[object]] = [[name, *counts[name].values(), f"{recall[name]:.1%}"] for name in languages]
        return ["actual \\ predicted", *counts[languages[0]], "recall"], rows
    rows = []
    for name in sorted(languages, key=recall.__getitem__)[:MANY]:
        wrong = sorted(((number, other) for other, number in counts[name].items() if other != name), reverse=True)
        others = ", ".join(f"{other} {number}" for number, other in wrong[:3] if number)
        rows.append([name, actual.count(name), f"{recall[name]:.1%}", others])
    return ["lowest recall", "recordings", "recall", "most often called"], rows


def sentences(summary: Mapping[str, Any]) -> str:
    """Return the most important scores, in two lines or more."""
    seconds = summary["stream"]["seconds_until_right"]
    interval = summary["intervals"]["recording_accuracy"]
    within = "95 % interval {:.1%} to {:.1%}".format(*interval) if interval else "an interval needs two speakers"
    costs = f", C_avg {summary['c_avg']:.3f}" if "c_avg" in summary else ""
    lines = [
        f"{summary['recordings']} recordings of {summary['speakers']} speakers: {summary['recording_accuracy']:.1%} "
        f"right ({within}), macro recall {summary['macro_recall']:.1%}, frame accuracy {summary['frame_accuracy']:.1%}"
        f"{costs}",
        f"{'no decision is right at the end' if seconds is None else f'decision final after {seconds} s (median)'}, "
        f"{summary['stream']['decision_changes']:.1f} decision changes per recording",
    ]
    if summary["speakers"] < summary["speakers_needed"]:
        lines.append(f"fewer than {summary['speakers_needed']} speakers: the interval is too narrow to trust")
    if summary["paired"]:
        lines.append(
            f"of {summary['paired']['pairs']} pairs of one speaker's languages, {summary['paired']['right']:.1%} "
            "have the right language more likely in the right recording (chance 50 %)"
        )
    return "\n".join(lines)


def _answers(scores: Sequence[RecordingScore], languages: Sequence[str], description: Description) -> Answers:
    columns = [description.languages.index(name) for name in languages]
    return Answers(
        [scored.row.speaker for scored in scores],
        [scored.row.language for scored in scores],
        [scored.predicted for scored in scores],
        np.array([scored.decision.posteriors for scored in scores])[:, columns],
    )


def _share(counts: NDArray[np.float64]) -> float:
    right, total = counts.sum(axis=0)
    return float(right / max(total, 1))


def _intervals(answers: Answers, languages: Sequence[str]) -> dict[str, Any]:
    """Return the intervals of the scores of recordings."""
    actual, right = np.array(answers.actual), np.equal(answers.actual, answers.predicted)
    spoken = {name: actual == name for name in languages}
    return {
        "recording_accuracy": intervals.of_share(answers.speakers, right, np.ones(len(right))),
        **intervals.of_languages(tally(*answers, languages)),
        "recall": {name: intervals.of_share(answers.speakers, right & of, of) for name, of in spoken.items()},
    }


def _after(scores: Sequence[RecordingScore], seconds: int, description: Description) -> dict[str, Any]:
    """Return the scores after some seconds of speech, of the recordings that have them; none if a language has none."""
    long, languages = [scored for scored in scores if seconds in scored.after], spoken_in(scores, description)
    if spoken_in(long, description) != languages:
        return {"recordings": len(long)}
    posteriors = np.array([scored.after[seconds] for scored in long])
    answers = _answers(long, languages, description)._replace(
        predicted=[description.languages[number] for number in posteriors.argmax(axis=1)],
        posteriors=posteriors[:, [description.languages.index(name) for name in languages]],
    )
    found, of_scores = metrics.score(*answers[1:], languages), _intervals(answers, languages)
    kept = [name for name in KEPT if name in found]
    return {
        "recordings": len(long),
        **{name: found[name] for name in kept},
        "intervals": {name: of_scores[name] for name in of_scores if name in kept},
    }


def paired(answers: Answers, languages: Sequence[str]) -> dict[str, Any] | None:
    """Return how often speakers of two languages have the higher log ratio of the two where they speak the first.

    Speaker and microphone are the same in both, so that neither helps; chance is a half.

    Returns
    -------
    The number of pairs, one per speaker and two languages, and the share that is right; None if there is no pair.
    """
    logs = np.log(np.maximum(answers.posteriors, POSTERIOR_FLOOR))
    speakers, actual = np.array(answers.speakers), np.array(answers.actual)
    means: dict[str, dict[int, NDArray[np.float64]]] = {}  # by speaker and number of the language
    for speaker, language in sorted(set(zip(answers.speakers, answers.actual, strict=True))):
        chosen = (speakers == speaker) & (actual == language)
        means.setdefault(speaker, {})[languages.index(language)] = logs[chosen].mean(axis=0)
    right = [
        bool(of[first][first] - of[first][second] > of[second][first] - of[second][second])
        for of in means.values()
        for first, second in itertools.combinations(sorted(of), 2)
    ]
    return {"pairs": len(right), "right": float(np.mean(right))} if right else None


def _unknown(scores: Sequence[RecordingScore], description: Description) -> dict[str, Any] | None:
    """Return what is gained and lost by the answer `unknown`; None if it is never given."""
    below = description.decision.unknown_below
    if not below:
        return None
    refused = np.array([scored.predicted == UNKNOWN for scored in scores])
    right = np.array([scored.decision.leading == scored.row.language for scored in scores])
    return {
        "below": below,
        "refused": float(refused.mean()),
        "right_refused": float(refused[right].mean()) if right.any() else None,
        "wrong_refused": float(refused[~right].mean()) if not right.all() else None,
        "accuracy_of_answers": float(right[~refused].mean()) if not refused.all() else None,
    }
