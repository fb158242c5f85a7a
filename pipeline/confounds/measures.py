"""Measures of recordings that do not depend on what is said in them."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from pipeline.arrays import Features
from pipeline.rows import RecordingRow
from pipeline.store.feature_store import FeatureStore

MAX_FRAMES = 500  # of each recording, from its middle
BLOCK_ROWS = 60_000  # of the store, read at a time
FLOOR_PERCENTILE = 10  # of the levels of the frames
BANDWIDTH_DB = 50  # a band further below the loudest is not part of the bandwidth

ADVICE: Mapping[str, str] = {
    "level": "bring all recordings to one level, or raise augment.gain",
    "peak": "bring all recordings to one level, or raise augment.gain",
    "clipping": "replace the clipped recordings by unclipped ones, or clip those of the other languages alike",
    "DC offset": "remove the mean of the samples of all recordings",
    "duration": "cut the recordings of all languages to the same lengths",
    "rate": "resample all recordings to the lowest rate first",
    "channels": "mix all recordings down to one channel first",
    "format": "encode all recordings alike, in the coarsest of the formats",
    "silence": "trim the pauses of all languages alike, or set silence.strategy to remove",
    "noise floor": "add noise with augment.noise, or recordings of the other languages from the same rooms",
    "tilt": "raise augment.tilt and augment.equaliser, or add recordings from the same microphones",
    "bandwidth": "low-pass all recordings at the narrowest bandwidth, or set augment.cutoff",
}
"""The measures, and a remedy for each that reveals a language."""


def measure(rows: Sequence[RecordingRow], store: FeatureStore) -> dict[str, NDArray[np.float64]]:
    """Return every measure of `ADVICE` for every recording, each of shape (recordings,)."""
    of_sound = _of_sound(store, np.array([store.index(row.recording) for row in rows], np.int64)).T
    formats = {name: number for number, name in enumerate(sorted({row.format for row in rows}))}
    return {
        "level": np.array([row.rms_dbfs for row in rows]),
        "peak": np.array([row.peak_dbfs for row in rows]),
        "clipping": np.array([row.clipped for row in rows]),
        "DC offset": np.array([row.dc_offset for row in rows]),
        "duration": np.array([row.duration_s for row in rows]),
        "rate": np.array([row.sample_rate for row in rows], np.float64),
        "channels": np.array([row.channels for row in rows], np.float64),
        "format": np.array([formats[row.format] for row in rows], np.float64),
        **dict(zip(("silence", "noise floor", "tilt", "bandwidth"), of_sound, strict=True)),
    }


def _of_sound(store: FeatureStore, indices: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return share of silence and `of_spectrum` of recordings in the store, shape (recordings, 4)."""
    found = np.zeros((len(indices), 4))
    for block in _blocks(store, indices):
        first = int(store.starts[indices[block[0]]])
        last = int(store.starts[indices[block[-1]]] + store.lengths[indices[block[-1]]])
        speech = store.speech_rows(first, last)
        if len(block) == 1:  # perhaps hours long
            middle = first + max(last - first - MAX_FRAMES, 0) // 2
            parts = [store.mfcc_rows(middle, min(middle + MAX_FRAMES, last))]
        else:
            rows = store.mfcc_rows(first, last)
            parts = [_middle(rows, store, int(index), first) for index in indices[block]]
        for place, part in zip(block, parts, strict=True):
            start = store.starts[indices[place]] - first
            flags = speech[start : start + store.lengths[indices[place]]]
            if len(part):
                found[place] = 1 - flags.mean(), *of_spectrum(part)
    return found


def _blocks(store: FeatureStore, indices: NDArray[np.int64]) -> Iterator[list[int]]:
    """Yield indices of recordings that are neighbours in the store, so that one read gets them all."""
    block: list[int] = []
    for place in np.lexsort((store.lengths[indices], store.starts[indices])).tolist():
        end = store.starts[indices[place]] + store.lengths[indices[place]]
        if block and end - store.starts[indices[block[0]]] > BLOCK_ROWS:
            yield block
            block = []
        block.append(place)
    if block:
        yield block


def _middle(rows: Features, store: FeatureStore, index: int, first: int) -> Features:
    length = int(store.lengths[index])
    start = int(store.starts[index]) - first + max(length - MAX_FRAMES, 0) // 2
    return rows[start : start + min(length, MAX_FRAMES)]


def of_spectrum(features: Features) -> tuple[float, float, float]:
    """Return noise floor in dB, tilt of the long-term spectrum in dB per band, and bandwidth in bands.

    With fewer MFCCs than mel bands, the bands are as many as the MFCCs, and smoothed.

    Parameters
    ----------
    features
        MFCCs, shape (frames, n_mfcc).
    """
    bands = scipy.fft.idct(features, axis=1, norm="ortho")
    floor = float(np.percentile(bands.mean(axis=1), FLOOR_PERCENTILE))
    spectrum = 10 * np.log10(np.mean(10 ** (bands / 10), axis=0))
    places = np.arange(len(spectrum)) - (len(spectrum) - 1) / 2
    tilt = float(places @ spectrum / max(float(places @ places), 1.0))
    return floor, tilt, float(np.flatnonzero(spectrum > spectrum.max() - BANDWIDTH_DB)[-1])
