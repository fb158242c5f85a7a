"""Splits share nothing, their hours are close to the shares, and only the seed and the recordings decide."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dataset import splits
from pipeline.errors import CorpusError
from pipeline.params import Split
from pipeline.tables import SPLITS, RecordingRow

SPLIT = Split(method="hours", val=0.15, test=0.2)
FAST = settings(deadline=None, max_examples=25)


def recording(
    number: int, language: str, speaker: str, *, group: str = "", sha256: str = "", seconds: float = 10
) -> RecordingRow:
    name = f"r{number}"
    return RecordingRow(
        name, f"{name}.wav", language, speaker, group or name, seconds, round(seconds * 16000), 16000, 1, "WAV/PCM_16",
        sha256 or name, -3.0, -20.0, 0.0, 0.0,
    )  # fmt: skip


@st.composite
def corpora(draw: st.DrawFn) -> list[RecordingRow]:
    """Recordings, any of which may share a speaker, a source or their audio with any other, in any language."""
    shares = st.integers(0, 12)
    return [
        recording(
            number,
            f"l{draw(st.integers(0, languages))}",
            f"s{draw(shares)}",
            group=draw(st.just("") | shares.map("g{}".format)),
            sha256=draw(st.just("") | shares.map("x{}".format)),
            seconds=draw(st.floats(0.5, 5000)),
        )
        for languages in [draw(st.integers(0, 4))]
        for number in range(draw(st.integers(1, 30)))
    ]


def independent(speakers: dict[str, int], rng: np.random.Generator | None = None) -> list[RecordingRow]:
    """A corpus with this number of speakers per language: equally long, or from talkative to taciturn."""
    who = [(language, f"{language}-{n}") for language, count in speakers.items() for n in range(count)]
    pieces = [
        (language, speaker, seconds)
        for language, speaker in who
        for seconds in ([10.0] if rng is None else rng.uniform(2, 20, int(rng.lognormal(3, 1)) + 1))
    ]
    return [recording(number, language, who, seconds=seconds) for number, (language, who, seconds) in enumerate(pieces)]


@FAST
@given(corpora(), st.integers(0, 2**32 - 1))
def test_every_recording_is_in_one_split_and_nothing_shared_in_two(rows: list[RecordingRow], seed: int) -> None:
    split_of = splits.assign(rows, SPLIT, seed)
    assert sorted(split_of) == sorted(row.recording for row in rows)
    assert set(split_of.values()) <= set(SPLITS)
    for shared in ("speaker", "group", "sha256"):
        places: dict[str, set[str]] = {}
        for row in rows:
            places.setdefault(getattr(row, shared), set()).add(split_of[row.recording])
        assert all(len(names) == 1 for names in places.values()), shared


@FAST
@given(corpora(), st.randoms(), st.integers(0, 1000))
def test_the_order_of_the_recordings_does_not_matter(rows: list[RecordingRow], random: Random, seed: int) -> None:
    shuffled = random.sample(rows, len(rows))
    assert splits.assign(shuffled, SPLIT, seed) == splits.assign(rows, SPLIT, seed)


def test_recordings_linked_in_a_chain_are_one_group() -> None:
    rows = [
        recording(0, "a", "s0", group="tape"),
        recording(1, "b", "s1", group="tape", sha256="same"),
        recording(2, "a", "s2", sha256="same"),
        recording(3, "a", "s3"),
    ]
    numbers = splits.groups(rows)
    assert numbers[0] == numbers[1] == numbers[2] != numbers[3]


def test_equal_names_of_a_speaker_a_source_and_an_audio_link_nothing() -> None:
    numbers = splits.groups(
        [recording(0, "a", "same"), recording(1, "a", "x", group="same"), recording(2, "a", "y", sha256="same")]
    )
    assert len(set(numbers)) == 3


def test_the_same_seed_gives_the_same_splits_and_another_may_give_others() -> None:
    rows = independent({"a": 24, "b": 24}, np.random.default_rng(0))
    dealt = [splits.assign(rows, SPLIT, seed) for seed in (1, 1, 2)]
    assert dealt[0] == dealt[1]
    assert dealt[0] != dealt[2]


@FAST
@given(
    st.lists(st.integers(3, 9), min_size=1, max_size=5),
    st.floats(0.01, 0.45),
    st.floats(0.01, 0.45),
    st.integers(0, 99),
)
def test_three_equal_speakers_are_enough_for_every_split(counts: list[int], val: float, test: float, seed: int) -> None:
    rows = independent({f"l{number}": count for number, count in enumerate(counts)})
    splits.check(rows, splits.assign(rows, Split(method="hours", val=val, test=test), seed))


@pytest.mark.parametrize("seed", range(3))
def test_hours_of_24_speakers_per_language_are_within_2_points_of_the_shares(seed: int) -> None:
    rows = independent(dict.fromkeys(["english", "hindi", "mandarin"], 24), np.random.default_rng(seed))
    split_of = splits.assign(rows, SPLIT, seed)
    for language in ("english", "hindi", "mandarin"):
        mine = [row for row in rows if row.language == language]
        seconds = sum(row.duration_s for row in mine)
        for name, share in zip(SPLITS, (0.65, 0.15, 0.2), strict=True):
            dealt = sum(row.duration_s for row in mine if split_of[row.recording] == name)
            assert dealt / seconds == pytest.approx(share, abs=0.02), (language, name)


def test_too_few_groups_are_refused_by_language_and_split() -> None:
    rows = [*independent({"english": 5, "hindi": 2}), recording(99, "hindi", "other", sha256="r5")]
    split_of = splits.assign(rows, SPLIT, 0)
    missing = set(SPLITS) - {split_of[row.recording] for row in rows if row.language == "hindi"}
    with pytest.raises(CorpusError, match=rf"'hindi' has no group .* for ({'|'.join(missing)})"):
        splits.check(rows, split_of)


@pytest.mark.parametrize("seed", range(6))
def test_no_split_of_a_language_is_empty_if_that_can_be_avoided(seed: int) -> None:
    hours = [(0.45, 0), (2, 0), (0.12, 4.4), (0.81, 0.39), (2.32, 3.06)]  # of five speakers, in two languages
    rows = [
        recording(2 * speaker + number, language, f"s{speaker}", seconds=3600 * spoken[number])
        for speaker, spoken in enumerate(hours)
        for number, language in enumerate(("a", "b"))
        if spoken[number]
    ]
    splits.check(rows, splits.assign(rows, SPLIT, seed))
    more = rows + [recording(100 + n, "a", f"t{n}", seconds=60) for n in range(10)]  # too many to try every assignment
    splits.check(more, splits.assign(more, SPLIT, seed))


def test_the_summary_counts_the_assigned_recordings() -> None:
    rows = [
        recording(0, "a", "s0", seconds=30),
        recording(1, "a", "s0", seconds=30),
        recording(2, "a", "s1", seconds=20),
        recording(3, "a", "s2", seconds=40),
        recording(4, "b", "s0", seconds=60),
    ]
    split_of = {"r0": "train", "r1": "train", "r2": "val", "r3": "test", "r4": "train"}
    nothing = {"recordings": 0, "speakers": 0, "minutes": 0, "share": 0}
    assert splits.summary(rows, split_of, ["b", "a"]) == {
        "b": {"train": {"recordings": 1, "speakers": 1, "minutes": 1, "share": 1}, "val": nothing, "test": nothing},
        "a": {
            "train": {"recordings": 2, "speakers": 1, "minutes": 1, "share": 0.5},
            "val": {"recordings": 1, "speakers": 1, "minutes": 0.33, "share": 0.1667},
            "test": {"recordings": 1, "speakers": 1, "minutes": 0.67, "share": 0.3333},
        },
    }
