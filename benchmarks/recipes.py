"""Compare training recipes on sources that the network was not trained on.

    python -m benchmarks.recipes --artifacts DIR      # all recipes, five seeds, five folds of the sources
    python -m benchmarks.recipes --artifacts DIR --recipes default --seeds 1 --folds 3

The artifacts are those of `dvc repro features`. Each fold leaves out about 1 / folds of the sources of every language,
and divides the speakers of the others as `split.method: hours` does; without sources, there is one fold. Recordings are
answered offline, at the temperature of the export.

new sources   mean over languages of the mean over sources
unlike        how well the distance from the training recordings tells wrong answers from right ones: the area under
              the curve, 0.5 if it does not
"""

import argparse
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from pipeline import augment, params, tables
from pipeline.console import terminal
from pipeline.dataset import balance, views, weights
from pipeline.network.definition import make_architecture
from pipeline.params import plain_yaml
from pipeline.rows import SPLITS, RecordingRow, SequenceRow, SplitRow
from pipeline.scoring import calibration, metrics
from pipeline.scoring import sources as by_source
from pipeline.splits import methods, sources
from pipeline.store.feature_store import FeatureStore
from pipeline.streaming.decision import Rule, RunningDecision
from pipeline.training import fitting
from pipeline.voices import vectors

ROOT = Path(__file__).parents[1]
BATCH, PADDING = 32, 200  # recordings scored at a time; their frames are padded to a multiple
NEIGHBOURS = 5  # training recordings, to which the distance is measured
NO_AUGMENTATION: dict[str, Any] = {
    **dict.fromkeys(("gain", "tilt", "equaliser", "echo", "warp"), 0.0),
    **dict.fromkeys(("noise", "cutoff")),
    "mask": 0,
}
Changes = Mapping[str, Mapping[str, Any]]
RECIPES: dict[str, Changes] = {  # changes of params.yaml
    "default": {},
    "no augmentation": {"augment": NO_AUGMENTATION},
    "gain, tilt, equaliser": {"augment": NO_AUGMENTATION | {"gain": 10.0, "tilt": 6.0, "equaliser": 3.0}},
    "no evenness": {"balance": {"evenness": 0.0}},
    "no average": {"train": {"average": None}},
    "no smoothing": {"train": {"smoothing": 0.0}},
    "no utterance loss": {"train": {"utterance": 0.0}},
    "half as long": {"train": {"epochs": 10}},
    "silence removed": {"silence": {"strategy": "remove"}},
    "twice the units": {"model": {"units": [128, 64]}},
}


class Answers(NamedTuple):
    """Recordings and the mean log posteriors of the languages over their speech, shape (recordings, languages)."""

    rows: list[RecordingRow]
    means: NDArray[np.float64]

    def truth(self, languages: Sequence[str]) -> NDArray[np.int64]:
        return np.array([languages.index(row.language) for row in self.rows])

    def predicted(self, languages: Sequence[str]) -> list[str]:
        return [languages[number] for number in self.means.argmax(axis=1)]


class Scores(NamedTuple):
    """The scores of one seed over all folds."""

    own: float
    new: float
    confidence: float
    right: float
    error: float
    unlike: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--artifacts", type=Path, default=ROOT / "artifacts")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    given = parser.parse_args()
    store = FeatureStore.open(given.artifacts / "features.zarr")
    recordings = [
        row
        for row in tables.read(given.artifacts / "ingest" / "recordings.csv", RecordingRow)
        if row.recording not in store.failed
    ]
    lines: list[list[object]] = []
    for name in given.recipes:
        settings = changed(RECIPES[name], {row.language for row in recordings})
        began, found = time.perf_counter(), []
        for seed in range(1, given.seeds + 1):
            found.append(score(store, recordings, settings, seed, given.folds))
        lines.append([name, *columns(found), f"{(time.perf_counter() - began) / given.seeds:.0f}"])
        terminal.show_table(HEADER, lines)


HEADER = [
    "recipe", "own test", "deviation", "new sources", "deviation", "lowest", "highest", "confidence", "right", "ECE",
    "unlike", "s per seed",
]  # fmt: skip


def columns(found: Sequence[Scores]) -> list[str]:
    own, new, *others = np.array(found).T
    spread = [np.std(values, ddof=1) if len(found) > 1 else np.nan for values in (own, new)]
    numbers = [own.mean(), spread[0], new.mean(), spread[1], new.min(), new.max(), *(each.mean() for each in others)]
    return [f"{number:.3f}" for number in numbers]


def changed(changes: Changes, languages: Iterable[str]) -> params.Params:
    """The project's parameters with some changed."""
    tree: Any = plain_yaml.read(ROOT / "params.yaml")
    tree["corpus"]["languages"] = sorted(languages)
    return params.check(
        {key: value | changes[key] if key in changes else value for key, value in tree.items()}, "recipe"
    )


