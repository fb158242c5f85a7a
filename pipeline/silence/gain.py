"""Automatic gain in front of SoX's threshold, so that speech is found in quiet and in loud recordings alike.

It is slow and causal. Its state is a number and at most two seconds of samples, so a stream equals the pipeline.
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline import params
from pipeline.arrays import Samples
from pipeline.audio.samples import FULL_SCALE

HELD_S = 2.0  # the beginning of a recording, which sets the first gain
BLOCKS_PER_S = 50
TARGET_DB = -20.0  # level of loud speech behind the gain, dB of full scale
UP_DB, DOWN_DB = 0.005, 0.1  # per block
ONE_IN = round(DOWN_DB / UP_DB) + 1  # one in so many blocks exceeds the target while the gain is steady
LEAST_DB, MOST_DB = -20.0, 40.0  # limits of the gain: digital silence remains silence


class AutomaticGain:
    """A gain that brings the loud parts of speech to -20 dB of full scale, whatever the level of the recording.

    After every block of 20 ms that is louder than that behind the gain, the gain falls by 0.1 dB; after any other it
    rises by 0.005 dB. So a click hardly moves it, and in a pause it rises by 0.25 dB per second. The first two seconds
    wait until their own blocks have set the first gain.

    Examples
    --------
    >>> quiet = np.tile(np.array([100, -100], np.int16), 16000)
    >>> AutomaticGain(16000).accept(quiet)[:4]
    array([ 3277, -3277,  3277, -3277], dtype=int16)
    """

    def __init__(self, sample_rate: int) -> None:
        self._block_samples = sample_rate // BLOCKS_PER_S
        self._target = FULL_SCALE**2 * 10 ** (TARGET_DB / 10) * self._block_samples  # energy of a block
        self._hold = round(HELD_S * sample_rate)
        self._held: list[Samples] = []
        self._gain_db: float | None = None  # not known before the held samples
        self._block = np.zeros(0, np.int16)  # samples so far of the current block

    def accept(self, samples: Samples) -> Samples:
        """Take more samples; return those that are ready, amplified, shape (samples,)."""
        if self._gain_db is not None:
            return self._amplify(samples, self._gain_db)
        self._held.append(samples)
        return samples[:0] if sum(map(len, self._held)) < self._hold else self.finish()

    def finish(self) -> Samples:
        """Return the samples that still wait."""
        if not self._held:
            return np.zeros(0, np.int16)
        beginning = np.concatenate(self._held)
        self._held = []
        energies = np.sort(self._energies(beginning[: self._hold]))
        loud = int(energies[-1 - len(energies) // ONE_IN]) if len(energies) else 0
        return self._amplify(beginning, _limited(10 * math.log10(self._target / max(loud, 1))))

    def _amplify(self, samples: Samples, gain_db: float) -> Samples:
        whole = np.concatenate([self._block, samples])
        gains = [10 ** (gain_db / 20)]  # of every block
        for energy in self._energies(whole).tolist():
            gain_db = _limited(gain_db - DOWN_DB if energy * gains[-1] ** 2 > self._target else gain_db + UP_DB)
            gains.append(10 ** (gain_db / 20))
        self._gain_db = gain_db
        gain = np.repeat(gains, self._block_samples)[len(self._block) : len(whole)]
        self._block = whole[(len(gains) - 1) * self._block_samples :]
        return np.asarray(np.clip(np.rint(samples * gain), -FULL_SCALE, FULL_SCALE - 1), np.int16)

    def _energies(self, samples: Samples) -> NDArray[np.int64]:
        """Return the energy of every complete block, shape (blocks,)."""
        n_blocks = len(samples) // self._block_samples
        blocks = samples[: n_blocks * self._block_samples].reshape(n_blocks, self._block_samples)
        return np.asarray((blocks.astype(np.int64) ** 2).sum(axis=1))


def levelled(blocks: Iterable[Samples], sample_rate: int, detection: params.Detection) -> Iterator[Samples]:
    """Yield a recording as SoX's rule gets it, in blocks: behind the automatic gain if the parameters ask for it."""
    if not detection.automatic_gain:
        yield from blocks
        return
    gain = AutomaticGain(sample_rate)
    for block in blocks:
        yield gain.accept(block)
    yield gain.finish()


def _limited(gain_db: float) -> float:
    return min(max(gain_db, LEAST_DB), MOST_DB)
