"""Inference runs without what Windows and macOS lack: both are simulated by removing it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

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
        command = [sys.executable, "-c", code, "identify", "--json", "--model", str(masked), str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert not done.returncode, done.stderr
        answers.append([json.loads(line) for line in done.stdout.splitlines()])
    assert len(answers[0]) == 3
    assert answers[0] == answers[1]
