"""An export is read as it was written, on any system."""

import json
import os
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import soundfile

from pipeline import checksums
from pipeline.errors import ArtifactError
from pipeline.streaming import runtimes
from pipeline.streaming.description import Description
from pipeline.streaming.runtimes import RUNTIMES
from tests.programs import python


def test_a_runtime_that_is_not_installed_is_named(masked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert runtimes.installed() == list(RUNTIMES) == list(get_args(runtimes.Name))
    assert len({runtime.file for runtime in RUNTIMES.values()}) == len(RUNTIMES)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # importing it is an ImportError
    assert "onnx" not in runtimes.installed()
    with pytest.raises(ArtifactError, match=r"runtime 'onnx' is not installed .*; install it or choose another"):
        runtimes.load(masked, "onnx", {})


def test_onnx_runtime_makes_no_identity_to_report_under(masked: Path, tmp_path: Path) -> None:
    code = f"from pipeline import Identifier; Identifier.load({str(masked)!r}, 'onnx')"
    in_a_ci = ("CI", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY")  # where it reports nothing
    env = {name: value for name, value in os.environ.items() if name not in in_a_ci}
    done = python(code, env=env | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert done.returncode == 0, done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.name == "deviceid"]


@pytest.mark.parametrize("name", get_args(runtimes.Name))
def test_a_missing_file_and_one_of_another_runtime_are_refused_in_one_sentence(
    tmp_path: Path, name: runtimes.Name
) -> None:
    checksums.seal(tmp_path)
    with pytest.raises(ArtifactError, match=f"{RUNTIMES[name].file} is missing"):
        runtimes.load(tmp_path, name, {})
    (tmp_path / RUNTIMES[name].file).write_bytes(b"no network")
    checksums.seal(tmp_path)
    with pytest.raises(ArtifactError, match=f"{RUNTIMES[name].file} can't be read by '{name}'"):
        runtimes.load(tmp_path, name, {})


MACOS = """
import fcntl, pathlib, resource
del fcntl.F_SETPIPE_SZ
def refuse(*_):
    raise ValueError("current limit exceeds maximum limit")
resource.setrlimit = refuse
"""
WINDOWS = """
import ctypes, os, signal, soundfile, sys
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
for name in ("pread", "O_NONBLOCK", "O_NOCTTY", "getuid", "geteuid", "getpgid", "killpg", "sysconf", "mkfifo"):
    delattr(os, name)
for name in ("SIGKILL", "SIGPIPE", "SIGHUP", "pthread_sigmask"):
    delattr(signal, name)
of_any, of_name = soundfile.SoundFile.__init__, ctypes.CDLL.__init__
def no_descriptor(self, file, *words, **options):
    assert not isinstance(file, int)
    of_any(self, file, *words, **options)
def no_program(self, name, *words, **options):
    if name is None:
        raise TypeError("argument of type 'NoneType' is not iterable")
    of_name(self, name, *words, **options)
soundfile.SoundFile.__init__, ctypes.CDLL.__init__ = no_descriptor, no_program
"""
IDENTIFY = "from pipeline.__main__ import main\nmain()\n"


@pytest.mark.parametrize("system", [MACOS, WINDOWS], ids=["macOS", "Windows"])
def test_recordings_are_identified_without_what_a_system_lacks(masked: Path, tmp_path: Path, system: str) -> None:
    rng = np.random.default_rng(0)
    for name in ("a.wav", "b.flac", "c.ogg"):
        soundfile.write(tmp_path / name, rng.uniform(-0.3, 0.3, 16_000), 16_000)
    answers = []
    for code in (IDENTIFY, system + IDENTIFY):
        done = python(code, "identify", "--json", "--model", masked, tmp_path)
        assert not done.returncode, done.stderr
        answers.append([json.loads(line) for line in done.stdout.splitlines()])
    assert len(answers[0]) == 3
    assert answers[0] == answers[1]


def test_a_description_round_trips(masked: Path, tmp_path: Path) -> None:
    description = Description.read(masked)
    description.write(tmp_path)
    checksums.seal(tmp_path)
    assert Description.read(tmp_path) == description
    assert (tmp_path / "streaming.json").read_bytes() == (masked / "streaming.json").read_bytes()
    assert description.frame_s == 0.01  # 160 samples at 16 kHz


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"schema_version": 7', '"schema_version": 5, "old": 1', "schema_version is 5 but should be 7"),
        ('"sample_rate": 16000', '"sample_rate": 0', "sample_rate is 0 but"),
        ('"tolerance"', '"toleranz"', "toleran"),
        ('"n_fft": 400,', "", "keys are missing"),
    ],
)
def test_another_schema_is_refused(masked: Path, tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (masked / "streaming.json").read_text()
    assert old in text
    (tmp_path / "streaming.json").write_text(text.replace(old, new))
    checksums.seal(tmp_path)
    with pytest.raises(ArtifactError, match=rf"does not describe a model of this version \([^\n]*{said}[^\n]*$"):
        Description.read(tmp_path)
