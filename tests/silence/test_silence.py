"""SoX's decisions, where they were, and what becomes of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import sox
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params, programs
from pipeline.audio.samples import Samples, held
from pipeline.errors import DetectionError
from pipeline.silence import sox as program
from pipeline.silence.sox import run_sox
from pipeline.silence.spans import Spans, cut, frame_flags, kept_spans, tidy

Babble = Callable[[int, int], Samples]

lengths = st.one_of(st.sampled_from([0, 1, 2, 319, 320, 321, 640, 641]), st.integers(0, 40_000))
spans = st.lists(st.integers(0, 3000), unique=True, max_size=12).map(
    lambda edges: np.array(sorted(edges)[: len(edges) // 2 * 2], np.int64).reshape(-1, 2)
)


def detection(threshold: float = 1.0, min_speech: float = 0.0, min_silence: float = 0.0, pad: float = 0.0):
    return params.Detection(threshold=threshold, min_speech=min_speech, min_silence=min_silence, pad=pad)


def detect(signal: Samples, how: params.Detection) -> Spans:
    return program.detect(held(signal), len(signal), 16000, how)


def heard(signal: Samples, threshold: float = 1.0) -> Samples:
    """What SoX itself keeps."""
    return np.concatenate([signal[:0], *run_sox([signal], 16000, threshold)])


@given(
    seed=st.integers(0, 2**32),
    samples=lengths,
    rate=st.sampled_from([8000, 11025, 16000, 22050, 48000]),
    threshold=st.sampled_from([0.01, 0.3, 1.0, 3.0, 20.0]),
)
def test_kept_samples_are_soxs_own_output(babble: Babble, seed: int, samples: int, rate: int, threshold: float) -> None:
    signal = babble(seed, samples)
    transformer = sox.Transformer()
    transformer.silence(location=0, silence_threshold=threshold, min_silence_duration=0.02)
    kept = transformer.build_array(input_array=(signal / 32768).astype(np.float32), sample_rate_in=rate)
    where = kept_spans([signal], rate, threshold)
    np.testing.assert_array_equal(cut(signal, where), np.rint(kept * 32768))


def test_kept_samples_are_soxs_own_output_on_two_thousand_signals(babble: Babble) -> None:
    signals = [babble(10_000 + seed, 200 + 7 * seed % 9000) for seed in range(2000)]
    for seed, signal in enumerate(signals):
        threshold = (0.3, 1.0, 3.0)[seed % 3]
        kept = cut(signal, kept_spans([signal], 16000, threshold))
        np.testing.assert_array_equal(kept, heard(signal, threshold), err_msg=f"seed {seed}")


SPEECH = Path(__file__).parents[3] / "shared" / "speech"


@pytest.mark.skipif(not SPEECH.is_dir(), reason="no recordings of real people beside the project")
def test_kept_samples_are_soxs_own_output_on_real_speech() -> None:
    for file in sorted(SPEECH.rglob("*.flac")):
        signal = soundfile.read(file, dtype="int16")[0]
        kept = cut(signal, kept_spans([signal], 16000, 1.0))
        np.testing.assert_array_equal(kept, heard(signal), err_msg=file.name)


@pytest.mark.parametrize("level", [0, 1, 32767, -32768])
def test_a_constant_signal_is_kept_or_dropped_as_sox_does(level: int) -> None:
    signal = np.full(5000, level, np.int16)
    where = kept_spans([signal], 16000, 1.0)
    np.testing.assert_array_equal(cut(signal, where), heard(signal))


def test_detect_refuses_to_guess_where_sox_and_its_rule_differ(babble: Babble, monkeypatch: pytest.MonkeyPatch) -> None:
    signal = babble(1, 20_000)
    monkeypatch.setattr(program, "run_sox", lambda blocks, *_: (block[1:] for block in blocks))
    with pytest.raises(DetectionError, match="other samples"):
        detect(signal, detection())


def test_a_failing_sox_is_told_in_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "sox"
    broken.write_text("#!/bin/sh\necho sox FAIL: no memory >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(programs, "require", lambda _: str(broken))
    with pytest.raises(DetectionError, match=r"exit status 3 \(sox FAIL: no memory\)"):
        detect(np.ones(2_000_000, np.int16), detection())


def test_a_recording_longer_than_a_chunk_is_the_same_in_one_and_in_many(
    babble: Babble, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal = babble(3, 100_000)
    whole = detect(signal, detection())
    assert len(whole) > 3
    monkeypatch.setattr(program, "CHUNK", 777)
    np.testing.assert_array_equal(detect(signal, detection()), whole)


@given(
    spans=spans,
    gap=st.integers(0, 400),
    least=st.integers(0, 400),
    pad=st.integers(0, 400),
)
def test_tidy_joins_then_drops_then_pads(spans: Spans, gap: int, least: int, pad: int) -> None:
    samples, rate = 3000, 1000
    speech = np.zeros(samples, bool)
    for start, end in spans:
        speech[start:end] = True
    for start, end in zip(spans[:-1, 1], spans[1:, 0], strict=True):
        if end - start < gap:
            speech[start:end] = True
    wanted = np.zeros(samples, bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], speech, [0]])))
    for start, end in edges.reshape(-1, 2):
        if end - start >= least:
            wanted[max(0, start - pad) : end + pad] = True

    tidied = tidy(spans, samples, rate, detection(1.0, least / rate, gap / rate, pad / rate))
    found = np.zeros(samples, bool)
    for start, end in tidied:
        found[start:end] = True
    np.testing.assert_array_equal(found, wanted)
    assert np.all(tidied[1:, 0] > tidied[:-1, 1])  # in order and apart


@given(spans=spans, hop=st.integers(1, 400), first=st.integers(0, 5), count=st.integers(0, 8))
def test_a_frame_is_speech_where_its_middle_sample_is(spans: Spans, hop: int, first: int, count: int) -> None:
    samples = 3000
    speech = np.zeros(samples, bool)
    for start, end in spans:
        speech[start:end] = True
    wanted = [speech[min(frame * hop, samples - 1)] for frame in range(first, first + count)]
    np.testing.assert_array_equal(frame_flags(spans, samples, hop, first, count), wanted)


def test_an_isolated_word_shorter_than_min_speech_is_silence() -> None:
    signal = np.zeros(16000, np.int16)
    signal[4000:7200] = 8000  # 0.2 s
    assert len(detect(signal, detection(min_speech=0.1))) == 1
    assert len(detect(signal, detection(min_speech=0.3))) == 0
