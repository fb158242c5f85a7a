"""Any slice of a recording equals what ingest wrote, or raises an error."""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from pipeline.arrays import Samples
from pipeline.audio.container import BLOCK_SAMPLES, beside
from pipeline.audio.wav import Reader, Wav
from pipeline.errors import ArtifactError
from tests.audio.written import write

LENGTH = 2 * BLOCK_SAMPLES + 12_345


@pytest.fixture(scope="module")
def signal() -> Samples:
    return np.random.default_rng(0).integers(-9000, 9000, LENGTH, np.int16)


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory, signal: Samples) -> Wav:
    folder = tmp_path_factory.mktemp("wav")
    soundfile.write(folder / "source.wav", signal, 16000)
    measures = write(folder / "source.wav", folder / "a.wav", 16000, 0.1)
    return Wav(folder / "a.wav", "corpus/a.wav", measures.samples, measures.sha256)


def test_checksums_are_of_the_samples(wav: Wav, signal: Samples) -> None:
    assert wav.sha256 == hashlib.sha256(signal.tobytes()).hexdigest()
    blocks = [signal[at : at + BLOCK_SAMPLES].tobytes() for at in range(0, LENGTH, BLOCK_SAMPLES)]
    assert json.loads(beside(wav.path).read_text()) == {"0": [google_crc32c.value(block) for block in blocks]}


@given(slices=st.lists(st.tuples(st.integers(0, LENGTH + 10), st.integers(0, LENGTH + 10)), max_size=5))
def test_any_slices_are_those_of_the_recording(wav: Wav, signal: Samples, slices: list[tuple[int, int]]) -> None:
    read = Reader(wav)
    for start, stop in slices:
        assert np.array_equal(read(start, stop), signal[start:stop])


@pytest.mark.parametrize("damage", ["zeroed", "flipped", "cut", "gone", "swapped", "checksums"])
def test_damage_is_one_sentence_that_names_the_recording(
    tmp_path: Path, wav: Wav, damage: str, babble: Callable[[int, int], Samples]
) -> None:
    content = bytearray(wav.path.read_bytes())
    copy = dataclasses.replace(wav, path=tmp_path / "a.wav")
    shutil.copy(beside(wav.path), tmp_path)
    if damage == "checksums":
        beside(copy.path).write_text("{}")
    if damage == "zeroed":
        content[100_000:120_000] = bytes(20_000)
    elif damage == "flipped":
        content[-1] ^= 1
    elif damage == "cut":
        del content[-2:]
    if damage == "swapped":
        soundfile.write(copy.path, babble(1, LENGTH), 16000)
    elif damage != "gone":
        copy.path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"a\.wav, the audio of 'corpus/a\.wav', is not what ingest wrote"):
        Reader(copy)(0, LENGTH)
