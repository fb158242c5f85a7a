"""Measures of recordings that know nothing of what is said in them."""

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from pipeline.arrays import Features
from pipeline.store.feature_store import FeatureStore
from pipeline.tables import RecordingRow

MAX_FRAMES = 2000  # of each recording, from its middle
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
"""The measures, and what to do about each if it gives a language away."""


def measure(rows: Sequence[RecordingRow], store: FeatureStore) -> dict[str, NDArray[np.float64]]:
    """Every measure of `ADVICE` of every recording, shape (recordings,)."""
    of_sound = np.array([_of_sound(store, row.recording) for row in rows]).reshape(-1, 4).T
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


def _of_sound(store: FeatureStore, recording: str) -> tuple[float, float, float, float]:
    length = int(store.lengths[store.index(recording)])
    start = max(length - MAX_FRAMES, 0) // 2
    features = store.features(recording, start, start + MAX_FRAMES)
    silence = 1 - float(store.flags(recording).mean()) if length else 0.0
    return (silence, *of_spectrum(features)) if len(features) else (silence, 0.0, 0.0, 0.0)


def of_spectrum(features: Features) -> tuple[float, float, float]:
    """Noise floor in dB, tilt of the long-term spectrum in dB per band, and bandwidth in bands.

    With fewer MFCCs than mel bands, the bands are as many as the MFCCs, and smoothed.

    Parameters
    ----------
    features
        MFCCs, shape (frames, n_mfcc).
    """
    bands = scipy.fft.idct(features.astype(np.float64), axis=1, norm="ortho")
    floor = float(np.percentile(bands.mean(axis=1), FLOOR_PERCENTILE))
    spectrum = 10 * np.log10(np.mean(10 ** (bands / 10), axis=0))
    places = np.arange(len(spectrum)) - (len(spectrum) - 1) / 2
    tilt = float(places @ spectrum / max(float(places @ places), 1.0))
    return floor, tilt, float(np.flatnonzero(spectrum > spectrum.max() - BANDWIDTH_DB)[-1])
