"""Every format, read back by the library that it is for: the same recordings, samples, languages, speakers, splits.

lhotse, which needs PyTorch, and audformat, which brings pyarrow, come with `make torch`. `datasets` is in no test: with
what it needs, it has 190 MB.
"""

import io
import json
import subprocess
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import kaldiio
import numpy as np
import pytest
import soundfile

from pipeline import params
from pipeline.arrays import Samples
from pipeline.corpus import layouts
from pipeline.errors import ArgumentError
from pipeline.exchange import Name, formats, utterances
from pipeline.exchange.folder import Export
from pipeline.exchange.formats import FORMATS
from tests.audio.signals import RATE
from tests.exchange.runs import LANGUAGES, SPEAKERS, TAGS, WEIGHTS, Run, made

AUDFORMAT_SPLITS = {"train": "train", "val": "dev", "test": "test", "other": "other"}
Told = tuple[str, str, str, Samples]  # split, BCP 47 code, speaker, samples


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made(tmp_path_factory.mktemp("it's a run, ü"))


@pytest.fixture
def exported(run: Run, tmp_path: Path) -> Callable[..., Path]:
    """Exports the run in a format, and returns the folder."""

    def make(name: Name, audio: Any) -> Path:
        out = tmp_path / 'the "export"'
        assert Export(name, out, audio, run.artifacts).write()
        return out

    return make


def check(run: Run, found: dict[str, Told]) -> None:
    """Compare what was read back with the run."""
    assert set(found) == set(run.exported)
    for name, (split, tag, speaker, samples) in found.items():
        row = run.exported[name]
        assert (split, tag, speaker) == (run.split_of[name], TAGS[row.language], row.speaker)
        np.testing.assert_array_equal(samples, run.samples[name])


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_format_is_in_the_table() -> None:
    assert {*FORMATS, "model"} == set(get_args(Name))


@pytest.mark.slow
@pytest.mark.parametrize("audio", ["containers", "flac"])
def test_lhotse(run: Run, exported: Callable[..., Path], audio: str) -> None:
    lhotse = pytest.importorskip("lhotse")
    out, found = exported("lhotse", audio), dict[str, Told]()
    recordings = lhotse.RecordingSet.from_file(out / "recordings.jsonl").to_eager()
    assert {recording.num_channels for recording in recordings} == {1}
    weights = []
    for path in out.glob("cuts_*.jsonl"):
        supervisions = lhotse.SupervisionSet.from_file(out / path.name.replace("cuts", "supervisions")).to_eager()
        lhotse.validate_recordings_and_supervisions(recordings, supervisions)
        for cut in lhotse.CutSet.from_file(path):
            lhotse.validate(cut)
            [inside] = cut.supervisions
            samples = np.rint(cut.load_audio()[0] * 32768).astype(np.int16)
            found[cut.id] = (cut.custom["split"], inside.language, inside.speaker, samples)
            spans = [(round(item.start * RATE), round(item.end * RATE)) for item in inside.alignment["speech"]]
            assert spans == run.spans[cut.id]
            alone = supervisions[cut.id]
            assert abs(alone.alignment["speech"][0].start - alone.start - inside.alignment["speech"][0].start) < 1e-6
            if cut.custom["split"] == "train":
                weights.append(cut.custom["weight"])
            pieces = [cut.truncate(offset=one.start, duration=one.duration) for one in inside.alignment["speech"]]
            if (
                audio == "flac"
            ):  # lhotse counts the times of alignments from the recording there, elsewhere from the cut
                pieces += cut.trim_to_alignments("speech")
            for piece, (start, end) in zip(pieces, spans * 2, strict=False):
                np.testing.assert_array_equal(np.rint(piece.load_audio()[0] * 32768), samples[start:end])
    check(run, found)
    assert tuple(weights) == WEIGHTS


