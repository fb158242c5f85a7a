"""Answers of `lid identify` and `lid listen` as they are printed: a table, JSON, CSV, or CSV of every frame."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np

from pipeline import files
from pipeline.arrays import Waveform
from pipeline.console.command import on_interrupt
from pipeline.dataset.views import SILENCE
from pipeline.errors import ArgumentError
from pipeline.streaming.answer import answer
from pipeline.streaming.description import Description
from pipeline.streaming.identifier import Frames, Identifier

OutputFormat = Literal["table", "json", "csv", "frames"]
CSV_COLUMNS = ("path", "language", "confidence", "duration_s", "frames", "speech_s", "stable_s")  # then the posteriors
FLOOR_RMS = 1e-5  # silence is shown as -100 dBFS
BAR_START_DBFS, DB_PER_MARK, BAR_MARKS = -60, 3, 20
PROGRESS_CHARACTERS = 60  # at least the length of the longest progress line


class AnswerPrinter:
    """Print answers in one format; identify the audio of a pipe.

    Parameters
    ----------
    output_format
        `table`: one row per recording. `json`: one object per recording. `csv`: one row of CSV per recording. `frames`:
        one row of CSV per frame.
    description
        Of the model: its classes; CSV has a column of its prior, if one was given.
    name_width
        Characters of the longest name.
    top
        Number of languages in a row of the table.
    to
        Where answers go, by default to standard output.
    Attributes
    ----------
    interrupted
        True if Ctrl-C ended the last recording early; its answer so far was printed.
    """

    def __init__(
        self,
        output_format: OutputFormat,
        description: Description,
        name_width: int,
        top: int = 1,
        to: TextIO | None = None,
    ) -> None:
        self.output_format, self.description, self.name_width, self.top = output_format, description, name_width, top
        self.interrupted = False
        self._to = to or sys.stdout
        self._csv = csv.writer(self._to, lineterminator="\n")

    def print_header(self) -> None:
        """Print the header, if the format has one."""
        match self.output_format:
            case "frames":
                self._csv.writerow(["path", "frame", "time_s", "speech", *self.description.classes])
            case "csv":
                self._csv.writerow(columns(self.description))
            case "table":
                print(f"{'file':{self.name_width}}  language    confidence  stable after", file=self._to)

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
        n_samples, printed_s = 0, 0.0
        shows_progress = live and self.output_format == "table" and sys.stdout.isatty()
        for block in self._until_interrupt(blocks):
            n_samples += len(block)
            self._take(name, stream, stream.accept(block), frames)
            if shows_progress:
                printed_s = _show_turns(stream, printed_s)
                print(f"\r{_progress(stream, block)}", end="")
            if live:
                sys.stdout.flush()
        self._take(name, stream, stream.finish(), frames)
        if shows_progress:
            _show_turns(stream, printed_s)
            print(f"\r{'':{PROGRESS_CHARACTERS}}\r", end="")
        self.show(answer(name, stream, n_samples / stream.sample_rate))

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
            self._csv.writerows([no_formula(name), *cells] for cells in part.cells(stream.frame_s))
        if frames is not None:
            frames.append(part)

    def show(self, answer: dict[str, Any]) -> None:
        """Print the answer to a recording."""
        match self.output_format:
            case "json":
                print(json.dumps(answer), file=self._to)
            case "csv":
                posteriors = answer["posteriors"] or {}
                row = answer | {"path": no_formula(answer["path"]), "prior": _prior(self.description)} | posteriors
                self._csv.writerow([row.get(column) for column in columns(self.description)])
                self._to.flush()  # what is answered is not lost
            case "table":
                print(f"{answer['path']:{self.name_width}}  {self._cells(answer)}", file=self._to)

    def _cells(self, answer: dict[str, Any]) -> str:
        if answer["language"] is None:
            return "no speech"
        cells = f"{answer['language']:10}  {answer['confidence']:10.1%}  {answer['stable_s']:10.2f} s"
        spoken = [pair for pair in answer["posteriors"].items() if pair[0] != SILENCE]
        ranked = sorted(spoken, key=lambda pair: -pair[1])[1 : self.top]
        return "  ".join([cells, *(f"{language} {posterior:.1%}" for language, posterior in ranked)])


def columns(description: Description) -> list[str]:
    """Return the columns of the answers as CSV."""
    return [*CSV_COLUMNS, *description.classes, *(["prior"] if description.decision.prior else [])]


def _prior(description: Description) -> str:
    shares = zip(description.languages, description.decision.prior or (), strict=False)
    return " ".join(f"{name}={share:g}" for name, share in shares if share)


@contextmanager
def resumed(path: Path, description: Description) -> Iterator[tuple[TextIO, frozenset[str] | None]]:
    """Open a CSV of answers to continue it, without a last line that is incomplete.

    Yields
    ------
    file, paths
        The paths that are answered; None if it has no header yet.

    Raises
    ------
    ArgumentError
        If it holds something else, such as answers of a model with other classes, or with another prior.
    """
    names, prior = columns(description), _prior(description)
    content = path.read_bytes() if path.exists() else b""
    size = content.rfind(b"\n") + 1
    try:
        lines = [cells for cells in csv.reader(io.StringIO(content[:size].decode("utf-8-sig"))) if any(cells)]
    except (ValueError, csv.Error):  # not UTF-8, or a cell without end
        lines = []
    rows = [cells for cells in lines if len(cells) == len(names)]  # a broken line answers nothing
    is_new = ",".join(names).encode().startswith(content)  # at most a header that is incomplete
    if not is_new and (lines[:1] != [names] or (prior and {row[-1] for row in rows[1:]} - {prior})):
        classes, of = ", ".join(description.classes), f", of prior {prior}" if prior else ""
        model = f"a model for {classes}{of}"
        raise ArgumentError(f"{path} holds no answers of {model}, in UTF-8 and between commas; name another file")
    files.replace(path, content[:size])  # a file of its own: adding to this one might write through a link
    with path.open("a", encoding="utf-8", newline="") as file:
        yield file, frozenset(row[0] for row in rows[1:]) if rows else None


def no_formula(path: str) -> str:
    """Return a path that a spreadsheet does not take for a formula, and that still names the same file.

    >>> no_formula("=1+1.wav"), no_formula("a.wav"), no_formula("-")
    ('./=1+1.wav', 'a.wav', '-')
    """
    return f"./{path}" if path[0] in "=+-@" and path != "-" else path


def _show_turns(stream: Identifier, after_s: float) -> float:
    """Print the closed segments that begin then or later; return the end of the last closed one."""
    for segment in stream.segments:
        if segment.closed and segment.start_s >= after_s:
            span = f"{segment.start_s:8.1f} s to {segment.end_s:8.1f} s"
            print(f"\r{f'{span}  {segment.language}':{PROGRESS_CHARACTERS}}")
            after_s = segment.end_s
    return after_s


def _progress(stream: Identifier, block: Waveform) -> str:
    """Return the language at present and the level of the last block, as a number and as a bar."""
    rms = float(np.sqrt(np.mean(np.square(block)))) if len(block) else 0.0
    level = 20 * np.log10(max(rms, FLOOR_RMS))
    bar = "#" * max(0, int((level - BAR_START_DBFS) / DB_PER_MARK))
    language, confidence = stream.timeline.present or "...", stream.timeline.confidence
    return f"{language:10}  {confidence:6.1%}  {level:5.0f} dBFS {bar:{BAR_MARKS}}"
