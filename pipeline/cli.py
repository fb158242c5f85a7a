"""The command `lid`. Heavy packages are imported by the command that needs them, so that help comes at once."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.errors import ArtifactError, AudioError, UserError

if TYPE_CHECKING:
    from pipeline.streaming import Identifier


class _Commands(click.Group):
    """Commands that tell a user's mistake in one line, with exit status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(2)
        except click.UsageError as error:
            click.echo(f"error: {error.format_message()}", err=True)
            ctx.exit(2)


_path = click.Path(path_type=Path)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lid-pipeline", prog_name="lid")
def main() -> None:
    """Which language is spoken? Tools around the pipeline; `dvc repro` runs the pipeline itself."""


@main.command()
@click.argument("files", nargs=-1, required=True, type=_path)
@click.option("--model", default="artifacts/streaming", show_default=True, type=_path, help="Folder that export wrote.")
@click.option("--runtime", default="litert", show_default=True, type=click.Choice(["litert", "onnx", "keras"]))
@click.option("--frames", "by_frame", is_flag=True, help="Print the posteriors of every frame as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_context
def identify(
    ctx: click.Context, files: tuple[Path, ...], model: Path, runtime: Any, by_frame: bool, as_json: bool
) -> None:
    """Tell the language of recordings in any format that libsndfile reads.

    `sure after` is the moment from which the running answer no longer changed.
    """
    if by_frame and as_json:
        raise click.UsageError("--frames and --json are two forms of the answer; take one")
    from pipeline.streaming import Identifier

    identifier = Identifier.load(model, runtime)
    width = max(len(click.format_filename(file)) for file in files)
    if by_frame:
        click.echo(",".join(["path", "frame", "time_s", "speech", *identifier.description.classes]))
    elif not as_json:
        click.echo(f"{'file':{width}}  language    confidence  sure after")
    for file in files:
        try:
            if by_frame:
                _frames(file, identifier)
            else:
                _answer(file, identifier, width, as_json)
        except AudioError as error:  # the other files are still answered
            click.echo(f"error: {click.format_filename(file)} {error}", err=True)
            ctx.call_on_close(lambda: ctx.exit(2))


def _answer(file: Path, identifier: "Identifier", width: int, as_json: bool) -> None:
    from pipeline import audio

    rate, blocks = audio.decode(file)
    stream = identifier.stream(rate)
    heard = 0
    for block in blocks:
        heard += len(block)
        stream.accept(block)
    stream.finish()
    decision = stream.decision
    if as_json:
        answer = {
            "path": click.format_filename(file),
            "language": decision.language,
            "confidence": round(decision.confidence, 6),
            "posteriors": dict(
                zip(stream.description.classes, (round(p, 6) for p in decision.posteriors.tolist()), strict=True)
            ),
            "duration_s": round(heard / rate, 6),
            "frames": stream.decided,
        }
        click.echo(json.dumps(answer))
    elif decision.language is None:
        click.echo(f"{click.format_filename(file):{width}}  no speech")
    else:
        sure = decision.since * stream.frame_s
        click.echo(
            f"{click.format_filename(file):{width}}  {decision.language:10}  {decision.confidence:10.1%}  {sure:8.2f} s"
        )


def _frames(file: Path, identifier: "Identifier") -> None:
    import csv
    import itertools
    import sys

    import numpy as np

    from pipeline import audio

    rate, blocks = audio.decode(file)
    stream = identifier.stream(rate)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    for frames in itertools.chain(map(stream.accept, blocks), (end() for end in [stream.finish])):
        for number, (speech, posterior) in enumerate(zip(frames.speech, frames.posteriors, strict=True), frames.first):
            known = [] if np.isnan(posterior).any() else [f"{p:.6f}" for p in posterior]
            blank = [""] * (len(posterior) - len(known))
            rows.writerow(
                [click.format_filename(file), number, f"{number * stream.frame_s:.3f}", int(speech), *known, *blank]
            )


@main.command()
@click.argument("source", metavar="IN", type=_path)
@click.argument("target", metavar="OUT", type=_path)
@click.option("--params", "file", default="params.yaml", show_default=True, type=_path, help="Section silence counts.")
def trim(source: Path, target: Path, file: Path) -> None:
    """Write what SoX calls speech in a recording, joined, for listening."""
    import numpy as np
    import soundfile

    from pipeline import audio, params, silence

    settings = params.load(file)
    rate = settings.audio.sample_rate
    if target.suffix.lower() not in (".wav", ".flac"):
        raise click.UsageError(f"OUT {str(target)!r} must end in .wav or .flac")
    if target.exists() and source.exists() and target.samefile(source):
        raise click.UsageError(f"OUT {str(target)!r} is IN; name another file")
    try:
        source_rate, blocks = audio.decode(source)
        samples = np.concatenate(list(audio.resampled(blocks, source_rate, rate)))
    except AudioError as error:
        raise AudioError(error.reason, f"{source} {error}") from None
    speech = silence.cut(samples, silence.detect(samples, rate, settings.silence))
    try:
        soundfile.write(target, speech, rate, subtype="PCM_16")
    except (soundfile.LibsndfileError, OSError) as error:
        raise click.UsageError(
            f"OUT {str(target)!r} can't be written ({error}); name a file in a folder that exists"
        ) from None
    click.echo(f"{len(speech) / rate:.2f} s of {len(samples) / rate:.2f} s are speech")


@main.command()
@click.argument("folder", default="artifacts/streaming", type=_path)
def verify(folder: Path) -> None:
    """Prove a copy of an exported model: replay its golden audio through every runtime that is here."""
    import importlib.util

    from pipeline import export, golden, runtimes, terminal
    from pipeline.streaming import Description

    here = {
        name: golden.replay(folder, name)
        for name, module in runtimes.MODULES.items()
        if importlib.util.find_spec(module)
    }
    terminal.show_table(*golden.table(here))
    export.check(here, Description.read(folder).tolerance)


@main.command()
@click.argument("store", default="artifacts/features.zarr", type=_path)
def info(store: Path) -> None:
    """Tell what a feature store holds."""
    import numpy as np

    from pipeline import terminal
    from pipeline.store import FeatureStore

    features = FeatureStore.open(store)
    if lacking := {"mfcc", "sample_rate", "versions"} - set(features.attributes):
        raise ArtifactError(f"{store} does not say its {min(lacking)}; run `dvc repro` to write it anew")
    frame_s = features.attributes["mfcc"]["hop_length"] / features.attributes["sample_rate"]
    size = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    rows, coefficients = features.mfcc.shape
    click.echo(
        f"{store}: {rows:,} frames of {coefficients} MFCCs, {rows * frame_s / 3600:.2f} h, {size / 1e6:,.1f} MB\n"
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
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Check that everything the pipeline needs is here."""
    from pipeline import doctor as checks

    findings = checks.examine()
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        click.echo(f"{finding.what:{width}}  {finding.found}")
    for finding in findings:
        if finding.remedy:
            click.echo(f"error: {finding.what}: {finding.remedy}", err=True)
    ctx.exit(2 if any(finding.remedy for finding in findings) else 0)
