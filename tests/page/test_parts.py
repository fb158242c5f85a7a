"""The parts of the engine, each next to the module that it mirrors."""

import json
from typing import Any

import numpy as np
import pytest

from pipeline import params
from pipeline.audio.resample import resampled
from pipeline.audio.samples import to_samples, to_waveform
from pipeline.export.formats import CONVENTIONS
from pipeline.silence.rule import SoxRule, _least_energy
from pipeline.silence.spans import Durations
from pipeline.streaming import timeline
from pipeline.streaming.decision import POSTERIOR_FLOOR, Rule, RunningDecision
from pipeline.streaming.timeline import Timeline, Turns
from tests.audio.signals import babble
from tests.export import small
from tests.page.browser import Tab
from tests.page.engine import SOURCE

pytestmark = pytest.mark.slow
PARTS = "SoxRule, Detector, toSamples, Resampler, Decision, Timeline"
FOLLOW = """((description, constants, posteriors, speech) => {
  const decision = new Decision(description, constants), timeline = new Timeline(description, constants, 0.01);
  const found = [];
  posteriors.forEach((one, number) => {
    if (speech[number]) decision.accept(Float32Array.from(one), number);
    timeline.accept([Float32Array.from(one)], [speech[number]]);
    if (number % 50 === 0) found.push([timeline.present.language, timeline.segments]);
  });
  timeline.finish();
  return [decision.answer, ...found, [timeline.present.language, timeline.segments]];
})"""


@pytest.fixture
def engine(tab: Tab) -> Tab:
    """A tab that holds the parts of the engine."""
    source = SOURCE.read_text(encoding="utf-8")
    tab.run(f"{{{source}; Object.assign(globalThis, {{{PARTS}}})}}; undefined")
    return tab


def test_thresholds_and_rounding_are_those_of_python(engine: Tab) -> None:
    for window, threshold in ((160, 0.5), (320, 1.0), (960, 3.25), (320, 0.0), (320, 100.0)):
        assert engine.run(f"SoxRule.leastEnergy({window}, {threshold})") == _least_energy(window, threshold)
    sound = np.array([-1.5, -1, -2.5 / 32768, -1.5 / 32768, 0.5 / 32768, 1.5 / 32768, 1, 1.5], np.float32)
    silence = params.Detection(threshold=1.0, min_speech=1600.5 / 16000, min_silence=801.5 / 16000, pad=0.5 / 16000)
    made = f"new Detector(16000, 160, {silence.model_dump_json()}, 0.02)"
    script = f"(({{minSilence, minSpeech, pad}}) => [minSilence, minSpeech, pad])({made})"
    wanted = Durations.of(silence, 16000)
    assert engine.run(script) == [wanted.min_silence, wanted.min_speech, wanted.pad]
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


@pytest.mark.parametrize("seed", range(6))
def test_sox_starts_and_stops_at_the_same_samples(engine: Tab, seed: int) -> None:
    threshold, rng = (0.5, 1.0, 3.25)[seed % 3], np.random.default_rng(seed)
    level = threshold * 330 * (1 + 0.3 * np.sin(np.arange(60_000) / (60 + 40 * seed)))  # around the threshold
    samples = np.concatenate([babble(seed, 60_000), (level * rng.standard_normal(60_000)).astype(np.int16)])
    script = f"new SoxRule(16000, {threshold}, 0.02).accept(Int16Array.from({samples.tolist()}))"
    wanted = SoxRule(16000, threshold).accept(samples)
    assert wanted
    assert engine.run(script) == [[starts, sample] for starts, sample in wanted]


@pytest.mark.parametrize("seed", range(12))
def test_decision_and_timeline_follow_any_posteriors(engine: Tab, seed: int) -> None:
    rng, languages = np.random.default_rng(seed), small.LANGUAGES
    prior = (None, (0.2, 0.0, 0.8), (0.4, 0.3, 0.3))[seed % 3]
    rule = Rule(mean=("log", "plain")[seed % 2], temperature=1.5, unknown_below=rng.uniform(0.3, 0.6), prior=prior)
    turns = Turns(turn=float(rng.uniform(0.5, 10)), temperature=(1.0, 20.0)[seed % 2], delay=(0.0, 0.37)[seed // 2 % 2])
    favoured = np.repeat(np.eye(3)[rng.integers(0, 3, 40)], rng.integers(1, 120, 40), axis=0)
    posteriors = rng.dirichlet([0.3] * 3, len(favoured)) * 0.5 + favoured * 0.5
    posteriors = np.where(rng.random(len(favoured))[:, None] < 0.05, favoured, posteriors)  # zeros
    lengths = rng.choice([5, 40, 100, 120, 200], 200)
    speech = np.repeat(np.arange(200) % 2 == 0, lengths)[: len(favoured)]
    given: dict[str, Any] = {"languages": languages, "classes": languages, "prior": prior, "conventions": CONVENTIONS}
    given |= {"decision": rule.model_dump(), "turns": turns.model_dump()}
    constants = {"posterior_floor": POSTERIOR_FLOOR, "unlikely": timeline.UNLIKELY, "kept": timeline.KEPT}
    values = ", ".join(json.dumps(one) for one in (given, constants, posteriors.tolist(), speech.tolist()))
    answer, *found = engine.run(f"{FOLLOW}({values})")

    decision, followed = RunningDecision(languages, languages, rule), Timeline(languages, turns, prior, 0.01)
    decision.accept(posteriors[speech], np.flatnonzero(speech))
    wanted = []
    for number in range(len(speech)):
        followed.accept(posteriors[number : number + 1].astype(np.float32), speech[number : number + 1])
        if number % 50 == 0:
            wanted.append((followed.present, followed.segments))
    followed.finish()
    assert (answer["language"], answer["since"]) == (decision.language, decision.since)
    assert answer["changes"] == decision.changes
    np.testing.assert_allclose(answer["posteriors"], decision.posteriors, atol=1e-9)
    assert len(followed.segments) > 3
    wanted.append((followed.present, followed.segments))
    for (present, segments), (named, parts) in zip(found, wanted, strict=True):
        assert present == named
        assert [list(one.values())[:3] for one in segments] == [list(one[:3]) for one in parts]
        confidences = [one["confidence"] for one in segments]
        np.testing.assert_allclose(confidences, [one.confidence for one in parts], atol=2e-6)
