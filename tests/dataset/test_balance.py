"""Every balance strategy balances uneven classes; speakers are evened; nothing else changes."""

import copy
import dataclasses
import itertools
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from pathlib import Path
from random import Random
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import checksums, tables
from pipeline.arrays import Flags
from pipeline.dataset import balance, counts, division, weights
from pipeline.dataset.division import divide, ratio
from pipeline.dataset.views import sequence_rows
from pipeline.errors import ArgumentError
from pipeline.params import BalanceStrategy, SilenceStrategy
from pipeline.rows import SequenceRow, SplitRow
from pipeline.store.feature_store import FeatureStore
from stages import balance as stage

STRATEGIES: tuple[BalanceStrategy, ...] = get_args(BalanceStrategy)
LENGTH = 100
Counted = dict[str, Flags]
Manifest = tuple[list[SequenceRow], Counted]


def manifest(recordings: list[tuple[str, str, Flags]]) -> Manifest:
    """Every sequence once, and the rows that count, from recordings given as language, speaker and rows that count."""
    rows: list[SequenceRow] = []
    counted: Counted = {}
    for number, (language, speaker, flags) in enumerate(recordings):
        recording = SplitRow(f"r{number:04d}", language, speaker, "group", 1.0)
        rows += sequence_rows(recording, len(flags), LENGTH, "mask", "0123456789ab")
        counted[recording.recording] = flags
    return rows, counted


def uneven(n_recordings: dict[str, int], speakers: int = 8, seed: int = 0) -> Manifest:
    """A corpus with this number of recordings per language, of 150 to 900 rows each; four in five rows count."""
    rng = np.random.default_rng(seed)
    return manifest(
        [
            (language, f"{language}-{number % speakers}", rng.random(int(rng.integers(150, 900))) < 0.8)
            for language, count in n_recordings.items()
            for number in range(count)
        ]
    )


NUMBERS = st.lists(st.integers(3, 40), min_size=2, max_size=4).map(lambda some: dict(zip("abcd", some, strict=False)))
MANIFESTS = st.builds(uneven, NUMBERS, st.integers(3, 9), st.integers(0, 99))


