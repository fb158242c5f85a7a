"""Training, export, evaluation and the small stages: a network learns from the sample for a while, and answers it.

Times of steps and answers are scaled to the sequences and recordings of the corpus; the start of a stage, and the small
stages as a whole, are as they were measured on 42 hours.
"""

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import augment, params, tables
from pipeline.audio.wav import Wav
from pipeline.dataset import views
from pipeline.errors import CorpusError
from pipeline.export import formats, golden
from pipeline.network import forms
from pipeline.network.definition import Architecture, make_architecture
from pipeline.plan.data import START_S, Sample
from pipeline.plan.figures import Estimate, memory
from pipeline.rows import SequenceRow, SplitRow
from pipeline.scoring import evaluation, job, splices
from pipeline.splits import methods
from pipeline.store.feature_store import FeatureStore
from pipeline.store.selection import Selection
from pipeline.streaming.runtimes import RUNTIMES
from pipeline.training import fitting
from pipeline.training.feed import Feed, Pool
from pipeline.training.schedule import Schedule, schedule

STEPS = 12  # timed, after as many that are not: TensorFlow's first step takes seconds
SCORED = 60  # recordings
STREAMED = 10
TRAIN_START_S = 8.0  # until the first batch is trained
EXPORT_START_S = 4.0  # until TensorFlow is imported
OTHERS_S, OTHERS_RECORDING_S = 10.0, 0.0025  # versions, corpus, speakers, split, balance, audit, summary, report
FILES = {"train": 5, "export": 12, "evaluate": 10, "others": 40}


def measure(settings: params.Params, workers: int, place: Path, sample: Sample) -> list[Estimate]:
    """Estimate the stages after features, from the sample in `place`."""
    store = FeatureStore.open(place / "features.zarr")
    rows = [
        SplitRow(row.recording, row.language, row.speaker, row.group, row.duration_s)
        for row in sample.recordings
        if row.language in settings.trained_languages
    ]
    shares = dict(zip(("train", "val", "test"), methods.shares(settings.split) or (0.8, 0.1, 0.1), strict=True))
    count = {name: share * sample.factor for name, share in shares.items()}  # of the corpus, for each of the sample
    strategy = settings.silence.strategy
    sequences, _ = store.sequences(rows, strategy, settings.sequence.length)
    if not sequences:
        raise CorpusError(f"no recording of the {len(rows):,} tried has speech; lower silence.threshold")
    tables.write(place / "train.csv", SequenceRow, sequences)
    train = store.select(manifest=place / "train.csv").view(strategy, settings.trained_languages)

    began = time.perf_counter()
    architecture = make_architecture(
        settings.model, views.classes(strategy, train.languages), None, *fitting.moments(train), view=strategy
    )
    moments_s = (time.perf_counter() - began) * min(count["train"], fitting.MEASURED / len(train))
    plan = schedule(settings.train, round(count["train"] * len(train)), round(count["train"] * train.frames))
    step_s, validation_s = _steps(architecture, train, plan, settings)
    print(f"plan: train, {STEPS} of {plan.epochs * -(-plan.sequences // plan.batch_size):,} batches", flush=True)
    networks = 1 + (settings.balance.strategy == "ensemble")
    validated = min(count["val"] * len(train), fitting.VALIDATED)
    epoch_s = (plan.sequences * step_s + validated * validation_s) / plan.batch_size
    pool = min(settings.train.memory * 1e9, count["train"] * train.frames * 4 * store.mfcc.shape[1])
    trained = Estimate(
        "train", TRAIN_START_S + moments_s + networks * plan.epochs * epoch_s, 1e6, FILES["train"], memory() + pool
    )

    began = time.perf_counter()
    model = forms.sequence(architecture)
    description = formats.describe(settings, architecture, model.count_params())
    formats.write(model, architecture, description, place / "streaming")
    for name in RUNTIMES if description.streaming else ():
        golden.replay(place / "streaming", name)
    written_s = time.perf_counter() - began
    network, identifier = job.load(place / "features.zarr", place / "streaming")
    offline_s = _per_recording(lambda row: evaluation.score_offline(row, network), rows[:SCORED])
    wavs = {row.recording: Wav.of(row, place) for row in sample.recordings}
    stream_s = 0.0
    if identifier:
        stream_s = _per_recording(
            lambda row: evaluation.score(row, wavs[row.recording], network, identifier), rows[:STREAMED]
        )
    answered = {name: count[name] * len(rows) * offline_s / workers for name in count}
    mean_s = sum(row.duration_s for row in rows) / len(rows)
    n_languages = len(settings.trained_languages)
    spliced = {name: seconds / mean_s * offline_s / workers for name, seconds in splices.seconds(n_languages).items()}
    streamed = min(job.PROVEN, count["test"] * len(rows)) * (stream_s - offline_s) / workers
    print(f"plan: evaluate, {min(SCORED, len(rows))} of {count['test'] * len(rows):,.0f} recordings", flush=True)
    scores_bytes = 300 * count["test"] * len(rows)
    export_s = EXPORT_START_S + written_s + START_S + answered["val"] + spliced["fit"]
    evaluate_s = 2 * START_S + answered["test"] + streamed + spliced["test"]
    return [
        trained,
        Estimate("export", export_s, 1e6, FILES["export"], memory()),
        Estimate("evaluate", evaluate_s, scores_bytes, FILES["evaluate"], memory()),
        Estimate("others", OTHERS_S + OTHERS_RECORDING_S * sample.factor * len(rows), 4e6, FILES["others"], memory()),
    ]


def _steps(
    architecture: Architecture, train: Selection, plan: Schedule, settings: params.Params
) -> tuple[float, float]:
    """Return the seconds of a step of training, and of one of validation."""
    correct = fitting.correct_outputs(architecture.members[0], architecture.classes)
    model, pool = forms.network(architecture, 0), Pool(train, settings.train.memory)
    fitting.prepare(model, correct, settings.train, STEPS, plan.learning_rate)
    change = augment.chain(
        settings.augment, settings.mfcc, settings.audio.sample_rate, settings.seed, architecture.stride
    )

    def timed(change: augment.Chain | None, work: Callable[[Any], Any]) -> float:
        """Return the seconds of a step of some work on batches; TensorFlow's first step takes seconds more."""

        def epochs() -> Any:
            return [itertools.chain.from_iterable(pool.epoch(np.random.default_rng(n)) for n in itertools.count())]

        feed = Feed(epochs, train, STEPS * plan.batch_size, plan.batch_size, architecture.stride, correct, change)
        batches = feed.dataset()
        for _ in range(2):
            began = time.perf_counter()
            work(batches)
        feed.close()
        return (time.perf_counter() - began) / STEPS

    step_s = timed(change, lambda batches: model.fit(batches, steps_per_epoch=STEPS, verbose=0, shuffle=False))
    return step_s, timed(None, lambda batches: model.evaluate(batches, steps=STEPS, verbose=0))


def _per_recording(work: Callable[[SplitRow], Any], rows: list[SplitRow]) -> float:
    """Return the mean seconds of some work on recordings."""
    began = time.perf_counter()
    for row in rows:
        work(row)
    return (time.perf_counter() - began) / max(len(rows), 1)
