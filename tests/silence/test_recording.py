"""`SoxRule` gives SoX's own output, and recordings have the same speech alone, together, in chunks or whole."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import sox
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from pipeline import params, programs
from pipeline.arrays import Samples
from pipeline.audio.samples import FULL_SCALE, in_memory, to_waveform
from pipeline.errors import Defect, ProgramError
from pipeline.silence import recording
from pipeline.silence.recording import detect, detect_together, run_sox
from pipeline.silence.rule import SoxRule
from pipeline.silence.spans import cut, sox_spans
from tests.audio.signals import SPEECH, babble, real_speech

CONSTANTS = (0, 1, FULL_SCALE - 1, -FULL_SCALE)

WITHOUT_DURATIONS = params.Detection(threshold=1.0, min_speech=0.0, min_silence=0.0, pad=0.0)


def test_the_size_of_chunks_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
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
)
def test_recordings_have_the_same_speech_together_as_alone(
    seed: int, lengths: list[int], rate: int, threshold: float
) -> None:
    detection = params.Detection(threshold=threshold, min_speech=0.001, min_silence=0.002, pad=0.003)
    signals = [babble(seed + number, length) for number, length in enumerate(lengths)]
    together = detect_together([(in_memory(signal), len(signal)) for signal in signals], rate, detection)
    for signal, spans in zip(signals, together, strict=True):
        if spans is not None:
            np.testing.assert_array_equal(spans, detect(in_memory(signal), len(signal), rate, detection))


def test_most_recordings_need_no_sox_of_their_own() -> None:
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
def test_if_sox_differs_it_is_a_defect_and_all_are_searched_alone_as_if_it_fails(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[Samples], Samples]
) -> None:
    monkeypatch.setattr(recording, "run_sox", lambda blocks, *_: map(change, blocks))
    signals = [(in_memory(babble(seed, 8000)), 8000) for seed in range(3)]
    with pytest.raises(Defect, match="did not keep the samples"):
        detect(*signals[0], 16000, WITHOUT_DURATIONS)
    assert detect_together(signals, 16000, WITHOUT_DURATIONS) == [None] * 3
    monkeypatch.undo()
    monkeypatch.setattr(programs, "require", lambda _: "/bin/false")  # it fails
    assert detect_together(signals, 16000, WITHOUT_DURATIONS) == [None] * 3


@profile(max_examples=200)
@given(
    seed=st.integers(0, 2**32),
    n_samples=st.one_of(st.sampled_from([0, 1, 2, 319, 320, 321, 640, 641]), st.integers(0, 40_000)),
    rate=st.sampled_from([8000, 11025, 16000, 22050, 48000]),
    threshold=st.sampled_from([0.01, 0.3, 1.0, 3.0, 20.0]),
)
def test_samples_in_the_spans_are_soxs_own_output(seed: int, n_samples: int, rate: int, threshold: float) -> None:
    signal = babble(seed, n_samples) if seed % 8 else np.full(n_samples, CONSTANTS[seed % 4], np.int16)
    transformer = sox.Transformer()
    transformer.silence(location=0, silence_threshold=threshold, min_silence_duration=0.02)
    expected = np.rint(transformer.build_array(input_array=to_waveform(signal), sample_rate_in=rate) * FULL_SCALE)
    np.testing.assert_array_equal(cut(signal, sox_spans([signal], SoxRule(rate, threshold))), expected)
    np.testing.assert_array_equal(np.concatenate([signal[:0], *run_sox([signal], rate, threshold)]), expected)


@pytest.mark.slow
@real_speech
def test_samples_in_the_spans_are_soxs_own_output_on_real_speech() -> None:
    for file in sorted(SPEECH.rglob("*.flac")):
        signal = soundfile.read(file, dtype="int16")[0]
        found = cut(signal, sox_spans([signal], SoxRule(16000, 1.0)))
        np.testing.assert_array_equal(found, np.concatenate(list(run_sox([signal], 16000, 1.0))), err_msg=file.name)


def test_the_error_of_a_failing_sox_holds_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "sox"
    broken.write_text("#!/bin/sh\necho sox FAIL: no memory >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(programs, "require", lambda _: str(broken))
    with pytest.raises(ProgramError, match=r"exit status 3 \(sox FAIL: no memory\)"):
        list(run_sox([np.ones(2_000_000, np.int16)], 16000, threshold=1.0))


def test_a_caller_may_leave_the_rest_of_the_output() -> None:
    output = run_sox(itertools.repeat(babble(1, 500_000), 40), 16000, threshold=1.0)
    assert len(next(output))
    output.close()  # would wait for ever: the pipes hold two megabytes
