"""Containers: recordings back to back in playable WAV files, the same however they were written."""

import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from pipeline.arrays import Samples
from pipeline.audio import container
from pipeline.audio.container import Place, Rolling, arrange

RATE = 100  # so that an hour is short
HOUR = 3600 * RATE


def sound(seed: int, length: int) -> Samples:
    return np.random.default_rng(seed).integers(-9000, 9000, length, np.int16)


def written(folder: Path, name: str, sounds: list[Samples]) -> list[Place]:
    rolling = Rolling(folder, name, RATE)
    places = []
    for samples in sounds:
        rolling.begin()
        for at in range(0, len(samples), 7000):
            rolling.write(samples[at : at + 7000].tobytes())
        places.append(rolling.place())
    rolling.end()
    return places


def contents(places: list[Place]) -> list[list[int]]:
    return [soundfile.read(place.path, place.samples, place.first, dtype="int16")[0].tolist() for place in places]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("[0-9]*.wav"))}


lengths = st.lists(st.integers(1, HOUR // 2), min_size=1, max_size=8)


@given(batches=st.lists(lengths, min_size=1, max_size=3), data=st.data())
def test_the_containers_depend_only_on_the_recordings(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], data: st.DataObject
) -> None:
    whole, split = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("split")
    sounds = [
        [sound(number * 10 + k, length) for k, length in enumerate(batch)] for number, batch in enumerate(batches)
    ]
    at_once = [written(whole, f"task{number}", batch) for number, batch in enumerate(sounds)]
    one_by_one = []
    for number, batch in enumerate(sounds):  # as after a worker has crashed, and with one more that is dropped later
        extra = data.draw(st.integers(0, len(batch)))
        places = [written(split, f"task{number}-{k}", [samples])[0] for k, samples in enumerate(batch)]
        written(split, f"extra{number}", [sound(99, extra + 1)])
        one_by_one.append(places)
    first, second = list(arrange(whole, at_once, RATE)), list(arrange(split, one_by_one, RATE))
    assert files(whole) == files(split)
    assert [(place.path.name, place.first) for place in first] == [(place.path.name, place.first) for place in second]
    assert contents(first) == [samples.tolist() for batch in sounds for samples in batch]


def test_a_recording_that_is_dropped_leaves_no_gap(tmp_path: Path) -> None:
    sounds = [sound(seed, 500) for seed in range(4)]
    places = written(tmp_path, "task", sounds)
    found = list(arrange(tmp_path, [[places[0], places[2], places[3]]], RATE))
    assert [(place.path.name, place.first) for place in found] == [
        ("00000.wav", 0),
        ("00000.wav", 500),
        ("00000.wav", 1000),
    ]
    assert contents(found) == [sounds[number].tolist() for number in (0, 2, 3)]


def test_a_rejected_recording_is_taken_back(tmp_path: Path) -> None:
    rolling = Rolling(tmp_path, "task", RATE)
    for samples in (sound(0, 300), sound(1, 900), sound(2, 200)):
        rolling.begin()
        rolling.write(samples.tobytes())
        if len(samples) == 900:
            rolling.take_back()
    rolling.end()
    whole = soundfile.read(tmp_path / "task-0.wav", dtype="int16")[0]
    assert whole.tolist() == [*sound(0, 300), *sound(2, 200)]


def test_an_hour_fills_a_container(tmp_path: Path) -> None:
    places = written(tmp_path, "task", [sound(seed, HOUR // 2) for seed in range(5)])
    assert [place.path.name for place in places] == ["task-0.wav"] * 2 + ["task-1.wav"] * 2 + ["task-2.wav"]


def test_the_header_is_that_of_a_wav(tmp_path: Path) -> None:
    [place] = written(tmp_path, "task", [sound(0, 4321)])
    with wave.open(str(place.path)) as file:
        assert file.getparams()[:4] == (1, 2, RATE, 4321)


def test_without_recordings_there_is_no_container(tmp_path: Path) -> None:
    rolling = Rolling(tmp_path, "task", RATE)
    rolling.begin()
    rolling.write(sound(0, 100).tobytes())
    rolling.take_back()
    rolling.end()
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_where_only_checks_are_wanted() -> None:
    nowhere = container.Nowhere()
    nowhere.begin()
    nowhere.write(bytes(200))
    assert nowhere.place().samples == 100
    nowhere.end()
