"""The commands of `lid`. Each one imports the heavy packages that it needs, so that `lid --help` is quick."""

import sys
from pathlib import Path
from typing import Any

import click

from pipeline.cli import recordings
from pipeline.errors import AudioError, UserError


class _Commands(click.Group):
    """Commands that print a user's mistake in one line and then exit with status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            _print_error(str(error))
        except click.UsageError as error:
            _print_error(error.format_message())
        except KeyboardInterrupt:
            return ctx.exit(130)
        return ctx.exit(2)


def _print_error(message: str) -> None:
    from pipeline.console.text import printable

    print(printable(f"error: {message}"), file=sys.stderr)  # click.echo would choose its own encoding


LAYOUTS = ["auto", "homework", "folders", "table", "commonvoice", "voxlingua107", "fleurs", "kaldi"]

_path = click.Path(path_type=Path)
_model = click.option(
    "--model", default="artifacts/streaming", show_default=True, type=_path, help="Folder of an exported model."
)
_runtime = click.option(
    "--runtime",
    default="litert",
    show_default=True,
    type=click.Choice(["litert", "onnx", "keras"]),
    help="Library that runs the network.",
)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lid-pipeline", prog_name="lid")
def main() -> None:
    """Spoken language recognition: tools around the pipeline.

    `dvc repro` runs the pipeline itself.

    \b
    Examples:
      lid identify recording.wav
      eval "$(_LID_COMPLETE=bash_source lid)"   # completion in bash; also zsh_source, fish_source
    """


@main.command()
@click.argument("files", nargs=-1, required=True, type=_path, metavar="FILE|FOLDER... | -")
@_model
@_runtime
@click.option(
    "--rate", type=click.IntRange(4000, 768_000), help="Sample rate in Hz of 16-bit mono PCM on standard input (-)."
)
@click.option("--top", default=1, show_default=True, type=click.IntRange(min=1), help="Languages shown per file.")
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
    **forms: bool,
) -> None:
    """Identify the language of recordings.

    Files may have any format that libsndfile reads; of a folder, all audio files are
    taken. `stable after` is the time since which the answer has not changed. Ctrl-C
    prints the answer so far.

    \b
    Examples:
      lid identify a.wav b.flac
      lid identify --top 3 recordings/
      lid identify --csv recordings/ > answers.csv
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
    from pipeline.console.text import printable
    from pipeline.streaming.identifier import Identifier

    names = [(file, printable(file)) for file in expanded(files)]
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
                blocks = chunks(decoded.mono, decoded.sample_rate)
                printer.identify(name, identifier.stream(decoded.sample_rate), blocks)
        except AudioError as error:  # the other files are still identified
            _print_error(str(error))
            status = 2
        if printer.interrupted:
            ctx.exit(130)
    ctx.exit(status)


@main.command()
@_model
@_runtime
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


@main.command()
@click.argument("corpus", type=_path)
@click.option("--layout", required=True, type=click.Choice(LAYOUTS), help="As corpus.layout.")
@click.option("--languages", metavar="A,B,...", help="Skip recordings of others (default: all that the model knows).")
@click.option("--speakers", metavar="TABLE", help="As corpus.speaker_table, of the layout folders.")
@_model
@click.option("--report", metavar="PAGE", type=_path, help="Write the scores as a page, HTML.")
@click.option("--json", "as_json", is_flag=True, help="Print all scores as one JSON object.")
def evaluate(
    corpus: Path,
    layout: Any,
    languages: str | None,
    speakers: str | None,
    model: Path,
    report: Path | None,
    as_json: bool,
) -> None:
    """Score a model on an unseen corpus.

    Recordings are streamed.

    \b
    Examples:
      lid evaluate ../calls --layout auto
      lid evaluate ../calls --layout folders --speakers speakers.csv --report calls.html
    """
    from pipeline.cli import evaluation

    evaluation.evaluate(corpus, layout, languages and languages.split(","), speakers, model, report, as_json)


@main.command()
@click.argument("folder", default="artifacts/streaming", type=_path)
def verify(folder: Path) -> None:
    """Verify a copy of an exported model.

    Its golden audio is replayed through every installed runtime.

    \b
    Examples:
      lid verify
      lid verify /media/stick/streaming
    """
    from pipeline.console.terminal import show_table
    from pipeline.export import golden
    from pipeline.streaming.description import Description

    tolerance = Description.read(folder).tolerance
    found = golden.verify(folder)
    show_table(*golden.table(found))
    golden.check(found, tolerance)


@main.command()
@click.argument("store", default="artifacts/features.zarr", type=_path)
def info(store: Path) -> None:
    """Show the contents of a feature store.

    \b
    Examples:
      lid info
      lid info ../other/artifacts/features.zarr
    """
    from pipeline.cli.info import show

    show(store)


@main.command()
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes (default: one per core).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def plan(workers: int | None, as_json: bool) -> None:
    """Estimate time, disk and memory of a run.

    Ingest, trim and features are measured on a sample of the corpus.

    \b
    Examples:
      lid plan
      lid plan --workers 32 --json
    """
    from pipeline.cli import plan

    plan.plan(workers, as_json)


@main.command()
@click.option("-S", "sweeps", multiple=True, metavar="KEY=A,B,C", help="Values for a parameter; may be repeated.")
@click.option(
    "--seeds", "n_seeds", type=click.IntRange(min=1), help="Seeds per cell, from `seed` upwards (default: 3)."
)
@click.option(
    "-j", "--jobs", "n_jobs", default=1, show_default=True, type=click.IntRange(1, 64), help="Experiments at once."
)
@click.pass_context
def ablate(ctx: click.Context, sweeps: tuple[str, ...], n_seeds: int | None, n_jobs: int) -> None:
    """Compare settings over a grid of parameters.

    Each cell and seed is an experiment of DVC. Default: every silence strategy with every balance strategy.
    Values are read as YAML. Finished experiments are not repeated. A failed one is reported and skipped; the exit
    status is then 1.

    \b
    Examples:
      lid ablate -S silence.strategy=remove,mask --seeds 1
      lid ablate -S 'model.units=[64,32],[128]' -j 2
    """
    from pipeline.ablation import run

    try:
        ctx.exit(0 if run.ablate(Path(), sweeps, n_seeds, n_jobs) else 1)
    except KeyboardInterrupt:
        click.echo("interrupted; run it again: finished experiments are kept", err=True)
        raise


@main.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Check programs, packages and parameters.

    \b
    Examples:
      lid doctor
    """
    from pipeline.cli.doctor import examine
    from pipeline.console.text import printable

    findings = examine()
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        click.echo(f"{finding.subject:{width}}  {printable(finding.found)}")
    problems = [finding for finding in findings if finding.remedy]
    for finding in problems:
        _print_error(f"{finding.subject}: {finding.remedy}")
    ctx.exit(2 if problems else 0)


for command in (recordings.check, recordings.play, recordings.trim):
    main.add_command(command)