@st.composite
def odd_manifests(draw: st.DrawFn) -> Manifest:
    """A corpus of a few recordings of any length, down to one frame, that may be almost silent, of several sources."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    recordings = [
        (
            language,
            f"s{draw(st.integers(0, 3))}",
            rng.random(draw(st.integers(1, 350))) < draw(st.sampled_from([0.02, 1])),
        )
        for language in ("a", "b", "c")[: draw(st.integers(2, 3))]
        for _ in range(draw(st.integers(1, 5)))
    ]
    for language in {language for language, *_ in recordings}:
        recordings.append((language, "s0", np.ones(1, bool)))  # every language has a frame that counts
    rows, counted = manifest(recordings)
    sources = {recording: draw(st.sampled_from(["", "radio"])) for recording in counted}
    return [dataclasses.replace(row, source=sources[row.recording]) for row in rows], counted


def weighted(rows: list[SequenceRow], counted: Counted, key: Callable[[SequenceRow], Hashable]) -> dict[Any, float]:
    return counts.amounts(rows, counted, key, weighted=True)


def language(row: SequenceRow) -> str:
    return row.language


def speaker(row: SequenceRow) -> tuple[str, str]:
    return row.language, row.speaker


def test_every_strategy_of_the_parameters_is_in_the_table_and_no_other_is_taken() -> None:
    assert tuple(balance.METHODS) == STRATEGIES
    assert len({method.sentence for method in balance.METHODS.values()}) == len(balance.METHODS)
    with pytest.raises(ArgumentError, match=r"'None' is unknown; take one of none, class_weight, .*, ensemble"):
        balance.balance("None", *manifest([("a", "s", np.ones(9, bool))]), 0)  # type: ignore[arg-type]


@given(st.sampled_from(STRATEGIES), odd_manifests(), st.integers(0, 99), st.randoms())
def test_the_result_depends_on_the_set_of_rows_and_the_seed_and_the_input_is_left_as_it_was(
    strategy: BalanceStrategy, corpus: Manifest, seed: int, rng: Random
) -> None:
    rows, counted = corpus
    before = copy.deepcopy(rows)
    shuffled = rng.sample(rows, len(rows))
    assert balance.balance(strategy, shuffled, counted, seed) == balance.balance(strategy, rows, counted, seed)
    assert rows == before


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_another_seed_gives_other_rows_if_sequences_are_chosen(strategy: BalanceStrategy) -> None:
    corpus = uneven({"a": 20, "b": 9, "c": 14})
    first, other = (balance.balance(strategy, *corpus, seed) for seed in (5, 6))
    assert (first != other) == (strategy in ("undersample", "oversample"))


@given(st.sampled_from(["undersample", "oversample"]), odd_manifests(), st.integers(0, 99))
def test_a_strategy_that_resamples_gives_every_class_exactly_the_same_frames(
    strategy: BalanceStrategy, corpus: Manifest, seed: int
) -> None:
    rows, counted = corpus
    before = counts.class_totals(rows, counted).values()
    after = counts.class_totals(balance.balance(strategy, rows, counted, seed)[0], counted).values()
    assert set(after) == {min(before) if strategy == "undersample" else max(before)}


@pytest.mark.parametrize("silence", get_args(SilenceStrategy))
def test_the_stage_writes_manifests_for_its_store_and_silence_strategy(
    silence: SilenceStrategy,
    noisy: FeatureStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(f"silence: {{strategy: {silence}}}\nbalance: {{strategy: ensemble}}\n")
    shutil.copytree(Path(noisy.source.name), "artifacts/features.zarr")
    recordings = list(zip(noisy.ids, noisy.languages, noisy.speakers, strict=True))
    for name, some in (("train", recordings[:30]), ("val", recordings[30:45]), ("test", recordings[45:])):
        tables.write(Path(f"artifacts/splits/{name}.csv"), SplitRow, [SplitRow(*row, row[0], 0.12) for row in some])
    checksums.seal(Path("artifacts/splits"))
    stage.main()
    for name in ("train", "val", "test"):
        file = Path(f"artifacts/manifests/{name}.csv")
        assert noisy.select(manifest=file).view(silence).frames > 0
    summary = checksums.read_json(Path("artifacts/manifests/summary.json"))
    assert (summary["silence"], summary["ratio"]) == (silence, {"before": 1, "after": 2})
    assert summary["minutes"]["hindi"]["after"] == {"minutes": 0.02, "share": 0.3333}
    assert summary["note"].startswith("ensemble: the largest new class has 2.0 times the frames of the smallest")
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split("  ") == ["split and language", "minutes before", "minutes after", "minutes weighted"]
    assert printed[1].split() == ["train", "english", "0.02", "0.02", "0.03"]
    assert printed[-1] == summary["note"]


@given(MANIFESTS)
def test_class_weight_makes_classes_weigh_the_same_and_the_whole_as_before(corpus: Manifest) -> None:
    rows, counted = corpus
    kept, division = balance.balance("class_weight", rows, counted, 0)
    assert division is None
    assert balance.balance("none", rows, counted, 0) == (rows, None)
    assert [row.sequence for row in kept] == [row.sequence for row in rows]
    total = sum(counts.class_totals(rows, counted).values())
    mass = weighted(kept, counted, language)
    assert all(value == pytest.approx(total / len(mass), rel=1e-4) for value in mass.values())


@given(odd_manifests(), st.integers(0, 99))
def test_undersample_takes_sequences_once_and_cuts_one_per_class_at_most(corpus: Manifest, seed: int) -> None:
    rows, counted = corpus
    kept, _ = balance.balance("undersample", rows, counted, seed)
    whole = {row.sequence: row for row in rows}
    assert len({row.sequence for row in kept}) == len(kept)
    assert all(row == dataclasses.replace(whole[row.sequence], frames=row.frames) for row in kept)
    assert all(row.frames <= whole[row.sequence].frames for row in kept)
    cut = Counter(row.language for row in kept if row != whole[row.sequence])
    totals = counts.class_totals(rows, counted)
    assert all(number == 1 and totals[language] > min(totals.values()) for language, number in cut.items())
    least = {language for language, total in totals.items() if total == min(totals.values())}
    assert [row for row in kept if row.language in least] == [row for row in rows if row.language in least]


def test_undersample_takes_from_sources_evenly_and_within_each_from_its_speakers() -> None:
    rows, counted = uneven({"a": 60, "b": 12}, speakers=6)
    source = {f"a-{n}": "radio" if n < 2 else "web" for n in range(6)}
    kept, _ = balance.balance(
        "undersample", [dataclasses.replace(row, source=source.get(row.speaker, "")) for row in rows], counted, 0
    )
    heard = weighted(kept, counted, lambda row: row.speaker)
    radio, web = (sorted(heard[name] for name in source if source[name] == kind) for kind in ("radio", "web"))
    assert abs(sum(radio) - sum(web)) <= LENGTH
    assert radio[-1] - radio[0] <= LENGTH
    assert web[-1] - web[0] <= LENGTH


@given(odd_manifests(), st.integers(0, 99))
def test_repeats_are_cuts_of_the_same_recording_at_free_offsets_while_there_are_any(
    corpus: Manifest, seed: int
) -> None:
    rows, counted = corpus
    more, _ = balance.balance("oversample", rows, counted, seed)
    assert sorted((row for row in more if row.repeat == 0), key=lambda row: (row.recording, row.start)) == rows
    assert len({(row.sequence, row.repeat) for row in more}) == len(more)
    names = [name for name, _ in itertools.groupby(more, key=lambda row: row.recording)]
    assert len(set(names)) == len(names)  # the sequences of a recording stay together
    original = {row.sequence: row for row in rows}
    longest: dict[str, int] = {}
    for row in rows:
        longest[row.recording] = max(longest.get(row.recording, 0), row.frames)
    starts: dict[str, Counter[int]] = defaultdict(Counter)
    for row in more:
        source = original[row.sequence]
        assert (row.recording, row.language, row.speaker) == (source.recording, source.language, source.speaker)
        assert 0 <= row.start < row.start + row.frames <= len(counted[row.recording])
        assert not row.repeat or counts.frames(row, counted)
        starts[row.recording][row.start] += 1
    for recording, taken in starts.items():
        length, flags = longest[recording], counted[recording]
        offsets = range(max(len(flags) - length, length // 2) + 1)
        free = [start for start in offsets if not taken[start] and flags[start : start + length].any()]
        assert not free or max(taken.values()) == 1


@given(MANIFESTS)
def test_ensemble_gives_each_network_its_sequences_and_classes_of_the_same_weight(corpus: Manifest) -> None:
    rows, counted = corpus
    twice, division = balance.balance("ensemble", rows, counted, 0)
    assert division is not None
    totals = counts.class_totals(rows, counted)
    assert totals[division.large] == max(totals.values())
    assert sorted([division.large, *division.others]) == sorted(totals)
    assert all(division.parts)
    speakers = [speaker for part in division.parts for speaker in part]  # each in one part
    assert sorted(speakers) == sorted({row.speaker for row in rows if row.language == division.large})
    first, second = ([row for row in twice if row.member == member] for member in (0, 1))
    assert len(twice) == len(first) + len(second)
    assert [row.sequence for row in first] == [row.sequence for row in rows]
    assert [row.sequence for row in second] == [row.sequence for row in rows if row.language != division.large]
    parts = division.part_of
    for mass in (
        weighted(first, counted, lambda row: parts.get(row.speaker, "others")),
        weighted(second, counted, language),
    ):
        assert max(mass.values()) == pytest.approx(min(mass.values()), rel=1e-4)


def test_an_ensemble_says_why_its_classes_are_uneven() -> None:
    loud = [("a", "b\x1b[2J", np.ones(900, bool)), ("a", "t", np.ones(100, bool)), ("b", "u", np.ones(100, bool))]
    equal = [(language, "s", np.ones(100, bool)) for language in "abc"]
    for recordings, reason in (
        (loud, "has 9.0 times the frames of the smallest: 'b\\x1b[2J' speaks 90% of a, and speakers are not divided"),
        (equal, "has 2.0 times the frames of the smallest: a has fewer frames than all other languages together"),
    ):
        rows, counted = manifest(recordings)
        twice, found = balance.balance("ensemble", rows, counted, 0)
        assert found
        assert reason in (division.remark(twice, counted, found) or "")


@given(MANIFESTS)
def test_evened_speakers_of_an_ensemble_weigh_the_same_in_every_class_of_either_network(corpus: Manifest) -> None:
    rows, counted = corpus
    twice, found = balance.balance("ensemble", rows, counted, 0)
    assert found
    parts, evened = found.part_of, weights.even_speakers(twice, counted, found, 1.0)
    assert [dataclasses.replace(row, weight=1) for row in evened] == [
        dataclasses.replace(row, weight=1) for row in twice
    ]

    def group(row: SequenceRow) -> Hashable:
        return row.member, parts.get(row.speaker, row.language)

    total = weighted(evened, counted, group)
    assert total == pytest.approx(weighted(twice, counted, group), rel=1e-4)
    each = weighted(evened, counted, lambda row: (group(row), row.speaker))
    many = Counter(of for of, _ in each)
    assert each == pytest.approx({(of, who): total[of] / many[of] for of, who in each}, rel=1e-4)


def test_a_speaker_of_two_languages_is_in_a_part_only_in_the_large_one() -> None:
    rows, counted = manifest(
        [("a", "both", np.ones(300, bool)), ("a", "x", np.ones(300, bool)), ("b", "both", np.ones(90, bool))]
    )
    twice, _ = balance.balance("ensemble", rows, counted, 0)
    mine = [row for row in twice if row.member == 0 and row.language == "b"]
    # Three classes of the first network (parts both and x, others): a third of 690 frames each.
    assert [row.weight for row in mine] == [pytest.approx(690 / 3 / 90, rel=1e-4)]


@given(odd_manifests(), st.floats(0, 1))
def test_evened_speakers_weigh_a_power_of_what_they_weighed_and_classes_keep_their_weight(
    corpus: Manifest, evenness: float
) -> None:
    rows, counted = corpus
    rows = [dataclasses.replace(row, weight=(1.0, 0.4)[number % 2]) for number, row in enumerate(rows)]
    evened = weights.even_speakers(rows, counted, None, evenness)
    assert weighted(evened, counted, language) == pytest.approx(weighted(rows, counted, language), rel=1e-2, abs=1e-2)
    before, after = (weighted(each, counted, speaker) for each in (rows, evened))
    for name in {row.language for row in rows}:
        ratios = [after[who] / size ** (1 - evenness) for who, size in before.items() if who[0] == name and size > 1]
        assert max(ratios, default=1) == pytest.approx(min(ratios, default=1), rel=2e-2, abs=1e-2)


def named(sizes: list[int]) -> dict[str, int]:
    return {f"s{number}": size for number, size in enumerate(sizes)}


def reached(sizes: dict[str, int], rest: int) -> float:
    return ratio([rest, *(sum(sizes[name] for name in part) for part in divide(sizes, rest))])


def optimum(sizes: list[int], rest: int, n_parts: int) -> float:
    """The lowest ratio of any division into this number of parts, by trying all."""
    divisions = itertools.product(range(n_parts), repeat=len(sizes))
    sums = (np.bincount(places, sizes, n_parts) for places in divisions)
    return min(ratio([rest, *some.tolist()]) for some in sums if some.all())


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60), st.integers(1, 10**7), st.randoms())
def test_every_name_is_in_one_part_in_any_order_and_no_part_is_empty(sizes: list[int], rest: int, rng: Random) -> None:
    parts, items = divide(named(sizes), rest), list(named(sizes).items())
    assert sorted(name for part in parts for name in part) == sorted(named(sizes))
    assert all(parts)
    assert divide(dict(rng.sample(items, len(items))), rest) == parts


@given(st.lists(st.integers(1, 200), min_size=1, max_size=6), st.integers(1, 300))
def test_few_names_are_divided_almost_as_well_as_possible(sizes: list[int], rest: int) -> None:
    best = min(optimum(sizes, rest, n_parts) for n_parts in range(1, len(sizes) + 1))
    assert reached(named(sizes), rest) <= 1.35 * best


@given(st.lists(st.integers(1, 100), min_size=60, max_size=200), st.integers(500, 50_000))
def test_many_names_make_equal_classes_if_they_are_at_least_as_large_as_the_rest(sizes: list[int], rest: int) -> None:
    if sum(sizes) >= rest / 1.4:
        assert reached(named(sizes), rest) <= 1.5


@pytest.mark.parametrize(
    ("sizes", "rest", "parts"),
    [
        ([60, 10, 10, 10, 10], 20, (("s0",), ("s1", "s3"), ("s2", "s4"))),  # one name is too large for any division
        ([10, 10], 30, (("s0", "s1"),)),  # less than the rest: not divided
        ([7], 1, (("s0",),)),
    ],
)
def test_a_division_worked_out_by_hand(sizes: list[int], rest: int, parts: tuple[tuple[str, ...], ...]) -> None:
    assert divide(named(sizes), rest) == parts


def test_the_summary_counts_the_first_network_and_its_weights() -> None:
    rows = [
        SequenceRow("r/0", "r", "a", "s", 0, 2, weight=0.5),
        SequenceRow("r/1", "r", "a", "s", 2, 2, weight=1.5),
        SequenceRow("r/0", "r", "a", "s", 0, 2, member=1),
    ]
    counted = {"r": np.array([True, False, True, True])}
    assert counts.summary(rows, counted, ["b", "a"], frame_s=30) == {
        "b": {"sequences": 0, "frames": 0, "weighed": 0, "minutes": 0.0},
        "a": {"sequences": 2, "frames": 3, "weighed": round(0.5 + 2 * 1.5), "minutes": 1.5},
    }


def test_minutes_are_counted_by_language_source_and_speaker() -> None:
    before = [
        SequenceRow("r/0", "r", "a", "s", 0, 6, source="radio"),
        SequenceRow("q/0", "q", "a", "t", 0, 3),
        SequenceRow("p/0", "p", "b", "s", 0, 1, source="radio"),
    ]
    counted = {"r": np.ones(6, bool), "q": np.array([True, True, False]), "p": np.ones(1, bool)}
    after = [dataclasses.replace(row, weight=3.0) for row in before[1:]]
    after += [dataclasses.replace(before[1], member=1)]
    tree = counts.before_and_after(before, after, counted, ["b", "a"], frame_s=60)

    def amounts(*pairs: tuple[float, float]) -> dict[str, dict[str, float]]:
        found = zip(counts.MEASURES, pairs, strict=True)
        return {measure: {"minutes": minutes, "share": share} for measure, (minutes, share) in found}

    t, s = amounts((2, 0.25), (2, 1), (6, 1)), amounts((6, 0.75), (0, 0), (0, 0))
    whole = amounts((8, 0.8889), (2, 0.6667), (6, 0.6667))
    assert tree["a"] == {
        **whole, "speakers": 2, "sources": {"": t, "radio": s}, "largest_speakers": {"t": t, "s": s},
    }  # fmt: skip
    assert list(tree) == ["b", "a"]


def test_the_five_largest_speakers_are_those_before_or_weighted() -> None:
    rows = [SequenceRow(f"{n}/0", f"{n}", "a", f"s{n}", 0, 10 * n, weight=1.0) for n in range(1, 9)]
    counted = {row.recording: np.ones(row.frames, bool) for row in rows}
    after = [dataclasses.replace(rows[0], weight=90.0), *rows[1:]]
    tree = counts.before_and_after(rows, after, counted, ["a"], frame_s=1)
    assert list(tree["a"]["largest_speakers"]) == ["s1", "s8", "s7", "s6", "s5"]
    assert tree["a"]["speakers"] == 8
