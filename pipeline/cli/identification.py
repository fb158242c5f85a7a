"""Commands of `lid` that identify a language: `identify` and `listen`."""

import sys
from pathlib import Path
from typing import Any

import click

from pipeline.cli import options
from pipeline.errors import AudioError


@click.command()
@click.argument("files", nargs=-1, required=True, type=options.path, metavar="FILE|FOLDER... | -")
@options.model
@options.runtime
@click.option(
    "--rate", type=click.IntRange(4000, 768_000), help="Sample rate in Hz of 16-bit mono PCM on standard input (-)."
)
@click.option("--top", default=1, show_default=True, type=click.IntRange(min=1), help="Languages shown per file.")
@click.option(
    "--plot",
    metavar="PICTURE",
    type=options.Target(".png", ".svg"),
    help="Draw the answer to one file, as .png or .svg.",
)
@click.option("--frames", is_flag=True, help="Print the posteriors of every frame as CSV.")
@click.option("--csv", is_flag=True, help="Print one row of CSV per file.")
@click.option("--json", is_flag=True, help="Print one JSON object per line and file.")
@click.pass_context
def identify(
    ctx: click.Context,
    /,
    files: tuple[Path, ...],
    model: Path,
    runtime: Any,
    rate: int | None,
    top: int,
    plot: Path | None,
    **forms: bool,
) -> None:
    """Identify the language of recordings.

    Files may have any format that libsndfile reads; a folder stands for all audio files in
    it. `stable after` is the time from which on the answer does not change. Ctrl-C
    prints the answer so far.

    \b
    Examples:
      lid identify a.wav b.flac
      lid identify --top 3 recordings/
      lid identify --csv recordings/ > answers.csv
      lid identify --plot a.png a.wav
      arecord -f S16_LE -r 16000 | lid identify --rate 16000 -
    """
    asked: list[Any] = [form for form, given in forms.items() if given]
    if len(asked) > 1:
        raise click.UsageError(f"--{' and --'.join(asked)} exclude each other; choose one")
    if Path("-") in files and rate is None:
        raise click.UsageError("- is raw 16-bit mono PCM; give its sample rate, such as --rate 16000")
    from pipeline.audio.decode import decode
    from pipeline.cli.output import AnswerPrinter
    from pipeline.cli.sources import chunks, expanded, pcm
    from pipeline.console.terminal import show_error
    from pipeline.console.text import printable
    from pipeline.streaming.identifier import Frames, Identifier

    names = [(file, printable(file)) for file in expanded(files)]
    if plot and (len(names) > 1 or files[0] == Path("-")):
        raise click.UsageError("--plot draws one file; name both, such as --plot a.png a.wav")
    identifier = Identifier.load(model, runtime)
    width = max(len(name) for _, name in names)
    printer = AnswerPrinter(asked[0] if asked else "table", identifier.description.classes, width, top)
    printer.print_header()
    status = 0
    for file, name in names:
        try:
            if file == Path("-") and rate:
                if sys.stdin is None:
                    raise AudioError("closed", "standard input is closed; pipe raw audio into it")
                printer.identify("-", identifier.stream(rate), pcm(sys.stdin.buffer, rate), live=True)
            else:
                decoded = decode(file)
                waveform = list(decoded.mono) if plot else decoded.mono
                stream = identifier.stream(decoded.sample_rate)
                frames: list[Frames] | None = [] if plot else None
                printer.identify(name, stream, chunks(waveform, decoded.sample_rate), frames=frames)
                if decoded.channels > 1 and not stream.decision.frames:
                    mean = f"the mean of its {decoded.channels} channels, which may cancel"
                    click.echo(f"{name} has no speech in {mean}; cut out one: sox IN.wav OUT.wav remix 1", err=True)
                if plot and frames:
                    from pipeline.cli import plot as drawing

                    drawing.write(plot, file.name, waveform, frames, stream)
        except AudioError as error:  # the other files are still identified
            show_error(error)
            status = 2
        if printer.interrupted:
            ctx.exit(130)
    ctx.exit(status)


@click.command()
@options.model
@options.runtime
def listen(model: Path, runtime: Any) -> None:
    """Identify the language spoken live.

    SoX records from the microphone, until Ctrl-C.

    \b
    Examples:
      lid listen
    """
    from pipeline.cli.output import AnswerPrinter
    from pipeline.cli.sources import microphone, pcm
    from pipeline.streaming.identifier import Identifier

    stream = Identifier.load(model, runtime)
    printer = AnswerPrinter("table", stream.description.classes, len("microphone"))
    with microphone(stream.sample_rate) as pipe:
        printer.identify("microphone", stream, pcm(pipe, stream.sample_rate), live=True)
