"""Every runtime is one entry of one table, and an export needs only the packages of its runtime."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from pipeline import checksums
from pipeline.errors import ArtifactError
from pipeline.streaming import runtimes
from pipeline.streaming.runtimes import RUNTIMES
from tests.audio.signals import babble
from tests.export import small

INFERENCE = {  # third-party packages on a machine that only runs an exported model
    *("numpy", "soxr", "soundfile", "_soundfile", "_soundfile_data", "cffi", "_cffi_backend", "click"),
    *("pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"),
    *("ai_edge_litert", "flatbuffers"),
}


def test_a_runtime_that_is_not_installed_is_named(masked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert runtimes.installed() == list(RUNTIMES) == list(get_args(runtimes.Name))
    assert len({runtime.file for runtime in RUNTIMES.values()}) == len(RUNTIMES)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # importing it is an ImportError
    assert "onnx" not in runtimes.installed()
    with pytest.raises(ArtifactError, match=r"runtime 'onnx' is not installed .*; install it or choose another"):
        runtimes.load(masked, "onnx", {})


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


def test_identify_and_verify_need_only_the_inference_packages(masked: Path, project: Path, tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "a.wav", babble(1, 16000), 16000)
    refused = {*importlib.metadata.packages_distributions()} - INFERENCE - {"pipeline"}
    assert {"tensorflow", "onnxruntime", "librosa", "numba", "yaml", "scipy", "google_crc32c"} < refused
    code = f"""{small.without(refused)}
from pipeline.cli.commands import main
main(["identify", {str(tmp_path / "a.wav")!r}, "--model", {str(masked)!r}], standalone_mode=False)
main(["verify", {str(masked)!r}], standalone_mode=False)
"""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "a.wav" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[-2:]] == ["format", "model.tflite"]
