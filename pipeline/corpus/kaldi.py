"""The layout of a Kaldi data directory: wav.scp, utt2spk and utt2lang; optionally segments and reco2file_and_channel.

https://kaldi-asr.org/doc/data_prep.html. Commands in wav.scp are never run. Paths are relative to `corpus.root`, or
below it; `corpus.table` may name a wav.scp in a folder below, beside which the other tables lie.
"""

import posixpath
from pathlib import Path

from pipeline import names
from pipeline.corpus import mirrors
from pipeline.corpus.collector import Collector
from pipeline.corpus.paths import is_file, quoted
from pipeline.errors import AudioError, CorpusError

WAV = "wav.scp"
REMEDY = "write it as Kaldi does: a key and its value per line, in UTF-8"
CHANNELS = {"A": "1", "B": "2"}


def recognise(root: Path) -> str | None:
    """Return why a folder matches this layout, or None."""
    return f"it holds {WAV}" if is_file(root / WAV) else None


def read(collector: Collector) -> None:
    """List the utterances: those of segments, or else the recordings of wav.scp."""
    collector.speakers_in = "utt2spk"
    wav = collector.corpus.table or WAV
    segments, channels = _beside(wav, "segments"), _beside(wav, "reco2file_and_channel")
    has_segments = is_file(collector.root / segments)
    files, languages = _pairs(collector, wav), _pairs(collector, _beside(wav, "utt2lang"))
    speakers = _pairs(collector, _beside(wav, "utt2spk")) if collector.corpus.speakers == "table" else {}
    letters = _pairs(collector, channels) if is_file(collector.root / channels) else {}
    # Without known speakers, Kaldi's rule is to name each utterance as its own speaker.
    unknown = all(names.normal(speaker) == utterance for utterance, (_, speaker) in speakers.items())
    for utterance, (where, value) in _pairs(collector, segments).items() if has_segments else files.items():
        try:
            if utterance not in languages:
                raise AudioError("no_language", "has no language in utt2lang; add it")
            recording, *times = value.split() if has_segments else [utterance]
            if has_segments and len(times) not in (2, 3):  # a third is a channel, which Kaldi ignores as well
                raise AudioError("times", f"has {len(times)} times in segments; write start and end in seconds")
            recording = names.normal(recording)
            path = _path(collector.root, files, recording)
        except AudioError as error:
            collector.reject(utterance, error)
            continue
        letter = ["", *letters.get(recording, ("", ""))[1].split()][-1]
        part = dict(zip(("start", "end"), times, strict=False)) | {"channel": CHANNELS.get(letter.upper(), letter)}
        speaker = None if unknown else speakers.get(utterance, ("", ""))[1]
        collector.add(path, languages[utterance][1], speaker, where=where, part=part)


def _beside(wav: str, name: str) -> str:
    return posixpath.join(posixpath.dirname(wav), name)


def _pairs(collector: Collector, path: str) -> dict[str, tuple[str, str]]:
    """Return the place, for messages, and the value of each key in a table."""
    table = collector.table(path, REMEDY, style="pairs", header=("key", "value"))
    found: dict[str, tuple[str, str]] = {}
    for line, row in table.rows(("key", "value")):
        where = f"{table.name} line {line}"
        if found.setdefault(names.normal(row["key"]), (where, row["value"].strip()))[0] != where:
            raise CorpusError(f"{where} lists {quoted(row['key'])} again; list it once")
    return found


def _path(root: Path, files: dict[str, tuple[str, str]], recording: str) -> str:
    """Return the path of a recording, relative to the root."""
    if recording not in files:
        raise AudioError("missing", f"is part of {quoted(recording)}, which {WAV} does not list; add it there")
    path, prefix = files[recording][1], posixpath.join(mirrors.shown(posixpath.realpath(root)), "")
    if path.startswith("|") or path.endswith("|"):
        detail = f"is the output of a command in {WAV}, and commands are never run; write it to a file and name that"
        raise AudioError("program", detail)
    same = names.composed(path)
    return path.removeprefix(prefix) if path.startswith(prefix) else same.removeprefix(names.composed(prefix))
