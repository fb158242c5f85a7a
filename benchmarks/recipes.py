"""What parts of the training recipe are worth: scores of several recipes on one split, over several seeds.

    python benchmarks/recipes.py                                          # on the project's artifacts
    python benchmarks/recipes.py --artifacts DIR --other DIR --seeds 5    # on other ones, and a corpus never trained on
    python benchmarks/recipes.py --recipes plain default --threads 1

The artifacts are those of `dvc repro train` (features, splits, manifests), the other corpus those of `dvc repro
features`. Recordings are scored offline, as evaluate does. The paired score is over speakers of the other corpus with
recordings in two languages: how often the right language is more likely in the right recording.
"""

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline import params, tables
from pipeline.augment import Chain
from pipeline.console import terminal
from pipeline.dataset import views, weights
from pipeline.network.definition import make_architecture
from pipeline.params import plain_yaml
from pipeline.rows import SequenceRow, SplitRow
from pipeline.scoring import intervals, summary
from pipeline.scoring.bootstrap import Tally, tally
from pipeline.scoring.summary import Answers
from pipeline.store.feature_store import FeatureStore
from pipeline.streaming.decision import Rule, RunningDecision
from pipeline.training import fitting

ROOT = Path(__file__).parents[1]
BATCH, PADDING = 32, 200  # recordings scored at a time; their frames are padded to a multiple
NO_AUGMENTATION: dict[str, Any] = {
    **dict.fromkeys(("gain", "tilt", "equaliser", "echo", "warp"), 0.0),
    **dict.fromkeys(("noise", "cutoff")),
    "mask": 0,
}
PLAIN: dict[str, dict[str, Any]] = {
    "augment": NO_AUGMENTATION,
    "balance": {"evenness": 0.0},
    "train": {"average": None, "smoothing": 0.0, "utterance": 0.0, "batch_size": 32, "epochs": 20, "patience": 5},
}
Changes = Mapping[str, Mapping[str, Any]]
RECIPES: dict[str, Changes] = {  # changes of params.yaml
    "plain": PLAIN,
    "default": {},
    "no augmentation": {"augment": NO_AUGMENTATION},
    "all augmentation": {"augment": {"noise": 5.0, "echo": 0.5, "warp": 0.1, "cutoff": 3400.0, "mask": 8}},
    "warp": {"augment": {"warp": 0.1}},
    "noise": {"augment": {"noise": 20.0}},
    "no evenness": {"balance": {"evenness": 0.0}},
    "no average": {"train": {"average": None}},
    "no smoothing": {"train": {"smoothing": 0.0}},
    "no utterance loss": {"train": {"utterance": 0.0}},
    "plain loss": {"train": {"smoothing": 0.0, "utterance": 0.0}},
    "twice as long": {"train": {"epochs": 20, "patience": 20}},
    "running mean": {"model": {"cmvn": "mean"}},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--artifacts", type=Path, default=ROOT / "artifacts")
    parser.add_argument("--other", type=Path, help="artifacts of a corpus that is never trained on")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(given.threads)
    rows: list[list[object]] = []
    for name in given.recipes:
        settings = changed(RECIPES[name])
        corpora = load(given.artifacts, given.other, settings)
        began, found = time.perf_counter(), []
        for seed in range(1, given.seeds + 1):
            found.append(score(given.artifacts, settings, seed, corpora))
        seconds = (time.perf_counter() - began) / given.seeds
        rows.append([name, *columns(found, settings.corpus.languages), f"{seconds:.0f}"])
        terminal.show_table([*HEADER, "seconds"], rows)


HEADER = ["recipe", "val", "test", "deviation", "lowest", "highest", "other", "interval", "by speaker", "paired"]


def changed(changes: Changes) -> params.Params:
    """The project's parameters with some changed."""
    tree: Any = plain_yaml.read(ROOT / "params.yaml")
    return params.check(
        {key: value | changes[key] if key in changes else value for key, value in tree.items()}, "recipe"
    )


class Corpus(NamedTuple):
    """Recordings that are scored."""

    store: FeatureStore
    recordings: Sequence[str]


def load(artifacts: Path, other: Path | None, settings: params.Params) -> dict[str, Corpus]:
    store = FeatureStore.open(artifacts / "features.zarr")
    found = {}
    for name in ("val", "test"):
        rows = store.computed(tables.read(artifacts / "splits" / f"{name}.csv", SplitRow))
        found[name] = Corpus(store, [row.recording for row in rows])
    if other is not None:
        strange = FeatureStore.open(other / "features.zarr")
        known = zip(strange.ids, strange.languages, strange.lengths, strict=True)
        chosen = [name for name, language, length in known if language in settings.corpus.languages and length]
        found["other"] = Corpus(strange, chosen)
    return found


def score(artifacts: Path, settings: params.Params, seed: int, corpora: Mapping[str, Corpus]) -> dict[str, Answers]:
    """Train one network and answer every recording."""
    store, languages, strategy = corpora["test"].store, settings.corpus.languages, settings.silence.strategy
    manifests = artifacts / "manifests"
    with tempfile.TemporaryDirectory() as folder:
        reweighted = Path(folder) / "train.csv"
        tables.write(reweighted, SequenceRow, weighted(store, manifests / "train.csv", settings))
        train, val = (
            store.select(manifest=path).view(strategy, languages) for path in (reweighted, manifests / "val.csv")
        )
    classes = views.classes(strategy, languages)
    architecture = make_architecture(settings.model, classes, None, *fitting.moments(train), view=strategy)
    change = None
    if settings.augment.active():
        change = Chain(settings.augment, settings.mfcc, settings.audio.sample_rate, seed)
    model, _ = fitting.fit(architecture, None, train, val, settings.train, seed, change)
    return {name: answers(model, corpus, strategy, languages) for name, corpus in corpora.items()}


def weighted(store: FeatureStore, manifest: Path, settings: params.Params) -> list[SequenceRow]:
    """Its sequences with equal classes, and with the evenness of the recipe."""
    rows = [dataclasses.replace(row, weight=1.0) for row in tables.read(manifest, SequenceRow)]
    strategy = settings.silence.strategy
    counted = {row.recording: views.counted(strategy, store.flags(row.recording)) for row in rows}
    rows = weights.class_weight(rows, counted)
    return weights.even_speakers(rows, counted, None, settings.balance.evenness)


def answers(model: Any, corpus: Corpus, strategy: params.SilenceStrategy, languages: tuple[str, ...]) -> Answers:
    store = corpus.store
    numbers = sorted((store.index(name) for name in corpus.recordings), key=lambda number: int(store.lengths[number]))
    found = []
    for part in (numbers[at : at + BATCH] for at in range(0, len(numbers), BATCH)):
        parts = [(store.features(store.ids[number]), store.flags(store.ids[number])) for number in part]
        seen = [features[speech | views.policy(strategy).seen] for features, speech in parts]
        longest = -(-max(map(len, seen)) // PADDING) * PADDING
        batch = np.zeros((len(part), longest, seen[0].shape[1]), np.float32)
        for target, features in zip(batch, seen, strict=True):
            target[: len(features)] = features
        for posteriors, (_, speech) in zip(model.predict_on_batch(batch), parts, strict=True):
            heard = speech if views.policy(strategy).seen else speech[speech]
            decision = RunningDecision(languages, languages, Rule())
            decision.accept(posteriors[: len(heard)][heard][:, : len(languages)], np.flatnonzero(heard))
            found.append(decision.posteriors)
    posteriors = np.array(found)
    predicted = [languages[number] for number in posteriors.argmax(axis=1)]
    speakers, spoken = ([names[number] for number in numbers] for names in (store.speakers, store.languages))
    return Answers(speakers, spoken, predicted, posteriors)


def columns(found: Sequence[Mapping[str, Answers]], languages: tuple[str, ...]) -> list[str]:
    """The scores of a recipe over its seeds."""
    val, test = ([macro_recall(scored[name], languages) for scored in found] for name in ("val", "test"))
    numbers = [np.mean(val), np.mean(test), np.std(test, ddof=1) if len(test) > 1 else np.nan, min(test), max(test)]
    shown = [f"{number:.3f}" for number in numbers]
    if "other" not in found[0]:
        return [*shown, *["–"] * 4]
    others = [scored["other"] for scored in found]
    recall = np.mean([macro_recall(answered, languages) for answered in others])
    low, high = intervals.of_languages(_together(others, languages))["macro_recall"] or (0.0, 1.0)
    by_speaker = np.mean([_by_speaker(tally(*answered, languages)) for answered in others])
    pairs = [summary.paired(answered, languages) for answered in others]
    right = np.mean([pair["right"] for pair in pairs if pair]) if any(pairs) else np.nan
    return [*shown, f"{recall:.3f}", f"{low:.2f} to {high:.2f}", f"{by_speaker:.3f}", f"{right:.3f}"]


def macro_recall(answered: Answers, languages: tuple[str, ...]) -> float:
    counted = tally(*answered, languages)
    return float((counted.right.sum(axis=0) / counted.recordings.sum(axis=0)).mean())


def _together(answered: Sequence[Answers], languages: tuple[str, ...]) -> Tally:
    """The counts of all seeds, by speaker."""
    counts = [tally(*one, languages) for one in answered]
    sums = (sum(getattr(one, name) for one in counts) for name in ("recordings", "right", "errors", "bits"))
    return Tally(counts[0].speakers, *sums)


def _by_speaker(counted: Tally) -> float:
    """Mean over the languages of the mean over speakers of their recall."""
    shares = counted.right / np.maximum(counted.recordings, 1)
    heard = counted.recordings > 0
    return float(((shares * heard).sum(axis=0) / heard.sum(axis=0)).mean())


if __name__ == "__main__":
    main()
