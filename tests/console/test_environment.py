"""No setting of a shell or a home changes a result or stops a run; native libraries are silent."""

import ctypes
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pipeline.console import environment, quiet

REPORT = """
import json, os, sys, tempfile, warnings
from pipeline.console import entry
warnings.warn("as of the next version", DeprecationWarning)
print(json.dumps([dict(os.environ), sys.path, tempfile.gettempdir()]))
"""


def settled(folder: Path, code: str = REPORT, **variables: str) -> Any:
    """The settings of a program of this package that is started with these variables."""
    root = str(Path(__file__).parents[2])
    given = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": root} | variables
    done = subprocess.run([sys.executable, "-c", code, folder], env=given, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_variables_of_packages_are_not_those_of_the_shell(tmp_path: Path) -> None:
    foreign = {
        "MPLBACKEND": "module://matplotlib_inline.backend_inline", "MATPLOTLIBRC": "damaged", "KERAS_BACKEND": "torch",
        "KERAS_MAX_EPOCHS": "1",
        "ZARR_DEFAULT_ZARR_FORMAT": "2", "NUMBA_DISABLE_JIT": "1", "TF_ENABLE_ONEDNN_OPTS": "0", "OMP_NUM_THREADS": "7",
        "BLOSC_CLEVEL": "1", "PYTHONWARNINGS": "error", "SOX_OPTS": "--norm", "NPY_DISABLE_CPU_FEATURES": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
    }  # fmt: skip
    plain, _, _ = settled(tmp_path)
    assert settled(tmp_path, **foreign)[0] == plain
    assert plain["KERAS_BACKEND"] == "tensorflow"
    assert plain["MPLBACKEND"] == "agg"


def test_options_of_python_do_not_reach_packages(tmp_path: Path) -> None:
    code = f"{REPORT}\nimport warnings\nfrom multiprocessing import util\nflags = util._args_from_interpreter_flags()\n"
    code += "warnings.warn('x')\nprint(json.dumps(flags))"
    flags = settled(tmp_path, code, PYTHONDEVMODE="1", PYTHONWARNINGS="error")
    assert [flag for flag in flags if flag.startswith("-W")][-1] == "-Wignore"


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_names_of_files_are_utf8_in_any_locale(tmp_path: Path, locale: dict[str, str]) -> None:
    (tmp_path / "हिन्दी").touch()
    code = "import json, os, sys\nfrom pipeline.console import entry\nprint(json.dumps(os.listdir(sys.argv[1])))"
    assert settled(tmp_path, code, **locale) == ["हिन्दी"]


def test_folders_of_pythonpath_do_not_hide_installed_packages(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    (tmp_path / "numpy.py").write_text("raise ImportError('another numpy')\n")
    (tmp_path / "mine.py").touch()
    code = f"{REPORT}\nimport numpy, mine\nprint(json.dumps(numpy.__file__))"
    assert "numpy.py" not in settled(tmp_path, code, PYTHONPATH=f"{tmp_path}{os.pathsep}{root}")


def test_a_temporary_folder_has_a_name_short_enough_for_sockets(tmp_path: Path) -> None:
    long = tmp_path / ("long" * 25)
    long.mkdir()
    variables, _, folder = settled(tmp_path, TMPDIR=str(long))
    assert len(folder) <= environment.SOCKET_FOLDER_BYTES
    assert variables["TMPDIR"] == folder
    (tmp_path / "t").mkdir()
    short = settled(tmp_path, TMPDIR=str(tmp_path / "t"))[2] if len(str(tmp_path)) < 60 else None
    assert short in (None, str(tmp_path / "t"))


def test_caches_have_a_folder_of_this_user_if_the_home_has_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with tempfile.TemporaryDirectory() as short:  # a name for sockets; that of pytest's folder may be too long
        homeless = {"HOME": str(tmp_path / "file" / "home"), "TMPDIR": short}
        first = Path(settled(tmp_path, **homeless)[0]["XDG_CACHE_HOME"])
        assert first.parent == Path(short)
        assert first.stat().st_mode & 0o777 == 0o700
        assert Path(settled(tmp_path, **homeless)[0]["XDG_CACHE_HOME"]) == first
        first.chmod(0o777)  # somebody else may have written code there, which packages would run
        assert Path(settled(tmp_path, **homeless)[0]["XDG_CACHE_HOME"]) != first
    assert "XDG_CACHE_HOME" not in settled(tmp_path)[0]


@pytest.mark.slow
def test_keras_starts_silently_with_its_own_settings_and_the_process_keeps_those_it_had(tmp_path: Path) -> None:
    (tmp_path / ".keras").mkdir()
    settings = {"floatx": "float64", "backend": "torch", "image_data_format": "channels_first", "epsilon": 0.1}
    (tmp_path / ".keras" / "keras.json").write_text(json.dumps(settings))
    code = """
import json, os, sys, threading
before = dict(os.environ)
os.dup2(os.open(sys.argv[1] + "/stderr", os.O_CREAT | os.O_WRONLY), 2)
from pipeline import backend

def write():
    number = 0
    while not done.wait(0.05):
        number += 1
        sys.stderr.write(f"{number}\\n")

done = threading.Event()
writer = threading.Thread(target=write)
writer.start()
assert backend.keras() is backend.keras()
done.set()
writer.join()
config = backend.keras().config
assert dict(os.environ) == before
print(json.dumps([config.backend(), config.floatx(), config.image_data_format(), config.epsilon()]))
"""
    found = settled(tmp_path, code, MPLBACKEND="module://no_such_package.backend", KERAS_BACKEND="jax")
    assert found == ["tensorflow", "float32", "channels_last", 1e-7]
    lines = (tmp_path / "stderr").read_text().split()
    assert lines == [str(number) for number in range(1, len(lines) + 1)]  # no other writer loses any output
    assert lines


def test_only_output_of_c_is_silenced_in_any_number_of_threads(capfd: pytest.CaptureFixture[str]) -> None:
    libc = ctypes.CDLL(None)
    libc.fputs.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    stream = ctypes.c_void_p.in_dll(libc, "stderr")
    before = stream.value

    def work(number: int) -> None:
        for turn in range(50):
            with suppress(KeyError), quiet.stderr():
                libc.fputs(b"noise\n", stream.value)
                print(f"{number} {turn}", file=sys.stderr)
                raise KeyError  # nor does an exception keep C silent

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(work, range(16)))
    assert stream.value == before
    libc.fputs(b"C is heard again\n", stream.value)
    written = capfd.readouterr().err.splitlines()
    assert sorted(written) == sorted(["C is heard again", *(f"{n} {turn}" for n in range(16) for turn in range(50))])
