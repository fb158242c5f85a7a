"""Streams are spliced from turns in different languages, and what a timeline finds in them is counted."""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest

from pipeline.arrays import Flags
from pipeline.rows import SplitRow
from pipeline.scoring import splices
from pipeline.scoring.offline import OfflineNetwork
from pipeline.scoring.splices import TURN_S, Found, Splice, Turn
from pipeline.streaming.identifier import Frames
from pipeline.streaming.timeline import Turns
from tests.export import small

ROWS = [
    SplitRow(f"{language}-{speaker}-{number}", language, speaker, "g", 4.0)
    for language in small.LANGUAGES
    for speaker in ("ann", "bob", "cyd")
    for number in range(5)
]
TURNS = Turns(temperature=20.0)


@dataclass
class Certain:
    """A network that knows the language of every recording, or always gives one answer; the first 0.5 s are silent."""

    answer: str = ""

    @property
    def description(self) -> Any:
        return small.described("mask")

    def joined(self, parts: Iterable[tuple[str, int, int]]) -> Frames:
        posteriors, speech = [], list[Flags]()
        for recording, start, stop in parts:
            spoken = small.LANGUAGES.index(self.answer or recording.partition("-")[0])
            posteriors.append(np.tile(0.05 + 0.85 * np.eye(3, dtype=np.float32)[spoken], (stop - start, 1)))
            speech.append(np.arange(stop - start) >= 50)
        return Frames(0, np.concatenate(speech), np.concatenate(posteriors))


def drawn(count: int = 40, rows: list[SplitRow] = ROWS) -> list[Splice]:
    return splices.draw(rows, lambda _: 400, 0.01, seed=1, count=count)


def found(streams: list[Splice], answer: str = "") -> list[Found]:
    network = cast(OfflineNetwork, Certain(answer))
    return [one for stream in streams for one in splices.measure(stream, network, [TURNS])]


def test_streams_have_one_to_four_turns_that_differ_in_language() -> None:
    streams = drawn()
    assert [len(stream) for stream in streams[:5]] == [1, 2, 3, 4, 1]
    assert streams == drawn()
    kept = 0
    for stream in streams:
        assert all(one.language != other.language for one, other in itertools.pairwise(stream))
        speakers = []
        for turn in stream:
            assert TURN_S[0] <= turn.frames / 100 <= TURN_S[1]
            names = {recording.rsplit("-", 1)[0] for recording, _, _ in turn.parts}
            assert names == {f"{turn.language}-{names.copy().pop().partition('-')[2]}"}
            speakers.append(turn.parts[0][0].split("-")[1])
        kept += sum(one == other for one, other in itertools.pairwise(speakers))
    changes = sum(len(stream) - 1 for stream in streams)
    assert 0.5 <= kept / changes <= 0.85  # half by choice, a third of the others by chance
    assert drawn(rows=ROWS[:15]) == []  # one language


def test_a_network_that_knows_all_finds_every_change_and_one_that_knows_one_language_finds_none() -> None:
    streams = drawn(8)
    certain, constant = found(streams), found(streams, "hindi")
    assert [(one.turns, one.changes) for one in certain] == [(len(stream), len(stream) - 1) for stream in streams]
    assert all(one.found == one.changes and one.false == 0 for one in certain)
    assert all(one.wrong_s < 0.3 * one.turns for one in certain)  # a block may hold two languages
    assert all(one.delay_s <= 0.8 for one in certain if one.changes)
    assert all(one.found == one.false == 0 for one in constant)
    assert sum(one.wrong_s for one in constant) > 0.5 * sum(one.speech_s for one in constant)
    summary = splices.summary(certain)
    assert summary
    assert (summary["streams"], summary["changes"], summary["found"]["share"]) == (8, 12, 1.0)
    assert summary["delay_after_ten_minutes_s"] is None
    assert "8 spliced streams: 100.0% of 12 changes" in splices.sentence(summary)
    assert splices.summary([]) is None


def test_a_change_after_ten_minutes() -> None:
    streams = splices.long(ROWS, lambda _: 400, 0.01)
    assert [[turn.frames for turn in stream] for stream in streams] == [[60_000, 1500]] * 3
    assert [one.language for one, _ in streams] == list(small.LANGUAGES)
    [first, *_] = found(streams[:1])
    assert (first.found, first.false) == (1, 0)
    assert first.delay_s <= 0.8
    summary = splices.summary([first, *found(drawn(4))])
    assert summary
    assert (summary["streams"], summary["delay_after_ten_minutes_s"]) == (4, first.delay_s)


@pytest.mark.parametrize(
    ("wrong_s", "false", "chosen"), [((1, 2), (0, 0), 0), ((1, 2), (3, 0), 1), ((2, 1), (0, 0), 1)]
)
def test_the_best_settings_have_little_wrong_time_and_few_false_changes(
    wrong_s: tuple[float, float], false: tuple[int, int], chosen: int
) -> None:
    turns = [Turns(temperature=5.0), Turns(temperature=50.0)]
    made = [Found(1, 9.0, 9.0, wrong, 0, 0, count, math.nan) for wrong, count in zip(wrong_s, false, strict=True)]
    assert splices.best(turns, [made, made]) == turns[chosen]
    assert splices.best([*turns, turns[0]], []) == turns[1]


def test_short_turns_and_late_segments_answer_their_changes() -> None:
    for frames in (100, 140, 200):
        rows = [row for row in ROWS if row.recording.endswith("-0")]
        streams = splices.draw(rows, lambda _, frames=frames: frames, 0.01, seed=1, count=40)  # type: ignore[misc]
        summary = splices.summary(found(streams))
        assert summary
        assert summary["found"]["share"] > 0.9
        assert summary["false_per_minute"] < 1


def test_a_turn_without_speech_is_no_change() -> None:
    one, other = (Turn(language, ((f"{language}-ann-0", 0, 400),)) for language in ("english", "hindi"))
    silent = Turn("mandarin", (("mandarin-ann-0", 0, 50),))
    counts = [(part.changes, part.found) for part in found([(one, silent, one), (silent, other), (one, silent, other)])]
    assert counts == [(0, 0), (0, 0), (1, 1)]


def test_names_of_languages_may_begin_alike() -> None:
    description = small.described("mask").model_copy(update={"languages": ("zh", "en", "zh-TW")})
    frames = Frames(0, np.ones(400, bool), np.tile(np.array([0.05, 0.05, 0.9], np.float32), (400, 1)))
    made = splices._found(frames, np.zeros(400, np.int64), [], TURNS, description)
    assert made.wrong_s == made.speech_s == pytest.approx(4.0)
