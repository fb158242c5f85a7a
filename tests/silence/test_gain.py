"""Automatic gain: the same speech at any level, in blocks of any size."""

from collections.abc import Iterator

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params
from pipeline.arrays import Samples
from pipeline.audio.samples import FULL_SCALE, in_memory, to_samples, to_waveform
from pipeline.silence.gain import AutomaticGain
from pipeline.silence.recording import detect
from tests.audio.signals import SPEECH, babble, real_speech

RATE = 16000


def amplified(signal: Samples, sizes: Iterator[int]) -> Samples:
    gain, parts, at = AutomaticGain(RATE), [], 0
    while at < len(signal):
        size = next(sizes)
        parts.append(gain.accept(signal[at : at + size]))
        at += size
    return np.concatenate([*parts, gain.finish()])


def phrases(level_db: float, noise_db: float) -> Samples:
    """A minute of phrases of 1.5 s and pauses of 1 s, the first one in front, with noise below both."""
    rng, time = np.random.default_rng(0), np.arange(60 * RATE) / RATE
    syllables = np.sin(2 * np.pi * 4 * time) ** 2 * (time % 2.5 >= 1.0)
    voice = syllables * np.sin(2 * np.pi * 200 * time) * np.sqrt(2) * 10 ** (level_db / 20)
    noise = rng.standard_normal(len(time)) * 10 ** (noise_db / 20)
    return to_samples((voice + noise).astype(np.float32))


def share(signal: Samples, silence: params.Silence, *, automatic_gain: bool) -> float:
    detection = silence.model_copy(update={"automatic_gain": automatic_gain})
    spans = detect(in_memory(signal), len(signal), RATE, detection)
    return float((spans[:, 1] - spans[:, 0]).sum() / len(signal))


@given(
    seed=st.integers(0, 2**32),
    n_samples=st.one_of(st.sampled_from([0, 1, 319, 320, 31_999, 32_000, 32_001]), st.integers(0, 90_000)),
    longest=st.sampled_from([50, 320, 5000, 200_000]),
)
def test_the_size_of_blocks_does_not_matter(seed: int, n_samples: int, longest: int) -> None:
    signal, rng = babble(seed, n_samples), np.random.default_rng(seed)
    whole = amplified(signal, iter([max(n_samples, 1)]))
    assert len(whole) == n_samples
    np.testing.assert_array_equal(amplified(signal, iter(lambda: int(rng.integers(1, longest + 1)), None)), whole)


def test_the_share_of_speech_does_not_depend_on_the_level(defaults: params.Params) -> None:
    for level_db in (-45, -30, -15, -3):
        found = share(phrases(level_db, level_db - 35), defaults.silence, automatic_gain=True)
        assert found == pytest.approx(0.64, abs=0.03), level_db  # 0.6 and padding
    assert share(phrases(-45, -80), defaults.silence, automatic_gain=False) == 0
    for level in (0, 1):  # silence remains silence
        hiss = np.random.default_rng(0).integers(-level, level + 1, 60 * RATE).astype(np.int16)
        assert share(hiss, defaults.silence, automatic_gain=True) == 0


def test_a_click_does_not_hide_the_speech_after_it(defaults: params.Params) -> None:
    signal = phrases(-30, -65)
    clicked = signal.copy()
    clicked[4 * RATE : 4 * RATE + 80] = FULL_SCALE - 1
    without, found = (share(audio, defaults.silence, automatic_gain=True) for audio in (signal, clicked))
    assert found == pytest.approx(without, abs=0.005)


def test_a_quieter_speaker_is_heard_again_after_a_while(defaults: params.Params) -> None:
    both = np.concatenate([phrases(-10, -70), *[phrases(-40, -70)] * 2])
    assert share(both[-30 * RATE :], defaults.silence, automatic_gain=False) == 0
    gain = AutomaticGain(RATE)
    last = np.concatenate([gain.accept(both), gain.finish()])[-30 * RATE :]
    assert share(last, defaults.silence, automatic_gain=False) > 0.5


@pytest.mark.slow
@real_speech
def test_the_share_of_real_speech_does_not_depend_on_the_level(defaults: params.Params) -> None:
    def shares(wav: Samples) -> list[float]:
        levels = [to_samples(to_waveform(wav) * np.float32(10 ** (level_db / 20))) for level_db in (0, -18, -12, -6, 6)]
        return [share(level, defaults.silence, automatic_gain=True) for level in levels]

    wavs = [soundfile.read(file, dtype="int16")[0] for file in sorted(SPEECH.rglob("*.flac"))[::8]]
    found = np.array([*map(shares, wavs)])
    apart = np.abs(found[:, 1:] - found[:, :1])
    assert apart[:, :3].max() < 0.05
    assert np.mean(apart[:, 3] < 0.05) > 0.95  # others were clipped as recorded: 6 dB more changes what they sound like
