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
    """Spoken language recognition: tools around the pipeline. `dvc repro` runs the pipeline itself."""


@main.command()
@click.argument("files", nargs=-1, required=True, type=_path, metavar="FILE... | -")
@_model
@_runtime
@click.option(
    "--rate", type=click.IntRange(4000, 768_000), help="Sample rate in Hz of 16-bit mono PCM on standard input (-)."
)
@click.option("--frames", "by_frame", is_flag=True, help="Print the posteriors of every frame as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_context
def identify(
    ctx: click.Context,
    files: tuple[Path, ...],
    model: Path,
    runtime: Any,
    rate: int | None,
    by_frame: bool,
    as_json: bool,
) -> None:
    """Identify the language of recordings.

    Files may have any format that libsndfile reads. `stable after` is the time since
    which the answer has not changed. Ctrl-C prints the answer so far.
    """
    if by_frame and as_json:
        raise click.UsageError("--frames and --json exclude each other; choose one")
    if Path("-") in files and rate is None:
        raise click.UsageError("- is raw 16-bit mono PCM; give its sample rate, such as --rate 16000")
    from pipeline.audio.decode import decode
    from pipeline.cli.output import AnswerPrinter
    from pipeline.cli.sources import chunks, pcm
    from pipeline.console.text import printable
    from pipeline.streaming.identifier import Identifier

    identifier = Identifier.load(model, runtime)
    names = {file: printable(file) for file in files}
    printer = AnswerPrinter(
        "frames" if by_frame else "json" if as_json else "table",
        identifier.description.classes,
        max(map(len, names.values())),
    )
    printer.print_header()
    status = 0
    for file in files:
        try:
            if file == Path("-") and rate:
                if sys.stdin is None:
                    raise AudioError("closed", "standard input is closed; pipe raw audio into it")
                printer.identify("-", identifier.stream(rate), pcm(sys.stdin.buffer, rate), live=True)
            else:
                decoded = decode(file)
                blocks = chunks(decoded.mono, decoded.sample_rate)
                printer.identify(names[file], identifier.stream(decoded.sample_rate), blocks)
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
    """Identify the language spoken live. SoX records from the microphone, until Ctrl-C."""
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
    """Score a model on a corpus that it has never seen. Recordings are streamed."""
    from pipeline.cli import evaluation

    evaluation.evaluate(corpus, layout, languages and languages.split(","), speakers, model, report, as_json)


@main.command()
@click.argument("folder", default="artifacts/streaming", type=_path)
def verify(folder: Path) -> None:
    """Verify a copy of an exported model. Its golden audio is replayed through every installed runtime."""
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
    """Show the contents of a feature store."""
    from pipeline.cli.info import summarise
    from pipeline.console.terminal import show_table
    from pipeline.console.text import printable

    summary = summarise(store)
    click.echo(
        f"{printable(store)}: {summary.n_frames:,} frames of {summary.n_mfcc} MFCCs, {summary.hours:.2f} h, "
        f"{summary.size_bytes / 1e6:,.1f} MB\n"
    )
    show_table(
        ["language", "recordings", "speakers", "minutes"],
        [[row.language, row.n_recordings, row.n_speakers, f"{row.minutes:.1f}"] for row in summary.languages],
    )
    click.echo()
    for name, value in summary.made_with.items():
        click.echo(f"{name:12}  {value}")


@main.command()
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes (default: one per core).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def plan(workers: int | None, as_json: bool) -> None:
    """Estimate time, disk and memory of a run. Ingest, trim and features are measured on a sample of the corpus."""
    import contextlib
    import dataclasses
    import json

    from dask.system import CPU_COUNT

    from pipeline import files, params
    from pipeline.console.terminal import show_table
    from pipeline.jobs import estimate
    from pipeline.jobs.memo import LIMIT_BYTES

    settings = params.load(Path("params.yaml"))
    place = Path("artifacts") if Path("artifacts").is_dir() else Path()  # on the disk that the run will use
    with files.scratch(place.resolve()) as folder, contextlib.redirect_stdout(sys.stderr):
        estimates = estimate.estimate(settings, workers or CPU_COUNT, folder)
    if as_json:
        click.echo(json.dumps({row.stage: dataclasses.asdict(row) for row in estimates}))
        return
    show_table(*estimate.table(estimates))
    click.echo(
        "\nDVC also keeps a copy of these files in its cache, and the memo keeps up to "
        f"{LIMIT_BYTES / 1e9:.0f} GB of features.\nMemory is that of the largest process; each worker is one process."
    )


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
    """Compare settings: run a grid of parameters as experiments of DVC, several seeds each.

    Default: every silence strategy with every balance strategy. Each value is read as YAML, such as
    -S 'model.units=[64,32],[128]'. Finished experiments are not repeated. A failed one is
    reported and skipped; the exit status is then 1.
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
    """Check programs, packages, parameters and machine."""
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
