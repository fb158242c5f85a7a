"""The open set: how often what is in no known language is called one, by the share of right answers given up.

Of every answer, the confidence decides. The limit of the table is that which `LOST` of the right answers to the test
recordings do not reach; `decision.refuse` sets the limit of an export, from validation recordings.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.arrays import Waveform
from pipeline.rows import SplitRow
from pipeline.scoring import evaluation, intervals, metrics, sounds
from pipeline.scoring.evaluation import RecordingScore
from pipeline.streaming.decision import UNKNOWN
from pipeline.streaming.identifier import Identifier

LOST = 0.05  # share of the right answers


def score_sounds(identifier: Identifier, seed: int, voices: Sequence[Waveform]) -> Iterator[RecordingScore]:
    """Score the synthesised sounds as streams; their kind is given as the language."""
    description = identifier.description
    for number, (kind, sound) in enumerate(sounds.synthesised(seed, description.sample_rate, voices)):
        row = SplitRow(f"{kind}-{number}", kind, f"{kind}-{number}", "", sounds.SECONDS)
        identifier.reset_states()
        yield evaluation.score_frames(row, evaluation.streamed(identifier, [sound]), description)


def summary(known: Sequence[RecordingScore], unknown: Iterable[RecordingScore]) -> dict[str, Any] | None:
    """Return the content of `open_set` in evaluation/metrics.json, given test recordings and ones of unknown languages.

    None if no test recording is recognised.
    """
    right = np.array([scored.decision.confidence for scored in known if scored.decision.leading == scored.row.language])
    if not len(right):
        return None
    below = float(np.quantile(right, LOST, method="lower"))  # so that no more are below it
    kinds = defaultdict[str, list[RecordingScore]](list)
    for scored in unknown:
        kinds[scored.row.language].append(scored)
    return {
        "lost": round(float((right < below).mean()), 6),  # less than LOST of a few
        "below": round(below, 6),
        "kinds": {kind: _false_alarms(scores, below) for kind, scores in kinds.items()},
    }


def _false_alarms(scores: Sequence[RecordingScore], below: float) -> dict[str, Any]:
    speakers = [scored.row.speaker for scored in scores]
    columns = {
        "called": np.array([scored.predicted not in (metrics.UNDECIDED, UNKNOWN) for scored in scores]),
        "called_at_lost": np.array([one.decision.frames > 0 and one.decision.confidence >= below for one in scores]),
    }
    shares = {name: intervals.share(speakers, right, np.ones(len(scores))) for name, right in columns.items()}
    return {"recordings": len(scores), **shares}


def table(found: Mapping[str, Any]) -> tuple[list[str], list[list[object]]]:
    """Return the false alarms as a header and rows to show."""
    rows = [
        [kind, row["recordings"], f"{row['called']['share']:.1%}", f"{row['called_at_lost']['share']:.1%}"]
        for kind, row in found["kinds"].items()
    ]
    lost = f"called one, {found['lost']:.0%} of right answers lost"
    return ["in no known language", "recordings", "called one", lost], rows


def sentence(found: Mapping[str, Any] | None) -> str:
    """Return the false alarms in one sentence."""
    if not found or not found["kinds"]:
        return "the open set is not scored: no test recording is recognised, or the export can't stream"
    shares = {kind: row["called_at_lost"]["share"] for kind, row in found["kinds"].items()}
    worst, best = (choose(shares, key=shares.__getitem__) for choose in (max, min))
    return (
        f"a confidence of {found['below']:.3f} loses {found['lost']:.0%} of the right answers, and still calls "
        f"{shares[worst]:.0%} of {worst} a known language, {shares[best]:.0%} of {best}"
    )
