"""What `lid identify` and `lid listen` print of a stream: a line, a JSON object, or every frame as CSV."""

import csv
import json
import signal
import sys
from collections.abc import Iterable, Iterator
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.streaming.identifier import Frames, Identifier

Audio = NDArray[np.float32]
Form = Literal["line", "json", "frames"]


class Teller:
    """Prints answers in one form.

    Attributes
    ----------
    interrupted
        Whether Ctrl-C ended the last recording; its answer so far was printed.
    """

    def __init__(self, form: Form, classes: tuple[str, ...], width: int) -> None:
        self.form, self.classes, self.width = form, classes, width
        self.interrupted = False
        self._rows = csv.writer(sys.stdout, lineterminator="\n")

    def begin(self) -> None:
        """Print the header, where the form has one."""
        if self.form == "frames":
            self._rows.writerow(["path", "frame", "time_s", "speech", *self.classes])
        elif self.form == "line":
            print(f"{'file':{self.width}}  language    confidence  sure after")

    def tell(self, name: str, stream: Identifier, blocks: Iterable[Audio], live: bool = False) -> None:
        """Stream a recording and print the answer; `live` prints what is known so far as it comes."""
        heard = 0
        watched = live and self.form == "line" and sys.stdout.isatty()
        with Interruptible(blocks) as audible:
            for block in audible:
                heard += len(block)
                self._frames(name, stream, stream.accept(block))
                if watched:
                    print(f"\r{_so_far(stream, block)}", end="")
                if live:
                    sys.stdout.flush()
        self.interrupted = audible.interrupted
        if watched:
            print("\r" + " " * 60 + "\r", end="")
        self._frames(name, stream, stream.finish())
        self._answer(name, stream, heard / stream.sample_rate)

    def _frames(self, name: str, stream: Identifier, frames: Frames) -> None:
        if self.form != "frames":
            return
        for number, (speech, posterior) in enumerate(zip(frames.speech, frames.posteriors, strict=True), frames.first):
            cells = ["" if np.isnan(p) else f"{p:.6f}" for p in posterior]
            self._rows.writerow([name, number, f"{number * stream.frame_s:.3f}", int(speech), *cells])

    def _answer(self, name: str, stream: Identifier, seconds: float) -> None:
        decision = stream.decision
        if self.form == "json":
            posteriors = {key: round(p, 6) for key, p in zip(self.classes, decision.posteriors.tolist(), strict=True)}
            answer = {
                "path": name,
                "language": decision.language,
                "confidence": round(decision.confidence, 6),
                "posteriors": posteriors,
                "duration_s": round(seconds, 6),
                "frames": stream.decided,
            }
            print(json.dumps(answer))
        elif self.form == "line":
            sure = f"{decision.since * stream.frame_s:8.2f} s"
            told = f"{decision.language:10}  {decision.confidence:10.1%}  {sure}" if decision.language else "no speech"
            print(f"{name:{self.width}}  {told}")


class Interruptible:
    """Blocks of audio until Ctrl-C: that ends the wait for more at once, but the work on what was heard is finished.

    Attributes
    ----------
    interrupted
        Whether Ctrl-C came.
    """

    def __init__(self, blocks: Iterable[Audio]) -> None:
        self._blocks = iter(blocks)
        self._waiting = self.interrupted = False

    def __enter__(self) -> Self:
        self._before = signal.getsignal(signal.SIGINT)
        if self._before != signal.SIG_IGN:  # as it is for what runs in the background
            signal.signal(signal.SIGINT, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def __iter__(self) -> Iterator[Audio]:
        while not self.interrupted:
            self._waiting = True
            try:
                block = next(self._blocks, None)
            except KeyboardInterrupt:
                break
            finally:
                self._waiting = False
            if block is None:
                break
            yield block

    def _hear(self, *_: object) -> None:
        self.interrupted = True
        if self._waiting:
            raise KeyboardInterrupt


def _so_far(stream: Identifier, block: Audio) -> str:
    level = 20 * np.log10(max(float(np.sqrt(np.mean(np.square(block)))), 1e-5)) if len(block) else -100.0
    bar = "#" * int(np.clip((level + 60) / 3, 0, 20))
    return f"{stream.decision.language or '...':10}  {stream.decision.confidence:6.1%}  {level:5.0f} dBFS {bar:20}"