@pytest.mark.parametrize("audio", ["containers", "wav"])
def test_kaldi(run: Run, exported: Callable[..., Path], audio: str) -> None:
    out, found = exported("kaldi", audio), dict[str, Told]()
    for folder in filter(Path.is_dir, out.iterdir()):
        if folder.name == "data":
            continue
        tables = {path.name: path.read_bytes().splitlines() for path in folder.iterdir()}
        for name, lines in tables.items():  # what utils/validate_data_dir.sh asks for
            assert lines == sorted(lines), name
        by_speaker = subprocess.run(
            ["sort", "-k2", folder / "utt2spk"], env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
            capture_output=True, check=True,
        )  # fmt: skip
        assert by_speaker.stdout.splitlines() == tables["utt2spk"]
        of = {name: dict(line.decode().split(" ", 1) for line in lines) for name, lines in tables.items()}
        assert {utt: who for who, utts in of["spk2utt"].items() for utt in utts.split()} == of["utt2spk"]
        for utterance, (rate, samples) in kaldiio.load_scp(
            str(folder / "wav.scp"), segments=str(folder / "segments")
        ).items():
            assert rate == RATE
            recording = utterance[len(of["utt2spk"][utterance]) + 1 :]
            row = run.exported[recording]
            assert abs(len(samples) - row.samples) <= 1
            assert float(of["utt2dur"][utterance]) == pytest.approx(row.duration_s, abs=1 / RATE)
            start = int(float(of["segments"][utterance].split()[1]) * RATE + 0.5)
            source = soundfile.read(of["wav.scp"][of["segments"][utterance].split()[0]], dtype="int16")[0]
            exact = source[start : start + row.samples]
            found[recording] = (folder.name, of["utt2lang"][utterance], row.speaker, exact)
        spans = {name: [float(cell) for cell in value.split()[1:]] for name, value in of["subsegments"].items()}
        assert len(spans) == 2 * len(of["segments"])
    check(run, found)


def test_kaldi_is_a_corpus_again(run: Run, exported: Callable[..., Path]) -> None:
    out = exported("kaldi", "wav")
    for split in ("train", "test"):
        listing = layouts.read(params.Corpus.plain(out, "kaldi", LANGUAGES[:2], table=f"{split}/wav.scp"))
        assert not listing.rejected
        found = {Path(entry.path).stem: (entry.language, entry.start_s, entry.end_s) for entry in listing.entries}
        assert found == {
            name: (row.language, 0.0, row.duration_s)
            for name, row in run.exported.items()
            if run.split_of[name] == split and row.language in LANGUAGES[:2]
        }


@pytest.mark.slow
def test_kaldi_as_lhotse_imports_it(run: Run, exported: Callable[..., Path]) -> None:
    kaldi = pytest.importorskip("lhotse.kaldi")
    folder = exported("kaldi", "containers") / "train"
    (folder / "text").write_text(
        "".join(f"{line.split()[0]}\n" for line in (folder / "utt2spk").open(encoding="utf-8"))
    )
    _, supervisions, _ = kaldi.load_kaldi_data_dir(folder, RATE)
    assert len(supervisions) == len(WEIGHTS)
    found = {one.id.split(f"{one.speaker}-")[1]: one for one in supervisions}
    for name, one in found.items():
        row = run.exported[name]
        assert (round(one.start * RATE), round(one.duration * RATE)) == (row.first_sample, row.samples)
        assert one.language == TAGS[row.language]
    assert len({one.speaker for one in supervisions}) == len(SPEAKERS) == len(found)


@pytest.mark.parametrize("audio", ["containers", "flac"])
def test_nemo(run: Run, exported: Callable[..., Path], audio: str) -> None:
    """As NeMo reads it: a path from the folder of the manifest, unless it is absolute; offset and duration in s."""
    out, found = exported("nemo", audio), dict[str, Told]()
    for manifest in out.glob("*_manifest.json"):
        for line in json_lines(manifest):
            assert Path(line["audio_filepath"]).is_absolute() == (audio == "containers")
            start = round(line["offset"] * RATE)
            samples, rate = soundfile.read(
                manifest.parent / line["audio_filepath"], round(line["duration"] * RATE), start, dtype="int16"
            )
            assert rate == RATE
            assert manifest.name == f"{line['split']}_manifest.json"
            assert line["label"] == line["lang"]
            found[line["id"]] = (line["split"], line["lang"], line["speaker"], samples)
    check(run, found)


