"""The arrays of the pipeline: one name per kind, with its shape and unit."""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]  # shape (n_samples,): mono, at audio.sample_rate
Waveform = NDArray[np.float32]  # shape (n_samples,): mono, full scale ±1
Sound = Samples | Waveform  # shape (n_samples,): mono, at any rate
Spans = NDArray[np.int64]  # shape (spans, 2): samples start:end of speech, in order, not touching
Flags = NDArray[np.bool_]  # shape (frames,): True for speech
LogMel = NDArray[np.float32]  # shape (frames, n_mels), dB
Features = NDArray[np.float32]  # shape (frames, n_mfcc): MFCCs
Posteriors = NDArray[np.float32]  # shape (frames, classes)
