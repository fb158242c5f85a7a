"""Test recordings to listen to: the sound, and what the network answered, frame by frame."""

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from pipeline.arrays import Flags, Posteriors, Samples, Waveform
from pipeline.audio.samples import to_waveform
from pipeline.report.answers import Answer
from pipeline.report.drawing import INK, SHADE, blank, drawing, label, legend, styles, svg
from pipeline.report.figures import LABEL_CHARACTERS
from pipeline.rows import ExampleRow, FrameRow

if TYPE_CHECKING:
    from markupsafe import Markup

ENVELOPE_POINTS = 300
CURVE_POINTS = 400
NAMED = 4  # classes in the legend, those with the highest posteriors


@dataclass(frozen=True)
class Example:
    """A part of a test recording.

    Attributes
    ----------
    samples
        At `sample_rate`.
    frames
        Those of the part.
    """

    row: ExampleRow
    answer: Answer
    samples: Samples
    sample_rate: int
    frames: Sequence[FrameRow]

    @property
    def speech(self) -> float:
        """Share of the frames that are speech."""
        return sum(frame.speech for frame in self.frames) / max(len(self.frames), 1)


@dataclass(frozen=True)
class Card:
    """An example as the page shows it; `sound` is MP3 in base64."""

    example: Example
    figure: "Markup"
    sound: str


def cards(examples: Iterable[Example]) -> list[Card]:
    """Draw examples and compress their sound."""
    with drawing():
        return [_card(example, number) for number, example in enumerate(examples, 1)]


def _card(example: Example, number: int) -> Card:
    file = io.BytesIO()
    soundfile.write(file, to_waveform(example.samples), example.sample_rate, format="MP3")
    return Card(example, _figure(example, number), base64.b64encode(file.getvalue()).decode("ascii"))


def _figure(example: Example, number: int) -> "Markup":
    classes = list(example.frames[0].extra) if example.frames else []
    return timeline(
        f"Example {number}: waveform, speech, and the posteriors of {len(classes)} classes over time",
        to_waveform(example.samples),
        example.sample_rate,
        example.row.start_s,
        np.array([frame.time_s for frame in example.frames]),
        np.array([frame.speech for frame in example.frames], bool),
        _posteriors(example.frames, classes),
        classes,
    )


def timeline(
    title: str,
    waveform: Waveform,
    sample_rate: int,
    start_s: float,
    times: NDArray[np.float64],
    speech: Flags,
    posteriors: Posteriors | NDArray[np.float64],
    classes: Sequence[str],
) -> "Markup":
    """The sound of a recording, shaded where it is speech, above the posteriors of its frames.

    Parameters
    ----------
    start_s
        Time of the first sample.
    times
        Times of the frames, s.
    posteriors
        Shape (frames, classes); NaN for frames that the network does not see.
    """
    figure = blank(2.1)
    sound, curves = figure.subplots(2, sharex=True, gridspec_kw={"height_ratios": [2, 3]})
    edges = np.linspace(0, len(waveform), min(ENVELOPE_POINTS, len(waveform)) + 1).astype(int)
    at = start_s + edges[:-1] / sample_rate
    if len(waveform):
        low, high = np.minimum.reduceat(waveform, edges[:-1]), np.maximum.reduceat(waveform, edges[:-1])
        sound.fill_between(at, low, high, color=INK, linewidth=0)
    loudest = max(float(np.abs(waveform).max(initial=0)), 1e-4)
    sound.set(ylim=(-1.05 * loudest, 1.05 * loudest), yticks=[])
    curves.set(ylim=(-0.03, 1.03), yticks=[0, 0.5, 1], xlabel="s")
    for axes in (sound, curves):
        axes.fill_between(times, *axes.get_ylim(), where=speech, color=SHADE, linewidth=0, zorder=0, step="mid")
    thin = slice(None, None, -(-len(times) // CURVE_POINTS) or 1)
    means = [_mean(column) for column in posteriors.T]
    named = set(np.argsort(means)[::-1][:NAMED].tolist())
    for place, (name, style) in enumerate(zip(classes, styles(), strict=False)):
        shown = label(name, LABEL_CHARACTERS) if place in named else None
        curves.plot(times[thin], posteriors[thin, place], **style, linewidth=1, label=shown)
    if named:
        legend(figure, NAMED)
    return svg(figure, title)


def _posteriors(frames: Sequence[FrameRow], classes: Sequence[str]) -> NDArray[np.float64]:
    """Shape (frames, classes); NaN for frames that the network does not see."""
    cells = [[float(frame.extra[name] or "nan") for name in classes] for frame in frames]
    return np.array(cells, float).reshape(len(frames), len(classes))


def _mean(column: NDArray[Any]) -> float:
    seen = column[~np.isnan(column)]
    return float(seen.mean()) if len(seen) else 0.0
