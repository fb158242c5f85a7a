"""A file and a pipe with the same samples give the same chunks."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio.samples import FULL_SCALE, to_waveform
from pipeline.cli.sources import CHUNKS_PER_S, chunks, expanded, pcm
from pipeline.errors import AudioError, CorpusError


@given(
    sizes=st.lists(st.integers(0, 3000), max_size=6), rate=st.sampled_from([4, 4000, 8000, 44_100]), seed=st.integers(0)
)
def test_the_chunks_of_a_file_are_those_of_a_pipe(sizes: list[int], rate: int, seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-FULL_SCALE, FULL_SCALE, min(sum(sizes), 500 * rate), np.int16)
    blocks = np.split(to_waveform(samples), np.cumsum(sizes)[:-1])
    of_file, of_pipe = list(chunks(blocks, rate)), list(pcm(io.BytesIO(samples.tobytes()), rate))
    assert [len(chunk) for chunk in of_file] == [len(chunk) for chunk in of_pipe]
    assert all(0 < len(chunk) <= max(rate // CHUNKS_PER_S, 1) for chunk in of_pipe)
    for chunk, other in zip(of_file, of_pipe, strict=True):
        np.testing.assert_array_equal(chunk, other)
    np.testing.assert_array_equal(np.concatenate([np.zeros(0, np.float32), *of_pipe]), to_waveform(samples))


def test_half_a_sample_at_the_end_is_an_error() -> None:
    source = pcm(io.BytesIO(bytes(1601)), 8000)
    assert len(next(source)) == 800
    with pytest.raises(AudioError, match="ends in the middle of a sample") as caught:
        next(source)
    assert caught.value.reason == "odd_bytes"


def test_folders_stand_for_their_audio_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b.wav", "a/x.FLAC", "a/notes.txt", "._b.wav", "@eaDir/b.wav/thumb.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    single = tmp_path / "a" / "notes.txt"
    found = expanded([single, tmp_path, Path("-"), single])
    assert found == [single, tmp_path / "b.wav", tmp_path / "a" / "x.FLAC", Path("-"), single]
    assert capsys.readouterr().err == "skipped: system files (2), *.txt (1)\n"
    assert expanded([tmp_path / "._b.wav"]) == [tmp_path / "._b.wav"]  # named by the user
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="holds no audio files"):
        expanded([tmp_path / "empty"])
