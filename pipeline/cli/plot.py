"""`lid identify --plot`: a picture of one recording and its answer."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from pipeline import files
from pipeline.arrays import Waveform
from pipeline.console.text import printable
from pipeline.report.drawing import drawing, standalone
from pipeline.report.examples import timeline
from pipeline.streaming.identifier import Frames, Identifier, joined


def write(target: Path, name: str, blocks: Iterable[Waveform], frames: Sequence[Frames], stream: Identifier) -> None:
    """Draw the sound of a recording, its speech and the posteriors of its frames into a file, PNG or SVG."""
    waveform = np.concatenate([np.zeros(0, np.float32), *blocks])
    whole, classes = joined(frames), stream.description.classes
    times = np.arange(stream.decided, dtype=np.float64) * stream.frame_s
    with drawing():
        rate, parts = stream.sample_rate, stream.segments
        drawn = timeline(name, waveform, rate, times, whole.speech, whole.posteriors, classes, parts)
        picture = standalone(drawn)
    content = picture.encode()
    if target.suffix.lower() == ".png":
        from pipeline.bundle import pictures

        content = pictures.png(picture)
        if advice := pictures.advice(classes):
            print(f"{printable(target)}: {advice}", file=sys.stderr)
    files.replace(target, content)
