"""Containers: recordings back to back in playable WAV files, the same whatever the blocks they are written in."""

import json
import wave
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from pipeline.arrays import Samples
from pipeline.audio import container
from pipeline.audio.container import Container, beside

RATE = 16000


def sound(seed: int, length: int) -> Samples:
    return np.random.default_rng(seed).integers(-9000, 9000, length, np.int16)


def written(path: Path | None, sounds: list[Samples], block: int = 7000) -> list[tuple[int, int]]:
    """Write recordings, those with an odd length to be taken back; the places of the others."""
    writing, places = Container(path, RATE), []
    for samples in sounds:
        writing.begin()
        for at in range(0, len(samples), block):
            writing.write(samples[at : at + block].tobytes())
        if len(samples) % 2:
            writing.take_back()
        else:
            places.append(writing.place())
    writing.close()
    return places


@given(lengths=st.lists(st.integers(1, 3000), max_size=8), block=st.integers(1, 2000))
def test_a_container_holds_its_recordings_and_the_checksum_of_every_block(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], block: int
) -> None:
    path = tmp_path_factory.mktemp("container") / "a.wav"
    sounds = [sound(number, length) for number, length in enumerate(lengths)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(container, "BLOCK_BYTES", 2000)
        places = written(path, sounds, block)
    kept = [samples for samples in sounds if len(samples) % 2 == 0]
    assert soundfile.read(path, dtype="int16")[0].tolist() == [value for samples in kept for value in samples]
    assert [count for _, count in places] == [len(samples) for samples in kept]
    checksums = {
        str(first): [google_crc32c.value(samples[at : at + 1000].tobytes()) for at in range(0, len(samples), 1000)]
        for (first, _), samples in zip(places, kept, strict=True)
    }
    assert json.loads(beside(path).read_text()) == checksums
    assert written(None, sounds, block) == places  # where only checks are wanted
    assert {file.name for file in path.parent.iterdir()} == {"a.wav", "a.json"}


def test_the_header_is_that_of_a_wav(tmp_path: Path) -> None:
    written(tmp_path / "a.wav", [sound(0, 4322)])
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getparams()[:4] == (1, 2, RATE, 4322)
