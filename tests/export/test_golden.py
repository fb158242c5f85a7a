"""Golden audio proves that a copy of an export answers like the offline stages, and names any damage."""

import math
import re
import shutil
from pathlib import Path

import pytest

from pipeline import checksums
from pipeline.errors import ArtifactError, ExportError
from pipeline.export import golden
from pipeline.mfcc.kernel import make_kernel
from pipeline.network import forms
from pipeline.rows import EqualityRow
from pipeline.streaming import runtimes
from pipeline.streaming.runtimes import RUNTIMES
from tests.export import small
from tests.export.small import Export


@pytest.mark.parametrize("runtime", list(RUNTIMES))
def test_golden_audio_streams_to_the_answers_of_the_offline_stages(exported: Export, runtime: runtimes.Name) -> None:
    found = golden.replay(exported.streaming, runtime)
    assert found.flags == 0
    assert found.mfcc < 1e-3
    golden.check([found], 1e-5)


@pytest.mark.slow
def test_an_export_of_another_network_is_refused(tmp_path: Path) -> None:
    export, copy = small.made("mask"), tmp_path / "streaming"
    shutil.copytree(export.streaming, copy)
    kernel = make_kernel(small.MFCC, small.RATE_HZ)
    golden.record(copy, forms.sequence(export.architecture), kernel, export.description)  # other random weights
    checksums.seal(copy)
    with pytest.raises(ExportError, match=r"model\.tflite is off by .* in posterior, more than 1e-05"):
        golden.check([golden.replay(copy, "litert")], 1e-5)


@pytest.mark.parametrize(
    ("differences", "quantity"),
    [
        ((1.0, 0.0, 0.0), "flags, more than 0"),
        ((0.0, 0.1, 0.0), "mfcc, more than 0.001"),
        ((0.0, 0.0, 2e-5), "posterior, more than 1e-05"),
        ((0.0, 0.0, math.nan), "posterior"),
        ((math.inf, math.inf, math.inf), "flags"),
    ],
)
def test_every_difference_beyond_its_limit_is_refused(differences: tuple[float, ...], quantity: str) -> None:
    golden.check([EqualityRow("model.onnx", 0.0, 0.0, 1e-5)], 1e-5)
    with pytest.raises(ExportError, match=f"model.onnx is off by .* in {quantity}"):
        golden.check([EqualityRow("model.onnx", *differences)], 1e-5)


@pytest.mark.slow
def test_every_damage_of_a_copy_is_named(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(small.made("mask").streaming, copy)
    files = [file for file in copy.rglob("*") if file.is_file()]
    assert len(files) > 9
    for file in files:
        content = file.read_bytes()
        for damaged in (bytes(byte ^ 1 for byte in content) + b"x", content[: len(content) // 2], None):
            file.write_bytes(damaged or b"")
            if not damaged:
                file.unlink()
            with pytest.raises(ArtifactError, match=rf"^{re.escape(str(copy))}/[^\n]*$"):
                golden.verify(copy)
        file.write_bytes(content)
    checksums.check(copy, [file.relative_to(copy).as_posix() for file in files if file.name != checksums.SUMS])
