"""evaluate: score the frozen export on the test speakers."""

import csv
import json

import numpy as np

from pipeline import metrics, sequences, tables, terminal
from pipeline.runtimes import open_stream
from pipeline.store import FeatureStore
from pipeline.streaming import Decision, Description
from pipeline.tables import Answer, Member
from pipeline.terminal import Progress
from stages import ARTIFACTS, run


def main() -> None:
    store = FeatureStore.open(ARTIFACTS / "features.zarr")
    exported = Description.read(ARTIFACTS / "streaming")
    languages, strategy = exported.languages, exported.silence.strategy
    stream = open_stream(ARTIFACTS / "streaming", "litert", exported.states)
    members = tables.read(ARTIFACTS / "splits" / "test.csv", Member)

    decisions, right, weighed = [], 0.0, 0.0
    progress = Progress("evaluate", len(members), "recordings")
    for member in members:
        where = store.rows(member.recording)
        speech = store.speech[where]
        view = sequences.view(strategy, speech, languages.index(member.language), len(languages))
        stream.reset_states()
        posteriors = np.array([stream.step(frame) for frame in store.mfcc[where][view.rows]])
        posteriors = posteriors.reshape(-1, len(exported.classes))
        right += float(view.weights @ (posteriors.argmax(axis=1) == view.targets))
        weighed += float(view.weights.sum())
        decisions.append(Decision(exported.classes, languages))
        decisions[-1].accept(posteriors[speech[view.rows]], view.rows[speech[view.rows]])
        progress.update(1)

    actual = [member.language for member in members]
    predicted = [decision.language or metrics.UNDECIDED for decision in decisions]
    folder = ARTIFACTS / "evaluation"
    tables.write(folder / "confusion.csv", Answer, [Answer(*pair) for pair in zip(actual, predicted, strict=True)])
    with (folder / "recordings.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["recording", "language", "predicted", "confidence", *exported.classes])
        for member, name, decision in zip(members, predicted, decisions, strict=True):
            numbers = [decision.confidence, *decision.posteriors]
            writer.writerow([member.recording, member.language, name, *(f"{number:.6f}" for number in numbers)])

    spoken = np.array([decision.posteriors[: len(languages)] for decision in decisions])
    spoken /= spoken.sum(axis=1, keepdims=True)
    recall = metrics.recalls(actual, predicted, languages)
    ratios = metrics.log_ratios(spoken)
    scores = {
        "frame_accuracy": right / weighed,
        "recording_accuracy": float(np.mean(np.array(actual) == np.array(predicted))),
        "macro_recall": float(np.mean(list(recall.values()))),
        "recall": recall,
        "c_avg": metrics.c_avg(actual, spoken, languages),
        "eer": {
            language: metrics.eer(np.array(actual) == language, ratios[:, number])
            for number, language in enumerate(languages)
        },
        "recordings": len(members),
        "speakers": len({member.speaker for member in members}),
    }
    (folder / "metrics.json").write_text(json.dumps(_rounded(scores), indent=2) + "\n", encoding="utf-8")
    _show(scores, actual, predicted, languages)


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, 6) if isinstance(value, float) else value


def _show(scores: dict[str, object], actual: list[str], predicted: list[str], languages: tuple[str, ...]) -> None:
    names = [*languages, *([metrics.UNDECIDED] if metrics.UNDECIDED in predicted else [])]
    pairs = list(zip(actual, predicted, strict=True))
    terminal.show_table(
        ["is \\ is called", *names, "recall"],
        [
            [language, *(pairs.count((language, name)) for name in names), f"{scores['recall'][language]:.1%}"]
            for language in languages
        ],
    )
    print(
        f"{scores['recordings']} recordings of {scores['speakers']} speakers: {scores['recording_accuracy']:.1%} right, "
        f"frames {scores['frame_accuracy']:.1%}, C_avg {scores['c_avg']:.3f}"
    )


if __name__ == "__main__":
    run(main)
