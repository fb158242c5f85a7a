"""Recordings inside files: every cut equals the same slice of the whole file, from one pass over it."""

import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio import cuts
from pipeline.audio.cuts import Cut, take
from pipeline.audio.decode import decode

RATE = 16000
LENGTH = 70_000


@pytest.fixture(scope="module")
def stereo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cuts") / "a.flac"
    soundfile.write(path, np.random.default_rng(0).integers(-9000, 9000, (LENGTH, 2), np.int16), RATE)
    return path


def taken(path: Path, wanted: list[Cut], rate: int = RATE) -> list[list[int]]:
    return [np.concatenate([np.zeros(0, np.int16), *blocks]).tolist() for blocks in take(decode(path), wanted, rate)]


cut = st.builds(
    lambda channel, ends: Cut(channel, min(ends), None if max(ends) > LENGTH + 500 else max(ends) + 1),
    st.integers(0, 2),
    st.tuples(st.integers(0, LENGTH + 1000), st.integers(0, LENGTH + 1000)),
)


@given(wanted=st.lists(cut, max_size=6))
def test_cuts_are_slices_of_their_channel(stereo: Path, wanted: list[Cut]) -> None:
    samples = soundfile.read(stereo, dtype="int16")[0]
    mean = np.rint(samples.astype(float).sum(axis=1) / 2).astype(np.int16)
    channels = [mean, samples[:, 0], samples[:, 1]]
    found = taken(stereo, wanted)
    for got, want in zip(found, wanted, strict=True):
        assert got == channels[want.channel][want.start : want.stop].tolist()


@pytest.mark.parametrize("rate", [8000, 11025, 48000])
def test_cuts_are_slices_after_resampling(stereo: Path, rate: int) -> None:
    [whole] = taken(stereo, [Cut(1)], rate)
    wanted = [Cut(1, 1000, 9000), Cut(1, 5000, None), Cut(1, 0, 10)]
    assert taken(stereo, wanted, rate) == [whole[part.start : part.stop] for part in wanted]


def test_the_memory_and_files_for_many_cuts_are_those_for_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds, monitor = 900, psutil.Process()
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).integers(-9000, 9000, seconds * 8000, np.int16), 8000)
    monkeypatch.setattr(cuts, "HELD_BYTES", 1 << 20)
    peaks, files = [], set()
    for number in (2, 3000):
        edges = np.linspace(0, seconds * 8000, number + 1).astype(int).tolist()
        wanted, lengths = [Cut(1, *ends) for ends in itertools.pairwise(edges)], list[int]()
        tracemalloc.start()
        for blocks in take(decode(tmp_path / "a.wav"), wanted, 8000):
            lengths.append(sum(map(len, blocks)))
            files.add(monitor.num_fds())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert lengths == np.diff(edges).tolist()
    assert len(files) == 1
    assert peaks[1] < 1.2 * peaks[0] < 2 * seconds * 8000


def test_samples_between_two_at_the_rate_of_the_file(stereo: Path) -> None:
    found = np.concatenate(list(cuts.between(decode(stereo), 2, 8000, 20000)))
    np.testing.assert_array_equal(found, soundfile.read(stereo, dtype="float32")[0][8000:20000, 1])
