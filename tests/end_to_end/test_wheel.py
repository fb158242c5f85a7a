"""The package without extras, installed from a wheel in an empty environment, outside of the project."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Copy

MAX_MB = 150
OWN = {"pip", "setuptools", "_distutils_hack", "pkg_resources", "wheel"}  # of every environment


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel and what it needs, and a folder with nothing but an exported model."""

    environment: Path
    folder: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{self.environment / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run(words, cwd=self.folder, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def installed(tiny: Copy, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    made, folder = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("outside")
    source = made / "source"
    shutil.copytree(tiny.folder / "pipeline", source / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(tiny.folder / name, source)
    build = ["pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(made), str(source)]
    subprocess.run([sys.executable, "-m", *build], check=True)
    [wheel] = made.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", made / "empty"], check=True)
    subprocess.run([made / "empty" / "bin" / "python", "-m", "pip", "install", "-q", wheel], check=True)
    shutil.copytree(tiny.folder / "artifacts" / "streaming", folder / "streaming")
    return Installed(made / "empty", folder)


def test_it_is_small(installed: Installed) -> None:
    [packages] = (installed.environment / "lib").glob("python*/site-packages")
    kept = [path for path in packages.iterdir() if path.name.partition("-")[0] not in OWN]
    files = [file for path in kept for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    print(f"{megabytes:.0f} MB")
    assert 50 < megabytes < MAX_MB


def test_it_identifies_like_the_project(tiny: Copy, installed: Installed) -> None:
    recordings = str(tiny.folder / "artifacts" / "data" / "demo" / "train_hindi")
    done = installed.run("lid", "identify", "--model", "streaming", "--json", recordings)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == tiny.run("lid", "identify", "--json", recordings).stdout


def test_it_verifies_a_copy(installed: Installed) -> None:
    done = installed.run("lid", "verify", "streaming")
    assert done.returncode == 0, done.stderr
    assert "model.tflite" in done.stdout
    assert "model.onnx" not in done.stdout  # its runtime is not installed


def test_it_is_a_library(installed: Installed) -> None:
    code = "from pipeline.streaming import Identifier; print(Identifier.load('streaming').description.languages)"
    assert "english" in installed.run("python", "-c", code).stdout


@pytest.mark.parametrize("words", [["info"], ["plan"], ["check", "."], ["evaluate", ".", "--layout", "auto"]])
def test_commands_that_need_more_say_so(installed: Installed, words: list[str]) -> None:
    done = installed.run("lid", *words)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "in a clone of the project, run: pip install '.[pipeline]'" in done.stderr


@pytest.mark.parametrize("command", ["lid --help", "lid identify --help"])
def test_help_works(installed: Installed, command: str) -> None:
    assert installed.run(*command.split()).returncode == 0
