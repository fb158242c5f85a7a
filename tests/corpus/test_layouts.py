"""Corpora of either layout: what is listed, what is rejected and why, and what is refused as a whole."""

import csv
import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline import params
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry, Listing
from pipeline.errors import CorpusError
from pipeline.jobs import ingest
from pipeline.tables import RecordingRow, RejectedRow

RATE = 16000
SOUND = np.random.default_rng(0).normal(0, 0.1, RATE)
LANGUAGES = ("english", "hindi")
HOSTILE = [
    "|x.wav",
    "-x.wav",
    "x[1].wav",
    "a b.wav",
    "हिन्दी 普通话.wav",
    "x" * 200 + ".wav",
    "a\nb.wav",
    "$(x);'\".wav",
    "*.wav",
]
AUDIO = params.Audio(sample_rate=RATE, min_duration=0.5)


def sections(layout: str, root: Path, **changes: Any) -> params.Corpus:
    values: dict[str, Any] = {
        "root": str(root),
        "layout": layout,
        "languages": LANGUAGES,
        "speaker_table": "speakers.csv",
        "speaker_pattern": None,
        "max_rejected": 0.05,
    }
    return params.Corpus(**values | changes)


def write_csv(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


class Folders:
    """A corpus of the folders layout: three speakers a language, a recording each."""

    layout = "folders"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rows = [[f"train_{name}/{name}_{n}.wav", f"{name}-{n}"] for name in LANGUAGES for n in range(3)]
        for path, _ in self.rows:
            (root / path).parent.mkdir(exist_ok=True)
            soundfile.write(root / path, SOUND, RATE)

    def read(self, **changes: Any) -> Listing:
        write_csv(self.root / "speakers.csv", ["path", "speaker"], self.rows)
        return layouts.read(sections(self.layout, **{"root": self.root} | changes))


class Table:
    """The same in the table layout, with a column that is carried along."""

    layout = "table"
    header = ("path", "language", "speaker", "group", "accent")

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rows = [[f"{name}_{n}.wav", name, f"{name}-{n}", "", "x, y"] for name in LANGUAGES for n in range(3)]
        for path, *_ in self.rows:
            soundfile.write(root / path, SOUND, RATE)

    def read(self, **changes: Any) -> Listing:
        write_csv(self.root / "metadata.csv", list(self.header), self.rows)
        return layouts.read(sections(self.layout, **{"root": self.root} | changes))


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    (tmp_path / "corpus").mkdir()
    return Folders(tmp_path / "corpus")


@pytest.fixture
def table(tmp_path: Path) -> Table:
    (tmp_path / "corpus").mkdir()
    return Table(tmp_path / "corpus")


@pytest.fixture(params=[Folders, Table])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Folders | Table:
    (tmp_path / "corpus").mkdir()
    made: Folders | Table = request.param(tmp_path / "corpus")
    return made


def reasons(listing: Listing) -> dict[str, str]:
    return {row.path: row.reason for row in listing.rejected}


# What is listed


def test_every_recording_is_listed_by_path_with_its_language_and_speaker(either: Folders | Table) -> None:
    listing = either.read()
    assert [entry.path for entry in listing.entries] == sorted(row[0] for row in either.rows)
    assert [(entry.language, entry.speaker) for entry in listing.entries] == [
        (name, f"{name}-{n}") for name in LANGUAGES for n in range(3)
    ]
    assert (listing.rejected, listing.left_out) == ([], {})


def test_folders_are_searched_to_any_depth_for_audio_only(folders: Folders) -> None:
    deep = folders.root / "train_hindi" / "a" / "b"
    deep.mkdir(parents=True)
    soundfile.write(deep / "x.FLAC", SOUND, RATE, format="FLAC")
    (deep / "notes.txt").write_text("x")
    folders.rows.append(["train_hindi/a/b/x.FLAC", "hindi-0"])
    assert [entry.path for entry in folders.read().entries if "/a/" in entry.path] == ["train_hindi/a/b/x.FLAC"]


def test_the_pattern_finds_speakers_in_file_names(folders: Folders) -> None:
    listing = folders.read(speaker_table=None, speaker_pattern=r"_(?P<speaker>\d)\.wav$")
    assert [entry.speaker for entry in listing.entries] == ["0", "1", "2"] * 2


def test_other_columns_are_carried_along_and_a_source_is_kept(table: Table) -> None:
    table.rows[0][3] = "tape 1"
    first = table.read().entries[0]
    assert (first.group, first.extra) == ("tape 1", {"accent": "x, y"})


def test_languages_that_are_not_asked_for_are_left_out_and_counted(either: Folders | Table) -> None:
    for number in range(2):
        path = f"french/{number}.wav"
        (either.root / "french").mkdir(exist_ok=True)
        soundfile.write(either.root / path, SOUND, RATE)
        either.rows.append([path, "french", "f", "", ""] if isinstance(either, Table) else [path, "f"])
    listing = either.read()
    assert listing.left_out == {"french": 2}
    assert len(listing.entries) == 6
    assert listing.rejected == []


# What is rejected


def test_paths_out_of_the_corpus_are_rejected(table: Table) -> None:
    outside = table.root.parent / "x.wav"
    soundfile.write(outside, SOUND, RATE)
    (table.root / "link.wav").symlink_to(outside)
    paths = ["../x.wav", str(outside), "link.wav", "a/../../x.wav", "/etc/hostname", ""]
    table.rows += [[path, "hindi", "s", "", ""] for path in paths]
    listing = table.read()
    assert reasons(listing) == dict.fromkeys(paths, "outside")
    assert len(listing.entries) == 6


def test_links_out_of_the_corpus_are_rejected_and_links_inside_are_not(folders: Folders) -> None:
    outside = folders.root.parent / "x"
    outside.mkdir()
    soundfile.write(outside / "x.wav", SOUND, RATE)
    (folders.root / "train_hindi" / "out.wav").symlink_to(outside / "x.wav")
    (folders.root / "train_hindi" / "in.wav").symlink_to(folders.root / "train_hindi" / "hindi_0.wav")
    (folders.root / "more_hindi").symlink_to(outside)
    folders.rows += [[path, "s"] for path in ("train_hindi/out.wav", "train_hindi/in.wav")]
    listing = folders.read()
    assert reasons(listing) == {"train_hindi/out.wav": "outside", "more_hindi": "outside"}
    assert "train_hindi/in.wav" in [entry.path for entry in listing.entries]


def test_a_file_that_is_listed_but_missing_is_rejected(table: Table) -> None:
    table.rows += [["gone.wav", "hindi", "s", "", ""], [".", "hindi", "s", "", ""]]
    assert reasons(table.read()) == {"gone.wav": "missing", ".": "not_a_file"}


@pytest.mark.parametrize("speaker", ["", "  "])
def test_a_recording_without_speaker_is_rejected(either: Folders | Table, speaker: str) -> None:
    path = either.rows[0][0].replace("_0.", "_9.")
    soundfile.write(either.root / path, SOUND, RATE)
    either.rows.append([path, LANGUAGES[0], speaker, "", ""] if isinstance(either, Table) else [path, speaker])
    assert reasons(either.read()) == {path: "no_speaker"}


def test_a_file_that_the_speaker_table_does_not_name_is_rejected(folders: Folders) -> None:
    soundfile.write(folders.root / "train_hindi" / "new.wav", SOUND, RATE)
    assert reasons(folders.read()) == {"train_hindi/new.wav": "no_speaker"}


# What is refused as a whole


def refusal(of: Folders | Table, **changes: Any) -> str:
    with pytest.raises(CorpusError) as error:
        listing = of.read(**changes)
        layouts.check(listing.entries, listing.rejected, sections(of.layout, **{"root": of.root} | changes))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_root_that_is_no_folder_is_refused_by_its_key(either: Folders | Table) -> None:
    nowhere = either.root / "nowhere"
    assert f"corpus.root {str(nowhere)!r} is not a folder" in refusal(either, root=nowhere)


def test_an_empty_corpus_is_refused_by_its_key(either: Folders | Table) -> None:
    for path, *_ in either.rows:
        (either.root / path).unlink()
    if isinstance(either, Table):
        either.rows = []
    assert f"no recordings in corpus.root {str(either.root)!r}" in refusal(either)


def test_a_language_without_recordings_is_refused_by_name(either: Folders | Table) -> None:
    assert "corpus.languages names 'tamil', which has no recordings" in refusal(either, languages=(*LANGUAGES, "tamil"))


def test_fewer_than_three_speakers_are_refused(either: Folders | Table) -> None:
    either.rows[4][2 if isinstance(either, Table) else 1] = "hindi-0"
    assert "'hindi' has 2 speaker(s)" in refusal(either)


def test_a_recording_that_is_listed_twice_is_refused_with_its_line(table: Table) -> None:
    table.rows.append(table.rows[0])
    message = refusal(table)
    assert "line 8 lists 'english_0.wav' again" in message
    assert "metadata.csv" in message


def test_a_row_that_is_cut_off_is_refused_with_its_line(table: Table) -> None:
    table.rows.append(["x.wav", "hindi"])
    assert "line 8 is short" in refusal(table)


def test_a_table_without_its_columns_is_refused(table: Table) -> None:
    write_csv(table.root / "metadata.csv", ["path", "speaker"], [])
    with pytest.raises(CorpusError, match=r"metadata\.csv has no column language"):
        layouts.read(sections("table", table.root))


def test_a_missing_table_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"metadata\.csv can't be read"):
        layouts.read(sections("table", tmp_path))


