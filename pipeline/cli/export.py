"""`lid export`: the prepared corpus for other tools."""

from pathlib import Path
from typing import get_args

import click

from pipeline.cli import options
from pipeline.exchange import AudioFormat, Name


@click.command()
@click.argument("name", metavar="FORMAT", type=click.Choice(get_args(Name)))
@click.argument("out", metavar="OUT", type=options.path)
@click.option(
    "--audio",
    type=click.Choice(get_args(AudioFormat)),
    help="Refer to parts of artifacts/audio, or cut every recording out (default: containers if FORMAT allows it, "
    "otherwise flac).",
)
@click.option("--force", is_flag=True, help="Write an export in OUT again, or replace it by another.")
def export(name: Name, out: Path, audio: AudioFormat | None, force: bool) -> None:
    """Write the corpus or the model for others.

    FORMAT is lhotse, kaldi, nemo, audformat, hf (audiofolder), parquet or webdataset: recordings, splits, languages,
    speakers, speech and weights of the last `dvc repro`; or model: the streaming model and its card. OUT is a new
    folder. After a stop, the same command continues.

    \b
    Examples:
      lid export lhotse ../lhotse
      lid export model ../model
      lid export hf ../hub --audio wav
    """
    from pipeline.console.text import printable
    from pipeline.exchange.folder import Export, reads

    done = Export(name, out, audio or ("containers" if reads(name) == "parts" else "flac")).write(force)
    click.echo(f"{printable(out)}: {'written' if done else 'complete already'}")
