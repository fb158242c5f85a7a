"""Types and options that several commands share."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, cast

import click

Form = Literal["rttm", "csv", "json", "textgrid", "srt", "vtt", "labels"]  # of segments; cli/segments.py writes each

path = click.Path(path_type=Path)
place = click.Path()  # or an address, which a Path would change
model = click.option(
    "--model", default="artifacts/streaming", show_default=True, type=path, help="Folder of an exported model."
)
runtime = click.option(
    "--runtime",
    default=lambda: "onnx" if find_spec("onnxruntime") else "litert",
    show_default="onnx if it is installed, otherwise litert",
    type=click.Choice(["litert", "onnx", "keras"]),
    help="Library that runs the network.",
)
languages = click.option("--languages", metavar="A,B,...", help="The only possible languages.")
prior = click.option("--prior", metavar="A=P,B=Q,...", help="Probabilities of the possible languages before any sound.")
jobs = click.option(
    "-j", "--jobs", default=1, show_default=True, type=click.IntRange(min=1), help="Number of processes."
)


def possible(languages: str | None, prior: str | None) -> dict[str, float] | None:
    """Return the prior of each language that --languages or --prior names; None without them.

    >>> possible("english,hindi", None), possible(None, "english=0.7,hindi=0.3")
    ({'english': 0.5, 'hindi': 0.5}, {'english': 0.7, 'hindi': 0.3})
    """
    if languages is not None and prior is not None:
        raise click.UsageError("--languages and --prior exclude each other; choose one")
    if languages is not None:
        names = dict.fromkeys(map(str.strip, languages.split(",")))
        return dict.fromkeys(names, 1 / len(names))
    if prior is None:
        return None
    try:
        pairs = [(name.strip(), float(share)) for name, share in (pair.split("=") for pair in prior.split(","))]
    except ValueError:
        raise click.UsageError(f"--prior {prior!r} should be like english=0.7,hindi=0.3") from None
    if len(dict(pairs)) < len(pairs):
        raise click.UsageError(f"--prior {prior!r} names a language twice")
    return dict(pairs)


class Folder(click.Path):
    """A folder to write into, which is made if it is missing: refused before any work is done."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, file_okay=False, writable=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check the path, and make the folder."""
        folder = Path(value)
        if not folder.exists():
            try:
                folder.mkdir()
            except OSError as error:
                self.fail(f"{str(folder)!r} can't be made ({error.strerror}); name a folder", param, ctx)
        return super().convert(value, param, ctx)


class Target(click.Path):
    """A file to write, with one of some suffixes, in a folder that exists: refused before any work is done."""

    def __init__(self, *suffixes: str) -> None:
        super().__init__(path_type=Path)
        self.suffixes = suffixes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check the path."""
        target = cast(Path, super().convert(value, param, ctx))
        if self.suffixes and target.suffix.lower() not in self.suffixes:
            self.fail(f"{str(target)!r} must end in {' or '.join(self.suffixes)}", param, ctx)
        if target.is_dir() or not os.access(target if target.exists() else target.parent, os.W_OK):
            self.fail(f"{str(target)!r} can't be written; name a file in a folder that exists", param, ctx)
        return target
