"""Which language is spoken when: a stream as segments of one language each.

A hidden Markov model whose states are the languages: in each block of 0.2 s, the speaker stays with a language, or
begins a new turn in one drawn from the prior. A block is observed by the evidence of its speech frames, divided by the
temperature of `Turns`, as neighbouring frames say much the same. The network needs a moment to believe a change, so the
evidence of a frame is the answer to a later one, as far as it is there before the frame's flag. The forward pass gives
the present language; a backward pass over the four blocks that follow fixes that of a block. A segment begins with a
language that is likely enough.

    forward   a ∝ e ∘ [(1 - p) a + p π]          e: exp(evidence of the block), p: block / turn, π: prior
    backward  b = (1 - p) (e ∘ b) + p π · (e ∘ b)
"""

from collections import deque
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline import params
from pipeline.arrays import Flags, Posteriors
from pipeline.streaming.decision import POSTERIOR_FLOOR

BLOCK_S = 0.2
AHEAD = 4  # blocks that are heard before one is fixed
MOST_DELAY_S = 0.4
SURE = 0.7  # posterior of a language with which a segment begins
PAUSE_S = 1.0  # of blocks without speech, which end a segment
KEPT = 10_000  # segments, the last ones
UNLIKELY = 1e-30  # least likelihood of a block, so that no product of some underflows


class Turns(params.Section):
    """How a stream is divided into turns.

    Attributes
    ----------
    turn
        Expected length of a turn, s.
    temperature
        Divisor of the log posteriors of frames, which are not independent.
    delay
        From a frame to the one whose answer is its evidence, s.
    """

    turn: Annotated[float, Field(gt=0)] = 10.0
    temperature: Annotated[float, Field(gt=0)] = 1.0
    delay: Annotated[float, Field(ge=0)] = 0.0


class Segment(NamedTuple):
    """Consecutive speech in one language.

    Attributes
    ----------
    start_s, end_s
        From the beginning of the stream.
    confidence
        Mean posterior of the language over the blocks with speech.
    closed
        False for the last one, which may become longer.
    """

    start_s: float
    end_s: float
    language: str
    confidence: float
    closed: bool


