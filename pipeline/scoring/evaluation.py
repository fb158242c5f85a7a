"""Run recordings through the exported network and score them one by one, offline or as a stream of their audio."""

import csv
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Waveform
from pipeline.audio.samples import to_waveform
from pipeline.audio.wav import Reader, Wav
from pipeline.dataset import views
from pipeline.errors import ExportError
from pipeline.rows import SplitRow
from pipeline.scoring import metrics
from pipeline.scoring.offline import OfflineNetwork
from pipeline.streaming.decision import RunningDecision
from pipeline.streaming.description import Description
from pipeline.streaming.identifier import Frames, Identifier, joined

MARKS_S = (1, 3, 10, 30)  # of speech, after which the running decision is scored
SEQUENCE_S = 3  # of speech: sequences that are scored one by one
CHUNKS_PER_S = 10  # of a stream
NO_CLASS = -1  # of a language that the network does not know: never right
LIMIT = 10  # times the tolerance: a stream that differs by more ends the run
BLOCK_SAMPLES = 480_000  # read at a time, so that memory does not grow with a recording


class RecordingScore:
    """The scores of one recording, given in pieces of any length."""

    def __init__(self, row: SplitRow, description: Description) -> None:
        self.row, self._description = row, description
        self.right = self.weight = 0.0  # weight of the correctly classified frames, and of all frames
        self.difference: float | None = None  # largest, of a posterior from the offline one; None if not streamed
        # Posteriors of the languages after each of `MARKS_S` seconds of speech, as far as the recording reaches.
        self.after: dict[int, NDArray[np.float64]] = {}
        # Number of consecutive `SEQUENCE_S` seconds of speech, each decided by itself; the last may be shorter.
        self.sequences = self._right_before = 0
        self.decision = self._sequence = self._new()  # on the whole recording, and on the present sequence
        self._marks = {round(seconds / description.frame_s): seconds for seconds in MARKS_S}
        self._sequence_frames = round(SEQUENCE_S / description.frame_s)

    @property
    def predicted(self) -> str:
        """The language of the decision, `undecided` or `unknown`."""
        return self.decision.language or metrics.UNDECIDED

    @property
    def stable_frame(self) -> int | None:
        """The frame from which the decision stays right; None if it ends wrong or there is no speech."""
        return self.decision.since if self.decision.leading == self.row.language else None

    @property
    def sequences_right(self) -> int:
        """Number of sequences that are recognised."""
        return self._right_before + (self._sequence.leading == self.row.language)

    def accept(self, part: Frames) -> None:
        """Take more frames."""
        languages, spoken = self._description.languages, self.row.language
        target = languages.index(spoken) if spoken in languages else NO_CLASS
        view = views.view(self._description.silence.strategy, part.speech, target, len(languages))
        self.right += float(view.weights @ (part.posteriors[view.rows].argmax(axis=1) == view.targets))
        self.weight += float(view.weights.sum())
        speech = np.flatnonzero(part.speech)
        counts = self.decision.frames + np.arange(1, len(speech) + 1)
        ends = (counts % self._sequence_frames == 0) | np.isin(counts, list(self._marks))
        for piece in np.split(speech, np.flatnonzero(ends) + 1):
            self._decide(part, piece)

    def _decide(self, part: Frames, piece: NDArray[np.int64]) -> None:
        """Take speech frames that end where a sequence or a mark does, if not before."""
        if not len(piece):
            return
        if self.decision.frames % self._sequence_frames == 0:
            self._right_before = self.sequences_right if self.sequences else 0
            self._sequence, self.sequences = self._new(), self.sequences + 1
        for decision in (self.decision, self._sequence):
            decision.accept(part.posteriors[piece], part.first + piece)
        if seconds := self._marks.get(self.decision.frames):
            mean = self.decision.mean[: len(self._description.languages)]
            self.after[seconds] = self._description.decision.answer(mean)

    def _new(self) -> RunningDecision:
        return RunningDecision(self._description.classes, self._description.languages, self._description.decision)


def score(row: SplitRow, wav: Wav, network: OfflineNetwork, identifier: Identifier) -> RecordingScore:
    """Score a recording as a stream that equals the offline network at every frame.

    Raises
    ------
    ExportError
        If the stream differs.
    """
    n_frames, differences = network.n_frames(row.recording), list[float]()
    offline = functools.partial(network.frames, row.recording)
    scored = score_frames(row, equal_frames(identifier, wav, n_frames, offline, differences), network.description)
    scored.difference = max(differences)
    return scored


