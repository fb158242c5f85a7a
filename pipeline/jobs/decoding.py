"""Decode files in a worker: every recording in them measured, fingerprinted and written into a container."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import params
from pipeline.arrays import Samples
from pipeline.audio.container import Nowhere, Place, Rolling
from pipeline.audio.cuts import Cut, take
from pipeline.audio.decode import decode
from pipeline.audio.decoded import Decoded as DecodedFile
from pipeline.audio.foreign import Decoder
from pipeline.corpus.entries import Entry
from pipeline.errors import AudioError
from pipeline.fingerprint.landmarks import Landmarks
from pipeline.rows import RecordingRow, RejectedRow

if TYPE_CHECKING:
    from pipeline.audio.measure import Measures

OVERSHOOT_S = 0.5  # of the end of a recording beyond that of its file: its table was rounded


@dataclass(frozen=True)
class SourceFile:
    """A file with all recordings in it; a task decodes some files and writes their recordings into one container."""

    path: Path
    entries: tuple[Entry, ...]
    batch: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.entries[0].stamp[0]


@dataclass(frozen=True)
class Decoded:
    """A recording that can be used, with the place of its samples and the landmarks of its speech."""

    row: RecordingRow
    place: Place
    batch: int
    landmarks: Landmarks


def ingest(
    files: Sequence[SourceFile], target: Path, settings: params.Audio, keep: bool = True
) -> list[list[Decoded | RejectedRow]]:
    """Decode files into a new container in `target`, measure their recordings and find their landmarks.

    With keep False, no container is written.
    """
    # A new name every time: a frozen worker may continue to write while another repeats its task.
    writer = Rolling(target, uuid.uuid4().hex, settings.sample_rate) if keep else Nowhere()
    task = _Task(writer, settings)
    with Decoder() as decoder:
        results = [task.decode(file, decoder) for file in files]
    landmarks = task.finish()
    return [
        [
            Decoded(made.row, made.place, file.batch, landmarks[made.number]) if isinstance(made, _Heard) else made
            for made in rows
        ]
        for file, rows in zip(files, results, strict=True)
    ]


@dataclass(frozen=True)
class _Part:
    """A recording to be decoded: an entry, or one channel of it."""

    entry: Entry
    channel: int  # in the ids and tables
    speaker: str
    cut: Cut

    def rejected(self, error: AudioError) -> RejectedRow:
        part = self.entry.part(self.channel)
        return RejectedRow(self.entry.name, error.reason, f"({part}) {error.detail}" if part else error.detail)


@dataclass(frozen=True)
class _Heard:
    """A recording that can be used, and its number among those that the landmarker heard."""

    row: RecordingRow
    place: Place
    number: int


class _Task:
    """Decodes files, one after the other."""

    def __init__(self, writer: Rolling, settings: params.Audio) -> None:
        from pipeline.fingerprint.landmarker import Landmarker  # with Numba, which only workers need

        self._writer = writer
        self._landmarker = Landmarker(settings.sample_rate)
        self._started = 0
        self._settings = settings

    def decode(self, file: SourceFile, decoder: Decoder) -> list[_Heard | RejectedRow]:
        """The recordings of a file; a damaged file is rejected as a whole."""
        rows: list[_Heard | RejectedRow] = []
        try:
            decoded = decode(file.path, decoder)
            parts: list[_Part] = []
            for part in (part for entry in file.entries for part in _parts(entry, decoded.channels, self._settings)):
                if isinstance(part, _Part):
                    parts.append(part)
                else:
                    rows.append(part)
            take(
                decoded,
                [part.cut for part in parts],
                self._settings.sample_rate,
                lambda position, blocks: rows.append(self._hear(parts[position], decoded, blocks)),
            )
        except AudioError as error:
            rows.append(RejectedRow(file.entries[0].name, error.reason, error.detail))
        return rows

    def finish(self) -> list[Landmarks]:
        """Complete the container; the landmarks of all recordings that were heard."""
        self._writer.end()
        return self._landmarker.finish()

    def _hear(self, part: _Part, decoded: DecodedFile, blocks: Iterator[Samples]) -> _Heard | RejectedRow:
        settings, writer = self._settings, self._writer
        writer.begin()
        self._landmarker.start()
        self._started += 1
        try:
            measures = _measured(part, blocks, writer, settings, self._landmarker.accept)
        except AudioError as error:
            writer.take_back()
            if error.reason == "silent" and decoded.channels > 1 and not part.cut.channel:
                mean = f"is silent as the mean of its {decoded.channels} channels"
                error = AudioError("silent", f"{mean}, which may cancel; set audio.channels to first or split")
            return part.rejected(error)
        entry = part.entry
        row = RecordingRow(
            recording=entry.id(part.channel),
            path=entry.name,
            language=entry.language,
            speaker=part.speaker,
            group=entry.group or entry.file_id,
            duration_s=measures.samples / settings.sample_rate,
            sample_rate=decoded.sample_rate,
            channels=decoded.channels,
            format=decoded.format,
            channel=part.channel,
            start_s=entry.start,
            speaker_from=entry.speaker_from,
            extra=entry.extra | ({"source": entry.source} if entry.source else {}),
            **vars(measures),
        )
        return _Heard(row, writer.place(), self._started - 1)


def _measured(
    part: _Part, blocks: Iterator[Samples], writer: Rolling, settings: params.Audio, listen: Callable[[Samples], None]
) -> "Measures":
    from pipeline.audio.measure import measure  # with Numba, which only workers need

    error = None
    try:
        measures = measure(blocks, writer.write, settings.sample_rate, settings.min_duration, listen)
    except AudioError as fault:
        if fault.reason != "too_short":
            raise
        error = fault
    cut, samples = part.cut, writer.place().samples
    if cut.stop is not None and samples < cut.stop - cut.start - OVERSHOOT_S * settings.sample_rate:
        missing_s = (cut.stop - cut.start - samples) / settings.sample_rate
        detail = f"ends {missing_s:.2f} s before this part of it does; correct its times"
        raise AudioError("segment", detail)
    if error:
        raise error
    return measures


def _parts(entry: Entry, channels: int, settings: params.Audio) -> Iterator[_Part | RejectedRow]:
    """The recordings that an entry stands for in a file with so many channels."""
    split = settings.channels == "split" and channels > 1
    first = settings.channels == "first" and channels > 1
    numbers = [entry.channel] if entry.channel else [*range(1, channels + 1)] if split else [int(first)]
    rate = settings.sample_rate
    for number in numbers:
        speaker = entry.speaker
        if entry.channel_speakers and (number or channels == 1):
            speaker = "".join(entry.channel_speakers[max(number - 1, 0) :][:1])
        # A file with one channel is that channel: it was cut out of a file with more.
        cut = Cut(
            number if channels > 1 else 0,
            round(entry.start * rate),
            None if entry.end is None else round(entry.end * rate),
        )
        part = _Part(entry, number, speaker, cut)
        if number > channels > 1:
            yield part.rejected(AudioError("channel", f"has {channels} channels; name one of them"))
        elif not speaker:
            remedy = "set audio.channels to split" if entry.channel_speakers and not number else "write one"
            yield part.rejected(AudioError("no_speaker", f"has no speaker; {remedy}"))
        else:
            yield part