@pytest.mark.parametrize("text", [None, "file,speaker\nx,y\n", "path,speaker\nx\n"])
def test_a_speaker_table_that_is_missing_or_incomplete_is_refused_by_its_path(
    folders: Folders, text: str | None
) -> None:
    if text is not None:
        (folders.root / "speakers.csv").write_text(text)
    with pytest.raises(CorpusError, match=r"speaker table .*speakers\.csv"):
        layouts.read(sections("folders", folders.root))


def test_folders_need_a_table_or_a_pattern(folders: Folders) -> None:
    assert "corpus.speaker_table or corpus.speaker_pattern" in refusal(folders, speaker_table=None)


def test_a_folder_that_names_two_languages_is_refused(folders: Folders) -> None:
    (folders.root / "english_hindi").mkdir()
    assert "'english_hindi'" in refusal(folders)


@pytest.mark.parametrize("path", ["a\0b.wav", "x" * 300 + ".wav", "loop.wav"])
def test_a_path_that_can_not_be_opened_is_rejected(table: Table, path: str) -> None:
    (table.root / "loop.wav").symlink_to("loop.wav")
    table.rows.append([path, "hindi", "s", "", ""])
    assert list(reasons(table.read())) == [path if path.isprintable() else ascii(path)]


def test_a_speaker_table_that_is_not_csv_is_refused(folders: Folders) -> None:
    folders.rows.append(["x", "y" * 200_000])
    assert "speakers.csv" in refusal(folders)


