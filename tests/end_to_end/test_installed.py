"""The wheel and the archive of a run work in an empty environment, outside of the project."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Copy

MAX_MB = 150
OWN = {"pip", "setuptools", "_distutils_hack", "pkg_resources", "wheel"}  # of every environment
NUMBER = r"(\d+\.\d+)"
RECORDINGS = Path("artifacts") / "data" / "demo" / "train_hindi"


def run(folder: Path, *words: Path | str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, with no variables but these."""
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def empty_environment(folder: Path, *requirements: str) -> Path:
    """Make an environment that holds only requirements and what they need; return its folder of programs."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", *requirements], check=True)
    return folder / "bin"


@pytest.fixture(scope="module")
def programs(tiny: Copy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel."""
    made = tmp_path_factory.mktemp("wheel")
    shutil.copytree(
        tiny.folder / "pipeline", made / "source" / "pipeline", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(tiny.folder / name, made / "source")
    build = ["pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(made), str(made / "source")]
    subprocess.run([sys.executable, "-m", *build], check=True)
    [wheel] = made.glob("*.whl")
    return empty_environment(made / "empty", str(wheel))


def test_the_wheel_holds_every_file_of_the_package(programs: Path, tiny: Copy) -> None:
    [wheel] = programs.parents[1].glob("*.whl")
    package = tiny.folder / "pipeline"
    files = {path.relative_to(tiny.folder).as_posix() for path in package.rglob("*") if path.is_file()}
    assert {name for name in files if "__pycache__" not in name} == {
        name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("pipeline/")
    }


def test_the_wheel_is_small(programs: Path) -> None:
    [packages] = (programs.parent / "lib").glob("python*/site-packages")
    kept = [path for path in packages.iterdir() if path.name.partition("-")[0] not in OWN]
    files = [file for path in kept for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    assert 50 < sum(file.stat().st_size for file in files) / 1e6 < MAX_MB


def test_the_wheel_answers_like_the_project(tiny: Copy, programs: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny.folder / "artifacts" / "streaming", tmp_path / "streaming")

    def succeed(program: str, *words: str) -> str:
        done = run(tmp_path, programs / program, *words)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    recordings = str(tiny.folder / RECORDINGS)
    identified = re.split(NUMBER, succeed("lid", "identify", "--model", "streaming", "--json", recordings))
    expected = re.split(NUMBER, tiny.succeed("lid", "identify", "--json", recordings))
    assert identified[::2] == expected[::2]
    values, wanted = (list(map(float, parts[1::2])) for parts in (identified, expected))
    assert values == pytest.approx(wanted, abs=1e-5)  # of LiteRT and of ONNX Runtime
    verified = succeed("lid", "verify", "streaming")
    assert "model.tflite" in verified
    assert "model.onnx" not in verified  # its runtime is not installed
    code = "from pipeline.streaming import Identifier; print(Identifier.load('streaming').description.languages)"
    assert "english" in succeed("python", "-W", "error", "-c", code)
    for command in ("lid --help", "lid identify --help"):
        assert succeed(*command.split())


@pytest.mark.parametrize("words", ["info", "plan", "check .", "evaluate . --layout auto"])
def test_commands_that_need_more_than_the_wheel_say_so(programs: Path, tmp_path: Path, words: str) -> None:
    done = run(tmp_path, programs / "lid", *words.split(), **os.environ)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "in a clone of the project, run: pip install '.[pipeline]'" in done.stderr


@pytest.fixture(scope="module")
def unpacked(tiny: Copy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert "handin.zip: " in tiny.succeed("lid", "bundle", "handin.zip")
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(tiny.folder / "handin.zip") as archive:
        archive.extractall(folder)
    return folder / "handin"


def test_the_script_of_the_archive_answers_like_identify(tiny: Copy, unpacked: Path, tmp_path: Path) -> None:
    python = empty_environment(tmp_path / "empty", "-r", str(unpacked / "requirements.txt")) / "python"
    folder, labels = tiny.folder / RECORDINGS, tmp_path / "labels.csv"
    labels.write_text("file,label\n" + "".join(f"{path.name},1\n" for path in folder.iterdir()))
    done = run(tmp_path, python, "-I", unpacked / "test_model.py", folder, "--labels", labels)
    assert not done.returncode, done.stderr
    answers = {row["file"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    wanted = [json.loads(line) for line in tiny.succeed("lid", "identify", "--json", str(folder)).splitlines()]
    assert len(answers) == len(wanted)
    for one in wanted:
        found = answers[Path(one["path"]).name]
        assert found["language"] == (one["language"] or "")
        for name, posterior in (one["posteriors"] or {}).items():
            assert float(found[name]) == pytest.approx(posterior, abs=1e-4)
    right = sum(one["language"] == "hindi" for one in wanted)
    assert f"accuracy: {right / len(wanted):.1%}, {right} of {len(wanted)} recordings" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_weights_of_the_archive_are_those_of_the_sequence_model(unpacked: Path) -> None:
    import keras

    path = unpacked / "sequence" / "sequence.keras"
    model, other = (keras.models.load_model(path, compile=False, safe_mode=True) for _ in range(2))
    other.set_weights([weight * 0 for weight in other.get_weights()])
    other.load_weights(unpacked / "sequence" / "sequence.weights.h5")
    for one, same in zip(model.get_weights(), other.get_weights(), strict=True):
        assert (one == same).all()
