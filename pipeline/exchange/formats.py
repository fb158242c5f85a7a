"""The table of formats: a small function each, which writes the same utterances as another tool reads them.

A function gets the utterances, whose audio is where `file` and `first` say, and yields files of the folder `out`. Paths
in them are absolute, unless the tool looks them up from the folder of the file that names them.
"""

import csv
import io
import json
import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

import langcodes

from pipeline.errors import ArgumentError
from pipeline.exchange import AudioFormat, Name
from pipeline.exchange.cutting import Files, encoded
from pipeline.exchange.utterances import Utterance

CUSTOM = ("split", "language", "speaker_from", "source", "licence", "url", "weight")  # what lhotse has no field for
SHARD_BYTES = 1 << 27  # of a file that holds many recordings, before encoding
GROUP = 100  # rows of a Parquet file that are read together


@dataclass(frozen=True)
class Format:
    """A format that another tool reads.

    Attributes
    ----------
    write
        Yields the files.
    reads
        What the tool reads: parts of containers, files of one recording each, or packs that hold the audio.
    line
        The line of Python that reads the split train back, for the card; `OUT` is the folder.
    hub
        True if Hugging Face's hub reads the folder: the header of its card names the files of each split.
    absolute
        True if files name others in the folder by absolute paths.
    """

    write: Callable[[Sequence[Utterance], Path, AudioFormat], Files]
    reads: str
    line: str
    hub: bool = False
    absolute: bool = False


def lhotse(utterances: Sequence[Utterance], out: Path, audio: AudioFormat) -> Files:
    """Write recordings, supervisions and cuts as JSON lines; the supervision of a cut is the whole recording.

    The spans of speech are its alignment `speech`, which follows every change that lhotse makes to a cut.
    """
    recordings = {one.file: _recording(one) for one in utterances}
    yield "recordings.jsonl", json_lines(recordings.values())
    for split, rows in by_split(utterances):
        supervisions, cuts = [], []
        for one in rows:
            at = {"start": one.start_s, "duration": one.duration_s, "channel": 0}
            custom = {name: value for name, value in described(one, *CUSTOM).items() if value != ""}
            found = {"id": one.id, "recording_id": recordings[one.file]["id"], **at, "language": one.tag,
                     "speaker": one.speaker, "custom": custom}  # fmt: skip
            supervisions.append(found | _alignment(one, one.start_s))
            inside = found | {"start": 0.0} | _alignment(one, 0.0)  # in a cut, times count from its start
            recording = recordings[one.file]
            cuts.append(
                {"id": one.id, **at, "supervisions": [inside], "recording": recording, "custom": custom,
                 "type": "MonoCut"}
            )  # fmt: skip
        yield f"supervisions_{split}.jsonl", json_lines(supervisions)
        yield f"cuts_{split}.jsonl", json_lines(cuts)


def kaldi(utterances: Sequence[Utterance], out: Path, audio: AudioFormat) -> Files:
    """Write a data directory per split. An utterance's key is its speaker's, `-` and its id, so that both sort alike.

    The spans of speech are in `subsegments`, as utils/data/subsegment_data_dir.sh reads them.
    """
    for split, rows in by_split(utterances):
        tables: dict[str, dict[str, object]] = defaultdict(dict)
        spoken: dict[str, list[str]] = defaultdict(list)
        for one in rows:
            file, speaker = one.file.stem, _token(one.speaker)
            key = f"{speaker}-{one.id}"
            spoken[speaker].append(key)
            tables["wav.scp"][file] = one.file
            tables["reco2dur"][file] = one.file_samples / one.rate
            tables["segments"][key] = f"{file} {one.start_s} {(one.first + one.samples) / one.rate}"
            values = {"utt2spk": speaker, "utt2lang": one.tag, "utt2dur": one.duration_s, "utt2weight": one.weight}
            for name, value in (values | ({"utt2source": _token(one.source)} if one.source else {})).items():
                tables[name][key] = value
            for number, (start, end) in enumerate(one.speech_s):
                tables["subsegments"][f"{key}-{number:04}"] = f"{key} {start} {end}"
        tables["spk2utt"] = {speaker: " ".join(sorted(keys)) for speaker, keys in spoken.items()}
        for name, table in tables.items():  # sorted by bytes, as `LC_ALL=C sort` does
            lines = sorted(f"{key} {value}\n".encode() for key, value in table.items())
            yield f"{split}/{name}", b"".join(lines)


