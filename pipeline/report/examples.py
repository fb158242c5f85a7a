"""Test recordings to listen to: the sound, and the answer of the network frame by frame."""

import base64
import functools
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soundfile
from numpy.typing import NDArray

from pipeline.arrays import Flags, Posteriors, Samples, Waveform
from pipeline.audio.samples import to_waveform
from pipeline.report.answers import Answer
from pipeline.report.drawing import INK, SHADE, blank, drawing, label, legend, styles, svg
from pipeline.report.figures import LABEL_CHARACTERS
from pipeline.rows import ExampleRow, FrameRow
from pipeline.scoring.metrics import MANY
from pipeline.streaming.timeline import Segment

ENVELOPE_POINTS = 300
CURVE_POINTS = 400
NAMED = 4  # classes in the legend: those with the highest posteriors


@dataclass(frozen=True)
class AudioExample:
    """A part of a test recording: its sound, its frames, and the segments that a stream of them gives."""

    number: int  # place on the page, from 1
    row: ExampleRow
    answer: Answer
    samples: Samples
    sample_rate: int
    frames: Sequence[FrameRow]
    segments: Sequence[Segment]

    @property
    def speech(self) -> float:
        """Share of the frames that are speech."""
        return sum(frame.speech for frame in self.frames) / max(len(self.frames), 1)

    @property
    def sound(self) -> str:
        """The sound as MP3 in base64."""
        return mp3(self.samples, self.sample_rate)

    @functools.cached_property
    def figure(self) -> str:
        """The sound above the posteriors."""
        classes = list(self.frames[0].extra) if self.frames else []
        with drawing():
            return timeline(
                f"Example {self.number}: waveform, speech, and the posteriors of {len(classes)} classes over time",
                to_waveform(self.samples),
                self.sample_rate,
                np.array([frame.time_s for frame in self.frames]),
                np.array([frame.speech for frame in self.frames], bool),
                posteriors_of(self.frames, classes),
                classes,
                self.segments,
            )


def posteriors_of(frames: Sequence[FrameRow], classes: Sequence[str]) -> NDArray[np.float64]:
    """Return the posteriors of frames, shape (frames, classes); NaN for frames that the network does not see."""
    values = [[float(frame.extra[name] or "nan") for name in classes] for frame in frames]
    return np.array(values, float).reshape(len(frames), len(classes))


def mp3(samples: Samples, sample_rate: int) -> str:
    """Return sound as MP3 in base64."""
    file = io.BytesIO()
    soundfile.write(file, to_waveform(samples), sample_rate, format="MP3")
    return base64.b64encode(file.getvalue()).decode("ascii")


def timeline(
    title: str,
    waveform: Waveform,
    sample_rate: int,
    times: NDArray[np.float64],
    speech: Flags,
    posteriors: Posteriors | NDArray[np.float64],
    classes: Sequence[str],
    segments: Sequence[Segment],
) -> str:
    """Draw the sound of a recording, shaded during speech, above the posteriors of its frames and its segments.

    Parameters
    ----------
    times
        Times of the frames, s.
    posteriors
        Shape (frames, classes); NaN for frames that the network does not see.
    """
    figure, (sound, curves, turns) = blank(2.4, 3, sharex=True, gridspec_kw={"height_ratios": [4, 6, 1]})
    edges = np.linspace(0, len(waveform), min(ENVELOPE_POINTS, len(waveform)) + 1).astype(int)
    at = edges[:-1] / sample_rate
    if len(waveform):
        low, high = np.minimum.reduceat(waveform, edges[:-1]), np.maximum.reduceat(waveform, edges[:-1])
        sound.fill_between(at, low, high, color=INK, linewidth=0)
    loudest = max(float(np.abs(waveform).max(initial=0)), 1e-4)
    sound.set(ylim=(-1.05 * loudest, 1.05 * loudest), yticks=[])
    curves.set(ylim=(-0.03, 1.03), yticks=[0, 0.5, 1])
    turns.set(ylim=(0, 1), yticks=[], xlabel="s")
    curves.fmt_xdata, curves.fmt_ydata = "{:.2f} s".format, "{:.1%}".format
    for axes in (sound, curves):
        axes.fill_between(times, *axes.get_ylim(), where=speech, color=SHADE, linewidth=0, zorder=0, step="mid")
    thin = slice(None, None, -(-len(times) // CURVE_POINTS) or 1)
    means = np.nansum(posteriors, axis=0) / np.maximum(np.isfinite(posteriors).sum(axis=0), 1)
    highest = np.argsort(means)[::-1]
    colours = dict[str, str]()
    named, drawn = set(highest[:NAMED].tolist()), sorted(highest[:MANY].tolist())
    for place, style in zip(drawn, styles(), strict=False):
        shown = label(classes[place], LABEL_CHARACTERS) if place in named else None
        curves.plot(times[thin], posteriors[thin, place], **style, linewidth=1, label=shown)
        colours[classes[place]] = style["color"]
    for one in segments:
        middle, colour = (one.start_s + one.end_s) / 2, colours.get(one.language, INK)
        turns.barh(0.5, one.end_s - one.start_s, 1, one.start_s, color=colour, alpha=0.4)
        turns.text(middle, 0.5, label(one.language, LABEL_CHARACTERS), ha="center", va="center", fontsize=6)
    if named:
        legend(figure, NAMED)
    return svg(figure, title)
