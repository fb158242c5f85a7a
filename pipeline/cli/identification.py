"""Commands of `lid` that identify a language: `identify` and `listen`."""

from pathlib import Path
from typing import Any, get_args

import click

from pipeline.cli import options

PIPE = Path("-")


@click.command()
@click.argument("files", nargs=-1, required=True, type=options.path, metavar="FILE|FOLDER... | -")
@options.model
@options.runtime
@options.languages
@options.prior
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
@click.option(
    "--segments",
    type=click.Choice(get_args(options.Form)),
    help="Print which language is spoken when, in the form that other programs read.",
)
@click.option("--into", metavar="FOLDER", type=options.Folder(), help="Write a file of --segments for each recording.")
@click.option("--json", is_flag=True, help="Print one JSON object per line and file.")
@click.option("--csv", "table", metavar="TABLE", type=options.Target(".csv"), help="Write one row of CSV per file.")
@click.option("--resume", is_flag=True, help="Continue the table of --csv: skip the files in it.")
@options.jobs
@click.pass_context
def identify(
    ctx: click.Context,
    /,
    files: tuple[Path, ...],
    model: Path,
    runtime: Any,
    languages: str | None,
    prior: str | None,
    rate: int | None,
    top: int,
    plot: Path | None,
    segments: Any,
    into: Path | None,
    table: Path | None,
    resume: bool,
    jobs: int,
    **forms: bool,
) -> None:
    """Identify the language of recordings.

    Files may have any format that libsndfile reads; a folder stands for all audio files in
    it. `stable after` is the time from which on the answer does not change. Ctrl-C
    prints the answer to a pipe so far. With -j, files go to several processes, or to the
    workers of the cluster in Dask's configuration.

    \b
    Examples:
      lid identify a.wav b.flac
      lid identify --top 3 recordings/
      lid identify -j 2 --csv answers.csv --resume recordings/
      lid identify --plot a.png a.wav
      lid identify --segments textgrid --into labelled/ recordings/
      arecord -f S16_LE -r 16000 | lid identify --rate 16000 -
    """
    others = {"csv": table, "segments": segments}
    asked: list[Any] = [form for form, given in (forms | others).items() if given]
    if len(asked) > 1:
        raise click.UsageError(f"--{' and --'.join(asked)} exclude each other; choose one")
    if into and not segments:
        raise click.UsageError("--into is for the files of --segments; name a form")
    if resume and not table:
        raise click.UsageError("--resume continues the table of --csv; name it")
    if table and table.exists() and not resume:
        raise click.UsageError(f"{str(table)!r} exists; add --resume to continue it, or name another file")
    if PIPE in files and rate is None:
        raise click.UsageError("- is raw 16-bit mono PCM; give its sample rate, such as --rate 16000")
    if PIPE in files and (len(files) > 1 or plot or table or into):
        raise click.UsageError("- is a stream of its own; leave out --plot, --csv, --into and other files")
    if jobs > 1 and (plot or forms["frames"]):
        raise click.UsageError("--frames and --plot go through the files one by one; leave out -j")
    possible = options.possible(languages, prior)
    from pipeline.cli import answering

    form: Any = asked[0] if asked else "table"
    given = answering.Model(model, runtime, possible)
    if rate and PIPE in files:
        ctx.exit(answering.pipe(given, form, top, rate, segments))
    ctx.exit(answering.files(files, given, form, top, plot, table, jobs, segments, into))


@click.command()
@options.model
@options.runtime
@options.languages
@options.prior
def listen(model: Path, runtime: Any, languages: str | None, prior: str | None) -> None:
    """Identify the language spoken live.

    SoX records from the microphone, until Ctrl-C.

    \b
    Examples:
      lid listen
      lid listen --languages english,hindi
    """
    possible = options.possible(languages, prior)
    from pipeline.cli import answering

    answering.microphone(answering.Model(model, runtime, possible))