def score_offline(row: SplitRow, network: OfflineNetwork) -> RecordingScore:
    """Score a recording on its stored features."""
    return score_frames(row, network.blocks(row.recording), network.description)


def score_frames(row: SplitRow, frames: Iterable[Frames], description: Description) -> RecordingScore:
    """Score the frames of a recording, in consecutive pieces of any length."""
    scored = RecordingScore(row, description)
    for part in frames:
        scored.accept(part)
    return scored


def streamed(identifier: Identifier, blocks: Iterable[Waveform]) -> Iterator[Frames]:
    """Stream a recording; yield the frames that each block completes, then the last ones."""
    for block in blocks:
        yield identifier.accept(block)
    yield identifier.finish()


def equal_frames(
    identifier: Identifier,
    wav: Wav,
    n_frames: int,
    offline: Callable[[int, int], Frames],
    differences: list[float],
) -> Iterator[Frames]:
    """Stream a recording in chunks of 0.1 s; yield its frames, many at a time, all equal to the offline ones.

    Parameters
    ----------
    n_frames
        Number of frames of the recording in the feature store.
    offline
        Returns frames start:stop of the recording, in order.
    differences
        The largest difference of a posterior in each piece is added.

    Raises
    ------
    ExportError
        If the stream differs: in a speech flag, in the number of frames, or in a posterior by more than ten times the
        tolerance. Less is a finding for `drifted`: its MFCCs are rounded otherwise, which a network may amplify.
    """
    identifier.reset_states()
    read, description, size = Reader(wav), identifier.description, identifier.sample_rate // CHUNKS_PER_S

    def blocks() -> Iterator[Frames]:
        for start in range(0, wav.n_samples, BLOCK_SAMPLES):
            block = to_waveform(read(start, start + BLOCK_SAMPLES))
            yield joined([identifier.accept(block[at : at + size]) for at in range(0, len(block), size)])
        yield identifier.finish()

    for found in blocks():
        wanted = offline(found.first, identifier.decided)
        if not np.array_equal(found.speech, wanted.speech):
            raise _unequal(wav.name, "other speech flags")
        seen = description.seen(found.speech)
        difference = float(np.abs(found.posteriors[seen] - wanted.posteriors[seen]).max(initial=0))
        if not difference <= LIMIT * description.tolerance:  # NaN is a difference as well
            limit = f"{LIMIT} times export.tolerance {description.tolerance:g}"
            raise _unequal(wav.name, f"a posterior is off by {difference:.2g}, more than {limit}")
        differences.append(difference)
        yield found
    if identifier.decided != n_frames:
        raise _unequal(wav.name, f"{identifier.decided} frames instead of {n_frames}")


def proven(scores: Sequence[RecordingScore], tolerance: float) -> list[str]:
    """Return a sentence on how the recordings that were streamed compare with the offline stages, if there are any."""
    differences = [scored.difference for scored in scores if scored.difference is not None]
    if not differences:
        return []
    streams = f"{len(differences):,} of {len(scores):,} recordings streamed"
    if off := [difference for difference in differences if difference > tolerance]:
        more = f"by more than export.tolerance {tolerance:g}, by {max(off):.2g} at most"
        return [f"{streams}: {len(off):,} differ from the offline stages {more}; their scores are those of the stream"]
    return [f"{streams}: equal to the offline stages at every frame, within {max(differences):.1g}"]


def _unequal(name: str, how: str) -> ExportError:
    return ExportError(f"the stream of {name} differs from the offline stages ({how}); run `dvc repro` to export again")


def write_recordings(path: Path, scores: Iterable[RecordingScore], classes: Sequence[str]) -> None:
    """Write evaluation/recordings.csv: one row per recording, one column of posteriors per class."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["recording", "language", "predicted", "confidence", *classes])
        for scored in scores:
            numbers = [f"{number:.6f}" for number in (scored.decision.confidence, *scored.decision.posteriors)]
            writer.writerow([scored.row.recording, scored.row.language, scored.predicted, *numbers])
