"""The speech of recordings: the same whether they are searched alone or together, in chunks or whole."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params, programs
from pipeline.arrays import Samples
from pipeline.audio.samples import in_memory
from pipeline.errors import Defect
from pipeline.silence import recording
from pipeline.silence.recording import detect, detect_together

Babble = Callable[[int, int], Samples]

WITHOUT_DURATIONS = params.Detection(automatic_gain=False, threshold=1.0, min_speech=0.0, min_silence=0.0, pad=0.0)


def test_the_size_of_chunks_does_not_matter(babble: Babble, monkeypatch: pytest.MonkeyPatch) -> None:
    signal = babble(3, 100_000)
    whole = detect(in_memory(signal), len(signal), 16000, WITHOUT_DURATIONS)
    assert len(whole) > 3
    monkeypatch.setattr(recording, "CHUNK_SAMPLES", 777)
    np.testing.assert_array_equal(detect(in_memory(signal), len(signal), 16000, WITHOUT_DURATIONS), whole)


@given(
    seed=st.integers(0, 2**32),
    lengths=st.lists(
        st.one_of(st.sampled_from([1, 2, 319, 320, 321, 640, 641]), st.integers(1, 20_000)), min_size=1, max_size=6
    ),
    rate=st.sampled_from([8000, 11025, 16000, 48000]),
    threshold=st.sampled_from([0.01, 0.3, 1.0, 3.0, 20.0]),
    gain=st.booleans(),
)
def test_recordings_have_the_same_speech_together_as_alone(
    babble: Babble, seed: int, lengths: list[int], rate: int, threshold: float, gain: bool
) -> None:
    detection = params.Detection(
        automatic_gain=gain, threshold=threshold, min_speech=0.001, min_silence=0.002, pad=0.003
    )
    signals = [babble(seed + number, length) for number, length in enumerate(lengths)]
    together = detect_together([(in_memory(signal), len(signal)) for signal in signals], rate, detection)
    for signal, spans in zip(signals, together, strict=True):
        if spans is not None:
            np.testing.assert_array_equal(spans, detect(in_memory(signal), len(signal), rate, detection))


def test_most_recordings_need_no_sox_of_their_own(babble: Babble) -> None:
    signals = [in_memory(babble(seed, 8000)) for seed in range(200)]
    lengths = [8000] * 199 + [recording.CHUNK_SAMPLES + 1]
    found = detect_together(list(zip(signals, lengths, strict=True)), 16000, WITHOUT_DURATIONS)
    assert found[-1] is None  # long
    assert sum(spans is None for spans in found) < 30


def test_a_recording_that_ends_while_sox_decides_is_searched_alone() -> None:
    ending = np.repeat(np.array([0, 8000, 0], np.int16), [1000, 4000, 500])  # 20 ms to fall, then 20 ms to stop
    for n_samples, alone in ((5319, False), (5320, True), (5499, True)):
        [spans] = detect_together([(in_memory(ending[:n_samples]), n_samples)], 16000, WITHOUT_DURATIONS)
        assert (spans is None) == alone, n_samples


@pytest.mark.parametrize("change", [lambda block: block[1:], lambda block: block + np.int16(1)])
def test_if_sox_differs_it_is_a_defect_and_all_are_searched_alone(
    babble: Babble, monkeypatch: pytest.MonkeyPatch, change: Callable[[Samples], Samples]
) -> None:
    monkeypatch.setattr(recording, "run_sox", lambda blocks, *_: map(change, blocks))
    signals = [(in_memory(babble(seed, 8000)), 8000) for seed in range(3)]
    with pytest.raises(Defect, match="did not keep the samples"):
        detect(*signals[0], 16000, WITHOUT_DURATIONS)
    assert detect_together(signals, 16000, WITHOUT_DURATIONS) == [None] * 3


def test_if_sox_fails_all_are_searched_alone(babble: Babble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "require", lambda _: "/bin/false")
    assert detect_together([(in_memory(babble(1, 8000)), 8000)], 16000, WITHOUT_DURATIONS) == [None]


@pytest.mark.parametrize(("min_speech", "count"), [(0.1, 1), (0.3, 0)])
def test_an_isolated_word_shorter_than_min_speech_is_silence(min_speech: float, count: int) -> None:
    signal = np.zeros(16000, np.int16)
    signal[4000:7200] = 8000  # 0.2 s
    detection = params.Detection(automatic_gain=False, threshold=1.0, min_speech=min_speech, min_silence=0.0, pad=0.0)
    assert len(detect(in_memory(signal), len(signal), 16000, detection)) == count
