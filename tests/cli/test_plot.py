"""A picture of one recording: its sound, its speech, and the posteriors of its frames."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile

from pipeline.cli import plot
from pipeline.errors import ArgumentError
from pipeline.streaming.identifier import Identifier
from tests.cli.test_output import LANGUAGES, RATE, noise, stream

__all__ = ["stream"]  # the fixture


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "<b>&.wav"
    soundfile.write(path, np.concatenate([np.zeros(RATE, np.float32), noise(1)]), RATE)
    return path


def test_a_picture_has_a_curve_per_language(tmp_path: Path, recording: Path, stream: Identifier) -> None:
    plot.write(tmp_path / "a.svg", recording, stream)
    text = (tmp_path / "a.svg").read_text()
    assert "var(" not in text
    tree = ElementTree.fromstring(text)
    assert tree.attrib["aria-label"] == recording.name
    assert set(LANGUAGES) <= {element.text for element in tree.iter()}
    plot.write(tmp_path / "b.png", recording, stream)
    content = (tmp_path / "b.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = (int.from_bytes(content[at : at + 4]) for at in (16, 20))
    across, down = (float(size) for size in re.findall(r' (?:width|height)="(\d+)"', text)[:2])
    assert width / height == pytest.approx(across / down, rel=0.02)


def test_a_file_without_samples_is_drawn(tmp_path: Path, stream: Identifier) -> None:
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), RATE)
    plot.write(tmp_path / "a.svg", tmp_path / "empty.wav", stream)
    assert (tmp_path / "a.svg").read_text().startswith("<svg")


def test_a_folder_that_is_missing_is_named(tmp_path: Path, recording: Path, stream: Identifier) -> None:
    with pytest.raises(ArgumentError, match=r"can't be written .*; name a file in a folder that exists"):
        plot.write(tmp_path / "nowhere" / "a.svg", recording, stream)
