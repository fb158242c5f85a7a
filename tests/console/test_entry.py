"""A user's mistake is one line on standard error; only a defect of this package is a traceback."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests import programs
from tests.programs import ROOT, heed_interrupts

pytestmark = pytest.mark.slow  # starts a program in every test

LID = str(Path(sys.executable).parent / "lid")


def python(body: str) -> list[str]:
    """The command that runs a function body as a whole process."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    code = "import os, sys\nfrom pipeline.console import entry\nfrom pipeline.console.command import Command\n"
    return [sys.executable, "-c", f"{code}def main():\n{lines}\nentry.run(Command('main', callback=main))\n"]


def run(body: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return programs.python(python(body)[-1], **options)


def lid(shell: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(f"{LID} {shell}", shell=True, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_defect_keeps_its_traceback() -> None:
    done = run("raise KeyError('x')")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert "\nKeyError: " in done.stderr


@pytest.mark.parametrize("package", ["zarr", "dask"])
def test_damaged_settings_of_a_package_that_a_stage_imports_are_named(tmp_path: Path, package: str) -> None:
    broken, environment = programs.broken_settings(tmp_path, package)
    code = f"from pipeline.console import entry\nimport {package}"
    done = programs.python(code, env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {package} can't be imported (ValueError: A")
    assert str(broken) in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_python_without_the_packages_is_told_so() -> None:
    done = programs.python("import sys\nsys.modules['click'] = None\nfrom pipeline.__main__ import main\nmain()")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error: click is not installed; in a clone of the project, run: ")


def test_native_noise_is_not_shown_and_messages_are() -> None:
    noise = "os.write(1, b'noise')\nos.write(2, b'noise')\nos.system('echo noise >&2')\n"
    done = run(noise + "print('told', file=sys.stderr)\nprint('said')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "said\n", "told\n")


def test_any_name_fits_on_a_line_of_any_terminal() -> None:
    encoding, names = "cp1252", ["हिन्दी.wav", "a\x1b[2Jb.wav", "two\nlines.wav", "\udcff.wav", "\u202egnp.wav"]
    done = run(f"from pipeline.console.terminal import show_error\nfor name in {names!a}: show_error(name)",
               env=os.environ | {"PYTHONIOENCODING": encoding}, encoding=encoding)  # fmt: skip
    lines = done.stderr.split("\n")
    assert len(lines) == len(names) + 1
    assert "".join(lines).isprintable()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(closed: str) -> None:
    assert lid(f"info nowhere {closed}").returncode == 2
    assert lid(f"--version {closed}").returncode == 0


def test_output_that_nobody_reads() -> None:
    assert lid("doctor 2>&1 | head -1").stdout.count("\n") == 1
    endless = shlex.join(python("for number in range(10**5): print(number)"))
    done = subprocess.run(f"{endless} | head -1", shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


def interrupted(command: list[str], seconds: float) -> tuple[int, str]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, preexec_fn=heed_interrupts
    ) as running:
        time.sleep(seconds)
        running.send_signal(signal.SIGINT)
        _, complaint = running.communicate(timeout=60)
        return running.returncode, complaint


@pytest.mark.parametrize("seconds", [0.1, 0.2, 0.4, 0.8])
@pytest.mark.parametrize(
    "command", [[LID, "identify", "--rate", "16000", "-"], [sys.executable, "-m", "stages.trim"]], ids=["lid", "stage"]
)
def test_an_interrupt_at_any_moment_of_the_start_is_no_traceback(command: list[str], seconds: float) -> None:
    status, complaint = interrupted(command, seconds)
    assert status in (0, 1, 2, 130, -signal.SIGINT, -signal.SIGABRT)
    # Before the first line of entry.py, it is Python itself that is interrupted: it aborts, or shows how it got there.
    before = {"pipeline/__init__.py", "pipeline/__main__.py", "pipeline/console/entry.py", "stages/__init__.py"}
    assert set(re.findall(rf'File "{ROOT}/((?:pipeline|stages)/[^"]+)"', complaint)) <= before
    if "Traceback" not in complaint and "Fatal Python error" not in complaint:
        assert complaint.count("\n") <= 1


def test_an_interrupt_is_reported_whatever_error_it_causes() -> None:
    body = "import time\ntry: time.sleep(60)\nexcept KeyboardInterrupt: raise ImportError"
    status, complaint = interrupted(python(body), 1)
    assert (status, complaint) == (130, "interrupted; run it again: finished work is reused\n")


@pytest.mark.parametrize("body", ["print('x')", "for _ in range(10_000): print('x' * 100)", "print('x', flush=True)"])
def test_output_to_a_full_disk_is_reported(body: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(python(body), cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    told = "error: standard output can't be written (No space left on device); redirect it to a disk with free space\n"
    assert (done.returncode, done.stderr) == (2, told)


@pytest.mark.parametrize("status", [0, 3])
def test_a_process_ends_in_order_but_without_taking_its_modules_down(status: int) -> None:
    body = "import atexit, threading, time\nclass Slow:\n    def __del__(self): print('taken down')\n"
    body += "sys.slow = Slow()\natexit.register(print, 'last')\nprint('first')\n"
    body += f"threading.Thread(target=lambda: (time.sleep(0.2), print('then'))).start()\nsys.exit({status})"
    done = run(body)
    assert (done.returncode, done.stdout.split(), done.stderr) == (status, ["first", "then", "last"], "")