def nemo(utterances: Sequence[Utterance], out: Path, audio: AudioFormat) -> Files:
    """Write a manifest per split; paths of files below the folder are relative to it, where NeMo looks them up."""
    for split, rows in by_split(utterances):
        lines = [
            {"audio_filepath": _relative(one, out), "offset": one.start_s, "duration": one.duration_s,
             "label": one.tag, "lang": one.tag, **described(one)}
            for one in rows
        ]  # fmt: skip
        yield f"{split}_manifest.json", json_lines(lines)


def audformat(utterances: Sequence[Utterance], out: Path, audio: AudioFormat) -> Files:
    """Write a database: db.yaml, and for every split a table of the recordings and one of the spans of speech."""
    columns = {name: {"scheme_id": name} for name in described(utterances[0], "id", "tag", "speaker", *CUSTOM)}
    tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in utterances:
        for name, span in (("recordings", (0.0, one.duration_s)), *(("speech", span) for span in one.speech_s)):
            start, end = (f"{one.start_s + time:.9f}s" for time in span)
            line = {"file": _relative(one, out), "start": start, "end": end, **described(one, *columns)}
            tables[f"{name}.{one.split}"].append(line)
    header = {
        "name": "spoken-languages", "source": ", ".join(sorted({one.url or one.source for one in utterances} - {""})),
        "usage": "other", "license": ", ".join(sorted({one.licence or "unknown" for one in utterances})),
        "languages": sorted({langcodes.get(one.tag).to_alpha3() for one in utterances}),
        "schemes": {name: {"dtype": "float" if name == "weight" else "str"} for name in columns},
        "splits": {one.split: {"type": {"val": "dev", "open": "other"}.get(one.split, one.split)}
                   for one in utterances},
        "tables": {name: {"type": "segmented", "split_id": name.split(".")[1], "columns": columns} for name in tables},
    }  # fmt: skip
    yield "db.yaml", f"{json.dumps(header, indent=2, ensure_ascii=False)}\n".encode()  # JSON is YAML
    for name, lines in tables.items():  # their columns are in the order of the header's
        yield f"db.{name}.csv", csv_table(lines)


def hf(utterances: Sequence[Utterance], out: Path, audio: AudioFormat) -> Files:
    """Write metadata.jsonl beside the files of each split, as the builder `audiofolder` of `datasets` reads them.

    From a metadata.csv, `datasets` would turn speakers such as 007 into numbers.
    """
    for split, rows in by_split(utterances):
        lines = [{"file_name": _relative(one, out / "data" / split), **described(one)} for one in rows]
        yield f"data/{split}/metadata.jsonl", json_lines(lines)


def parquet(utterances: Sequence[Utterance], out: Path, audio: AudioFormat) -> Files:
    """Write Parquet files that hold the audio, in an order that mixes the languages, as hubs show and stream them."""
    if find_spec("pyarrow") is None:
        raise ArgumentError("Parquet needs the package pyarrow; install it, or choose hf")
    for split, rows in by_split(utterances):
        shards = list(_shards(rows))
        for number, shard in enumerate(shards):
            yield f"data/{split}/{number:05}-of-{len(shards):05}.parquet", partial(_parquet, shard, audio)


def webdataset(utterances: Sequence[Utterance], out: Path, audio: AudioFormat) -> Files:
    """Write tar files, each recording as ID.flac and ID.json, in an order that mixes the languages."""
    for split, rows in by_split(utterances):
        for number, shard in enumerate(_shards(rows)):
            yield f"{split}-{number:06}.tar", partial(_tar, shard, audio)


FORMATS: dict[Name, Format] = {
    "lhotse": Format(lhotse, "parts", 'lhotse.CutSet.from_file("OUT/cuts_train.jsonl")', absolute=True),
    "kaldi": Format(kaldi, "parts", 'lhotse.kaldi.load_kaldi_data_dir("OUT/train", 16000)', absolute=True),
    "nemo": Format(nemo, "parts", "model.train_ds.manifest_filepath=OUT/train_manifest.json"),
    "audformat": Format(audformat, "parts", 'audformat.Database.load("OUT")["recordings.train"].get()'),
    "hf": Format(hf, "files", 'datasets.load_dataset("OUT", split="train")', hub=True),
    "parquet": Format(parquet, "packs", 'datasets.load_dataset("OUT", split="train")', hub=True),
    "webdataset": Format(webdataset, "packs", 'webdataset.WebDataset("OUT/train-000000.tar", shardshuffle=False)'),
}
"""Every format of recordings by its name on the command line."""


