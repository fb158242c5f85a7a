"""Containers hold recordings back to back; any slice of one equals what was written, or raises an error."""

import dataclasses
import json
import shutil
import wave
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from pipeline.arrays import Samples
from pipeline.audio import wav as module
from pipeline.audio.wav import BLOCK_SAMPLES, Container, Reader, Wav, beside
from pipeline.errors import ArtifactError
from tests.audio.signals import RATE, babble

LENGTH = 2 * BLOCK_SAMPLES + 12_346


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
        patch.setattr(module, "BLOCK_BYTES", 2000)
        places = written(path, sounds, block)
    kept = [samples for samples in sounds if len(samples) % 2 == 0]
    assert soundfile.read(path, dtype="int16")[0].tolist() == [value for samples in kept for value in samples]
    assert [count for _, count in places] == [len(samples) for samples in kept]
    checksums = {
        str(first): [google_crc32c.value(samples[at : at + 1000].tobytes()) for at in range(0, len(samples), 1000)]
        for (first, _), samples in zip(places, kept, strict=True)
    }
    assert json.loads(beside(path).read_text()) == checksums
    assert written(None, sounds, block) == places  # if only checks are wanted
    assert {file.name for file in path.parent.iterdir()} == {"a.wav", "a.json"}
    with wave.open(str(path)) as file:  # any player reads it
        assert file.getparams()[:4] == (1, 2, RATE, sum(map(len, kept)))


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Wav:
    path = tmp_path_factory.mktemp("wav") / "a.wav"
    [_, (first, length)] = written(path, [sound(1, 500), sound(0, LENGTH)])
    return Wav(path, "corpus/a.wav", length, "", first)


@given(slices=st.lists(st.tuples(st.integers(0, LENGTH + 10), st.integers(0, LENGTH + 10)), max_size=5))
def test_any_slices_are_those_of_the_recording(wav: Wav, slices: list[tuple[int, int]]) -> None:
    read, signal = Reader(wav), sound(0, LENGTH)
    for start, stop in slices:
        assert np.array_equal(read(start, stop), signal[start:stop])


@pytest.mark.parametrize("damage", ["zeroed", "flipped", "cut", "gone", "swapped", "checksums"])
def test_damage_is_one_sentence_that_names_the_recording(
    tmp_path: Path,
    wav: Wav,
    damage: str,
) -> None:
    content, copy = wav.path.read_bytes(), dataclasses.replace(wav, path=tmp_path / "a.wav")
    shutil.copy(beside(wav.path), tmp_path)
    zeroed, flipped = content[:100_000] + bytes(20_000) + content[120_000:], content[:-1] + bytes([content[-1] ^ 1])
    copy.path.write_bytes({"zeroed": zeroed, "flipped": flipped, "cut": content[:-2]}.get(damage, content))
    if damage == "checksums":
        beside(copy.path).write_text("{}")
    elif damage == "swapped":
        soundfile.write(copy.path, babble(1, LENGTH + 500), RATE)
    elif damage == "gone":
        copy.path.unlink()
    with pytest.raises(ArtifactError, match=r"a\.wav, the audio of 'corpus/a\.wav', is not what ingest wrote"):
        Reader(copy)(0, LENGTH)
    if damage == "flipped":  # the other recording is whole
        assert np.array_equal(Reader(Wav(copy.path, "", 500, ""))(0, 500), sound(1, 500))
