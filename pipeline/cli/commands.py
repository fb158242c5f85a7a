"""The command `lid`. Heavy packages are imported by the command that needs them, so that help comes at once."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from pipeline.errors import ArtifactError, AudioError, UserError


class _Commands(click.Group):
    """Commands that tell a user's mistake in one line, with exit status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            _complain(str(error))
        except click.UsageError as error:
            _complain(error.format_message())
        except KeyboardInterrupt:
            return ctx.exit(130)
        return ctx.exit(2)


def _complain(sentence: str) -> None:
    from pipeline.console.text import printable

    print(printable(f"error: {sentence}"), file=sys.stderr)  # click.echo would choose an encoding of its own


_path = click.Path(path_type=Path)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lid-pipeline", prog_name="lid")
def main() -> None:
    """Which language is spoken? Tools around the pipeline; `dvc repro` runs the pipeline itself."""


_model = click.option(
    "--model", default="artifacts/streaming", show_default=True, type=_path, help="An export's folder."
)
_runtime = click.option(
    "--runtime", default="litert", show_default=True, type=click.Choice(["litert", "onnx", "keras"])
)


@main.command()
@click.argument("files", nargs=-1, required=True, type=_path, metavar="FILE... | -")
@_model
@_runtime
@click.option("--rate", type=click.IntRange(4000, 768_000), help="Hz, of raw 16-bit mono PCM on standard input (-).")
@click.option("--frames", "by_frame", is_flag=True, help="Print the posteriors of every frame as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
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
    """Tell the language of recordings in any format that libsndfile reads.

    `sure after` is the moment from which the running answer no longer changed. Ctrl-C prints the answer so far.
    """
    if by_frame and as_json:
        raise click.UsageError("--frames and --json are two forms of the answer; take one")
    if Path("-") in files and rate is None:
        raise click.UsageError("- is raw 16-bit mono PCM; say its sample rate, as in --rate 16000")
    from pipeline.audio.decode import decode
    from pipeline.cli import output
    from pipeline.cli.sources import chunks, pcm
    from pipeline.console.text import printable
    from pipeline.streaming.identifier import Identifier

    identifier = Identifier.load(model, runtime)
    names = {file: printable(file) for file in files}
    width = max(map(len, names.values()))
    form: output.Form = "frames" if by_frame else "json" if as_json else "line"
    teller = output.Teller(form, identifier.description.classes, width)
    teller.begin()
    status = 0
    for file in files:
        try:
            if file == Path("-") and rate:
                if sys.stdin is None:
                    raise AudioError("closed", "can't be read: standard input is closed; pipe raw audio into it")
                teller.tell("-", identifier.stream(rate), pcm(sys.stdin.buffer, rate), live=True)
            else:
                decoded = decode(file)
                heard = chunks(decoded.blocks, decoded.sample_rate)
                teller.tell(names[file], identifier.stream(decoded.sample_rate), heard)
        except AudioError as error:  # the other files are still answered
            _complain(f"{file} {error}")
            status = 2
        if teller.interrupted:
            ctx.exit(130)
    ctx.exit(status)


@main.command()
@_model
@_runtime
def listen(model: Path, runtime: Any) -> None:
    """Tell the language that the microphone hears, live, until Ctrl-C."""
    from pipeline.cli import output
    from pipeline.cli.sources import microphone, pcm
    from pipeline.streaming.identifier import Identifier

    stream = Identifier.load(model, runtime)
    teller = output.Teller("line", stream.description.classes, len("microphone"))
    with microphone(stream.sample_rate) as pipe:
        teller.tell("microphone", stream, pcm(pipe, stream.sample_rate), live=True)


@main.command()
@click.argument("source", metavar="IN", type=_path)
@click.argument("target", metavar="OUT", type=_path)
@click.option("--params", "file", default="params.yaml", show_default=True, type=_path, help="Section silence counts.")
def trim(source: Path, target: Path, file: Path) -> None:
    """Write what SoX calls speech in a recording, joined, for listening."""
    import numpy as np
    import soundfile

    from pipeline import params
    from pipeline.audio.decode import decode
    from pipeline.audio.resample import resampled
    from pipeline.audio.samples import held
    from pipeline.silence.sox import detect
    from pipeline.silence.spans import cut

    settings = params.load(file)
    rate = settings.audio.sample_rate
    if target.suffix.lower() not in (".wav", ".flac"):
        raise click.UsageError(f"OUT {str(target)!r} must end in .wav or .flac")
    if target.exists() and source.exists() and target.samefile(source):
        raise click.UsageError(f"OUT {str(target)!r} is IN; name another file")
    try:
        decoded = decode(source)
        samples = np.concatenate(list(resampled(decoded.blocks, decoded.sample_rate, rate)))
    except AudioError as error:
        raise AudioError(error.reason, f"{source} {error}") from None
    speech = cut(samples, detect(held(samples), len(samples), rate, settings.silence))
    try:
        soundfile.write(os.fsencode(target), speech, rate, subtype="PCM_16")
    except (soundfile.LibsndfileError, OSError) as error:
        raise click.UsageError(
            f"OUT {str(target)!r} can't be written ({error}); name a file in a folder that exists"
        ) from None
    click.echo(f"{len(speech) / rate:.2f} s of {len(samples) / rate:.2f} s are speech")


@main.command()
@click.argument("folder", default="artifacts/streaming", type=_path)
def verify(folder: Path) -> None:
    """Prove a copy of an exported model: replay its golden audio through every runtime that is here."""
    from pipeline.console import terminal
    from pipeline.export import golden
    from pipeline.streaming.description import Description

    tolerance = Description.read(folder).tolerance
    found = golden.verify(folder)
    terminal.show_table(*golden.table(found))
    golden.check(found, tolerance)


@main.command()
@click.argument("store", default="artifacts/features.zarr", type=_path)
def info(store: Path) -> None:
    """Tell what a feature store holds."""
    import numpy as np

    from pipeline.console import terminal
    from pipeline.console.text import printable
    from pipeline.store.feature_store import FeatureStore

    features = FeatureStore.open(store)
    if lacking := {"mfcc", "sample_rate", "versions"} - set(features.attributes):
        raise ArtifactError(f"{store} does not say its {min(lacking)}; run `dvc repro` to write it anew")
    frame_s = features.attributes["mfcc"]["hop_length"] / features.attributes["sample_rate"]
    size = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    rows, coefficients = features.mfcc.shape
    click.echo(
        f"{printable(store)}: {rows:,} frames of {coefficients} MFCCs, {rows * frame_s / 3600:.2f} h, "
        f"{size / 1e6:,.1f} MB\n"
    )
    languages = np.array(features.languages)
    lines = []
    for language in sorted(set(features.languages)):
        mine = languages == language
        speakers = {name for name, of in zip(features.speakers, mine, strict=True) if of}
        minutes = features.lengths[mine].sum() * frame_s / 60
        lines.append([language, int(mine.sum()), len(speakers), f"{minutes:.1f}"])
    terminal.show_table(["language", "recordings", "speakers", "minutes"], lines)
    click.echo()
    for name, value in {**features.attributes["mfcc"], **features.attributes["versions"]}.items():
        click.echo(f"{name:12}  {value}")


@main.command()
@click.option("--workers", type=click.IntRange(min=1), help="Processes that will do the work; here, one a processor.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def plan(workers: int | None, as_json: bool) -> None:
    """Estimate time, disk and memory of ingest, trim and features from a sample of the corpus."""
    import contextlib
    import dataclasses
    import json

    from dask.system import CPU_COUNT

    from pipeline import files, params
    from pipeline.console import terminal
    from pipeline.jobs import estimate

    settings = params.load(Path("params.yaml"))
    place = Path("artifacts") if Path("artifacts").is_dir() else Path()  # on the disk that the run will use
    with files.scratch(place.resolve()) as folder, contextlib.redirect_stdout(sys.stderr):
        estimates = estimate.estimate(settings, workers or CPU_COUNT, folder)
    if as_json:
        click.echo(json.dumps({row.stage: dataclasses.asdict(row) for row in estimates}))
        return
    terminal.show_table(*estimate.table(estimates))
    click.echo(
        "\nBeside these, DVC keeps a copy of what they write in its cache, and the memo up to 20 GB of features.\n"
        "Memory is of the largest process; there is one a worker."
    )


@main.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Check that everything the pipeline needs is here."""
    from pipeline.cli import doctor
    from pipeline.console.text import printable

    findings = doctor.examine()
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        click.echo(f"{finding.what:{width}}  {printable(finding.found)}")
    for finding in findings:
        if finding.remedy:
            _complain(f"{finding.what}: {finding.remedy}")
    ctx.exit(2 if any(finding.remedy for finding in findings) else 0)
