"""The check for mel filters that hold no frequency, without the second that importing librosa takes."""

import math


def empty_filter(
    n_mels: int, n_fft: int, fmin: float, fmax: float | None, sample_rate: int
) -> tuple[float, float] | None:
    """Find the first mel filter that holds no frequency of the spectrum: its output would be constant.

    Parameters
    ----------
    n_mels, n_fft, fmin, fmax
        As in librosa.filters.mel with htk=False: filters, samples per frame, edges of the band in Hz.
    sample_rate
        Hz.

    Returns
    -------
    tuple of float or None
        Lower and upper edge of the filter in Hz; None if every filter holds a frequency.

    Notes
    -----
    Source: Slaney, Auditory Toolbox, 1998.

    Examples
    --------
    >>> empty_filter(n_mels=64, n_fft=400, fmin=0, fmax=None, sample_rate=16000) is None
    True
    >>> lower, upper = empty_filter(n_mels=160, n_fft=400, fmin=0, fmax=None, sample_rate=16000)
    >>> print(f"{lower:.1f} to {upper:.1f} Hz")
    0.0 to 37.5 Hz
    """
    low, high = _mel(fmin), _mel(fmax or sample_rate / 2)
    edges = [_hertz(low + (high - low) * index / (n_mels + 1)) for index in range(n_mels + 2)]
    spacing = sample_rate / n_fft
    for lower, upper in zip(edges, edges[2:], strict=False):
        if (math.floor(lower / spacing) + 1) * spacing >= upper:
            return lower, upper
    return None


def _mel(hertz: float) -> float:
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def _hertz(mel: float) -> float:
    return mel * 200 / 3 if mel < 15 else 1000 * math.exp((mel - 15) * math.log(6.4) / 27)
