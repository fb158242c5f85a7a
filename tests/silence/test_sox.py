"""`SoxRule` gives SoX's own output, and a SoX that fails raises the right kind of error."""

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

from pipeline import programs
from pipeline.arrays import Samples
from pipeline.audio.samples import FULL_SCALE, to_waveform
from pipeline.errors import ProgramError
from pipeline.silence.recording import run_sox
from pipeline.silence.rule import SoxRule
from pipeline.silence.spans import cut, sox_spans

Babble = Callable[[int, int], Samples]

SPEECH = Path(__file__).parents[3] / "shared" / "speech"


def by_sox(signal: Samples, threshold: float = 1.0) -> Samples:
    return np.concatenate([signal[:0], *run_sox([signal], 16000, threshold)])


@profile(max_examples=200)
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
    expected = np.rint(transformer.build_array(input_array=to_waveform(signal), sample_rate_in=rate) * FULL_SCALE)
    np.testing.assert_array_equal(cut(signal, sox_spans([signal], SoxRule(rate, threshold))), expected)
    np.testing.assert_array_equal(np.concatenate([signal[:0], *run_sox([signal], rate, threshold)]), expected)


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


def test_the_error_of_a_failing_sox_holds_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "sox"
    broken.write_text("#!/bin/sh\necho sox FAIL: no memory >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(programs, "require", lambda _: str(broken))
    with pytest.raises(ProgramError, match=r"exit status 3 \(sox FAIL: no memory\)"):
        list(run_sox([np.ones(2_000_000, np.int16)], 16000, threshold=1.0))


def test_a_caller_may_leave_the_rest_of_the_output(babble: Babble) -> None:
    output = run_sox(itertools.repeat(babble(1, 500_000), 40), 16000, threshold=1.0)
    assert len(next(output))
    output.close()  # would wait for ever: the pipes hold two megabytes
