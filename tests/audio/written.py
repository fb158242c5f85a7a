"""Recordings as ingest writes them: each in a container of its own."""

from pathlib import Path

from pipeline.audio.container import Container
from pipeline.audio.cuts import Cut, take
from pipeline.audio.decode import decode
from pipeline.audio.measure import Measures, measure


def write(source: Path, target: Path, sample_rate: int, min_duration: float = 0.0) -> Measures:
    """Decode a file, measure it and write it."""
    container, found = Container(target, sample_rate), list[Measures]()
    container.begin()
    decoded = decode(source)
    take(
        decoded,
        [Cut()],
        sample_rate,
        lambda _, blocks: found.append(measure(blocks, container.write, sample_rate, min_duration)),
    )
    container.close()
    return found[0]