def score(
    store: FeatureStore, recordings: Sequence[RecordingRow], settings: params.Params, seed: int, n_folds: int
) -> Scores:
    """Train a network per fold, and score it on its own test split and on the sources that it was not trained on."""
    languages, fold_of = settings.corpus.languages, dict[str, int]()
    if any(row.extra.get(sources.SOURCE) for row in recordings):
        fold_of = sources.folds(recordings, n_folds, seed)
    ids = [row.recording for row in recordings]
    voices = dict(zip(ids, vectors(store, ids), strict=True))
    own, other, confidence, unlike = [], list[Answers](), list[NDArray[np.float64]](), []
    for fold in range(n_folds if fold_of else 1):
        out = [source for source, number in fold_of.items() if number == fold]
        corpus = sources.divide(recordings, {sources.SOURCE: out} if out else {})
        split_of, _ = methods.assign(corpus.kept, settings.split, seed)
        split = {name: [row for row in corpus.kept if split_of[row.recording] == name] for name in SPLITS}
        model = trained(store, split, settings, seed)
        val, test, new = (answers(model, store, rows, settings) for rows in (split["val"], split["test"], corpus.other))
        right = by_source.recalls([row.language for row in test.rows], test.predicted(languages), [""] * len(test.rows))
        own.append(by_source.macro_recall(right))
        if new.rows:
            rule = calibration.fit(val.means, val.truth(languages), Rule(), 0, calibration.WIDENING)
            other.append(new)
            confidence.append(rule.answer(new.means).max(axis=1))
            unlike.append(area(voices, split["train"], new, languages))
    if not other:
        return Scores(float(np.mean(own)), *[np.nan] * 5)
    rows = [row for one in other for row in one.rows]
    predicted = [name for one in other for name in one.predicted(languages)]
    found = by_source.recalls([row.language for row in rows], predicted, [row.extra[sources.SOURCE] for row in rows])
    hit = np.array([row.language == name for row, name in zip(rows, predicted, strict=True)])
    sure = np.concatenate(confidence)
    return Scores(
        float(np.mean(own)), by_source.macro_recall(found), float(sure.mean()), float(hit.mean()),
        metrics.expected_error(sure, hit), float(np.mean(unlike)),
    )  # fmt: skip


def area(
    voices: Mapping[str, NDArray[np.float64]], train: Sequence[RecordingRow], new: Answers, languages: Sequence[str]
) -> float:
    """Area under the curve of right against wrong, by the distance of voice and channel from training recordings."""
    seen = np.array([voices[row.recording] for row in train])
    mean, deviation = seen.mean(axis=0), np.maximum(seen.std(axis=0), 1e-9)
    asked = np.array([voices[row.recording] for row in new.rows])
    nearest = NearestNeighbors(n_neighbors=NEIGHBOURS).fit((seen - mean) / deviation)
    distance = nearest.kneighbors((asked - mean) / deviation)[0].mean(axis=1)
    return float(roc_auc_score(new.means.argmax(axis=1) == new.truth(languages), -distance))


def trained(
    store: FeatureStore, split: Mapping[str, Sequence[RecordingRow]], settings: params.Params, seed: int
) -> Any:
    """The network of a recipe."""
    strategy, languages = settings.silence.strategy, settings.corpus.languages
    with tempfile.TemporaryDirectory() as folder:
        for name in ("train", "val"):
            tables.write(Path(folder) / f"{name}.csv", SequenceRow, sequences(store, split[name], settings, name, seed))
        train, val = (
            store.select(manifest=Path(folder) / f"{name}.csv").view(strategy, languages) for name in ("train", "val")
        )
    architecture = make_architecture(
        settings.model, views.classes(strategy, languages), None, *fitting.moments(train), view=strategy
    )
    change = augment.chain(settings.augment, settings.mfcc, settings.audio.sample_rate, seed, architecture.stride)
    return fitting.fit(architecture, None, train, val, settings.train, seed, change)[0]


def sequences(
    store: FeatureStore, recordings: Sequence[RecordingRow], settings: params.Params, split: str, seed: int
) -> list[SequenceRow]:
    """The manifest of a split, as the stage balance writes it."""
    rows, counted = store.sequences(map(split_row, recordings), settings.silence.strategy, settings.sequence.length)
    if split == "train":
        rows, divided = balance.balance(settings.balance.strategy, rows, counted, seed)
        rows = weights.even_speakers(rows, counted, divided, settings.balance.evenness)
    return rows


def split_row(row: RecordingRow) -> SplitRow:
    """The row of a recording in splits/*.csv."""
    source = row.extra.get(sources.SOURCE, "")
    return SplitRow(row.recording, row.language, row.speaker, row.group, row.duration_s, source=source)


def answers(model: Any, store: FeatureStore, recordings: Sequence[RecordingRow], settings: params.Params) -> Answers:
    """The answers to recordings, without those that have no speech."""
    strategy, languages = settings.silence.strategy, settings.corpus.languages
    rows = sorted(recordings, key=lambda row: row.samples)
    kept, means = [], []
    for part in (rows[at : at + BATCH] for at in range(0, len(rows), BATCH)):
        flags = [store.flags(row.recording) for row in part]
        seen = [speech | views.policy(strategy).seen for speech in flags]
        longest = -(-max(int(frames.sum()) for frames in seen) // PADDING) * PADDING
        batch = np.zeros((len(part), longest, store.mfcc.shape[1]), np.float32)
        for target, row, frames in zip(batch, part, seen, strict=True):
            target[: frames.sum()] = store.features(row.recording)[frames]
        for row, posteriors, speech, frames in zip(part, model.predict_on_batch(batch), flags, seen, strict=True):
            heard = np.flatnonzero(speech[frames])
            if len(heard):
                decision = RunningDecision(languages, languages, Rule())
                decision.accept(posteriors[heard][:, : len(languages)], heard)
                kept.append(row)
                means.append(decision.mean)
    return Answers(kept, np.array(means))


if __name__ == "__main__":
    main()