def test_where_all_are_rejected_the_reason_is_told(folders: Folders) -> None:
    folders.rows = [[Path(path).name, speaker] for path, speaker in folders.rows]
    assert "speaker" in refusal(folders)


def test_what_is_no_audio_is_counted(folders: Folders) -> None:
    (folders.root / "train_hindi" / "film.mp4").write_bytes(b"x")
    soundfile.write(folders.root / "stray.wav", SOUND, RATE)
    assert folders.read().left_out == {"*.mp4": 1, "*.wav": 1}


def test_a_recording_is_listed_once_however_its_path_is_written(table: Table) -> None:
    table.rows.append(["./" + table.rows[0][0], "english", "z", "", ""])
    with pytest.raises(CorpusError, match="again"):
        table.read()


def test_the_same_audio_of_two_languages_is_rejected(bench: Path) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        soundfile.write(bench / "in" / name, SOUND if name != "c.wav" else -SOUND, RATE)
    rows = [ingested(bench, name) for name in ("a.wav", "b.wav", "c.wav")]
    rows[1] = dataclasses.replace(rows[1], language="english")
    kept, rejected = ingest.consistent(rows)
    assert [row.path for row in kept] == ["c.wav"]
    assert [(row.path, row.reason) for row in rejected] == [("a.wav", "contradiction"), ("b.wav", "contradiction")]


@pytest.mark.parametrize("rate", [1, 3999])
def test_an_impossible_sample_rate_is_rejected_not_blown_up(bench: Path, rate: int) -> None:
    soundfile.write(bench / "in" / "slow.wav", SOUND, rate)
    assert ingested(bench, "slow.wav").reason == "sample_rate"


# Ids


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
@example("x" * 250 + ".wav")
def test_an_id_is_safe_as_a_file_name(path: str) -> None:
    name = Entry(path, "hindi", "s").id
    assert name.isascii()
    assert name.replace("-", "").replace("_", "").isalnum()
    assert not name.startswith("-")
    assert len(name) < 100


@given(st.sets(st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(HOSTILE), min_size=2))
def test_ids_of_different_paths_differ_even_without_regard_to_case(paths: set[str]) -> None:
    assert len({Entry(path, "hindi", "s").id.lower() for path in paths}) == len(paths)


def test_an_id_is_made_from_the_path_alone() -> None:
    assert Entry("a/b.wav", "hindi", "s").id == Entry("a/b.wav", "english", "t", "g", {"x": "y"}).id
    assert Entry("a/b.wav", "hindi", "s").id != Entry("c/b.wav", "hindi", "s").id


def test_a_file_name_that_is_not_utf_8_is_listed_or_rejected(folders: Folders) -> None:
    soundfile.write(folders.root / "train_hindi" / "x.wav", SOUND, RATE)
    (folders.root / "train_hindi" / "x.wav").rename(folders.root / "train_hindi" / os.fsdecode(b"\xff.wav"))
    listing = layouts.read(sections("folders", folders.root, speaker_pattern=r"(?P<speaker>[^/]+)\.wav$"))
    assert len([entry.id for entry in listing.entries]) + len(listing.rejected) == 7


