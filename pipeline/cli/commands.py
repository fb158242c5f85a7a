"""The commands of `lid`. Each one imports the heavy packages that it needs, so that `lid --help` is quick."""

import contextlib
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import click

from pipeline.cli import identification, options, recordings
from pipeline.cli.export import export
from pipeline.console.command import Group
from pipeline.exchange import NOTE


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
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
@click.argument("corpora", nargs=-1, type=options.place, metavar="[CORPUS]...")
@click.option("--layout", help="As corpus.layout (default: auto).")
@click.option("--languages", metavar="A,B,...", help="The only possible languages (default: all that the model knows).")
@options.prior
@click.option("--speakers", metavar="TABLE", help="As corpus.speaker_table, of the layout folders.")
@options.model
@click.option("--report", metavar="PAGE", type=options.Target(), help="Write the scores as a page, HTML.")
@click.option("--json", "as_json", is_flag=True, help="Print all scores as one JSON object.")
@options.jobs
def evaluate(
    corpora: tuple[str, ...],
    layout: Any,
    languages: str | None,
    prior: str | None,
    speakers: str | None,
    model: Path,
    report: Path | None,
    as_json: bool,
    jobs: int,
) -> None:
    """Score a model on unseen corpora.

    Recordings are streamed. Several folders, or addresses, are scored together. Without one, the corpus
    of ./params.yaml is scored, with corpus.sources and all other keys of that section.

    \b
    Examples:
      lid evaluate ../calls ../radio
      lid evaluate ../calls --layout folders --speakers speakers.csv --report calls.html
    """
    from pipeline.cli import evaluation

    if not corpora and (layout or speakers):
        raise click.UsageError("--layout and --speakers belong to a CORPUS; name its folder, or change params.yaml")
    possible = options.possible(languages, prior)
    evaluation.evaluate(corpora, layout or "auto", possible, speakers, model, report, as_json, jobs)


@main.command()
@click.argument("folder", default="artifacts/streaming", type=options.path)
def verify(folder: Path) -> None:
    """Verify a copy of an exported model.

    Its golden audio is replayed through every installed runtime. Of a folder that `lid export` has
    written, every file is computed again and compared.

    \b
    Examples:
      lid verify
      lid verify /media/stick/streaming
      lid verify ../lhotse
    """
    if (folder / NOTE).exists():
        from pipeline.exchange.folder import opened  # with packages that an installation for inference lacks

        if exported := opened(folder):
            click.echo(f"{exported.verify()} files are what the run gives")
            if exported.name != "model":
                return
    from pipeline.console.terminal import show_table
    from pipeline.export import golden
    from pipeline.streaming.description import Description

    tolerance = Description.read(folder).tolerance
    found = golden.verify(folder)
    show_table(*golden.table(found))
    golden.check(found, tolerance)


