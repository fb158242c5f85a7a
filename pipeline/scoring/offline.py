"""Offline scoring: the exported network on the stored features of recordings."""

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Features
from pipeline.dataset import views
from pipeline.rows import SplitRow
from pipeline.store.feature_store import FeatureStore
from pipeline.streaming import reference
from pipeline.streaming.description import Description
from pipeline.streaming.identifier import Frames
from pipeline.streaming.runtimes import Stream

BLOCK_FRAMES = 3000  # read at a time, so that memory does not grow with a recording
DRIFT_MINUTES = 10
MINUTE_S = 60

Labelled = tuple[Features, NDArray[np.int64], NDArray[np.float32]]  # consecutive frames, their classes and weights


class OfflineNetwork:
    """The exported network on the features of a store, instead of on audio."""

    def __init__(self, store: FeatureStore, network: Stream, description: Description) -> None:
        self.description = description
        self._store, self._network = store, network

    def n_frames(self, recording: str) -> int:
        """Return the number of frames of a recording."""
        return self._store.n_frames(recording)

    def frames(self, recording: str, start: int, stop: int) -> Frames:
        """Answer frames start:stop of a recording: its first frames, or those that follow the previous call."""
        if start == 0:
            self._network.reset_states()
        speech = self._store.flags(recording, start, stop)
        features = self._store.features(recording, start, stop)
        return Frames(start, speech, reference.posteriors(features, speech, self.description, self._network.accept))

    def blocks(self, recording: str) -> Iterator[Frames]:
        """Answer all frames of a recording, block by block."""
        for start in range(0, self.n_frames(recording), BLOCK_FRAMES):
            yield self.frames(recording, start, start + BLOCK_FRAMES)

    def joined(self, parts: Iterable[tuple[str, int, int]]) -> Frames:
        """Answer frames start:stop of recordings, one after the other, as one stream."""
        self._network.reset_states()
        rows = [(self._store.features(*part), self._store.flags(*part)) for part in parts]
        features, speech = (np.concatenate(columns) for columns in zip(*rows, strict=True))
        return Frames(0, speech, reference.posteriors(features, speech, self.description, self._network.accept))

    def drift(self, rows: Sequence[SplitRow], languages: Iterable[str]) -> dict[str, list[float]]:
        """Return the frame accuracy by language and minute, without a reset between recordings."""
        return {
            language: accuracy_by_minute(
                self._network, self._labelled(row for row in rows if row.language == language), self.description.frame_s
            )
            for language in languages
        }

    def _labelled(self, rows: Iterable[SplitRow]) -> Iterator[Labelled]:
        strategy, languages = self.description.silence.strategy, self.description.languages
        for row in rows:
            for start in range(0, self.n_frames(row.recording), BLOCK_FRAMES):
                stop = start + BLOCK_FRAMES
                speech = self._store.flags(row.recording, start, stop)
                view = views.view(strategy, speech, languages.index(row.language), len(languages))
                if len(view.rows):
                    yield self._store.features(row.recording, start, stop)[view.rows], view.targets, view.weights


def accuracy_by_minute(network: Stream, blocks: Iterable[Labelled], frame_s: float) -> list[float]:
    """Return the frame accuracy in each of ten minutes without a reset, on consecutive recordings.

    Their blocks have at least a frame each, and are repeated until ten minutes are complete.
    """
    n_frames, at = round(DRIFT_MINUTES * MINUTE_S / frame_s), 0
    right, weights = np.zeros((2, n_frames), np.float32)
    network.reset_states()
    for features, targets, weight in itertools.cycle(blocks):
        place, count = slice(at, at + len(features)), min(len(features), n_frames - at)
        answers = network.accept(features[:count]).argmax(axis=1)
        right[place], weights[place] = weight[:count] * (answers == targets[:count]), weight[:count]
        at += count
        if at == n_frames:
            break
    minutes = zip(np.array_split(right, DRIFT_MINUTES), np.array_split(weights, DRIFT_MINUTES), strict=True)
    return [
        round(float(minute_right.sum() / max(minute_weights.sum(), 1)), 6) for minute_right, minute_weights in minutes
    ]