@pytest.mark.parametrize("audio", ["containers", "flac"])
def test_audformat(run: Run, exported: Callable[..., Path], audio: str) -> None:
    library = pytest.importorskip("audformat")
    out, found, spans = exported("audformat", audio), dict[str, Told](), defaultdict[str, list[tuple[int, int]]](list)
    database = library.Database.load(str(out), load_data=True)
    assert database.languages == ["eng", "fra", "mis"]
    assert [library.utils.map_language(code) for code in database.languages] == database.languages
    assert {name: split.type for name, split in database.splits.items()} == AUDFORMAT_SPLITS
    assert database.is_portable == (audio != "containers")  # what audb publishes
    for name, table in database.tables.items():
        library.assert_no_duplicates(table.df)
        for (file, *times), row in zip(table.index, table.df.to_dict("records"), strict=True):
            at = [time.total_seconds() * RATE for time in times]
            start, end = map(round, at)
            assert at == pytest.approx([start, end], abs=0.01)
            samples = soundfile.read(out / file, end - start, start, dtype="int16")[0]
            if name == f"recordings.{table.split_id}":
                found[row["id"]] = (table.split_id, row["tag"], row["speaker"], samples)
                assert (row["split"], row["language"]) == (table.split_id, run.exported[row["id"]].language)
            else:
                first = run.exported[row["id"]].first_sample if audio == "containers" else 0
                spans[row["id"]].append((start - first, end - first))
    check(run, found)
    assert spans == {name: run.spans[name] for name in found}
    assert tuple(database["recordings.train"].df["weight"]) == WEIGHTS


def test_audformat_with_names_that_yaml_and_csv_might_change(run: Run, tmp_path: Path) -> None:
    library = pytest.importorskip("audformat")
    hostile = 'no: "x", \U0001f600 # &a *b !c {d} [e] \\n %'
    speakers = ["007", "1e5", "true", hostile, " x ", "NA"]
    rows = [one for one in utterances.read(run.artifacts) if one.split == "train"]
    rows = [
        replace(one, speaker=speaker, language=hostile, source=hostile, licence=hostile, url="")
        for one, speaker in zip(rows, speakers, strict=True)
    ]
    for name, content in formats.audformat(rows, tmp_path, "containers"):
        assert isinstance(content, bytes)
        (tmp_path / name).write_bytes(content)
    database = library.Database.load(str(tmp_path))
    assert (database.source, database.license) == (hostile, hostile)
    found = database["recordings.train"].get()
    assert found["speaker"].fillna("missing").tolist() == [*speakers[:-1], "missing"]  # as docs/export.md says
    assert {*found["language"], *found["licence"]} == {hostile}


@pytest.mark.parametrize("audio", ["wav", "flac"])
def test_hf(run: Run, exported: Callable[..., Path], audio: str) -> None:
    """As `audiofolder` reads it: a table with file_name, below the folder that the header names for the split."""
    out, found = exported("hf", audio), dict[str, Told]()
    for table in out.glob("data/*/metadata.jsonl"):
        for row in json_lines(table):
            path = table.parent / row["file_name"]
            assert path.suffix == f".{audio}"
            assert table.parent.name == row["split"]
            assert row["speech"] == [[start / RATE, end / RATE] for start, end in run.spans[row["id"]]]
            found[row["id"]] = (row["split"], row["tag"], row["speaker"], soundfile.read(path, dtype="int16")[0])
    check(run, found)


def test_parquet(run: Run, exported: Callable[..., Path]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out, found = exported("parquet", "flac"), dict[str, Told]()
    for path in out.glob("data/*/*.parquet"):
        for row in parquet.read_table(path, partitioning=None).to_pylist():
            assert path.parent.name == row["split"]
            assert row["speech"] == [[start / RATE, end / RATE] for start, end in run.spans[row["id"]]]
            samples = soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="int16")[0]
            found[row["id"]] = (row["split"], row["tag"], row["speaker"], samples)
    check(run, found)


def test_parquet_says_what_it_needs(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.exchange.formats.find_spec", lambda _: None)
    with pytest.raises(ArgumentError, match="needs the package pyarrow; install it, or choose hf"):
        Export("parquet", tmp_path / "out", "flac", run.artifacts).write()
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
def test_webdataset(run: Run, exported: Callable[..., Path]) -> None:
    import webdataset

    out, found = exported("webdataset", "flac"), dict[str, Told]()
    for path in out.glob("*.tar"):
        for sample in webdataset.WebDataset(str(path), shardshuffle=False, empty_check=False):
            told = json.loads(sample["json"])
            assert sample["__key__"] == told["id"]
            samples = soundfile.read(io.BytesIO(sample["flac"]), dtype="int16")[0]
            assert path.name == f"{told['split']}-000000.tar"
            found[told["id"]] = (told["split"], told["tag"], told["speaker"], samples)
    check(run, found)
