"""Measures of recordings that do not depend on what is said in them."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from pipeline.arrays import Features
from pipeline.rows import RecordingRow
from pipeline.store.feature_store import FeatureStore

MEASURED = 20_000  # recordings; more would take longer and tell the same
MAX_FRAMES = 500  # in the middle of each recording, from which its spectrum is measured
BLOCK_ROWS = 60_000  # rows of the store that are read together
FLOOR_PERCENTILE = 10  # percentile of the levels of the frames
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


def sample(rows: Sequence[RecordingRow], seed: int) -> Sequence[RecordingRow]:
    """Return at most `MEASURED` recordings, chosen at random, in their order."""
    if len(rows) <= MEASURED:
        return rows
    return [rows[place] for place in np.sort(np.random.default_rng(seed).choice(len(rows), MEASURED, replace=False))]


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
    """Return the share of silence and `of_spectrum` of recordings in the store, shape (recordings, 4).

    Recordings whose middles are neighbours in the store are read together.
    """
    starts, lengths = store.starts[indices], store.lengths[indices]
    firsts = starts + np.maximum(lengths - MAX_FRAMES, 0) // 2
    lasts = firsts + np.minimum(lengths, MAX_FRAMES)
    found = np.zeros((len(indices), 4))
    for _, group in itertools.groupby(np.argsort(firsts).tolist(), lambda place: firsts[place] // BLOCK_ROWS):
        block = list(group)
        first, first_flag = int(firsts[block].min()), int(starts[block].min())
        rows = store.mfcc_rows(first, int(lasts[block].max()))
        flags = store.speech_rows(first_flag, int((starts + lengths)[block].max()))
        for place in block:
            if lengths[place]:
                speech = flags[starts[place] - first_flag :][: lengths[place]].mean()
                found[place] = 1 - speech, *of_spectrum(rows[firsts[place] - first : lasts[place] - first])
    return found


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