# Ingest


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """A folder of recordings beside a folder for what becomes of them."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    return tmp_path


def ingested(bench: Path, name: str) -> RecordingRow | RejectedRow:
    entry = Entry(name, "hindi", "s", "", {"accent": "x"})
    return ingest.ingest([entry], bench / "in", bench / "out", AUDIO)[0]


def cut_in_half(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def make_text(path: Path) -> None:
    path.write_text("this is not audio\n" * 999)


def make_half(path: Path, **options: str) -> None:
    soundfile.write(path, np.tile(SOUND, 4), RATE, **options)
    cut_in_half(path)


def make_nan(path: Path) -> None:
    soundfile.write(path, np.where(np.arange(RATE) == 5000, np.nan, SOUND), RATE, subtype="FLOAT")


def make_infinite(path: Path) -> None:
    soundfile.write(path, np.where(np.arange(RATE) == 5000, np.inf, SOUND), RATE, subtype="FLOAT")


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("text.wav", make_text, {"unreadable"}),
        ("empty.wav", Path.touch, {"unreadable"}),
        ("half.wav", make_half, {"truncated"}),
        ("half24.wav", lambda path: make_half(path, subtype="PCM_24"), {"truncated"}),
        ("half.flac", make_half, {"truncated", "unreadable"}),
        ("half.mp3", make_half, {"truncated", "unreadable"}),
        ("nan.wav", make_nan, {"not_finite"}),
        ("infinite.wav", make_infinite, {"not_finite"}),
        ("silent.wav", lambda path: soundfile.write(path, SOUND * 0, RATE), {"silent"}),
        ("short.wav", lambda path: soundfile.write(path, SOUND[:7999], RATE), {"too_short"}),
        ("none.wav", lambda path: soundfile.write(path, SOUND[:0], RATE), {"too_short"}),
        ("gone.wav", lambda path: None, {"missing", "unreadable"}),
    ],
)
def test_a_bad_recording_is_rejected_for_its_reason_and_leaves_no_file(
    bench: Path, name: str, make: Any, reason: set[str]
) -> None:
    make(bench / "in" / name)
    row = ingested(bench, name)
    assert isinstance(row, RejectedRow)
    assert row.path == name
    assert row.reason in reason
    assert row.detail
    assert list((bench / "out").iterdir()) == []


def test_headerless_audio_is_rejected(bench: Path) -> None:
    (bench / "in" / "x.raw").write_bytes(bytes(9999))
    assert isinstance(ingested(bench, "x.raw"), RejectedRow)


@pytest.mark.parametrize("name", ["half.aiff", "half.au", "half.w64", "half.rf64"])
def test_what_is_cut_in_half_is_rejected_in_any_format(bench: Path, name: str) -> None:
    make_half(bench / "in" / name)
    assert isinstance(ingested(bench, name), RejectedRow)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_name_is_only_a_name(bench: Path, name: str) -> None:
    soundfile.write(bench / "in" / "x1.wav", SOUND / 2, RATE)  # what a glob of x[1].wav would find
    soundfile.write(bench / "in" / name, SOUND, RATE)
    row = ingested(bench, name)
    assert isinstance(row, RecordingRow)
    assert row.path == name
    written = soundfile.read(bench / "out" / f"{row.recording}.wav")[0]
    assert np.abs(written - SOUND).max() < 1e-4
    assert len(list((bench / "out").iterdir())) == 1


def test_a_recording_carries_what_its_entry_says(bench: Path) -> None:
    soundfile.write(bench / "in" / "a.wav", np.tile(SOUND, 2), 2 * RATE)
    row = ingested(bench, "a.wav")
    assert isinstance(row, RecordingRow)
    assert (row.recording, row.language, row.speaker, row.extra) == (
        Entry("a.wav", "", "").id,
        "hindi",
        "s",
        {"accent": "x"},
    )
    assert (row.group, row.duration_s, row.samples, row.sample_rate) == (row.recording, 1.0, RATE, 2 * RATE)


def test_more_rejected_than_tolerated_is_refused_with_the_five_commonest_reasons() -> None:
    rejected = [RejectedRow("x", reason, "") for number, reason in enumerate("abcdef", 1) for _ in range(number)]
    ingest.tolerate(rejected, kept=79, max_rejected=0.21)
    with pytest.raises(CorpusError, match=r"21 of 99 .*\(f 6, e 5, d 4, c 3, b 2\).*corpus\.max_rejected 0\.21"):
        ingest.tolerate(rejected, kept=78, max_rejected=0.21)
