"""Find the speech of recordings, and check for each of them that SoX keeps the same samples.

SoX returns the samples that it keeps but not their positions. `SoxRule` gives the positions, and the samples there must
be SoX's own output. docs/silence.md explains why sample numbers in extra channels do not work.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline import params
from pipeline.arrays import Samples, Spans
from pipeline.audio.samples import Read
from pipeline.errors import Defect, ProgramError
from pipeline.silence.gain import levelled
from pipeline.silence.sox import run_sox
from pipeline.silence.spans import cut, sox_spans, tidy, within

CHUNK_SAMPLES = 1 << 19  # in memory at a time: 33 s, however long the recording


def detect(read: Read, n_samples: int, sample_rate: int, detection: params.Detection) -> Spans:
    """Find the speech of a whole recording: SoX's spans, then min_silence, min_speech and pad.

    Returns
    -------
    Spans of speech, shape (spans, 2); (0, 2) if all is silence.

    Raises
    ------
    ProgramError
        If SoX is not installed or fails.
    Defect
        If SoX does not keep the same samples as `SoxRule`.

    Examples
    --------
    >>> signal = np.repeat(np.array([0, 8000, 0], np.int16), [1000, 4000, 1000])
    >>> detection = params.Detection(automatic_gain=False, threshold=1.0, min_speech=0.0, min_silence=0.0, pad=0.01)
    >>> detect(lambda start, stop: signal[start:stop], len(signal), 16000, detection)
    array([[ 840, 5479]])
    """
    from pipeline.silence.compiled import CompiledRule  # with Numba, which only workers need

    def chunks() -> Iterator[Samples]:
        recorded = (read(at, at + CHUNK_SAMPLES) for at in range(0, n_samples, CHUNK_SAMPLES))
        return levelled(recorded, sample_rate, detection)

    spans = sox_spans(chunks(), CompiledRule(sample_rate, detection.threshold))
    if not _equal(_kept(chunks(), spans), run_sox(chunks(), sample_rate, detection.threshold)):
        raise Defect("SoX did not keep the samples that its rule keeps; please report this with the recording")
    return tidy(spans, n_samples, sample_rate, detection)


def detect_together(
    recordings: Sequence[tuple[Read, int]], sample_rate: int, detection: params.Detection
) -> list[Spans | None]:
    """Find the speech of recordings with one SoX, which hears them one after the other, with silence between them.

    Starting SoX takes as long as it takes for 6 s of audio. The silence brings it back to the state it starts in.

    Parameters
    ----------
    recordings
        With their lengths, in samples.

    Returns
    -------
    As `detect` for every recording, or None where that has to be asked: the recording is long, the silence after it
    would change its spans, or SoX failed or differed for any of them.
    """
    certain = {
        position: heard
        for position, (read, n_samples) in enumerate(recordings)
        if n_samples <= CHUNK_SAMPLES and (heard := _Heard.of(read(0, n_samples), sample_rate, detection)).certain
    }
    sent = (block for heard in certain.values() for block in heard.blocks)
    kept = (block for heard in certain.values() for block in _kept(heard.blocks, heard.both))
    try:
        equal = bool(certain) and _equal(kept, run_sox(sent, sample_rate, detection.threshold))
    except ProgramError:
        equal = False
    return [
        tidy(certain[position].alone, n_samples, sample_rate, detection) if equal and position in certain else None
        for position, (_, n_samples) in enumerate(recordings)
    ]


@dataclass(frozen=True)
class _Heard:
    """A recording in memory, as SoX hears it before some silence.

    Attributes
    ----------
    blocks
        The recording and the silence.
    alone
        The samples that SoX keeps of the recording alone.
    both
        The samples that it keeps of both.
    """

    blocks: tuple[Samples, Samples]
    alone: Spans
    both: Spans

    @classmethod
    def of(cls, samples: Samples, sample_rate: int, detection: params.Detection) -> "_Heard":
        from pipeline.silence.compiled import CompiledRule  # with Numba, which only workers need

        samples = np.concatenate(list(levelled([samples], sample_rate, detection)))
        rule = CompiledRule(sample_rate, detection.threshold)
        silence = np.zeros(rule.forgets_after, np.int16)
        alone = sox_spans([samples], rule)
        edges = alone.ravel()[: alone.size - rule.open].tolist()  # without its end, if SoX has not stopped before
        edges += [sample for _, sample in rule.accept(silence)]
        return cls((samples, silence), alone, np.array(edges, np.int64).reshape(-1, 2))

    @property
    def certain(self) -> bool:
        """True if the silence does not change what SoX keeps of the recording."""
        return np.array_equal(within(self.both, 0, len(self.blocks[0])), self.alone)


def _kept(blocks: Iterable[Samples], spans: Spans) -> Iterator[Samples]:
    at = 0
    for block in blocks:
        yield cut(block, within(spans, at, len(block)))
        at += len(block)


def _equal(kept: Iterable[Samples], by_sox: Iterator[Samples]) -> bool:
    """True if both have the same samples, in blocks of any size, but none of SoX's is empty."""
    rest = np.zeros(0, np.int16)
    for block in kept:
        at = 0
        while at < len(block):
            if not len(rest):
                rest = next(by_sox, rest)
            n_samples = min(len(block) - at, len(rest))
            if not n_samples or not np.array_equal(block[at : at + n_samples], rest[:n_samples]):
                return False
            at, rest = at + n_samples, rest[n_samples:]
    return not len(rest) and next(by_sox, None) is None
