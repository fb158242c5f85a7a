"""Splits share nothing, come close to the shares and depend on the seed and the recordings alone; pins override all."""

from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import CorpusError
from pipeline.params import Split, SplitMethod
from pipeline.rows import SPLITS, RecordingRow
from pipeline.splits import methods, outcome
from pipeline.splits.groups import groups
from pipeline.splits.methods import METHODS, assign, read_pins
from tests.splits.rows import SPLIT, independent, placed, recording, shares

FAST = settings(deadline=None, max_examples=25)
METHOD_NAMES = st.sampled_from(sorted(METHODS))
SHARES = {"train": 0.65, "val": 0.15, "test": 0.2}


@st.composite
def corpora(draw: st.DrawFn) -> list[RecordingRow]:
    """Recordings, any of which may share a speaker, a source, audio or speech with any other, in any language."""
    common = st.integers(0, 12)
    return [
        recording(
            number,
            f"l{draw(st.integers(0, languages))}",
            f"s{draw(common)}",
            group=draw(st.just("") | common.map("g{}".format)),
            sha256=draw(st.just("") | common.map("x{}".format)),
            speech=draw(st.just("") | common.map("w{}".format)),
            seconds=draw(st.floats(0.5, 5000)),
            extra={"split": "train"},
        )
        for languages in [draw(st.integers(0, 4))]
        for number in range(draw(st.integers(1, 30)))
    ]


def by(method: str) -> Split:
    """The parameters for a method."""
    return SPLIT.model_copy(update={"method": method})


@FAST
@given(corpora(), METHOD_NAMES, st.randoms(), st.integers(0, 2**32 - 1), st.sampled_from((None, *SPLITS)))
def test_nothing_shared_is_in_two_splits_whatever_the_order_and_a_pinned_speaker_is_where_it_is_pinned(
    rows: list[RecordingRow], method: SplitMethod, random: Random, seed: int, split: str | None
) -> None:
    speaker = rows[0].speaker
    pins = {speaker: split} if split else {}
    split_of, _ = found = assign(rows, by(method), seed, pins)
    assert assign(random.sample(rows, len(rows)), by(method), seed, pins) == found
    assert sorted(split_of) == sorted(row.recording for row in rows)
    assert set(split_of.values()) <= set(SPLITS)
    for shared in ("speaker", "group", "sha256", "same_speech"):
        places: dict[str, set[str]] = {}
        for row in rows:
            places.setdefault(getattr(row, shared), set()).add(split_of[row.recording])
        assert all(len(names) == 1 for names in places.values()), shared
    assert split is None or {split_of[row.recording] for row in rows if row.speaker == speaker} == {split}


def test_another_seed_may_give_other_splits() -> None:
    rows = independent({"a": 24, "b": 24}, np.random.default_rng(0))
    assert assign(rows, SPLIT, 1)[0] != assign(rows, SPLIT, 2)[0]


@pytest.mark.parametrize("seed", range(3))
def test_hours_of_24_speakers_per_language_are_within_a_point_of_the_shares(seed: int) -> None:
    rows = independent(dict.fromkeys(["english", "hindi", "mandarin"], 24), np.random.default_rng(seed))
    split_of, _ = assign(rows, SPLIT, seed)
    for language in ("english", "hindi", "mandarin"):
        assert shares(rows, split_of, language) == pytest.approx(SHARES, abs=0.01), language


def test_one_talkative_voice_does_not_fill_train_alone() -> None:
    rows = [recording(0, "a", "talkative", seconds=650)]
    rows += [recording(number, "a", f"s{number}", seconds=10) for number in range(1, 36)]
    split_of, _ = assign(rows, SPLIT, 0)
    assert split_of["r0"] == "train"
    assert sum(name == "train" for name in split_of.values()) > 3  # the hours alone would leave it there by itself
    assert shares(rows, split_of, "a")["train"] == pytest.approx(0.65, abs=0.1)


