"""Recordings cut out of the containers, each a file of its own."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import soundfile

from pipeline.audio.wav import Reader
from pipeline.exchange import AudioFormat
from pipeline.exchange.utterances import Utterance

File = tuple[str, bytes | Callable[[], bytes]]
"""Path in a folder and content; that of audio is encoded when it is called for."""
Files = Iterator[File]


def encoded(one: Utterance, audio: AudioFormat) -> bytes:
    """Return a recording as the content of a WAV or FLAC file; ArtifactError if its container is damaged."""
    content = io.BytesIO()
    soundfile.write(content, Reader(one.wav)(0, one.samples), one.rate, format=audio.upper(), subtype="PCM_16")
    return content.getvalue()


def check(one: Utterance) -> None:
    """Compare a recording with the checksums of its container; ArtifactError if it is damaged."""
    Reader(one.wav)(0, one.samples)


def cut(utterances: Sequence[Utterance], out: Path, audio: AudioFormat) -> tuple[list[Utterance], Files]:
    """Return the utterances with files of their own below a folder, data/SPLIT/CONTAINER/ID, and these files."""
    pairs = [(one, f"data/{one.split}/{one.wav.path.stem}/{one.id}.{audio}") for one in utterances]
    placed = [replace(one, file=out / name, first=0, file_samples=one.samples) for one, name in pairs]
    return placed, ((name, partial(encoded, one, audio)) for one, name in pairs)
