"""The layout of a Kaldi data directory: wav.scp, utt2spk and utt2lang; optionally segments and reco2file_and_channel.

https://kaldi-asr.org/doc/data_prep.html. Commands in wav.scp are never run. Paths are relative to `corpus.root`, or
below it; `corpus.table` may name a wav.scp in a folder below, beside which the other tables lie.
"""

import posixpath
from collections.abc import Iterator
from pathlib import Path

from pipeline import names, params
from pipeline.corpus.collector import Collector, span
from pipeline.corpus.entries import Listing
from pipeline.corpus.paths import escaped, is_file, on_disk, quoted
from pipeline.errors import AudioError, CorpusError

WAV = "wav.scp"
REMEDY = "write it as Kaldi does: a key and its value per line, in UTF-8"
CHANNELS = {"A": 1, "B": 2}


def recognise(root: Path) -> str | None:
    """Return why a folder matches this layout, or None."""
    return f"it holds {WAV}" if is_file(root / WAV) else None


def read(root: Path, corpus: params.Corpus) -> Listing:
    """List the utterances: those of segments, or else the recordings of wav.scp."""
    table = on_disk(root, corpus.table or WAV)
    files, folder = dict(_pairs(table)), table.parent
    languages = dict(_pairs(folder / "utt2lang"))
    speakers = dict(_pairs(folder / "utt2spk")) if corpus.speakers == "table" else {}
    channels = _channels(folder / "reco2file_and_channel")
    collector, prefix = Collector(root, corpus, "utt2spk"), posixpath.join(posixpath.realpath(root), "")
    # Without known speakers, Kaldi's rule is to name each utterance as its own speaker.
    unknown = all(names.normal(speaker) == utterance for utterance, speaker in speakers.items())
    for where, utterance, recording, start, end in _utterances(folder / "segments", table, files):
        try:
            if utterance not in languages:
                raise AudioError("no_language", "has no language in utt2lang; add it", Path(utterance))
            path = _path(files, recording, prefix)
            times = span(start, end, path)
        except AudioError as error:
            collector.reject(utterance, error)
            continue
        if language := collector.language(languages[utterance]):
            speaker = None if unknown else speakers.get(utterance, "")
            collector.add(
                path, language, speaker, where=where, channel=channels.get(recording, 0), start=times[0], end=times[1]
            )
    return collector.listing()


def _utterances(segments: Path, table: Path, files: dict[str, str]) -> Iterator[tuple[str, str, str, str, str]]:
    """Place in its table, utterance, recording, start and end of each utterance."""
    if not is_file(segments):
        for recording in files:
            yield f"{escaped(str(table))}: {quoted(recording)}", recording, recording, "", ""
        return
    for utterance, value in _pairs(segments):
        cells = value.split()
        where = f"{escaped(str(segments))}: {quoted(utterance)}"
        if len(cells) not in (3, 4):  # a fourth cell is a channel, which Kaldi ignores as well
            raise CorpusError(f"{where} has {len(cells)} values; write the recording, the start and the end in seconds")
        yield where, utterance, names.normal(cells[0]), cells[1], cells[2]


def _path(files: dict[str, str], recording: str, prefix: str) -> str:
    """The path of a recording, relative to the root."""
    path = files.get(recording)
    if path is None:
        raise AudioError("missing", f"is part of {quoted(recording)}, which {WAV} does not list; add it there")
    if path.startswith("|") or path.endswith("|"):
        detail = f"is the output of a command in {WAV}, and commands are never run; write it to a file and name that"
        raise AudioError("program", detail)
    same = names.composed(path)
    return path.removeprefix(prefix) if path.startswith(prefix) else same.removeprefix(names.composed(prefix))


def _channels(table: Path) -> dict[str, int]:
    """The channel of each recording."""
    found = {}
    for recording, value in _pairs(table) if is_file(table) else ():
        letter = value.split()[-1]
        channel = CHANNELS.get(letter.upper()) or (int(letter) if letter.isdecimal() else 0)
        if not 1 <= channel <= 1024:
            raise CorpusError(
                f"{escaped(str(table))}: {quoted(recording)} has the channel {quoted(letter)}; write A, B or a number"
            )
        found[recording] = channel
    return found


def _pairs(table: Path) -> Iterator[tuple[str, str]]:
    """Key and value of each line."""
    name = escaped(str(table))
    try:
        if not is_file(table):
            raise CorpusError(f"{name} is missing; {REMEDY}")
        with table.open(encoding="utf-8-sig") as file:
            seen = set()
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                key, *value = line.split(maxsplit=1)
                key = names.normal(key)
                if not value:
                    raise CorpusError(f"{name} line {number} has a key and no value; {REMEDY}")
                if key in seen:
                    raise CorpusError(f"{name} line {number} lists {quoted(key)} again; list it once")
                seen.add(key)
                yield key, value[0].strip()
    except (OSError, ValueError) as error:  # ValueError: not UTF-8
        reason = error.strerror if isinstance(error, OSError) else error
        raise CorpusError(f"{name} can't be read ({reason}); {REMEDY}") from error
