"""`SoxRule` gives SoX's own output, and a SoX that fails or differs raises the right kind of error."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import sox
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params, programs
from pipeline.arrays import Samples
from pipeline.audio.samples import FULL_SCALE, in_memory, to_waveform
from pipeline.errors import Defect, ProgramError
from pipeline.silence.rule import SoxRule
from pipeline.silence.sox import _equal, detect, run_sox
from pipeline.silence.spans import cut, sox_spans

Babble = Callable[[int, int], Samples]

WITHOUT_DURATIONS = params.Detection(automatic_gain=False, threshold=1.0, min_speech=0.0, min_silence=0.0, pad=0.0)
SPEECH = Path(__file__).parents[3] / "shared" / "speech"


def by_sox(signal: Samples, threshold: float = 1.0) -> Samples:
    return np.concatenate([signal[:0], *run_sox([signal], 16000, threshold)])


@given(
    seed=st.integers(0, 2**32),
    n_samples=st.one_of(st.sampled_from([0, 1, 2, 319, 320, 321, 640, 641]), st.integers(0, 40_000)),
    rate=st.sampled_from([8000, 11025, 16000, 22050, 48000]),
    threshold=st.sampled_from([0.01, 0.3, 1.0, 3.0, 20.0]),
)
def test_samples_in_the_spans_are_soxs_own_output(
    babble: Babble, seed: int, n_samples: int, rate: int, threshold: float
) -> None:
    signal = babble(seed, n_samples)
    transformer = sox.Transformer()
    transformer.silence(location=0, silence_threshold=threshold, min_silence_duration=0.02)
    expected = transformer.build_array(input_array=to_waveform(signal), sample_rate_in=rate)
    np.testing.assert_array_equal(
        cut(signal, sox_spans([signal], SoxRule(rate, threshold))), np.rint(expected * FULL_SCALE)
    )


@pytest.mark.slow
def test_samples_in_the_spans_are_soxs_own_output_on_two_thousand_signals(babble: Babble) -> None:
    signals = [babble(10_000 + seed, 200 + 7 * seed % 9000) for seed in range(2000)]
    for seed, signal in enumerate(signals):
        threshold = (0.3, 1.0, 3.0)[seed % 3]
        found = cut(signal, sox_spans([signal], SoxRule(16000, threshold)))
        np.testing.assert_array_equal(found, by_sox(signal, threshold), err_msg=f"seed {seed}")


@pytest.mark.slow
@pytest.mark.skipif(not SPEECH.is_dir(), reason="no recordings of real people next to the project")
def test_samples_in_the_spans_are_soxs_own_output_on_real_speech() -> None:
    for file in sorted(SPEECH.rglob("*.flac")):
        signal = soundfile.read(file, dtype="int16")[0]
        found = cut(signal, sox_spans([signal], SoxRule(16000, 1.0)))
        np.testing.assert_array_equal(found, by_sox(signal), err_msg=file.name)


@pytest.mark.parametrize("level", [0, 1, FULL_SCALE - 1, -FULL_SCALE])
def test_a_constant_signal_has_the_spans_of_sox(level: int) -> None:
    signal = np.full(5000, level, np.int16)
    np.testing.assert_array_equal(cut(signal, sox_spans([signal], SoxRule(16000, 1.0))), by_sox(signal))


@given(data=st.data(), n_samples=st.integers(0, 60))
def test_samples_are_equal_whatever_their_blocks(data: st.DataObject, n_samples: int) -> None:
    samples = np.arange(n_samples, dtype=np.int16)
    first, second = (
        np.split(samples, sorted(data.draw(st.lists(st.integers(0, n_samples), max_size=8)))) for _ in range(2)
    )
    second = [block for block in second if len(block)]  # SoX gives no empty ones
    assert _equal(first, iter(second))
    assert not _equal(first, iter([*second, np.ones(1, np.int16)]))
    assert not _equal([*first, np.ones(1, np.int16)], iter(second))
    changed = samples.copy()
    changed[n_samples // 2 : n_samples // 2 + 1] += 1
    assert _equal([changed], iter(second)) == (n_samples == 0)


def test_a_difference_between_sox_and_its_rule_is_a_defect(babble: Babble, monkeypatch: pytest.MonkeyPatch) -> None:
    signal = babble(1, 20_000)
    monkeypatch.setattr("pipeline.silence.sox.run_sox", lambda blocks, *_: (block[1:] for block in blocks))
    with pytest.raises(Defect, match="did not keep the samples"):
        detect(in_memory(signal), len(signal), 16000, WITHOUT_DURATIONS)


def test_the_error_of_a_failing_sox_holds_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "sox"
    broken.write_text("#!/bin/sh\necho sox FAIL: no memory >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(programs, "require", lambda _: str(broken))
    with pytest.raises(ProgramError, match=r"exit status 3 \(sox FAIL: no memory\)"):
        detect(in_memory(np.ones(2_000_000, np.int16)), 2_000_000, 16000, WITHOUT_DURATIONS)


def test_the_size_of_chunks_does_not_matter(babble: Babble, monkeypatch: pytest.MonkeyPatch) -> None:
    signal = babble(3, 100_000)
    whole = detect(in_memory(signal), len(signal), 16000, WITHOUT_DURATIONS)
    assert len(whole) > 3
    monkeypatch.setattr("pipeline.silence.sox.CHUNK_SAMPLES", 777)
    np.testing.assert_array_equal(detect(in_memory(signal), len(signal), 16000, WITHOUT_DURATIONS), whole)


@pytest.mark.parametrize(("min_speech", "count"), [(0.1, 1), (0.3, 0)])
def test_an_isolated_word_shorter_than_min_speech_is_silence(min_speech: float, count: int) -> None:
    signal = np.zeros(16000, np.int16)
    signal[4000:7200] = 8000  # 0.2 s
    detection = params.Detection(automatic_gain=False, threshold=1.0, min_speech=min_speech, min_silence=0.0, pad=0.0)
    assert len(detect(in_memory(signal), len(signal), 16000, detection)) == count
