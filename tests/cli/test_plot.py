"""A picture of one recording: its sound, its speech, and the posteriors of its frames."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from pipeline.arrays import Waveform
from pipeline.cli import plot
from pipeline.streaming.identifier import Identifier
from tests.cli.test_output import LANGUAGES, RATE, noise, stream

__all__ = ["stream"]  # the fixture


NAME, SOUND = "<b>&.wav", np.concatenate([np.zeros(RATE, np.float32), noise(1)])


def write(target: Path, stream: Identifier, sound: Waveform = SOUND) -> None:
    plot.write(target, NAME, [sound], [stream.accept(sound), stream.finish()], stream)
    stream.reset_states()


def test_a_picture_has_a_curve_per_language(tmp_path: Path, stream: Identifier) -> None:
    write(tmp_path / "a.svg", stream)
    text = (tmp_path / "a.svg").read_text()
    assert "var(" not in text
    tree = ElementTree.fromstring(text)
    assert tree.attrib["aria-label"] == NAME
    assert set(LANGUAGES) <= {element.text for element in tree.iter()}
    write(tmp_path / "empty.svg", stream, np.zeros(0, np.float32))
    assert (tmp_path / "empty.svg").read_text().startswith("<svg")
    write(tmp_path / "b.png", stream)
    content = (tmp_path / "b.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = (int.from_bytes(content[at : at + 4]) for at in (16, 20))
    across, down = (float(size) for size in re.findall(r' (?:width|height)="(\d+)"', text)[:2])
    assert width / height == pytest.approx(across / down, rel=0.02)
