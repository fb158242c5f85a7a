"""Errors that the user can fix are one sentence with exit status 2; any other exception leaves click as it is."""

import errno
import importlib
import os
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from pipeline.console.command import Command
from pipeline.errors import AudioError, Defect


def ended(error: BaseException) -> Result:
    def fail() -> None:
        raise error

    return CliRunner().invoke(Command("fail", callback=fail, folder="out"), [])


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        Defect("x"),
        FileNotFoundError(errno.ENOENT, "No such file", "x"),
        BlockingIOError(errno.EAGAIN, "Try again"),
        PermissionError(errno.EACCES, "Permission denied"),  # of no file
        ModuleNotFoundError("x", name="pipeline.x"),
        BrokenPipeError(errno.EPIPE, "Broken pipe"),  # click would hide this one and the next
        EOFError(),
    ],
)
def test_a_defect_is_raised(error: BaseException) -> None:
    raised = ended(error).exception
    assert raised is error or (isinstance(raised, Defect) and raised.__cause__ is error)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (AudioError("silent", "a.wav is\nsilent"), r"a.wav is\nsilent"),
        (click.UsageError("x y"), "x y"),
        (OSError(errno.EROFS, "Read-only file system", b"y"), "y can't be used (Read-only file system): check its"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk of out is full ("),
        (ModuleNotFoundError("x", name="zarr.x"), "zarr.x is not installed; in a clone of the project, run: pip"),
    ],
)
def test_an_error_that_the_user_can_fix_is_one_line(error: BaseException, sentence: str) -> None:
    result = ended(error)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {sentence}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("code", ["raise ValueError('damaged\\nsettings')", "from json import nothing", "1 / 0"])
def test_a_package_that_fails_as_it_is_imported_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    (tmp_path / "foreign.py").write_text("import inner\n")
    (tmp_path / "inner.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)

    def callback() -> None:
        importlib.import_module("foreign")

    result = CliRunner().invoke(Command("fail", callback=callback), [])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: foreign can't be imported (")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("folder", ["/dev/shm", "/"])
def test_free_space_is_that_of_the_disk_that_is_full(folder: str) -> None:
    said = ended(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"{folder}/nowhere/file")).stderr
    free = int(said.split("(")[1].split(" MB")[0].replace(",", ""))
    assert free == pytest.approx(shutil.disk_usage(folder).free / 1e6, rel=0.2)
