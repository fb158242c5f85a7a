"""Decode the files of a part in a worker."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import params
from pipeline.arrays import Samples
from pipeline.audio.cuts import Cut, take
from pipeline.audio.decode import decode
from pipeline.audio.foreign import Decoder
from pipeline.audio.samples import Decoded
from pipeline.audio.wav import Container
from pipeline.corpus import remote
from pipeline.corpus.entries import Entry
from pipeline.errors import ArtifactError, AudioError
from pipeline.ingest.part import Ingested, SourceFile
from pipeline.rows import RecordingRow, RejectedRow

OVERSHOOT_S = 0.5  # of the end of a recording beyond that of its file: its table was rounded
CRASHED = "crashes its decoder, or keeps it from ending; convert it to WAV or FLAC again"


def ingest(
    part: Sequence[SourceFile], container: Path | None, settings: params.Audio, left_out: frozenset[int] = frozenset()
) -> Ingested:
    """Decode the files of a part into a container, measure their recordings and find their landmarks.

    Parameters
    ----------
    container
        None: no container is written.
    left_out
        Positions of files that can't be decoded.
    """
    work = _Part(container, settings)
    for position, file in enumerate(part):
        if position in left_out:
            work.rejected.append(RejectedRow(file.name, "killed", CRASHED))
        else:
            work.decode(file)
    return work.finish()


def require_unchanged(part: Sequence[SourceFile]) -> None:
    """Refuse files that have changed since the corpus was listed: their results would be kept for other content.

    One behind an address is compared as it is fetched.
    """
    for file in part:
        if not isinstance(file.path, Path):
            continue
        try:
            with file.path.open("rb") as opened:
                if hashlib.file_digest(opened, "sha256").hexdigest() == file.sha256:
                    continue
        except OSError:
            pass
        raise ArtifactError(f"{file.name!r} has changed since the corpus was listed; run `dvc repro` again")


@dataclass(frozen=True)
class _Recording:
    """A recording to be decoded: an entry, or one channel of it."""

    entry: Entry
    channel: int  # in the ids and tables
    speaker: str
    cut: Cut


class _Part:
    """Decodes files into one container, one after the other."""

    def __init__(self, container: Path | None, settings: params.Audio) -> None:
        from pipeline.fingerprint.landmarks import Landmarker  # with SciPy, which only workers need

        self._settings, self._name = settings, container.name if container else ""
        self._container, self._decoder = Container(container, settings.sample_rate), Decoder()
        self._landmarker = Landmarker(settings.sample_rate)
        self._rows: list[RecordingRow | None] = []  # of those that the landmarker heard; None: rejected
        self.rejected: list[RejectedRow] = []

    def decode(self, file: SourceFile) -> None:
        """Decode the recordings of a file; a damaged file is rejected as a whole."""
        try:
            with remote.local(file.path, file.size, file.sha256) as path:
                decoded = decode(path, self._decoder)
                wanted = [one for entry in file.entries for one in self._recordings(entry, decoded.channels)]
                cuts = take(decoded, [recording.cut for recording in wanted], self._settings.sample_rate)
                for recording, blocks in zip(wanted, cuts, strict=True):
                    self._accept(recording, decoded, blocks)
        except AudioError as error:
            self.rejected.append(RejectedRow(file.name, error.reason, error.detail))

    def finish(self) -> Ingested:
        """Complete the container and return the result."""
        self._container.close()
        heard = zip(self._rows, self._landmarker.finish(), strict=True)
        landmarks = [found for row, found in heard if row]
        return Ingested([row for row in self._rows if row], landmarks, self.rejected)

    def _accept(self, recording: _Recording, decoded: Decoded, blocks: Iterator[Samples]) -> None:
        from pipeline.audio.measure import measure  # with SciPy, which only workers need

        settings, entry = self._settings, recording.entry
        self._container.begin()
        self._landmarker.start()
        try:
            try:
                measures = measure(
                    blocks, self._container.write, settings.sample_rate, settings.min_duration, self._landmarker.accept
                )
            except AudioError as error:
                if error.reason == "too_short":
                    self._require_end(recording)  # the cause, if it ends early
                raise
            self._require_end(recording)
        except AudioError as error:
            self._container.take_back()
            self._rows.append(None)
            if error.reason == "silent" and decoded.channels > 1 and not recording.cut.channel:
                mean = f"is silent as the mean of its {decoded.channels} channels"
                error = AudioError("silent", f"{mean}, which may cancel; set audio.channels to first or split")
            self._reject(recording, error)
            return
        self._rows.append(
            RecordingRow(
                recording=entry.id(recording.channel),
                path=entry.name,
                language=entry.language,
                speaker=recording.speaker,
                group=entry.group or entry.file_id,
                duration_s=measures.samples / settings.sample_rate,
                sample_rate=decoded.sample_rate,
                channels=decoded.channels,
                format=decoded.format,
                file=self._name,
                first_sample=self._container.place()[0],
                channel=recording.channel,
                start_s=entry.start_s,
                speaker_from=entry.speaker_from,
                extra=entry.columns | ({"source": entry.source} if entry.source else {}),
                **vars(measures),
            )
        )

    def _reject(self, recording: _Recording, error: AudioError) -> None:
        part = recording.entry.part(recording.channel)
        detail = f"({part}) {error.detail}" if part else error.detail
        self.rejected.append(RejectedRow(recording.entry.name, error.reason, detail))

    def _require_end(self, recording: _Recording) -> None:
        """Reject a recording that ends before its listed end."""
        cut, (_, samples) = recording.cut, self._container.place()
        if cut.stop is not None and samples < cut.stop - cut.start - OVERSHOOT_S * self._settings.sample_rate:
            missing_s = (cut.stop - cut.start - samples) / self._settings.sample_rate
            raise AudioError("segment", f"ends {missing_s:.2f} s before this part of it does; correct its times")

    def _recordings(self, entry: Entry, channels: int) -> Iterator[_Recording]:
        """Yield the recordings that an entry stands for in a file with so many channels; reject those that can't be."""
        split = self._settings.channels == "split" and channels > 1
        first = self._settings.channels == "first" and channels > 1
        for number in [entry.channel] if entry.channel else range(1, channels + 1) if split else [int(first)]:
            speaker = entry.speaker
            if entry.channel_speakers and (number or channels == 1):
                speaker = "".join(entry.channel_speakers[max(number - 1, 0) :][:1])
            # A file with one channel is that channel: it was cut out of a file with more.
            cut = Cut(number if channels > 1 else 0, *entry.span(self._settings.sample_rate))
            recording = _Recording(entry, number, speaker, cut)
            if number > channels > 1:
                self._reject(recording, AudioError("channel", f"has {channels} channels; name one of them"))
            elif not speaker:
                remedy = "set audio.channels to split" if entry.channel_speakers and not number else "write one"
                self._reject(recording, AudioError("no_speaker", f"has no speaker; {remedy}"))
            else:
                yield recording
