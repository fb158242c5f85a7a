"""evaluate: score the frozen export on the test speakers, as a stream of their audio."""

import csv
import functools
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline import checksums, tables
from pipeline.audio.samples import FULL_SCALE
from pipeline.audio.wav import Reader, Wav
from pipeline.console import terminal
from pipeline.console.terminal import Progress
from pipeline.dataset import views
from pipeline.dataset.views import View
from pipeline.errors import ArtifactError
from pipeline.mfcc import Features
from pipeline.scoring import metrics, streaming
from pipeline.silence.spans import Flags
from pipeline.store.feature_store import FeatureStore
from pipeline.streaming import runtimes
from pipeline.streaming.decision import Decision
from pipeline.streaming.description import Description
from pipeline.streaming.identifier import Frames, Identifier
from pipeline.tables import AnswerRow, RecordingRow, SplitRow
from stages import ARTIFACTS, run

MODEL = ARTIFACTS / "streaming"
CHUNK = 1600  # samples
CHUNKS = 300  # at a time: a recording of any length is never in memory as a whole
BLOCK = 3000  # frames, likewise


@dataclass(frozen=True)
class Scored:
    """What became of one test recording."""

    hits: float  # weight of the frames that were called right
    weight: float  # of all
    decision: Decision
    course: streaming.Course


@dataclass(frozen=True)
class Piece:
    """Frames of a recording as the store has them."""

    features: Features  # of the rows of the view
    speech: Flags  # of all frames
    view: View


def main() -> None:
    about = Description.read(MODEL)
    network = runtimes.load(MODEL, "litert", about.states).stream()
    identifier = Identifier.load(MODEL) if about.streaming else None
    store = FeatureStore.open(ARTIFACTS / "features.zarr")
    members = store.without_killed(tables.of_languages(ARTIFACTS / "splits" / "test.csv", SplitRow, about.languages))
    path = ARTIFACTS / "ingest" / "recordings.csv"
    wavs = {row.recording: Wav.of(row, ARTIFACTS / "audio") for row in tables.read(path, RecordingRow)}
    for member in members:
        if member.recording not in wavs:
            raise ArtifactError(f"{path} has no {member.recording!r} of the test split; run `dvc repro`")

    progress = Progress("evaluate", len(members), "recordings")
    scored = []
    for member in members:
        scored.append(score(member, wavs[member.recording], store, network, identifier, about))
        progress.update(1)

    actual = [member.language for member in members]
    predicted = [of_one.decision.language or metrics.UNDECIDED for of_one in scored]
    folder = ARTIFACTS / "evaluation"
    tables.write(
        folder / "confusion.csv", AnswerRow, [AnswerRow(*pair) for pair in zip(actual, predicted, strict=True)]
    )
    with (folder / "recordings.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["recording", "language", "predicted", "confidence", *about.classes])
        for member, of_one, name in zip(members, scored, predicted, strict=True):
            numbers = [f"{number:.6f}" for number in (of_one.decision.confidence, *of_one.decision.posteriors)]
            writer.writerow([member.recording, member.language, name, *numbers])

    posteriors = np.array([of_one.decision.posteriors for of_one in scored])
    scores = {
        "frame_accuracy": sum(of_one.hits for of_one in scored) / sum(of_one.weight for of_one in scored),
        **metrics.score(actual, predicted, posteriors[:, : len(about.languages)], about.languages),
        "recordings": len(members),
        "speakers": len({member.speaker for member in members}),
        "stream": streaming.summary([of_one.course for of_one in scored], frame_s(about))
        | {"drift_by_minute": drift(members, store, network, about)},
    }
    rounded = json.loads(json.dumps(scores), parse_float=lambda number: round(float(number), 6))
    checksums.write_json(folder / "metrics.json", rounded)
    checksums.seal(folder)
    tell(rounded, actual, predicted, about.languages)


def score(
    member: SplitRow,
    wav: Wav,
    store: FeatureStore,
    network: runtimes.Stream,
    identifier: Identifier | None,
    about: Description,
) -> Scored:
    """Stream a recording and compare it, frame by frame, with the network on the stored features."""
    language, frames = about.languages.index(member.language), int(store.lengths[store.number(member.recording)])
    course = streaming.Course(language, len(about.languages), frame_s(about))
    decision = Decision(about.classes, about.languages)
    hits = weight = 0.0
    network.reset_states()
    if identifier is None:
        heard: Iterator[Frames | None] = itertools.repeat(None, -(-frames // BLOCK))
    else:
        heard = listen(identifier, wav)
    at = 0
    for streamed in heard:
        stop = at + (BLOCK if streamed is None else len(streamed.speech))
        piece = read(member, store, about, at, stop)
        rows = piece.view.rows
        answers = [network.step(frame) for frame in piece.features]
        posteriors = np.array(answers, np.float32).reshape(-1, len(about.classes))
        if streamed is not None:
            same_flags = np.array_equal(streamed.speech, piece.speech)
            found = streamed.posteriors[rows] if same_flags else np.empty((0, 0), np.float32)
            streaming.equal(member.recording, found, posteriors, about.tolerance)
            posteriors = found
        spoken = piece.speech[rows]
        numbers = at + rows[spoken]
        course.accept(posteriors[spoken], numbers)
        if identifier is None:
            decision.accept(posteriors[spoken], numbers)
        hits += float(piece.view.weights @ (posteriors.argmax(axis=1) == piece.view.targets))
        weight += float(piece.view.weights.sum())
        at += len(piece.speech)
    if identifier is not None:
        due, got = (np.empty((count, 0), np.float32) for count in (frames, identifier.decided))
        streaming.equal(member.recording, got, due, about.tolerance)
    return Scored(hits, weight, decision if identifier is None else identifier.decision, course)


def listen(identifier: Identifier, wav: Wav) -> Iterator[Frames]:
    """Stream a recording, its frames some seconds at a time."""
    identifier.reset_states()
    read, start, more = Reader(wav), 0, True
    while more:
        heard = read(start, start + CHUNKS * CHUNK) / np.float32(FULL_SCALE)
        start, more = start + len(heard), len(heard) == CHUNKS * CHUNK
        parts = [identifier.accept(heard[at : at + CHUNK]) for at in range(0, len(heard), CHUNK)]
        if not more:
            parts.append(identifier.finish())
        yield Frames(
            parts[0].first,
            np.concatenate([part.speech for part in parts]),
            np.concatenate([part.posteriors for part in parts]),
        )


def read(member: SplitRow, store: FeatureStore, about: Description, start: int, stop: int) -> Piece:
    """Frames start:stop of a recording, as the silence strategy shows them."""
    speech = store.flags(member.recording, start, stop)
    language = about.languages.index(member.language)
    shown = views.view(about.silence.strategy, speech, language, len(about.languages))
    return Piece(store.features(member.recording, start, stop)[shown.rows], speech, shown)


def drift(
    members: list[SplitRow], store: FeatureStore, network: runtimes.Stream, about: Description
) -> dict[str, list[float]]:
    """Frame accuracy by minute, by language, without a reset."""

    def blocks(language: str) -> Iterator[streaming.Block]:
        for member in (member for member in members if member.language == language):
            for start in range(0, int(store.lengths[store.number(member.recording)]), BLOCK):
                piece = read(member, store, about, start, start + BLOCK)
                yield piece.features, piece.view.targets, piece.view.weights

    return {
        language: streaming.drift(network, functools.partial(blocks, language), frame_s(about))
        for language in about.languages
    }


def frame_s(about: Description) -> float:
    """Seconds from one frame to the next."""
    return about.mfcc.hop_length / about.sample_rate


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