@main.command()
@click.argument("store", default="artifacts/features.zarr", type=options.path)
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

    Some parts of the corpus are ingested, trained on and answered for it.

    \b
    Examples:
      lid plan
      lid plan --workers 32 --json
    """
    from dask.system import CPU_COUNT

    from pipeline import files, params
    from pipeline.cache import LIMIT_BYTES
    from pipeline.console.terminal import show_table
    from pipeline.plan import estimate, table

    settings = params.load(Path("params.yaml"))
    place = Path("artifacts") if Path("artifacts").is_dir() else Path()  # on the disk that the run will use
    with files.scratch(place.resolve()) as folder, contextlib.redirect_stdout(sys.stderr):
        estimates = estimate(settings, workers or CPU_COUNT, folder)
    if as_json:
        print(json.dumps({row.stage: dataclasses.asdict(row) for row in estimates}))
        return
    show_table(*table(estimates))
    print(
        "\nDVC also keeps a copy of these files in its cache; the cache of results, up to "
        f"{LIMIT_BYTES / 1e9:.0f} GB, has links to them.\n"
        "Memory is that of the largest process; each worker is one process."
    )


@main.command()
@click.option("-S", "sweeps", multiple=True, metavar="KEY=A,B,C", help="Values for a parameter; may be repeated.")
@click.option(
    "--seeds", "n_seeds", type=click.IntRange(min=1), help="Seeds per cell, from `seed` upwards (default: 3)."
)
@click.option(
    "-j", "--jobs", "n_jobs", default=1, show_default=True, type=click.IntRange(1, 64), help="Experiments at once."
)
@click.option("--over", type=click.Choice(["sources"]), help="Leave out each fold of the sources in turn.")
@click.pass_context
def ablate(ctx: click.Context, sweeps: tuple[str, ...], n_seeds: int | None, n_jobs: int, over: str | None) -> None:
    """Compare settings over a grid of parameters.

    Each cell and seed is an experiment of DVC, with --over sources each fold as well: its sources are left out and
    scored. Default: every silence strategy with every balance strategy; with --over sources, params.yaml as it is.
    Values are read as YAML. Finished experiments are not repeated. A failed one is reported and skipped; the exit
    status is then 1.

    \b
    Examples:
      lid ablate -S silence.strategy=remove,mask --seeds 1
      lid ablate -S 'model.units=[64,32],[128]' -j 2
      lid ablate --over sources --seeds 5
    """
    from pipeline.ablation import run

    ctx.exit(0 if run.ablate(sweeps, n_seeds, n_jobs, over is not None) else 1)


@main.command()
@click.argument("target", metavar="OUT.zip", type=options.Target(".zip"))
def bundle(target: Path) -> None:
    """Pack the results to hand them in.

    The archive holds the report as HTML and PDF, the models, plots, a script that
    tests the streaming model, the code, and checksums. Run `dvc repro` first.

    \b
    Examples:
      lid bundle handin.zip
    """
    from pipeline.bundle import archive
    from pipeline.console.text import printable

    click.echo("packing the report, the models and the code")
    left_out = archive.write(target, Path())
    if left_out:
        some = ", ".join(printable(name) for name in left_out[:3]) + (", ..." if len(left_out) > 3 else "")
        click.echo(f"left out of the code (not tracked by git, links, odd names): {len(left_out)} ({some})")
    click.echo(f"{printable(target)}: {target.stat().st_size / 1e6:.1f} MB")


@main.command()
@click.argument("target", metavar="OUT.html", type=options.Target(".html"))
@options.model
@options.languages
@options.prior
def page(target: Path, model: Path, languages: str | None, prior: str | None) -> None:
    """Write the model as a page that listens.

    A browser opens it without a network. It takes the microphone or a recording, and sends nothing.

    \b
    Examples:
      lid page live.html
      lid page --languages english,hindi live.html
    """
    from pipeline import files
    from pipeline.console.text import printable
    from pipeline.page import build

    content = build.render(model, options.possible(languages, prior)).encode()
    try:
        files.replace(target, content)
    except FileNotFoundError as error:  # of a folder that holds no files, such as /proc
        why = f"{str(target)!r} can't be written; name a file in a folder that exists"
        raise click.BadParameter(why, param_hint="OUT.html") from error
    click.echo(f"{printable(target)}: {len(content) / 1e6:.2f} MB")


@main.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Try everything that a run needs.

    Programs, packages, the project in this folder, and the machine.

    \b
    Examples:
      lid doctor
    """
    from pipeline.cli.doctor import SECTIONS
    from pipeline.console.terminal import show_error
    from pipeline.console.text import printable

    sections = {name: list(section()) for name, section in SECTIONS.items()}
    findings = [finding for section in sections.values() for finding in section]
    width = max(len(finding.subject) for finding in findings)
    for name, section in sections.items():
        click.echo(name)
        for finding in section:
            click.echo(f"  {finding.subject:{width}}  {printable(finding.found)}")
    problems = [finding for finding in findings if finding.remedy]
    for finding in problems:
        show_error(f"{finding.subject}: {finding.remedy}")
    number = f"{len(problems)} problem{'s' * (len(problems) > 1)} to fix"
    click.echo(f"not ready: {number}" if problems else "ready for dvc repro")
    ctx.exit(2 if problems else 0)


for command in (identification.identify, identification.listen, recordings.check, recordings.play, recordings.trim):
    main.add_command(command)
main.add_command(export)
