"""Edges of mel filters, without the second that librosa takes to import."""

import math


def empty_filter(
    n_mels: int, n_fft: int, fmin: float, fmax: float | None, sample_rate: int
) -> tuple[float, float] | None:
    """Edges in Hz of the first mel filter without a frequency of the spectrum: it would be constant.

    Source: librosa.filters.mel with htk=False (Slaney, Auditory Toolbox, 1998), without its second to import.
    """
    low, high = _mel(fmin), _mel(fmax or sample_rate / 2)
    edges = [_hertz(low + (high - low) * number / (n_mels + 1)) for number in range(n_mels + 2)]
    spacing = sample_rate / n_fft
    for below, above in zip(edges, edges[2:], strict=False):
        if (math.floor(below / spacing) + 1) * spacing >= above:
            return below, above
    return None


def _mel(hertz: float) -> float:
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def _hertz(mel: float) -> float:
    return mel * 200 / 3 if mel < 15 else 1000 * math.exp((mel - 15) * math.log(6.4) / 27)