def test_hours_are_spread_over_sources_and_columns() -> None:
    rng = np.random.default_rng(0)
    columns = [{"source": f"c{number % 2}", "gender": "fm"[number // 2 % 2]} for number in range(60)]
    rows = [
        recording(number, "a", f"s{number}", seconds=rng.uniform(50, 60), extra=extra)
        for number, extra in enumerate(columns)
    ]
    with pytest.raises(CorpusError, match=r"needs the column 'accent', which the corpus table lacks; it has 'gender'"):
        assign(rows, SPLIT.model_copy(update={"stratify": ("accent",)}), 0)
    split_of, _ = assign(rows, SPLIT.model_copy(update={"stratify": ("gender",)}), 0)
    for column, values in (("source", ("c0", "c1")), ("gender", "fm")):
        for value in values:
            part = [row for row in rows if row.extra[column] == value]
            assert shares(part, split_of, "a") == pytest.approx(SHARES, abs=0.03), (column, value)


@pytest.mark.parametrize("seed", range(6))
def test_no_split_of_a_language_is_empty_if_that_can_be_avoided(seed: int) -> None:
    hours = {"a": [0.45, 2, 0.12, 0.81, 2.32], "b": [0, 0, 4.4, 0.39, 3.06]}  # of five speakers, in two languages
    spoken = [(f"s{n}", language, h) for language in hours for n, h in enumerate(hours[language]) if h]
    rows = [recording(n, language, who, seconds=3600 * h) for n, (who, language, h) in enumerate(spoken)]
    more = rows + [recording(100 + n, "a", f"t{n}", seconds=60) for n in range(10)]
    for corpus in (rows, more):
        split_of, _ = assign(corpus, SPLIT, seed)
        assert min(min(shares(corpus, split_of, language).values()) for language in "ab") > 0


def test_a_language_with_two_speakers_is_trained_and_tested_on() -> None:
    rows = [*independent({"english": 5, "hindi": 2}), recording(99, "hindi", "hindi-0")]
    split_of, _ = assign(rows, SPLIT, 0)
    assert {split_of[row.recording] for row in rows if row.language == "hindi"} == {"train", "test"}
    outcome.check(placed(rows, split_of))


@FAST
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60, unique=True), st.integers(0, 60), st.integers(0, 99))
def test_by_hash_nobody_moves_when_data_are_added(speakers: list[int], before: int, seed: int) -> None:
    rows = [recording(number, "a", f"s{speaker}") for number, speaker in enumerate(speakers)]
    first, more = (assign(some, by("hash"), seed)[0] for some in (rows[: before + 1], rows))
    assert first.items() <= more.items()


def test_by_hash_the_shares_are_met_on_average() -> None:
    rows = independent({"a": 2000})
    assert shares(rows, assign(rows, by("hash"), 0)[0], "a") == pytest.approx(SHARES, abs=0.03)


def test_linked_speakers_by_hash_follow_the_one_nearest_to_train() -> None:
    apart = [recording(number, "a", f"s{number}") for number in range(40)]
    linked = [recording(number, "a", f"s{number}", group=f"g{number // 2}") for number in range(40)]
    alone, together = (assign(rows, by("hash"), 0)[0] for rows in (apart, linked))
    for number in range(0, 40, 2):
        names = [alone[f"r{number}"], alone[f"r{number + 1}"]]
        assert together[f"r{number}"] == min(names, key=SPLITS.index)


def test_official_splits_are_taken_from_the_table() -> None:
    names = [name for official in methods.OFFICIAL for name in (official, official.upper())]
    rows = [recording(number, "a", f"s{number}", extra={"split": name}) for number, name in enumerate(names)]
    found = assign(rows, by("official"), 0)[0]
    assert found == {f"r{number}": methods.OFFICIAL[name.lower()] for number, name in enumerate(names)}


def test_official_splits_that_leak_or_miss_are_refused_until_a_pin_decides() -> None:
    official = by("official")
    rows = [recording(0, "a", "ann", extra={"split": "train"}), recording(1, "a", "ann", extra={"split": "test"})]
    with pytest.raises(CorpusError, match=r"puts 'r0\.wav' into train and 'r1\.wav' into test, but they share .*; pin"):
        assign(rows, official, 0)
    assert assign(rows, official, 0, {"ann": "test"})[0] == {"r0": "test", "r1": "test"}
    extras: list[dict[str, str]] = [{}, {"split": ""}, {"split": "holdout"}]
    for extra in extras:
        rows = [recording(0, "a", "ann", extra=extra)]
        with pytest.raises(CorpusError, match=r"'official' needs the column split .* train, val, .* of 'r0\.wav' is"):
            assign(rows, official, 0)
        assert assign(rows, official, 0, {"ann": "test"})[0] == {"r0": "test"}


@pytest.mark.parametrize("folds", [3, 5])
def test_every_recording_is_tested_on_in_one_fold(folds: int) -> None:
    rows = independent({"a": 8, "b": 6}, np.random.default_rng(folds))
    names = [
        assign(rows, SPLIT.model_copy(update={"method": "folds", "folds": folds, "fold": fold}), 0)[0]
        for fold in range(folds)
    ]
    for row in rows:
        assigned = [split_of[row.recording] for split_of in names]
        assert sorted(assigned) == ["test"] + ["train"] * (folds - 2) + ["val"]
        assert assigned[assigned.index("test") - 1] == "val"  # the fold before tests on what this one validates on


def test_pins_are_read(tmp_path: Path) -> None:
    file = tmp_path / "pins.csv"
    with pytest.raises(CorpusError, match="can't be read"):
        read_pins(file)
    file.write_text("speaker,split\nann  lee,test\nbob, train\nbob,train\n")
    assert read_pins(file) == {"ann lee": "test", "bob": "train"}
    for text, message in (
        ("speaker\nann\n", "has no column split"),
        ("speaker,split\nann,dev\n", "line 2: split is 'dev'; write .* one of train, val, test"),
        ("speaker,split\nann,val\nann,test\n", "pins 'ann' to val and, in line 3, to test; remove the wrong line"),
        ("speaker,split\nann\n", "line 2 is short"),
    ):
        file.write_text(text)
        with pytest.raises(CorpusError, match=message):
            read_pins(file)


@pytest.mark.parametrize(
    ("pins", "message"),
    [
        ({"ann": "val", "phone/bob": "test"}, "puts 'ann' into val and 'phone/bob' into test, but they share"),
        ({"eve": "val"}, "pins 'eve', who is not in this corpus, or held out; correct the name or remove the line$"),
        ({"bob": "val"}, "pins 'bob', who is not in this corpus, or held out; write 'phone/bob' or 'studio/Bob'$"),
    ],
)
def test_contradicting_and_unknown_pins_are_refused(pins: dict[str, str], message: str) -> None:
    rows = [recording(0, "a", "ann", group="tape"), recording(1, "a", "phone/bob", group="tape")]
    rows += [recording(2, "a", "studio/Bob"), recording(3, "a", "phone/jobob")]
    with pytest.raises(CorpusError, match=message):
        assign(rows, SPLIT, 0, pins)


THREE = [recording(number, "a", f"s{number}", seconds=60) for number in range(3)]


@pytest.mark.parametrize("split", ["train", "test", "val"])
def test_a_split_without_anything_is_refused(split: str) -> None:
    others = [name for name in ("train", "val", "test") if name != split]
    with pytest.raises(CorpusError, match=rf"'a' has no group of recordings left for {split}"):
        outcome.check(placed(THREE, {"r0": others[0], "r1": others[1], "r2": others[1]}))


def test_val_may_lack_a_language_but_not_all() -> None:
    rows = [*THREE, recording(3, "b", "t0"), recording(4, "b", "t1")]
    split_of = {"r0": "train", "r1": "val", "r2": "test", "r3": "train", "r4": "test"}
    outcome.check(placed(rows, split_of))
    assert outcome.notes(placed(rows, split_of), None) == ["b: no group of recordings is left for val"]


def test_a_large_miss_is_said_with_its_reason_and_nothing_else() -> None:
    rows = [recording(n, "a", who, seconds=s) for n, (who, s) in enumerate([("ann", 90), ("bob", 5), ("eve", 5)])]
    placed_rows, reason = placed(rows, {"r0": "train", "r1": "val", "r2": "test"}), "of 3 speakers, ann alone has 90%"
    assert outcome.notes(placed_rows, (0.65, 0.15, 0.2)) == [
        f"a: train has 90% of the hours, not 65%; {reason}",
        f"a: val has 5% of the hours, not 15%; {reason}",
        f"a: test has 5% of the hours, not 20%; {reason}",
    ]
    assert outcome.notes(placed_rows, (0.9, 0.04, 0.06)) == []


def test_the_summary_counts_the_assigned_recordings() -> None:
    spoken = [("a", "s0", 30), ("a", "s0", 30), ("a", "s1", 20), ("a", "s2", 40), ("b", "s0", 60), ("b", "s4", 20)]
    rows = [recording(number, *who, seconds=seconds) for number, (*who, seconds) in enumerate(spoken)]
    split_of = {"r0": "train", "r1": "train", "r2": "val", "r3": "test", "r4": "train", "r5": "train"}
    found = outcome.summary(placed(rows, split_of), ["b", "a"])
    # Recordings, speakers, effective speakers, minutes and share.
    assert {name: [tuple(part.values()) for part in parts.values()] for name, parts in found.items()} == {
        "b": [(2, 2, 1.6, 1.33, 1), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0)],
        "a": [(2, 1, 1, 1, 0.5), (1, 1, 1, 0.33, 0.1667), (1, 1, 1, 0.67, 0.3333)],
    }


@pytest.mark.parametrize(
    ("rows", "numbers"),
    [
        (  # linked in a chain: by source, audio, speech
            [
                recording(0, "a", "s0", group="tape"),
                recording(1, "b", "s1", group="tape", sha256="same"),
                recording(2, "a", "s2", sha256="same", speech="said"),
                recording(3, "a", "s3"),
                recording(4, "b", "s4", speech="said"),
            ],
            [0, 0, 0, 1, 0],
        ),
        (  # equal names of a speaker, a source, an audio and a speech link nothing
            [
                recording(0, "a", "same"),
                recording(1, "a", "x", group="same"),
                recording(2, "a", "y", sha256="same"),
                recording(3, "a", "z", speech="same"),
            ],
            [0, 1, 2, 3],
        ),
        ([recording(number, "a", speaker) for number, speaker in enumerate("zaazb")], [0, 1, 1, 0, 2]),  # in order
        ([recording(number, "a", name) for number, name in enumerate(["Ann", "bob", "ann"])], [0, 1, 0]),  # any case
    ],
)
def test_groups(rows: list[RecordingRow], numbers: list[int]) -> None:
    assert groups(rows).tolist() == numbers
