"""Answers of `lid identify` and `lid listen` as they are printed: a table, JSON, CSV, or CSV of every frame."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Literal

import numpy as np

from pipeline.arrays import Waveform
from pipeline.console.command import on_interrupt
from pipeline.dataset.views import SILENCE
from pipeline.streaming.identifier import Frames, Identifier

OutputFormat = Literal["table", "json", "csv", "frames"]
CSV_COLUMNS = ("path", "language", "confidence", "duration_s", "frames", "speech_s", "stable_s")  # then the posteriors
FLOOR_RMS = 1e-5  # silence is shown as -100 dBFS
BAR_START_DBFS, DB_PER_MARK, BAR_MARKS = -60, 3, 20
PROGRESS_CHARACTERS = 60  # at least the length of the longest progress line


class AnswerPrinter:
    """Identify recordings and print the answers in one format.

    Parameters
    ----------
    output_format
        `table`: one row per recording. `json`: one object per recording. `csv`: one row of CSV per recording. `frames`:
        one row of CSV per frame.
    classes
        In the order of the posteriors.
    name_width
        Characters of the longest name.
    top
        Number of languages in a row of the table.

    Attributes
    ----------
    interrupted
        True if Ctrl-C ended the last recording early; its answer so far was printed.
    """

    def __init__(self, output_format: OutputFormat, classes: tuple[str, ...], name_width: int, top: int = 1) -> None:
        self.output_format, self.classes, self.name_width, self.top = output_format, classes, name_width, top
        self.interrupted = False
        self._csv = csv.writer(sys.stdout, lineterminator="\n")

    def print_header(self) -> None:
        """Print the header, if the format has one."""
        match self.output_format:
            case "frames":
                self._csv.writerow(["path", "frame", "time_s", "speech", *self.classes])
            case "csv":
                self._csv.writerow([*CSV_COLUMNS, *self.classes])
            case "table":
                print(f"{'file':{self.name_width}}  language    confidence  stable after")

    def identify(
        self,
        name: str,
        stream: Identifier,
        blocks: Iterable[Waveform],
        live: bool = False,
        frames: list[Frames] | None = None,
    ) -> None:
        """Stream a recording and print the answer.

        Parameters
        ----------
        name
            Name of the recording as printed.
        stream
            Stream at its beginning, at the sample rate of the blocks.
        blocks
            Blocks of the recording, in order.
        live
            Print each answer at once, because the blocks arrive in real time.
        frames
            List that the frames are added to.
        """
        n_samples = 0
        shows_progress = live and self.output_format == "table" and sys.stdout.isatty()
        for block in self._until_interrupt(blocks):
            n_samples += len(block)
            self._take(name, stream, stream.accept(block), frames)
            if shows_progress:
                print(f"\r{_progress(stream, block)}", end="")
            if live:
                sys.stdout.flush()
        if shows_progress:
            print(f"\r{'':{PROGRESS_CHARACTERS}}\r", end="")
        self._take(name, stream, stream.finish(), frames)
        self._print_answer(_answer(name, stream, n_samples / stream.sample_rate))

    def _until_interrupt(self, blocks: Iterable[Waveform]) -> Iterator[Waveform]:
        """Yield blocks until Ctrl-C, which ends the wait for the next block but not the work on the current one."""
        remaining, waiting = iter(blocks), False

        def interrupt(*_: object) -> None:
            self.interrupted = True
            if waiting:
                raise KeyboardInterrupt

        with on_interrupt(interrupt), suppress(KeyboardInterrupt):
            while not self.interrupted:
                waiting = True
                block = next(remaining, None)
                waiting = False
                if block is None:
                    break
                yield block

    def _take(self, name: str, stream: Identifier, part: Frames, frames: list[Frames] | None) -> None:
        if self.output_format == "frames":
            self._csv.writerows([_no_formula(name), *cells] for cells in part.cells(stream.frame_s))
        if frames is not None:
            frames.append(part)

    def _print_answer(self, answer: dict[str, Any]) -> None:
        match self.output_format:
            case "json":
                print(json.dumps(answer))
            case "csv":
                posteriors = answer["posteriors"] or {}
                row = answer | {"path": _no_formula(answer["path"])} | posteriors
                self._csv.writerow([row.get(column) for column in (*CSV_COLUMNS, *self.classes)])
            case "table":
                print(f"{answer['path']:{self.name_width}}  {self._cells(answer)}")

    def _cells(self, answer: dict[str, Any]) -> str:
        if answer["language"] is None:
            return "no speech"
        cells = f"{answer['language']:10}  {answer['confidence']:10.1%}  {answer['stable_s']:10.2f} s"
        spoken = [pair for pair in answer["posteriors"].items() if pair[0] != SILENCE]
        ranked = sorted(spoken, key=lambda pair: -pair[1])[1 : self.top]
        return "  ".join([cells, *(f"{language} {posterior:.1%}" for language, posterior in ranked)])


def _answer(name: str, stream: Identifier, duration_s: float) -> dict[str, Any]:
    """Return an answer with the keys that README lists; without speech, it has no posteriors."""
    decision = stream.decision
    posteriors = zip(stream.description.classes, decision.posteriors.tolist(), strict=True)
    return {
        "path": name,
        "language": decision.language,
        "confidence": round(decision.confidence, 6),
        "posteriors": {key: round(posterior, 6) for key, posterior in posteriors} if decision.frames else None,
        "duration_s": round(duration_s, 6),
        "frames": stream.decided,
        "speech_s": round(decision.frames * stream.frame_s, 6),
        "stable_s": round(decision.since * stream.frame_s, 6) if decision.frames else None,
    }


def _no_formula(path: str) -> str:
    """Return a path that a spreadsheet does not take for a formula, and that still names the same file.

    >>> _no_formula("=1+1.wav"), _no_formula("a.wav"), _no_formula("-")
    ('./=1+1.wav', 'a.wav', '-')
    """
    return f"./{path}" if path[0] in "=+-@" and path != "-" else path


def _progress(stream: Identifier, block: Waveform) -> str:
    """Return the answer so far and the level of the last block, as a number and as a bar."""
    rms = float(np.sqrt(np.mean(np.square(block)))) if len(block) else 0.0
    level = 20 * np.log10(max(rms, FLOOR_RMS))
    bar = "#" * max(0, int((level - BAR_START_DBFS) / DB_PER_MARK))
    language, confidence = stream.decision.language or "...", stream.decision.confidence
    return f"{language:10}  {confidence:6.1%}  {level:5.0f} dBFS {bar:{BAR_MARKS}}"
