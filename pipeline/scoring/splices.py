"""Streams spliced from recordings of several languages: how soon and how surely a timeline finds the changes.

A stream has one to four turns of 3 to 15 s, as far as the recordings of a speaker reach; those with one turn show what
a change adds. A turn is a speaker's, and the next one often the same speaker's, where that has another language.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.rows import SplitRow
from pipeline.scoring import intervals
from pipeline.scoring.offline import OfflineNetwork
from pipeline.streaming.description import Description
from pipeline.streaming.identifier import Frames
from pipeline.streaming.timeline import BLOCK_S, Timeline, Turns

COUNT, FITTED = 200, 60  # streams, for the scores and for the fit of the temperature
MOST_TURNS = 4
TURN_S = (3.0, 15.0)
SAME_SPEAKER = 0.5  # share of the changes, where it is possible
NEAR_S = 1.5  # between a change and the beginning of a segment that finds it
LONG_S, MOST_LONG = 600.0, 6  # in one language, before a change; number of such streams
TEMPERATURES = (5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 70.0, 100.0)
FALSE_S = 1.0  # of speech in a wrong language, as bad as a false change


class Turn(NamedTuple):
    """A part of a stream in one language: recordings, and the first and the last frame of each that it takes."""

    language: str
    parts: tuple[tuple[str, int, int], ...]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return sum(stop - start for _, start, stop in self.parts)


Splice = tuple[Turn, ...]


class Found(NamedTuple):
    """What the timeline found in a stream."""

    turns: int
    seconds: float
    speech_s: float
    wrong_s: float  # of the speech, in a segment of another language or in none
    changes: int  # of the language
    found: int  # changes that a segment in the new language begins near
    false: int  # segments in another language than the one before that answer no change, not even late
    delay_s: float  # from the first speech after the first change until the new language is present; nan if never


def draw(
    rows: Sequence[SplitRow], lengths: Callable[[str], int], frame_s: float, seed: int, count: int = COUNT
) -> list[Splice]:
    """Draw streams; none without two languages. `lengths` returns the number of frames of a recording."""
    by_language: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        by_language.setdefault(row.language, {}).setdefault(row.speaker, []).append(row.recording)
    rng, names, found = np.random.default_rng(seed), sorted(by_language), list[Splice]()
    for number in range(count if len(names) > 1 else 0):
        turns, speaker = list[Turn](), ""
        for _ in range(1 + number % MOST_TURNS):
            others = [name for name in names if not turns or name != turns[-1].language]
            same = [name for name in others if speaker in by_language[name]]
            stays = bool(same) and rng.random() < SAME_SPEAKER
            language = str(rng.choice(same if stays else others))
            speaker = speaker if stays else str(rng.choice(sorted(by_language[language])))
            length = round(rng.uniform(*TURN_S) / frame_s)
            turns.append(_turn(language, rng.permutation(by_language[language][speaker]).tolist(), length, lengths))
        found.append(tuple(turns))
    return found


def long(rows: Sequence[SplitRow], lengths: Callable[[str], int], frame_s: float) -> list[Splice]:
    """Return a stream for each language: ten minutes of it, its recordings repeated, and a turn in the next one."""
    names = sorted({row.language for row in rows})

    def turn(language: str, seconds: float) -> Turn:
        repeated = itertools.cycle(row.recording for row in rows if row.language == language)
        return _turn(language, repeated, round(seconds / frame_s), lengths)

    pairs = zip(names, names[1:] + names[:1], strict=True) if len(names) > 1 else []
    return [(turn(one, LONG_S), turn(other, TURN_S[1])) for one, other in itertools.islice(pairs, MOST_LONG)]


def _turn(language: str, recordings: Iterable[str], n_frames: int, lengths: Callable[[str], int]) -> Turn:
    """Return a turn of so many frames of recordings one after the other, as far as they reach."""
    parts = []
    for recording in recordings:
        stop = min(n_frames, lengths(recording))
        parts.append((recording, 0, stop))
        n_frames -= stop
        if not n_frames:
            break
    return Turn(language, tuple(parts))


def measure(splice: Splice, network: OfflineNetwork, settings: Sequence[Turns]) -> list[Found]:
    """Return what the timeline makes of a stream with each of these settings."""
    frames, languages = network.joined(part for turn in splice for part in turn.parts), network.description.languages
    spoken = [languages.index(turn.language) for turn in splice]
    edges = np.cumsum([0, *(turn.frames for turn in splice)]).tolist()
    truth = np.repeat(spoken, np.diff(edges))
    # A change is heard with the first speech after it; a turn without speech is none.
    heard = [
        (start + int(np.argmax(frames.speech[start:stop])), language)
        for (start, stop), language in zip(itertools.pairwise(edges), spoken, strict=True)
        if frames.speech[start:stop].any()
    ]
    changes = [at for (_, before), (at, language) in itertools.pairwise(heard) if language != before]
    return [_found(frames, truth, changes, each, network.description) for each in settings]


def _found(
    frames: Frames, truth: NDArray[np.int64], changes: Sequence[int], settings: Turns, description: Description
) -> Found:
    timeline = Timeline(description.languages, settings, None, description.frame_s)
    frame_s, n_frames, delay_s = description.frame_s, len(truth), math.nan
    step, at = max(1, round(BLOCK_S / frame_s)), changes[0] if changes else n_frames
    sooner = round(settings.delay / frame_s)  # frames of which a stream has the answers, when it knows a flag
    for start, stop in itertools.pairwise([0, *range(at, n_frames, step), n_frames]):
        answers = frames.posteriors[start + sooner if start else 0 : stop + sooner]
        timeline.accept(answers, frames.speech[start:stop])
        if math.isnan(delay_s) and stop > at and timeline.present == description.languages[truth[at]]:
            delay_s = round((stop - at) * frame_s, 6)
    timeline.finish()
    answered, segments = np.full(n_frames, -1), timeline.segments
    for one in segments:
        answered[round(one.start_s / frame_s) : round(one.end_s / frame_s)] = description.languages.index(one.language)
    wrong = frames.speech & (answered != truth)
    starts = [
        (one.start_s, description.languages.index(one.language))
        for before, one in itertools.pairwise(segments)
        if one.language != before.language
    ]
    found, matched = 0, set[int]()
    for change, following in itertools.pairwise([*changes, n_frames]):
        change_s = change * frame_s
        end_s = math.inf if following == n_frames else max(following * frame_s - NEAR_S, change_s)
        for place, (start_s, language) in enumerate(starts):  # the first beginning answers the change, even if late
            in_time = abs(start_s - change_s) <= NEAR_S
            if place not in matched and language == truth[change] and (in_time or change_s < start_s < end_s):
                matched.add(place)
                found += in_time
                break
    return Found(
        len(changes) + 1, n_frames * frame_s, float(frames.speech.sum()) * frame_s, float(wrong.sum()) * frame_s,
        len(changes), found, len(starts) - len(matched), delay_s,
    )  # fmt: skip


def seconds(n_languages: int) -> dict[str, float]:
    """Return the seconds of audio of all streams, for the fit and for the scores."""
    mean_s = sum(TURN_S) / 2 * (1 + MOST_TURNS) / 2
    long_s = min(n_languages, MOST_LONG) * LONG_S
    return {"fit": FITTED * mean_s, "test": COUNT * mean_s + long_s}


def best(turns: Sequence[Turns], found: Sequence[Sequence[Found]]) -> Turns:
    """Return the settings with the least time in a wrong language and false changes, given all that each has found.

    Without a stream, the middle ones.
    """
    if not found:
        return turns[len(turns) // 2]
    costs = np.array([[one.wrong_s + FALSE_S * one.false for one in of_stream] for of_stream in found])
    return turns[int(costs.sum(axis=0).argmin())]


def summary(found: Sequence[Found]) -> dict[str, Any] | None:
    """Return the scores of the timeline, as at `timeline` in evaluation/metrics.json; None without a stream.

    Streams of `long` give the delay after ten minutes, the others everything else. Intervals are over streams.
    """
    after = [one.delay_s for one in found if one.seconds > LONG_S]
    found = [one for one in found if one.seconds <= LONG_S]
    if not found:
        return None
    names = [str(number) for number in range(len(found))]
    columns = {name: np.array([getattr(one, name) for one in found], np.float64) for name in Found._fields}
    single = columns["turns"] == 1

    def share(part: str, whole: str, chosen: NDArray[np.bool_]) -> dict[str, Any]:
        return intervals.share(names, columns[part] * chosen, columns[whole] * chosen)

    minutes = columns["seconds"].sum() / 60
    return {
        "streams": len(found),
        "changes": int(columns["changes"].sum()),
        "near_s": NEAR_S,
        "found": share("found", "changes", ~single),
        "false_per_minute": round(float(columns["false"].sum() / minutes), 6),
        "wrong": share("wrong_s", "speech_s", ~single),
        "wrong_without_change": share("wrong_s", "speech_s", single),
        "delay_s": _median([one.delay_s for one in found if one.changes]),
        "delay_after_ten_minutes_s": _median(after),
    }


def _median(delays: Sequence[float]) -> float | None:
    """Return the median delay; one that never ended is infinite, which is None, as is the median of nothing."""
    median = float(np.median([math.inf if math.isnan(delay) else delay for delay in delays])) if delays else math.inf
    return median if math.isfinite(median) else None


def sentence(summary: Mapping[str, Any] | None) -> str:
    """Return the scores of the timeline in one sentence."""
    if summary is None:
        return "the timeline is not scored: the test recordings have fewer than two languages"
    wrong, single = summary["wrong"]["share"], summary["wrong_without_change"]["share"]
    return (
        f"{summary['streams']} spliced streams: {summary['found']['share']:.1%} of {summary['changes']} changes of the "
        f"language found within {NEAR_S:g} s, {summary['false_per_minute']:.2f} false ones per minute; wrong language "
        f"{wrong:.1%} of the time, {single:.1%} without a change"
    )
