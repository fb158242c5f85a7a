"""The first words of the report: the weakest point of the scores, and the result in one line."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.rows import AnswerRow
from pipeline.scoring import sources


def weakest(
    metrics: Mapping[str, Any],
    answers: Sequence[AnswerRow],
    speakers: Mapping[str, Any],
    sources: Mapping[str, Sequence[str]],
    confounds: Mapping[str, Any],
) -> str:
    """Return the weakest point of the scores: anything that makes them untrue comes before anything bad about them.

    `speakers` and `confounds` are audit/speakers.json and audit/confounds.json, `sources` those of each language in
    training.
    """
    if speakers["sentence"]:
        return "The speakers are not known: a voice may be on both sides of a split."
    named = [set(names) for names in sources.values()]
    if len(named) > 1 and all(len(names) == 1 for names in named) and len(set.union(*named)) == len(named):
        return "Each language comes from one source: microphone and room may tell it, not speech."
    told = confounds["score"] is not None and confounds["low"] > confounds["chance"]
    if told and metrics["macro_recall"] > confounds["score"]:  # a lower recall owes them little
        return (
            f"Level, length and noise alone tell the language of {confounds['score']:.0%} of the recordings "
            f"(chance: {confounds['chance']:.0%}): part of the score may be owed to how they were recorded."
        )
    few = metrics["speakers"] < metrics["speakers_needed"]
    others = f"Only {metrics['speakers']:,} test speakers: their scores say little about others."
    return _lowest_recall(answers) or (others if few else "None was found: every test recording is right.")


def _lowest_recall(answers: Sequence[AnswerRow]) -> str:
    spoken = Counter(row.actual for row in answers)
    right = Counter(row.actual for row in answers if row.actual == row.predicted)
    language = min(spoken, key=lambda name: right[name] / spoken[name], default=None)
    if language is None:
        return "The test split has no recordings."
    if right[language] == spoken[language]:
        return ""
    others = Counter(row.predicted for row in answers if row.actual == language != row.predicted)
    other, times = others.most_common(1)[0]
    name = language[:1].upper() + language[1:]
    return f"{name}: {right[language]:,} of {spoken[language]:,} right, {times:,} called {other}."


def sentence(metrics: Mapping[str, Any], usual: Mapping[str, Any] | None) -> str:
    """Return the result in one line, with the range of other runs if it is known."""
    interval = metrics["intervals"]["recording_accuracy"]
    within = " ({:.1%} to {:.1%})".format(*interval) if interval else ""
    of_seeds = "; {} seeds with the default parameters: {:.1%} to {:.1%}"
    others = of_seeds.format(usual["runs"], *usual["recording_accuracy"]) if usual else ""
    return (
        f"{metrics['recording_accuracy']:.1%}{within} of {metrics['recordings']:,} test recordings of "
        f"{metrics['speakers']:,} speakers are recognised, macro recall {metrics['macro_recall']:.1%}{others}; "
        f"{sources.sentence(metrics['other'] and metrics['other']['by_source'])}"
    )


def majority(answers: Sequence[AnswerRow], languages: Sequence[str]) -> tuple[str, float, float]:
    """Return the commonest language of the test recordings, and accuracy and macro recall of always answering it."""
    counts = Counter(row.actual for row in answers)
    language = max(languages, key=lambda name: counts[name])
    return language, counts[language] / max(len(answers), 1), 1 / len(languages)
