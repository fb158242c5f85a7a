"""The command `lid`: its help is quick, a mistake is one line, and `lid info` counts what a store holds."""

import shlex
from pathlib import Path

import numpy as np
import pytest

from pipeline.cli import commands
from pipeline.cli.info import show
from tests.programs import lid, python
from tests.stores import build

HEAVY = ("tensorflow", "keras", "librosa", "zarr", "dask", "distributed", "numpy", "scipy", "pydantic")


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys, pipeline.cli.commands; print([name for name in {HEAVY} if name in sys.modules])"
    assert python(code).stdout == "[]\n"
    status, said, _ = lid("--help")
    assert status == 0
    assert all(command in said for command in ("identify", "trim", "info", "ablate", "doctor"))


@pytest.mark.parametrize("name", sorted(commands.main.commands))
def test_every_command_has_examples_that_its_options_allow(name: str) -> None:
    command = commands.main.commands[name]
    assert len(command.get_short_help_str(1000)) < 45
    status, said, _ = lid(name, "--help")
    assert status == 0
    examples = said.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
    assert examples
    for example in examples:
        words = shlex.split(example.rpartition("| ")[2].partition(" >")[0], comments=True)
        assert words[:2] == ["lid", name]
        command.make_context(name, words[2:])  # raises if it does not parse


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["identify", "--model", "nowhere", "x.wav"], "nowhere/streaming.json can't be read"),
        (["info", "nowhere.zarr"], "nowhere.zarr is not a feature store"),
        (["trim", "x.wav", "y.wav", "--params", "nowhere.yaml"], "nowhere.yaml can't be read"),
        (["trim", "x.wav", "y.mp3"], "'y.mp3' must end in .wav or .flac"),
        (["identify", "--plot", "nowhere/a.png", "x.wav"], "'nowhere/a.png' can't be written; name a file in a folder"),
        (["play"], "Missing argument 'ID'"),
        (["--bad"], "No such option"),
        (["info", "x" * 300], "File name too long"),
        (["trim", "x.wav", "y.wav"], "x.wav is not a file; check its name"),
        (["identify", "--frames", "--json", "x.wav"], "choose one"),
        (["identify", "-"], "give its sample rate"),
        (["identify", "--rate", "8000", "-", "x.wav"], "leave out --plot, --csv, --into and other files"),
        (["identify", "--resume", "x.wav"], "--resume continues the table of --csv"),
        (["identify", "--csv", "x.txt", "x.wav"], "'x.txt' must end in .csv"),
        (["identify", "--csv", "a.csv", "--json", "x.wav"], "choose one"),
        (["identify", "-j", "2", "--frames", "x.wav"], "leave out -j"),
    ],
)
def test_a_mistake_is_named_and_has_status_2(
    words: list[str], said: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    status, printed, error = lid(*words)
    assert status == 2
    assert not printed
    assert said in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_doctor_has_status_2_if_something_is_missing(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    monkeypatch.chdir(project)
    status, printed, _ = lid("doctor")
    assert (status, printed.splitlines()[-1]) == (0, "ready for dvc repro")
    subjects = ["sox", "python", "zarr", "git", "params.yaml", "corpus", "cache", "workers", "disk"]
    assert set(subjects) <= {line.split()[0] for line in printed.splitlines()}
    assert [line for line in printed.splitlines()[:-1] if line[0] != " "] == [
        "programs", "packages", "project", "machine",
    ]  # fmt: skip
    monkeypatch.setenv("PATH", "/nowhere")
    status, printed, error = lid("doctor")
    assert status == 2
    assert "  sox                can't be used" in printed
    assert printed.endswith("not ready: 4 problems to fix\n")
    assert "error: sox: it is missing; install it: apt-get install sox" in error
    assert all(f"apt-get install {package}" in error for package in ("espeak-ng", "graphviz", "git"))


def test_recordings_speakers_and_time_are_counted_by_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "features.zarr"
    attributes = {"mfcc": {"hop_length": 160}, "sample_rate": 16000, "versions": {"numpy": "1.2.3"}}
    languages, speakers = ["hindi", "english", "hindi"], ["s1", "s2", "s1"]
    mfcc, speech, lengths = np.zeros((18_000, 13), np.float32), np.ones(18_000, bool), [6000, 3000, 9000]
    build(path, ["a", "b", "c"], languages, speakers, lengths, mfcc, speech, attributes, [range(2), range(2, 3)])
    show(path)
    first, *lines = capsys.readouterr().out.splitlines()
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    assert first == f"{path}: 18,000 frames of 13 MFCCs, 0.05 h, {size / 1e6:.1f} MB"
    assert [line.split() for line in lines if line] == [
        ["language", "recordings", "speakers", "minutes"],
        ["english", "1", "1", "0.5"],
        ["hindi", "2", "1", "2.5"],
        ["hop_length", "160"],
        ["numpy", "1.2.3"],
    ]
