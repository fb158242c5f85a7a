"""The same speech is linked, whatever was done to it; anything else is not."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.duplicates import CHANGES, load
from pipeline.arrays import Samples
from pipeline.fingerprint import matching
from pipeline.fingerprint.matching import Landmarks, tick_s
from tests.audio.signals import SPEECH, real_speech
from tests.fingerprint.signals import RATE, landmarks, voice

TICKS_PER_S = round(1 / tick_s(RATE))


@pytest.fixture(scope="module")
def voices() -> list[Samples]:
    return [voice(seed, 5.0 + seed % 4) for seed in range(30)]


@pytest.fixture(scope="module")
def originals(voices: Sequence[Samples]) -> list[Landmarks]:
    return [landmarks(samples) for samples in voices]


def pairs(recordings: Sequence[Landmarks]) -> set[tuple[int, int]]:
    return {(link.first, link.second) for link in matching.find(recordings)}


def linked(recordings: Sequence[Samples]) -> set[tuple[int, int]]:
    return pairs([landmarks(samples) for samples in recordings])


def copies(count: int) -> set[tuple[int, int]]:
    """The links of recordings that are followed by their copies."""
    return {(number, number + count) for number in range(count)}


def test_different_speech_is_not_linked(originals: Sequence[Landmarks]) -> None:
    assert matching.find(originals) == []


@pytest.mark.parametrize("name", CHANGES)
def test_every_changed_copy_is_linked_with_its_original(
    voices: Sequence[Samples], originals: Sequence[Landmarks], name: str
) -> None:
    assert pairs([*originals, *(landmarks(CHANGES[name](samples)) for samples in voices)]) == copies(30)


@pytest.mark.parametrize("rate", [8000, 44100])
def test_other_rates_of_a_corpus(rate: int) -> None:
    voices = [voice(seed, 9, rate) for seed in range(4)]
    cut = [samples[round(0.31 * rate) :] for samples in voices]
    links = matching.find([landmarks(samples, rate) for samples in [*voices, *cut]])
    assert {(link.first, link.second) for link in links} == copies(4)
    assert all(link.offset * tick_s(rate) == pytest.approx(0.31, abs=0.03) for link in links)


def test_an_excerpt_of_a_long_recording_is_linked_at_its_place(voices: Sequence[Samples]) -> None:
    [link] = matching.find(
        [landmarks(np.concatenate(voices)), landmarks(np.concatenate(voices)[70 * RATE : 74 * RATE])]
    )
    assert (link.first, link.second) == (0, 1)
    assert link.offset == pytest.approx(70 * TICKS_PER_S, abs=2)


ANNOUNCEMENT = voice(99, 10)


def call(samples: Samples, number: int, seconds: float = 10, at_end: bool = False, noise: float = 0) -> Samples:
    """Play the announcement before or after the speech, at a level and in noise that differ from call to call."""
    rng = np.random.default_rng(number)
    played = ANNOUNCEMENT[: round(seconds * RATE)] * rng.uniform(0.3, 1)
    whole = np.concatenate([samples, played] if at_end else [played, samples])
    return np.rint(whole + rng.normal(0, noise, len(whole))).clip(-32768, 32767).astype(np.int16)


@pytest.mark.parametrize("count", [2, 3, 30])
@pytest.mark.parametrize(
    ("seconds", "at_end", "noise"), [(0.5, False, 0), (4.7, False, 30), (10, False, 0), (10, False, 200), (10, True, 0)]
)
def test_an_announcement_before_or_after_different_speech_links_nothing(
    voices: Sequence[Samples], count: int, seconds: float, at_end: bool, noise: float
) -> None:
    calls = [call(samples, number, seconds, at_end, noise) for number, samples in enumerate(voices[:count])]
    assert linked(calls) == set()


@pytest.mark.parametrize("count", [3, 30])
@pytest.mark.parametrize("seconds", [6, 10])
def test_an_announcement_that_ends_some_calls_and_begins_others_links_only_copies(
    voices: Sequence[Samples], count: int, seconds: float
) -> None:
    calls = [call(samples, number, seconds, number % 2 == 0) for number, samples in enumerate(voices[:count])]
    assert linked([*calls, *map(CHANGES["MP3"], calls)]) == copies(count)
    assert linked([call(call(samples, 0, seconds, True), 0, seconds) for samples in voices[:count]]) == set()


def test_a_loud_announcement_does_not_make_noise_of_quiet_speech(voices: Sequence[Samples]) -> None:
    quiet = [samples // (1 if number % 3 else 16) for number, samples in enumerate(voices)]
    calls = [np.concatenate([ANNOUNCEMENT, samples]).astype(np.int16) for samples in quiet]
    assert linked(calls) == set()
    assert linked([*calls, *map(CHANGES["MP3"], calls)]) == copies(30)


def test_an_announcement_and_a_jingle_around_different_speech_link_nothing(voices: Sequence[Samples]) -> None:
    jingle = voice(98, 4)
    assert linked([np.concatenate([call(samples[: 5 * RATE], 0, 5), jingle]) for samples in voices]) == set()


@pytest.mark.parametrize("name", ["−6 dB", "MP3", "20 dB noise", "8 kHz, −6 dB, 0.5 s removed"])
def test_copies_of_calls_with_one_announcement_are_linked_with_their_originals_only(
    voices: Sequence[Samples], name: str
) -> None:
    calls = [call(samples, number) for number, samples in enumerate(voices)]
    assert linked([*calls, *map(CHANGES[name], calls)]) == copies(30)


def test_two_excerpts_that_overlap_by_half_are_linked() -> None:
    long = voice(97, 60)
    excerpts = [long[second * RATE : (second + 12) * RATE] for second in (0, 6, 30, 36)]
    assert linked(excerpts) == {(0, 1), (2, 3)}


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(2, 40), st.integers(10, 60), st.integers(25, 200), st.booleans())
def test_what_any_number_of_recordings_share_links_only_copies(
    seed: int, count: int, shared: int, own: int, at_end: bool
) -> None:
    rng = np.random.default_rng(seed)
    bins = rng.integers(1, 60, (count, own, 4)).astype(np.uint8)
    common = np.broadcast_to(rng.integers(1, 60, (shared, 4)).astype(np.uint8), (count, shared, 4))
    whole = np.concatenate([bins, common] if at_end else [common, bins], axis=1)
    ticks = np.arange(20, 20 + 20 * (shared + own), 20, dtype=np.int32)  # 6 per second: up to ten seconds are shared
    levels = np.full(len(ticks), 60, np.uint8)
    recordings = [Landmarks(ticks, found, levels, int(ticks[-1])) for found in whole]
    assert pairs(recordings) == set()
    assert pairs([*recordings, *recordings]) == copies(count)


TIMES = np.arange(RATE * 20) / RATE
HUM = np.sum([1500 * np.sin(2 * np.pi * 50 * harmonic * TIMES) / harmonic for harmonic in range(1, 12)], axis=0)
TONES = [9000 * np.sin(2 * np.pi * frequency * TIMES) for frequency in (300, 440, 1000)]


def test_hum_tones_silence_and_noise_link_nothing(voices: Sequence[Samples]) -> None:
    for sound in (HUM, *TONES):
        cuts = [sound[37 * number : 5 * RATE + 1000 * number].astype(np.int16) for number in range(20)]
        assert linked([*cuts, *cuts]) == set()
    assert linked([np.rint(samples + HUM[: len(samples)]).astype(np.int16) for samples in voices]) == set()
    for level in (0, 300, 1_000_000):
        noises = [np.random.default_rng(seed).normal(0, level, 6 * RATE) for seed in range(40)]
        assert linked([np.clip(noise, -32768, 32767).astype(np.int16) for noise in noises]) == set()


def test_the_order_and_the_number_of_passes_change_no_group(
    voices: Sequence[Samples], originals: Sequence[Landmarks], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [*originals, *(landmarks(CHANGES["MP3, 0.31 s removed"](samples)) for samples in voices)]
    expected = [number % 30 for number in range(60)]
    assert matching.components(60, matching.find(both)) == expected
    order = np.random.default_rng(0).permutation(60)
    labels = matching.components(60, matching.find([both[number] for number in order]))
    assert all((labels[a] == labels[b]) == (order[a] % 30 == order[b] % 30) for a in range(60) for b in range(60))
    monkeypatch.setattr(matching, "MAX_HASHES", 500)  # several parts
    monkeypatch.setattr(matching, "CHECKED", 1)
    assert matching.components(60, matching.find(both)) == expected


def test_many_copies_need_few_links(originals: Sequence[Landmarks]) -> None:
    links = matching.find([*originals] * 50)
    assert matching.components(1500, links) == [number % 30 for number in range(1500)]
    assert len(links) == 1500 - 30


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=60), st.integers(0, 6))
def test_any_landmarks_are_accepted(found: list[tuple[int, int]], copies: int) -> None:
    ordered = sorted(found)
    bins = np.array([[b, 1, b, 1] for _, b in ordered], np.uint8).reshape(-1, 4)
    some = Landmarks(np.array([t for t, _ in ordered], np.int32), bins, bins[:, 0], 41)
    nothing = Landmarks(np.zeros(0, np.int32), np.zeros((0, 4), np.uint8), np.zeros(0, np.uint8), 0)
    for link in matching.find([nothing, *[some] * copies, nothing]):
        assert 1 <= link.first < link.second <= copies
        assert link.matches >= matching.MIN_MATCHES


@pytest.mark.slow
@real_speech
def test_recordings_of_real_people() -> None:
    recordings = load(SPEECH)
    originals = [landmarks(samples) for samples in recordings.values()]
    speakers = [path.parent for path in recordings]
    assert all(speakers[link.first] == speakers[link.second] for link in matching.find(originals))
    long = [number for number, samples in enumerate(recordings.values()) if len(samples) > 4.5 * RATE][::6]
    for change in CHANGES.values():
        links = matching.find([*originals, *(landmarks(change([*recordings.values()][number])) for number in long)])
        labels = matching.components(len(originals) + len(long), links)
        assert [labels[number] for number in long] == labels[len(originals) :]
