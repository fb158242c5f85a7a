"""Options that several commands share, and the form of an error."""

import sys
from pathlib import Path

import click

path = click.Path(path_type=Path)
model = click.option(
    "--model", default="artifacts/streaming", show_default=True, type=path, help="Folder of an exported model."
)
runtime = click.option(
    "--runtime",
    default="litert",
    show_default=True,
    type=click.Choice(["litert", "onnx", "keras"]),
    help="Library that runs the network.",
)


def print_error(message: str) -> None:
    """Print an error in one line."""
    from pipeline.console.text import printable

    print(printable(f"error: {message}"), file=sys.stderr)  # click.echo would choose its own encoding
