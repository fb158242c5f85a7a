"""Recordings as ingest writes them: each in a container of its own."""

from pathlib import Path

from pipeline.audio.container import Writer
from pipeline.audio.cuts import Cut, take
from pipeline.audio.decode import decode
from pipeline.audio.measure import Measures, measure


def write(source: Path, target: Path, sample_rate: int, min_duration: float = 0.0) -> Measures:
    """Decode a file, measure it and write it."""
    writer, found = Writer(target, sample_rate), list[Measures]()
    decoded = decode(source)
    take(
        decoded,
        [Cut()],
        sample_rate,
        lambda _, blocks: found.append(measure(blocks, writer.write, sample_rate, min_duration)),
    )
    writer.end()
    return found[0]
