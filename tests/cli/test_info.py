"""`lid info` counts the contents of a feature store."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.cli.info import show
from tests.stores import build


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
