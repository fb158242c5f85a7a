"""The work of `lid identify` and `lid listen`: answers to files, to a pipe and to the microphone."""

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.audio import foreign
from pipeline.audio.decode import decode
from pipeline.cli import sources
from pipeline.cli.options import Form
from pipeline.cli.output import AnswerPrinter, OutputFormat, no_formula, resumed
from pipeline.cli.segments import SegmentPrinter
from pipeline.console.command import INTERRUPTED
from pipeline.console.mistakes import MISTAKE
from pipeline.console.terminal import Progress, show_error
from pipeline.console.text import printable
from pipeline.errors import ArgumentError, AudioError
from pipeline.streaming.answer import Answered, identify
from pipeline.streaming.identifier import Frames, Identifier
from pipeline.streaming.runtimes import Name


class Model(NamedTuple):
    """An exported model as it is asked for: its folder, its runtime, and the priors of the possible languages."""

    folder: Path
    runtime: Name
    prior: Mapping[str, float] | None

    def load(self) -> Identifier:
        """Load it."""
        return Identifier.load(self.folder, self.runtime, languages=self.prior)


def files(
    paths: Sequence[Path],
    model: Model,
    form: OutputFormat,
    top: int,
    plot: Path | None,
    table: Path | None,
    jobs: int,
    segments: Form | None,
    into: Path | None,
) -> int:
    """Print the answers to files, or continue a table of them; return the exit status."""
    named = [(path, printable(path)) for path in sources.expanded(paths)]
    if plot and len(named) > 1:
        raise ArgumentError(f"--plot draws one file, not {len(named)}; name both, such as --plot a.png a.wav")
    network = model.load()
    resuming = resumed(table, network.description) if table else contextlib.nullcontext((sys.stdout, None))
    with resuming as (to, done):
        printer = AnswerPrinter(form, network.description, max(len(name) for _, name in named), top, to)
        if segments:
            printer = SegmentPrinter(segments, network.description, [name for _, name in named], into)
        with contextlib.redirect_stdout(sys.stderr):  # of everything but answers
            if done is None:
                printer.print_header()
            else:
                print(f"{table} holds answers to {len(done):,} files")
            left = [path for path, name in named if no_formula(name) not in (done or ())]
            if plot or form == "frames":
                usable = [_traced(path, network, printer, plot) for path in left]
            else:
                remarks, usable = list[str](), list[bool]()
                for answered in _answered(left, network, model, jobs, shows=bool(table)):
                    usable.append(_show(answered, printer))
                    remarks.append(answered.remark)
                for line in foreign.waiting(remarks):
                    print(line)
    return 0 if all(usable) else MISTAKE


def _answered(paths: Sequence[Path], network: Identifier, model: Model, jobs: int, shows: bool) -> Iterator[Answered]:
    """Answer files one after the other, or in several processes; show the progress if asked."""
    if jobs > 1 and paths:
        from pipeline import answers  # with Dask

        yield from answers.identified(paths, model, jobs)
        return
    progress = Progress("identify", len(paths), "files")
    for path in paths:
        yield identify(path, network)
        if shows:
            progress.update(1)


def _show(answered: Answered, printer: AnswerPrinter) -> bool:
    """Print an answer and what is to be said about it; return whether there is one."""
    if answered.remark:
        print(printable(answered.remark), file=sys.stderr)
    if answered.answer:
        printer.show(answered.answer)
    return answered.answer is not None


def _traced(path: Path, network: Identifier, printer: AnswerPrinter, plot: Path | None) -> bool:
    """Print the answer to a file, or every frame of it; draw it if asked; return whether it can be used."""
    try:
        decoded = decode(path)
        blocks = list(decoded.mono) if plot else decoded.mono
        stream, frames = network.stream(decoded.sample_rate), list[Frames]()
        printer.identify(printable(path), stream, blocks, frames=frames if plot else None)
    except AudioError as error:
        show_error(error)
        return False
    if plot:
        from pipeline.cli import plot as drawing

        drawing.write(plot, path.name, blocks, frames, stream)
    return True


def pipe(model: Model, form: OutputFormat, top: int, sample_rate: int, segments: Form | None) -> int:
    """Print the answer to raw audio on standard input; return the exit status."""
    if sys.stdin is None:
        raise AudioError("closed", "standard input is closed; pipe raw audio into it")
    network = model.load()
    printer = AnswerPrinter(form, network.description, 1, top)
    if segments:
        printer = SegmentPrinter(segments, network.description, ["-"], None)
    printer.print_header()
    printer.identify("-", network.stream(sample_rate), sources.pcm(sys.stdin.buffer, sample_rate), live=True)
    return INTERRUPTED if printer.interrupted else 0


def microphone(model: Model) -> None:
    """Show the answer to the microphone as it changes."""
    stream = model.load()
    printer = AnswerPrinter("table", stream.description, len("microphone"))
    with sources.microphone(stream.sample_rate) as samples:
        printer.identify("microphone", stream, sources.pcm(samples, stream.sample_rate), live=True)
