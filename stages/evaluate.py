"""evaluate: score the frozen export on the test speakers, as a stream of their audio."""

import csv
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline import audio, evaluation, metrics, runtimes, sequences, streaming, tables, terminal
from pipeline.mfcc import Features
from pipeline.sequences import View
from pipeline.store import FeatureStore
from pipeline.streaming import Decision, Description, Identifier
from pipeline.tables import Answer, Member
from pipeline.terminal import Progress
from stages import ARTIFACTS, run

MODEL = ARTIFACTS / "streaming"
CHUNK = 1600  # samples


@dataclass(frozen=True)
class Scored:
    """One test recording: its stored MFCCs, what was to be said of them and what was."""

    member: Member
    features: Features
    view: View
    posteriors: Features  # of the rows of the view
    decision: Decision
    course: evaluation.Course


def main() -> None:
    about = Description.read(MODEL)
    streaming.check(MODEL, runtimes.FILES["litert"], about)
    network = runtimes.open_stream(MODEL, "litert", about.states)
    identifier = Identifier.load(MODEL) if about.streaming else None
    store = FeatureStore.open(ARTIFACTS / "features.zarr")
    members = tables.read(ARTIFACTS / "splits" / "test.csv", Member)

    progress = Progress("evaluate", len(members), "recordings")
    scored = []
    for member in members:
        scored.append(score(member, store, network, identifier, about))
        progress.update(1)

    actual = [member.language for member in members]
    predicted = [of_one.decision.language or metrics.UNDECIDED for of_one in scored]
    folder = ARTIFACTS / "evaluation"
    tables.write(folder / "confusion.csv", Answer, [Answer(*pair) for pair in zip(actual, predicted, strict=True)])
    with (folder / "recordings.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["recording", "language", "predicted", "confidence", *about.classes])
        for of_one, name in zip(scored, predicted, strict=True):
            numbers = [f"{number:.6f}" for number in (of_one.decision.confidence, *of_one.decision.posteriors)]
            writer.writerow([of_one.member.recording, of_one.member.language, name, *numbers])

    frame_s = about.mfcc.hop_length / about.sample_rate
    posteriors = np.array([of_one.decision.posteriors for of_one in scored])
    hits = sum(float(of.view.weights @ (of.posteriors.argmax(axis=1) == of.view.targets)) for of in scored)
    scores = {
        "frame_accuracy": hits / sum(float(of_one.view.weights.sum()) for of_one in scored),
        **metrics.score(actual, predicted, posteriors[:, : len(about.languages)], about.languages),
        "recordings": len(members),
        "speakers": len({member.speaker for member in members}),
        "stream": evaluation.summary([of_one.course for of_one in scored], frame_s)
        | {"drift_by_minute": drift(scored, network, about, frame_s)},
    }
    rounded = json.loads(json.dumps(scores), parse_float=lambda number: round(float(number), 6))
    (folder / "metrics.json").write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")
    tell(rounded, actual, predicted, about.languages)


def score(
    member: Member, store: FeatureStore, network: runtimes.Stream, identifier: Identifier | None, about: Description
) -> Scored:
    """Stream a recording and compare it, frame by frame, with the network on the stored features."""
    features, flags = store.features(member.recording), store.flags(member.recording)
    language = about.languages.index(member.language)
    view = sequences.view(about.silence.strategy, flags, language, len(about.languages))
    network.reset_states()
    answers = [network.step(frame) for frame in features[view.rows]]
    posteriors = np.array(answers, np.float32).reshape(-1, len(about.classes))
    if identifier is None:
        speech = flags[view.rows]
        decision = Decision(about.classes, about.languages)
        decision.accept(posteriors[speech], view.rows[speech])
    else:
        identifier.reset_states()
        heard = audio.read(ARTIFACTS / "audio" / f"{member.recording}.wav") / np.float32(audio.FULL_SCALE)
        parts = [identifier.accept(heard[at : at + CHUNK]) for at in range(0, len(heard), CHUNK)]
        parts.append(identifier.finish())
        streamed = np.concatenate([part.posteriors for part in parts])
        same_flags = np.array_equal(np.concatenate([part.speech for part in parts]), flags)
        rows = streamed[view.rows] if same_flags else streamed[:0]
        evaluation.equal(member.recording, rows, posteriors, about.tolerance)
        posteriors, decision = rows, identifier.decision
    every = np.full((len(flags), len(about.classes)), np.nan, np.float32)
    every[view.rows] = posteriors
    course = evaluation.course(every, flags, language, len(about.languages))
    return Scored(member, features[view.rows], view, posteriors, decision, course)


def drift(scored: list[Scored], network: runtimes.Stream, about: Description, frame_s: float) -> dict[str, list[float]]:
    """Frame accuracy by minute, by language, without a reset."""
    return {
        language: evaluation.drift(
            network,
            [(of.features, of.view.targets, of.view.weights) for of in scored if of.member.language == language],
            frame_s,
        )
        for language in about.languages
    }


def tell(scores: dict[str, Any], actual: list[str], predicted: list[str], languages: tuple[str, ...]) -> None:
    names = [*languages, *sorted(set(predicted) - set(languages))]
    counts = metrics.confusion(actual, predicted, languages, names)
    terminal.show_table(
        ["is \\ is called", *names, "recall"],
        [
            [language, *row, f"{scores['recall'][language]:.1%}"]
            for language, row in zip(languages, counts, strict=True)
        ],
    )
    print(
        f"{scores['recordings']} recordings of {scores['speakers']} speakers: {scores['recording_accuracy']:.1%} "
        f"right, frames {scores['frame_accuracy']:.1%}, C_avg {scores['c_avg']:.3f}"
    )
    stream = scores["stream"]
    print(
        f"right for good after {stream['seconds_until_right']} s (median), "
        f"{stream['changes_of_mind']:.1f} changes of mind a recording"
    )


if __name__ == "__main__":
    run(main)
