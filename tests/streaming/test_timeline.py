"""Segments are those of a hidden Markov model, for chunks of any size, and offline as in a stream."""

import itertools
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline import params
from pipeline.arrays import Flags, Posteriors
from pipeline.audio.samples import to_waveform
from pipeline.streaming import reference, runtimes, timeline
from pipeline.streaming.decision import POSTERIOR_FLOOR
from pipeline.streaming.identifier import Identifier
from pipeline.streaming.timeline import Segment, Timeline, Turns
from tests.audio.signals import babble
from tests.export import small

LANGUAGES = ("a", "b", "c")
TURNS = Turns(turn=5.0, temperature=20.0)


def drawn(seed: int, n_frames: int) -> tuple[Posteriors, Flags]:
    """Turns of random lengths, with pauses."""
    rng = np.random.default_rng(seed)
    spoken = np.repeat(rng.integers(3, size=n_frames), rng.integers(1, 300, n_frames))[:n_frames]
    odds = rng.gamma(0.5, size=(n_frames, 4)) + np.eye(4)[spoken] * rng.uniform(0, 2)
    speech = np.repeat(rng.random(n_frames) < 0.8, rng.integers(1, 200, n_frames))[:n_frames]
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32), speech


def segments(
    posteriors: Posteriors,
    speech: Flags,
    *cuts: int,
    prior: tuple[float, ...] | None = None,
    delay: float = 0.0,
    later: int = 0,
) -> list[Segment]:
    """Segments of a stream that is cut anywhere, and whose flags come so many frames later than its posteriors."""
    made = Timeline(LANGUAGES, TURNS.model_copy(update={"delay": delay}), prior, frame_s=0.01)
    for part in np.split(np.arange(len(speech) + later), cuts):
        made.accept(posteriors[part[part < len(speech)]], speech[part[part >= later] - later])
    made.finish()
    return made.segments


@given(st.integers(0, 999), st.integers(0, 600), st.lists(st.integers(0, 600)), st.integers(0, 50), st.integers(0, 50))
def test_segments_are_the_same_for_chunks_of_any_size_and_late_flags(
    seed: int, n_frames: int, cuts: list[int], delay: int, later: int
) -> None:
    posteriors, speech = drawn(seed, n_frames)
    whole = segments(posteriors, speech, delay=delay / 100)
    assert segments(posteriors, speech, *sorted(cuts), delay=delay / 100, later=later) == whole
    moved = np.concatenate([posteriors, *[posteriors[-1:]] * delay])[delay:] if n_frames else posteriors
    assert segments(moved, speech) == whole  # the evidence of a frame is the answer to a later one
    assert all(one.closed and one.start_s < one.end_s <= n_frames / 100 + 1e-9 for one in whole)
    for one, after in itertools.pairwise(whole):
        assert one.end_s <= after.start_s
        assert one.language != after.language or after.start_s - one.end_s >= timeline.PAUSE_S - 1e-9


@given(st.integers(0, 999), st.integers(1, 40))
def test_a_block_has_the_language_of_the_smoothed_posterior(seed: int, n_blocks: int) -> None:
    posteriors, speech = drawn(seed, 20 * n_blocks)
    prior = np.random.default_rng(seed).dirichlet(np.ones(3))
    change = 0.2 / TURNS.turn
    matrix = (1 - change) * np.eye(3) + change * prior
    logs = np.log(np.maximum(posteriors[:, :3], POSTERIOR_FLOOR)) * speech[:, None] / TURNS.temperature
    likely: NDArray[np.float64] = np.exp(logs.reshape(n_blocks, 20, 3).sum(axis=1, dtype=np.float64))
    spoken = np.any(speech.reshape(n_blocks, 20), axis=1)
    found = segments(posteriors, speech, prior=tuple(prior.tolist()))
    current = ""
    for block in np.flatnonzero(spoken).tolist():
        forward, after = prior, np.ones(3)
        for number in range(int(np.argmax(spoken)), block + 1):
            forward = likely[number] * (forward @ matrix)
            forward = forward / forward.sum()
        for number in range(min(block + timeline.AHEAD, n_blocks - 1), block, -1):
            after = matrix @ (likely[number] * after)
        both = forward * after / (forward @ after)
        at = [one for one in found if one.start_s < block / 5 + 0.1 < one.end_s]
        before = [one for one in found if one.end_s <= block / 5 + 1e-6]
        current = at[0].language if at else ""
        if both.max() > timeline.SURE + 1e-6:
            assert current == LANGUAGES[int(both.argmax())]
        elif both.max() < timeline.SURE - 1e-6 and at:  # it continues a segment
            assert at[0].start_s < block / 5 - 1e-6
        assert len(at) <= 1
        assert all(one.closed for one in before)


def test_a_long_pause_ends_a_segment_and_a_short_one_does_not() -> None:
    posteriors = np.tile(np.array([0.8, 0.1, 0.1, 0.0], np.float32), (700, 1))
    speech = np.ones(700, bool)
    speech[200:250] = speech[400:520] = False
    assert [(one.start_s, one.end_s) for one in segments(posteriors, speech)] == [(0.0, 4.0), (5.2, 7.0)]
    assert segments(posteriors, np.zeros(700, bool)) == []


def test_an_impossible_language_has_no_segment_and_the_last_segments_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    posteriors, speech = drawn(1, 3000)
    assert {one.language for one in segments(posteriors, speech, prior=(0.5, 0.5, 0.0))} == {"a", "b"}
    certain = np.tile(np.array([1, 0, 0, 0], np.float32), (400, 1))  # of an impossible language
    made = Timeline(LANGUAGES, Turns(temperature=1.0), (0.0, 0.5, 0.5), frame_s=0.01)
    made.accept(certain, np.ones(400, bool))
    made.finish()
    assert all(one.language != "a" and np.isfinite(one.confidence) for one in made.segments)
    whole = segments(posteriors, speech)
    monkeypatch.setattr(timeline, "KEPT", 2)
    assert segments(posteriors, speech) == whole[-2:]


@pytest.mark.slow
@pytest.mark.parametrize("strategy", small.STRATEGIES)
def test_a_stream_has_the_segments_of_the_offline_network(strategy: params.SilenceStrategy) -> None:
    export = small.made(strategy)
    samples = np.concatenate([babble(seed, 40_000) for seed in range(3)])
    offline = Timeline(small.LANGUAGES, export.description.turns, None, export.description.frame_s)
    wanted = reference.compute(
        samples, Identifier.load(export.streaming).kernel, export.description, small.trained(export.folder)
    )
    offline.accept(wanted.posteriors, wanted.speech)
    offline.finish()
    assert offline.segments
    for name in get_args(runtimes.Name):
        stream = Identifier.load(Path(export.streaming), name)
        for chunk in (1600, 999, len(samples)):
            stream.reset_states()
            waveform = to_waveform(samples)
            for at in range(0, len(waveform), chunk):
                stream.accept(waveform[at : at + chunk])
                assert stream.timeline.present in (None, *small.LANGUAGES)
            stream.finish()
            for found, one in zip(stream.segments, offline.segments, strict=True):
                assert found[:3] == one[:3]
                assert found.confidence == pytest.approx(one.confidence, abs=1e-3)