class Timeline:
    """The segments of a stream, in constant memory.

    Parameters
    ----------
    prior
        Of each language; None: all the same.

    Examples
    --------
    Two seconds of English, two of Hindi:

    >>> timeline = Timeline(("english", "hindi"), Turns(turn=5), None, frame_s=0.01)
    >>> posteriors = np.repeat(np.array([[0.9, 0.1], [0.1, 0.9]], np.float32), 200, axis=0)
    >>> timeline.accept(posteriors, np.ones(400, bool))
    >>> [(part.start_s, part.end_s, part.language, part.closed) for part in timeline.segments]
    [(0.0, 2.0, 'english', True), (2.0, 3.2, 'hindi', False)]
    >>> timeline.finish()
    >>> timeline.segments[-1].end_s, timeline.present
    (4.0, 'hindi')
    """

    def __init__(
        self, languages: tuple[str, ...], turns: Turns, prior: tuple[float, ...] | None, frame_s: float
    ) -> None:
        self._languages, self._frame_s = languages, frame_s
        self._block = max(1, round(BLOCK_S / frame_s))
        self._scale, self._delay = 1 / turns.temperature, round(turns.delay / frame_s)
        new = min(1.0, self._block * frame_s / turns.turn)
        self._prior = np.full(len(languages), 1 / len(languages)) if prior is None else np.array(prior)
        self._keep, self._enter = 1 - new, new * self._prior
        self._possible = self._prior > 0
        self._forward = self._prior
        self._silent = 0  # blocks since the last speech
        self._posteriors: list[Posteriors] = []  # of frames that belong to no block yet
        self._speech: list[Flags] = []
        self._answered = self._flagged = 0  # number of these
        self._blocks: list[_Block] = []  # that are not fixed
        self._fixed = 0  # number of blocks that are
        self._closed: deque[Segment] = deque(maxlen=KEPT)
        self._open: _Open | None = None

    def accept(self, posteriors: Posteriors, speech: Flags) -> None:
        """Take posteriors and flags of speech of more frames, as many or fewer flags: those may come later.

        The first columns of the posteriors are the languages.
        """
        if len(posteriors):
            self._posteriors.append(posteriors)
        if len(speech):
            self._speech.append(speech)
        self._answered += len(posteriors)
        self._flagged += len(speech)
        whole = min(self._flagged, self._answered - self._delay) // self._block * self._block
        if whole <= 0:  # a stream may come frame by frame: only lists grow
            return
        posteriors, speech = np.concatenate(self._posteriors), np.concatenate(self._speech)
        self._posteriors, self._speech = [posteriors[whole:]], [speech[whole:]]
        self._answered, self._flagged = self._answered - whole, self._flagged - whole
        evidence = posteriors[self._delay : self._delay + whole, : len(self._languages)]
        heard = np.where(speech[:whole, None], evidence, np.float32(1))
        logs = self._scale * np.log(np.maximum(heard, POSTERIOR_FLOOR))
        sums = logs.reshape(-1, self._block, len(self._languages)).sum(axis=1, dtype=np.float64)
        highest = sums[:, self._possible].max(axis=1, keepdims=True)
        likely = np.maximum(np.exp(np.minimum(sums - highest, 0)), UNLIKELY)
        spoken = np.any(speech[:whole].reshape(-1, self._block), axis=1)
        for block, some in zip(likely, spoken, strict=True):
            self._step(block if some else None)
            if len(self._blocks) > AHEAD:
                self._fix(1)

    def finish(self) -> None:
        """Fix the rest of the stream, which has ended."""
        missing = -self._flagged % self._block
        if self._flagged:  # the last answer holds on, and the rest of the last block has no speech
            last = np.concatenate(self._posteriors)[-1:]
            self.accept(np.repeat(last, self._delay + missing, axis=0), np.zeros(missing, np.bool_))
        self._fix(len(self._blocks), self._block - missing)
        self._close()

    @property
    def present(self) -> str | None:
        """The most likely language at present; None before any speech."""
        return None if self._forward is self._prior else self._languages[int(self._forward.argmax())]

    @property
    def confidence(self) -> float:
        """Posterior of the most likely language at present."""
        return float(self._forward.max())

    @property
    def segments(self) -> list[Segment]:
        """The last segments, at most `KEPT`, and the one that is not closed, if there is one."""
        return [*self._closed, *([self._open.segment(False)] if self._open else [])]

    def _step(self, likely: NDArray[np.float64] | None) -> None:
        if likely is not None:
            forward = likely * (self._keep * self._forward + self._enter)
            self._forward = forward / forward.sum()
        elif self._forward is not self._prior:
            self._forward = self._keep * self._forward + self._enter
        self._blocks.append(_Block(self._forward, likely))

    def _fix(self, count: int, last: int | None = None) -> None:
        """Fix the first blocks of those that are not; the last may have fewer frames."""
        after, found = np.ones(len(self._languages)), []
        for number, block in reversed(list(enumerate(self._blocks))):
            if number < count:
                found.append((block, block.forward * after))
            seen = after if block.likely is None else block.likely * after
            after = self._keep * seen + self._enter @ seen
        for number, (block, both) in enumerate(reversed(found), 1):
            frames = last if last and number == count else self._block
            start_s = self._fixed * self._block * self._frame_s
            self._add(block, both / both.sum(), start_s, start_s + frames * self._frame_s)
            self._fixed += 1
        del self._blocks[:count]

    def _add(self, block: "_Block", posterior: NDArray[np.float64], start_s: float, end_s: float) -> None:
        """Add a block to a segment."""
        self._silent = self._silent + 1 if block.likely is None else 0
        if self._silent:
            if self._silent * self._block * self._frame_s > PAUSE_S - self._frame_s / 2:
                self._close()
            return
        best = int(posterior.argmax())
        if posterior[best] < SURE:
            if not self._open:
                return
            best = self._languages.index(self._open.language)
        if self._open and self._open.language != self._languages[best]:
            self._close()
        if not self._open:
            self._open = _Open(self._languages[best], start_s)
        self._open.end_s = end_s
        self._open.total += float(posterior[best])
        self._open.blocks += 1

    def _close(self) -> None:
        if self._open:
            self._closed.append(self._open.segment(True))
        self._open = None


class _Block(NamedTuple):
    """A block: the forward posterior after it, and its likelihoods; None without speech."""

    forward: NDArray[np.float64]
    likely: NDArray[np.float64] | None


class _Open:
    """A segment that is not closed."""

    def __init__(self, language: str, start_s: float) -> None:
        self.language, self.start_s, self.end_s = language, start_s, start_s
        self.total, self.blocks = 0.0, 0

    def segment(self, closed: bool) -> Segment:
        confidence = round(self.total / max(self.blocks, 1), 6)
        return Segment(round(self.start_s, 6), round(self.end_s, 6), self.language, confidence, closed)
