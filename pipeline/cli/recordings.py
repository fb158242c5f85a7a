"""Commands of `lid` about single recordings: check files, play what ingest wrote, trim."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline import files
from pipeline.cli import options

if TYPE_CHECKING:
    from pipeline.arrays import Samples

AUDIO = options.Target(".wav", ".flac")


@click.command()
@click.argument("path", type=options.place)
@click.pass_context
def check(ctx: click.Context, path: str) -> None:
    """Check a file or all recordings in a folder.

    The checks are those of the stage ingest, with the limits in ./params.yaml if there is one. The exit status
    is 1 if something is wrong.

    \b
    Examples:
      lid check ../my-speech
      lid check s3://bucket/my-speech
    """
    from pipeline.cli.check import examine

    ctx.exit(0 if examine(path) else 1)


@click.command()
@click.argument("recording", metavar="ID")
@click.argument("target", metavar="[OUT.wav]", required=False, type=AUDIO)
def play(recording: str, target: Path | None) -> None:
    """Play or save a recording of ingest.

    ID is its id in ingest/recordings.csv.

    \b
    Examples:
      lid play hindi_0001-28716d78c4
      lid play hindi_0001-28716d78c4 heard.wav
    """
    from pipeline.audio.wav import find

    samples, rate = find(recording)
    if target is not None:
        _write(target, samples, rate)
        click.echo(f"{len(samples) / rate:.2f} s")
        return
    from pipeline.cli.sources import loudspeaker

    loudspeaker(samples, rate)


@click.command()
@click.argument("files", nargs=-1, required=True, type=options.path, metavar="[IN] OUT")
@click.option("--recording", metavar="ID", help="Trim a recording that ingest wrote, instead of IN.")
@click.option(
    "--params", "params_file", default="params.yaml", show_default=True, type=options.path, help="File of parameters."
)
@click.pass_context
def trim(ctx: click.Context, files: tuple[Path, ...], recording: str | None, params_file: Path) -> None:
    """Write the speech in a recording to a file.

    It is the speech that the pipeline uses, joined, for listening.

    \b
    Examples:
      lid trim recording.mp3 speech.wav
      lid trim --recording hindi_0001-28716d78c4 speech.flac
    """
    import numpy as np

    from pipeline import params
    from pipeline.audio.decode import decode
    from pipeline.audio.resample import resampled
    from pipeline.audio.samples import in_memory
    from pipeline.audio.wav import find
    from pipeline.silence.recording import detect
    from pipeline.silence.spans import cut

    if len(files) != (1 if recording else 2):
        raise click.UsageError("name IN and OUT, or --recording ID and OUT")
    target = AUDIO.convert(files[-1], None, ctx)
    if recording is None and target.exists() and files[0].exists() and target.samefile(files[0]):
        raise click.UsageError(f"OUT {str(target)!r} is IN; name another file")
    settings = params.load(params_file)
    rate = settings.audio.sample_rate
    if recording:
        samples, _ = find(recording)
    else:
        decoded = decode(files[0])
        samples = np.concatenate(list(resampled(decoded.mono, decoded.sample_rate, rate)))
    speech = cut(samples, detect(in_memory(samples), len(samples), rate, settings.silence))
    _write(target, speech, rate)
    click.echo(f"{len(speech) / rate:.2f} s of {len(samples) / rate:.2f} s are speech")


def _write(target: Path, samples: "Samples", rate: int) -> None:
    import soundfile

    with files.replacing(target) as partial, partial.open("wb") as file:
        soundfile.write(file, samples, rate, subtype="PCM_16", format=target.suffix[1:].upper())
