"""evaluate: score the frozen export on the test speakers."""

import csv
import json

import numpy as np

from pipeline import metrics, sequences, tables, terminal
from pipeline.runtimes import FILES, Stream, open_stream
from pipeline.store import FeatureStore
from pipeline.streaming import Decision, Description, check
from pipeline.tables import Answer, Member
from pipeline.terminal import Progress
from stages import ARTIFACTS, run


def main() -> None:
    store = FeatureStore.open(ARTIFACTS / "features.zarr")
    exported = Description.read(ARTIFACTS / "streaming")
    check(ARTIFACTS / "streaming", FILES["litert"], exported)
    stream = open_stream(ARTIFACTS / "streaming", "litert", exported.states)
    members = tables.read(ARTIFACTS / "splits" / "test.csv", Member)

    progress = Progress("evaluate", len(members), "recordings")
    decisions, hits, weights = [], 0.0, 0.0
    for member in members:
        decision, hit, weight = _answer(member, store, stream, exported)
        decisions.append(decision)
        hits, weights = hits + hit, weights + weight
        progress.update(1)

    languages = exported.languages
    actual = [member.language for member in members]
    predicted = [decision.language or metrics.UNDECIDED for decision in decisions]
    posteriors = np.array([decision.posteriors for decision in decisions])
    scores = {
        "frame_accuracy": hits / weights,
        **metrics.score(actual, predicted, posteriors[:, : len(languages)], languages),
        "recordings": len(members),
        "speakers": len({member.speaker for member in members}),
    }

    folder = ARTIFACTS / "evaluation"
    tables.write(folder / "confusion.csv", Answer, [Answer(*pair) for pair in zip(actual, predicted, strict=True)])
    with (folder / "recordings.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["recording", "language", "predicted", "confidence", *exported.classes])
        for member, name, decision in zip(members, predicted, decisions, strict=True):
            numbers = [f"{number:.6f}" for number in (decision.confidence, *decision.posteriors)]
            writer.writerow([member.recording, member.language, name, *numbers])
    rounded = json.loads(json.dumps(scores), parse_float=lambda number: round(float(number), 6))
    (folder / "metrics.json").write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")

    names = [*languages, *sorted(set(predicted) - set(languages))]
    counts = metrics.confusion(actual, predicted, languages, names)
    terminal.show_table(
        ["is \\ is called", *names, "recall"],
        [
            [language, *row, f"{rounded['recall'][language]:.1%}"]
            for language, row in zip(languages, counts, strict=True)
        ],
    )
    print(
        f"{len(members)} recordings of {rounded['speakers']} speakers: {rounded['recording_accuracy']:.1%} right, "
        f"frames {rounded['frame_accuracy']:.1%}, C_avg {rounded['c_avg']:.3f}"
    )


def _answer(
    member: Member, store: FeatureStore, stream: Stream, exported: Description
) -> tuple[Decision, float, float]:
    """The decision on one recording, and the weights of its frames that are right and of all."""
    languages, flags = exported.languages, store.flags(member.recording)
    view = sequences.view(exported.silence.strategy, flags, languages.index(member.language), len(languages))
    stream.reset_states()
    answers = [stream.step(frame) for frame in store.features(member.recording)[view.rows]]
    posteriors = np.array(answers).reshape(-1, len(exported.classes))
    speech = flags[view.rows]
    decision = Decision(exported.classes, languages)
    decision.accept(posteriors[speech], view.rows[speech])
    return decision, float(view.weights @ (posteriors.argmax(axis=1) == view.targets)), float(view.weights.sum())


if __name__ == "__main__":
    run(main)