def by_split(utterances: Iterable[Utterance]) -> Iterator[tuple[str, list[Utterance]]]:
    """Yield each split that is not empty with its utterances."""
    for split, rows in groupby(utterances, lambda one: one.split):
        yield split, list(rows)


def described(one: Utterance, *only: str) -> dict[str, Any]:
    """Return what every format says of an utterance, or some of it; times in seconds from its start."""
    told = {
        "id": one.id, "split": one.split, "language": one.language, "tag": one.tag, "speaker": one.speaker,
        "speaker_from": one.speaker_from, "source": one.source, "licence": one.licence, "url": one.url,
        "weight": one.weight, "duration_s": one.duration_s, "speech": [list(span) for span in one.speech_s],
    }  # fmt: skip
    return {key: value for key, value in told.items() if not only or key in only}


def csv_table(lines: Sequence[dict[str, Any]]) -> bytes:
    """Return dictionaries with the same keys as CSV; lists are JSON."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(lines[0])
    writer.writerows([json.dumps(cell) if isinstance(cell, list) else cell for cell in line.values()] for line in lines)
    return text.getvalue().encode()


def json_lines(lines: Iterable[object]) -> bytes:
    """Return one line of JSON each."""
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode()


def _recording(one: Utterance) -> dict[str, Any]:
    return {
        "id": one.file.stem, "sources": [{"type": "file", "channels": [0], "source": str(one.file)}],
        "sampling_rate": one.rate, "num_samples": one.file_samples, "duration": one.file_samples / one.rate,
        "channel_ids": [0],
    }  # fmt: skip


def _alignment(one: Utterance, start_s: float) -> dict[str, Any]:
    """Return the spans of speech, on the time line of a supervision that starts there."""
    return {"alignment": {"speech": [["speech", start_s + start, end - start] for start, end in one.speech_s]}}


def _token(text: str) -> str:
    """Return a name without anything below `0` in ASCII, and without spaces: it sorts before its continuations.

    >>> _token("mine/Jos\u00e9 Luis")
    'mine=2FJos\u00e9=20Luis'
    """
    return "".join(f"={ord(c):02X}" if c <= "/" or c == "=" or c.isspace() else c for c in text)


def _relative(one: Utterance, folder: Path) -> str:
    return (one.file.relative_to(folder) if one.file.is_relative_to(folder) else one.file).as_posix()


def _shards(rows: Sequence[Utterance]) -> Iterator[list[Utterance]]:
    shard: list[Utterance] = []
    size = 0
    for one in sorted(rows, key=lambda one: one.wav.sha256):
        shard.append(one)
        size += 2 * one.samples
        if size >= SHARD_BYTES:
            yield shard
            shard, size = [], 0
    if shard:
        yield shard


def _parquet(shard: Sequence[Utterance], audio: AudioFormat) -> bytes:
    import pyarrow
    from pyarrow import parquet

    samples = pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})
    kinds = {str: pyarrow.string(), float: pyarrow.float64(), list: pyarrow.list_(pyarrow.list_(pyarrow.float64()))}
    columns = [("audio", samples), *((name, kinds[type(cell)]) for name, cell in described(shard[0]).items())]
    told = {"huggingface": json.dumps({"info": {"features": {"audio": {"_type": "Audio"}}}})}  # for `datasets`
    schema, content = pyarrow.schema(columns, told), io.BytesIO()
    with parquet.ParquetWriter(content, schema) as writer:
        for start in range(0, len(shard), GROUP):
            lines = [
                {"audio": {"bytes": encoded(one, audio), "path": f"{one.id}.{audio}"}} | described(one)
                for one in shard[start : start + GROUP]
            ]
            writer.write_table(pyarrow.Table.from_pylist(lines, schema))
    return content.getvalue()


def _tar(shard: Sequence[Utterance], audio: AudioFormat) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for one in shard:
            for suffix, data in ((audio, encoded(one, audio)), ("json", json_lines([described(one)]))):
                member = tarfile.TarInfo(f"{one.id}.{suffix}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return content.getvalue()
