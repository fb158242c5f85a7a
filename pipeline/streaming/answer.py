"""The answer to a whole file or stream, as `lid identify` gives it."""

from pathlib import Path
from typing import Any, NamedTuple

from pipeline.audio.decode import decode
from pipeline.console.text import printable
from pipeline.errors import AudioError
from pipeline.streaming.identifier import Identifier

KEYS = ("start_s", "end_s", "language", "confidence")  # of a segment


class Answered(NamedTuple):
    """The answer to a file, None if it can't be used; and a sentence about that, or about what may be wrong."""

    answer: dict[str, Any] | None
    remark: str = ""


def answer(name: str, stream: Identifier, duration_s: float) -> dict[str, Any]:
    """Return the answer of a stream with the keys that README lists; without speech, it has no posteriors."""
    decision, description = stream.decision, stream.description
    posteriors = zip(description.classes, decision.posteriors.tolist(), strict=True)
    prior = description.decision.prior
    given = {} if prior is None else {"prior": dict(zip(description.languages, prior, strict=True))}
    return {
        "path": name,
        "language": decision.language,
        "confidence": round(decision.confidence, 6),
        "posteriors": {key: round(posterior, 6) for key, posterior in posteriors} if decision.frames else None,
        "duration_s": round(duration_s, 6),
        "frames": stream.decided,
        "speech_s": round(decision.frames * stream.frame_s, 6),
        "stable_s": round(decision.since * stream.frame_s, 6) if decision.frames else None,
        "segments": [
            dict(zip(KEYS, segment, strict=False)) | {"end_s": min(segment.end_s, round(duration_s, 6))}
            for segment in stream.segments
            if segment.start_s < duration_s  # the last frame is centred on the end
        ],
    } | given


def identify(path: Path, network: Identifier, place: Path = Path()) -> Answered:
    """Identify the language of a file, in blocks of some seconds; a relative path starts at `place`."""
    name, n_samples = printable(path), 0
    try:
        decoded = decode(place / path)
        stream = network.stream(decoded.sample_rate)
        for block in decoded.mono:
            n_samples += len(block)
            stream.accept(block)
        stream.finish()
    except AudioError as error:
        return Answered(None, f"error: {name} {error.detail}")
    remark = ""
    if decoded.channels > 1 and not stream.decision.frames:
        mean = f"the mean of its {decoded.channels} channels, which may cancel"
        remark = f"{name} has no speech in {mean}; cut out one: sox IN.wav OUT.wav remix 1"
    return Answered(answer(name, stream, n_samples / stream.sample_rate), remark)
