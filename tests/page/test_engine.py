"""The engine of the page answers as the stream in Python: every flag, frame, decision and segment."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.audio.resample import resampled
from pipeline.audio.samples import to_samples, to_waveform
from pipeline.export import golden
from pipeline.page import build
from pipeline.silence.rule import _least_energy
from pipeline.streaming.identifier import Identifier
from tests.audio.signals import babble
from tests.export import small
from tests.page import exports
from tests.page.browser import Tab
from tests.page.engine import SOURCE, Difference, Engine

pytestmark = pytest.mark.slow
LENGTHS = (0, 1, 160, 5000, 25_000)


@pytest.mark.parametrize("kind", exports.KINDS)
def test_golden_audio_and_babble_get_the_answers_of_the_stream(written: dict[str, Path], tab: Tab, kind: str) -> None:
    found, rng = Difference(), np.random.default_rng(4)
    sounds = [np.concatenate(list(resampled([audio], rate, small.RATE_HZ))) for _, rate, audio in golden.inputs()]
    sounds += [babble(seed, LENGTHS[seed % len(LENGTHS)]) for seed in range(50)]
    for prior in (None, {"english": 0.2, "hindi": 0.8}):
        engine = Engine(tab, build.model(written[kind], prior))
        stream = Identifier.load(written[kind], "onnx", languages=prior)
        for number, samples in enumerate(sounds):
            longest = (7, 160, 4000)[number % 3] if len(samples) < 9000 else 4000
            found.add(engine.compare(stream, samples, rng, longest))
    assert (found.recordings, found.flags, found.answers) == (2 * len(sounds), 0, 0)
    assert found.posterior < 1e-4
    assert found.confidence < 1e-4


@pytest.fixture
def engine(tab: Tab) -> Tab:
    """A tab that holds the parts of the engine."""
    source = SOURCE.read_text(encoding="utf-8")
    tab.run(f"{{{source}; Object.assign(globalThis, {{SoxRule, toSamples, Resampler}})}}; undefined")
    return tab


def test_thresholds_and_rounding_are_those_of_python(engine: Tab) -> None:
    for window, threshold in ((160, 0.5), (320, 1.0), (960, 3.25), (320, 0.0), (320, 100.0)):
        assert engine.run(f"SoxRule.leastEnergy({window}, {threshold})") == _least_energy(window, threshold)
    sound = np.array([-1.5, -1, -2.5 / 32768, -1.5 / 32768, 0.5 / 32768, 1.5 / 32768, 1, 1.5], np.float32)
    assert engine.run(f"[...toSamples({sound.tolist()})]") == to_samples(sound).tolist()


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_the_resampler_of_the_microphone_is_close_to_soxr(engine: Tab, rate: int) -> None:
    time = np.arange(rate) / rate
    sound = np.sum([np.sin(2 * np.pi * pitch * time + pitch) for pitch in (50, 440, 3000)], axis=0) / 4
    script = """((sound, from) => {
      const resampler = new Resampler(from, 16000), found = [];
      for (let at = 0; at < sound.length; at += 1234) {
        found.push(...resampler.accept(Float32Array.from(sound.slice(at, at + 1234))));
      }
      return [...found, ...resampler.finish()];
    })"""
    found = np.array(engine.run(f"{script}({sound.tolist()}, {rate})"))
    wanted = to_waveform(np.concatenate(list(resampled([sound.astype(np.float32)], rate, small.RATE_HZ))))
    assert len(found) == len(wanted)
    np.testing.assert_allclose(found[300:-300], wanted[300:-300], atol=2e-3)
