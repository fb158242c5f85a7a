"""Listing a corpus: whatever its names, tables and files are, it is a listing or one sentence."""

import contextlib
import csv
import dataclasses
import io
import itertools
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline import params, tables
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry, Listing
from pipeline.corpus.files import Files
from pipeline.errors import CorpusError
from pipeline.tables import RecordingRow, RejectedRow

LANGUAGES = ("english", "hindi")
ENDING = r"(?P<speaker>[^/]+)/[^/]+$"  # the folder of a file


def sections(layout: str, root: Path, **changes: Any) -> params.Corpus:
    values = {"languages": LANGUAGES, "speaker_table": None, "speaker_pattern": ENDING, "max_rejected": 0.0}
    return params.Corpus(root=str(root), layout=layout, **values | changes)


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def reasons(listing: Listing) -> dict[str, str]:
    return {row.path: row.reason for row in listing.rejected}


def listed(listing: Listing) -> list[str]:
    return [entry.path for entry in listing.entries]


def refusal(settings: params.Corpus) -> str:
    with pytest.raises(CorpusError) as error:
        layouts.read(settings)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 1500
    return str(error.value)


# Languages of folders


def named(root: Path, languages: tuple[str, ...], *names: str) -> Listing:
    touch(root, *(f"{name}/s/x.wav" for name in names))
    return layouts.read(sections("folders", root, languages=languages))


@pytest.mark.parametrize(
    ("languages", "folder", "language"),
    [
        (("de", "tr"), "train_de", "de"),
        (("de", "tr"), "train_tr", "tr"),
        (("de", "tr"), "train_x", None),
        (("de", "en"), "not_english_noise", None),
        (("french", "french_canadian"), "train_french_canadian", "french_canadian"),
        (("french", "french_canadian"), "train_french", "french"),
        (("french", "french_canadian"), "canadian french", "french"),
        (("french", "french_canadian"), "French-Canadian.v2", "french_canadian"),
        (("french", "canadian_french"), "(french)", "french"),
        (("हिन्दी", "हिन्द"), "train_हिन्दी", "हिन्दी"),  # vowel signs are no separators
        (("தமிழ்", "தமிழா"), "தமிழா", "தமிழா"),
        (("हिन्दी", "english"), "train_हिन्दू_x", None),
        (("français", "de"), "train_franc\u0327ais", "français"),  # as macOS writes it
        (("franc", "de"), "train_franc\u0327ais", None),
        (("हनद", "de"), "train_हनद", "हनद"),
        (("_", "de"), "___", None),
    ],
)
def test_a_folder_is_the_language_whose_words_it_holds(
    tmp_path: Path, languages: tuple[str, ...], folder: str, language: str | None
) -> None:
    listing = named(tmp_path, languages, folder)
    assert listing.folders == ({folder: language} if language else {})
    assert [entry.language for entry in listing.entries] == ([language] if language else [])
    assert listing.left_out == ({} if language else {folder: 1})


def test_a_language_and_a_longer_one_that_begins_like_it_coexist(tmp_path: Path) -> None:
    listing = named(tmp_path, ("french", "french_canadian"), "french", "train_french_canadian")
    assert listing.folders == {"french": "french", "train_french_canadian": "french_canadian"}


def test_a_folder_named_exactly_like_the_language_excludes_those_that_contain_it(tmp_path: Path) -> None:
    names = ("English", "not_english_noise", "english_hindi", "train_hindi", "hindi_2")
    listing = named(tmp_path, LANGUAGES, *names)
    assert listing.folders == {"English": "english", "train_hindi": "hindi", "hindi_2": "hindi"}
    assert listing.left_out == {"english_hindi": 1, "not_english_noise": 1}


@pytest.mark.parametrize(
    ("languages", "folder"),
    [
        (LANGUAGES, "hindi-english"),
        (("french_canadian", "canadian_english"), "french_canadian_english"),
        (("english", "french_canadian"), "english_french_canadian"),
        (("English", "english"), "english"),
    ],
)
def test_a_folder_that_names_two_languages_is_refused_by_both(
    tmp_path: Path, languages: tuple[str, ...], folder: str
) -> None:
    touch(tmp_path, f"{folder}/s/x.wav")
    message = refusal(sections("folders", tmp_path, languages=languages))
    assert f"{folder!r}" in message
    assert f"names {languages[0]} and {languages[1]}" in message


WORDS = st.sampled_from(["tr", "train", "french", "Canadian", "ca", "x", "2", "é", "हिन्दी"])
SEPARATORS = st.sampled_from(["_", "-", " ", ".", "", "__", "\n"])


@given(
    st.lists(st.tuples(WORDS, SEPARATORS), min_size=1, max_size=4).map(lambda parts: "".join(map("".join, parts))),
    st.sets(st.sampled_from(["tr", "ca", "french", "french_canadian", "canadian", "x_2", "é"]), min_size=2),
)
def test_a_folder_never_becomes_a_language_that_it_does_not_hold_between_separators(
    tmp_path_factory: pytest.TempPathFactory, folder: str, languages: set[str]
) -> None:
    (root := tmp_path_factory.mktemp("root", numbered=True) / "x").mkdir()
    (root / folder).mkdir()
    patterns = {language: language.replace("_", r"[\W_]+") for language in languages}
    held = [
        language
        for language, pattern in patterns.items()
        if re.search(rf"(?<![^\W_]){pattern}(?![^\W_])", folder, re.IGNORECASE)
    ]
    try:
        found = layouts.read(sections("folders", root, languages=tuple(languages))).folders
    except CorpusError:
        assert len(held) > 1
    else:
        assert list(found.values()) == ([max(held, key=len)] if held else [])
        assert all(name.isprintable() for name in found)


# Tables


HOSTILE = ["a\rb", "a\nb", "a\0b", "\x1b[2J", "\u2028", "\u202e", "\u200d", '"', "a,b", "\x85", "..", "/", " ", ""]
USUAL = ["a.wav", "b.wav", "./a.wav", "train_hindi/c.wav", "nowhere.wav", "english", "hindi", "Asha", "x" * 300]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
CELLS = st.sampled_from(USUAL) | st.sampled_from(HOSTILE) | TEXT
COLUMNS = st.sampled_from(["path", "language", "speaker", "group", "accent", "", "sha256", "a\rb", "\x1b", "path "])


def as_csv(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()


def texts(*header: str) -> st.SearchStrategy[str]:
    """Anything, but mostly tables that are almost right."""
    rows = st.lists(st.lists(CELLS, min_size=len(header), max_size=len(header)), max_size=4)
    right = rows.map(lambda rows: as_csv([list(header), *rows]))
    any_header = st.lists(COLUMNS, max_size=6).flatmap(
        lambda header: st.lists(st.lists(CELLS, max_size=6), max_size=3).map(lambda rows: as_csv([header, *rows]))
    )
    cut = st.tuples(right, st.integers(0, 99)).map(lambda pair: pair[0][: -pair[1]])
    return st.one_of(right, right, right, any_header, cut, st.text(st.characters(exclude_categories=["Cs"])))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of a few files in both layouts."""
    root = tmp_path_factory.mktemp("corpus")
    touch(root, "a.wav", "b.wav", "train_hindi/c.wav", "train_hindi/d.wav", "train_english/e.wav")
    return root


def hold(settings: params.Corpus, folder: Path) -> None:
    """A listing of printable lines that survives being written and read, or one sentence."""
    try:
        listing = layouts.read(settings)
    except CorpusError as error:
        assert str(error).isprintable()
        return
    for entry in listing.entries:
        texts = [entry.path, entry.language, entry.speaker, entry.group, *entry.extra, *entry.extra.values()]
        assert all(text.isprintable() for text in texts)
        assert entry.language in settings.languages
        assert entry.speaker
        assert (Path(settings.root) / entry.path).is_file()
    assert all(text.isprintable() for row in listing.rejected for text in dataclasses.astuple(row))
    assert all(name.isprintable() for name in listing.left_out)
    rows = [as_recording(entry) for entry in listing.entries]
    for kind, before in ((RecordingRow, rows), (RejectedRow, listing.rejected)):
        tables.write(folder / "x.csv", kind, before)
        assert tables.read(folder / "x.csv", kind) == before


def as_recording(entry: Entry) -> RecordingRow:
    said = {name: getattr(entry, name) for name in ("path", "language", "speaker", "group", "extra")}
    measured = {field.name: field.type("1") for field in dataclasses.fields(RecordingRow) if field.name not in said}
    return RecordingRow(**said | measured)


@given(texts("path", "language", "speaker", "group", "accent"))
@example("")
@example("\n")
@example("\ufeffpath,language,speaker\r\na.wav,hindi,Asha\r\n")
@example('path,language,speaker\na.wav,hindi,"A\rsha"\n')
@example('path,language,speaker\na.wav,hindi,"Asha\n')
def test_any_metadata_gives_a_listing_or_a_sentence(
    root: Path, tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    (root / "metadata.csv").write_bytes(text.encode())
    hold(sections("table", root), tmp_path_factory.getbasetemp())


@given(texts("path", "speaker"))
@example("")
@example("path,speaker\ntrain_hindi/c.wav,\x00\n")
def test_any_speaker_table_gives_a_listing_or_a_sentence(
    root: Path, tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    (root / "speakers.csv").write_bytes(text.encode())
    settings = sections("folders", root, speaker_table="speakers.csv", speaker_pattern=None)
    hold(settings, tmp_path_factory.getbasetemp())


def in_either(root: Path, table: str) -> Iterator[str]:
    """Messages that refuse the same table in each layout."""
    touch(root, "train_hindi/c.wav")
    (root / "metadata.csv").write_text(table)
    (root / "speakers.csv").write_text(table)
    yield refusal(sections("table", root))
    yield refusal(sections("folders", root, speaker_table="speakers.csv", speaker_pattern=None))


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("", "is empty"),
        ("path,language,speaker,speaker\na.wav,hindi,s,t\n", "has 2 columns 'speaker'"),
        ("path,language, speaker ,speaker\na.wav,hindi,s,t\n", "has 2 columns 'speaker'"),
        ("path,language,speaker\na.wav,hindi\n", "line 2 is short: it has 2 cells and the header 3"),
        ("path,language,speaker\n\na.wav,hindi,s,t\n", "line 3 is long: it has 4 cells and the header 3"),
        ('path,language,speaker\na.wav,hindi,"s\nb.wav,hindi,s\n', "is not CSV"),
        ('path,language,speaker\na.wav,hindi,"s"t\n', "line 2 is not CSV"),
        ("path,language,speaker,a\x1bb\na.wav,hindi,s,t\n", r"has a column 'a\x1bb', whose name can't be printed"),
    ],
)
def test_a_table_that_could_be_misread_is_refused_with_its_reason(tmp_path: Path, table: str, reason: str) -> None:
    for message in in_either(tmp_path, table):
        assert reason in message


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to(path), lambda path: None])
def test_a_table_that_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "metadata.csv")
    make(tmp_path / "speakers.csv")
    assert "metadata.csv" in refusal(sections("table", tmp_path))
    assert "speakers.csv" in refusal(sections("folders", tmp_path, speaker_table="speakers.csv", speaker_pattern=None))


def test_blank_lines_and_columns_without_a_name_are_passed_over(root: Path) -> None:
    (root / "metadata.csv").write_text("path,language,speaker,,\n\na.wav,hindi,Asha,,\n\n")
    (entry,) = layouts.read(sections("table", root)).entries
    assert (entry.path, entry.speaker, entry.extra) == ("a.wav", "Asha", {})


@pytest.mark.parametrize("column", ["language", "speaker", "group"])
@pytest.mark.parametrize("text", ["hin\x1bdi", "hin\0di", "hin\u202edi"])
def test_a_row_whose_names_can_not_be_printed_is_rejected(root: Path, column: str, text: str) -> None:
    row = {"path": "a.wav", "language": "hindi", "speaker": "Asha", "group": "g"} | {column: text}
    (root / "metadata.csv").write_text(as_csv([list(row), list(row.values())]))
    (rejected,) = layouts.read(sections("table", root)).rejected
    assert (rejected.path, rejected.reason) == ("a.wav", "name")
    assert f"has a {column} that can't be printed" in rejected.detail


def test_columns_that_are_carried_along_become_one_printable_line(root: Path) -> None:
    (root / "metadata.csv").write_text(
        as_csv([["path", "language", "speaker", "said"], ["a.wav", "hindi", " A\r\nsha ", "x\r\n\x1by\0"]])
    )
    (entry,) = layouts.read(sections("table", root)).entries
    assert (entry.speaker, entry.extra) == ("A sha", {"said": "x y"})


def test_speakers_that_contradict_each_other_are_refused_with_their_lines(root: Path) -> None:
    path = "train_hindi/c.wav"
    (root / "speakers.csv").write_text(f"path,speaker\n{path},Asha\nx.wav,Asha\n./{path},Bela\n")
    settings = sections("folders", root, speaker_table="speakers.csv", speaker_pattern=None)
    assert f"{path!r} is spoken by 'Asha' (line 2) and by 'Bela' (line 4)" in refusal(settings)
    (root / "speakers.csv").write_text(f"path,speaker\n{path},Asha\nx.wav,Asha\n./{path},Asha \n")
    assert [entry.speaker for entry in layouts.read(settings).entries] == ["Asha"]


# Files


def make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path holds 107 characters
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path.name)
    os.chdir(here)


def chain(path: Path) -> None:
    """More links in a row than any system follows."""
    for number in range(2000):
        path.with_name(f"{number}").symlink_to(f"{number + 1}")
    path.with_name("2000").touch()
    path.symlink_to("0")


STRANGE = {
    "dangling": (lambda path: path.symlink_to("nowhere"), "missing"),
    "loop": (lambda path: path.symlink_to(path.name), "missing"),
    "loop through another": (
        lambda path: (path.symlink_to("other"), path.with_name("other").symlink_to(path.name)),
        "missing",
    ),
    "below a file": (lambda path: path.symlink_to("../y.wav/z"), "missing"),
    "chain": (chain, "missing"),
    "fifo": (os.mkfifo, "not_a_file"),
    "socket": (make_socket, "not_a_file"),
    "folder": (Path.mkdir, "not_a_file"),
    "link to a folder": (lambda path: path.symlink_to(".."), "not_a_file"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "outside"),
    "outside": (lambda path: path.symlink_to("/etc/hostname"), "outside"),
    "root": (lambda path: path.symlink_to("../.."), "not_a_file"),
}


@pytest.mark.parametrize("layout", ["folders", "table"])
@pytest.mark.parametrize(("make", "reason"), STRANGE.values(), ids=STRANGE)
def test_what_is_no_file_below_the_root_is_rejected(tmp_path: Path, layout: str, make: Any, reason: str) -> None:
    touch(tmp_path, "hindi/s/a.wav", "hindi/s/y.wav")
    path = "hindi/s/x.wav"
    make(tmp_path / path)
    (tmp_path / "metadata.csv").write_text(f"path,language,speaker\nhindi/s/a.wav,hindi,s\n{path},hindi,s\n")
    listing = layouts.read(sections(layout, tmp_path))
    assert reasons(listing) == {path: reason}
    assert "hindi/s/a.wav" in listed(listing)


def test_a_name_that_can_not_be_printed_or_decoded_is_rejected_escaped(tmp_path: Path) -> None:
    names = ["\x1b[2J.wav", "a\nb.wav", os.fsdecode(b"\xff.wav"), os.fsdecode(b"\xff/x.wav"), "\u202egnp.wav"]
    paths = [f"hindi/s/{name}" for name in names]
    touch(tmp_path, *paths, "hindi/s/ह a.wav")
    listing = layouts.read(sections("folders", tmp_path))
    assert reasons(listing) == {ascii(path): "name" for path in paths}
    assert listed(listing) == ["hindi/s/ह a.wav"]


def test_folders_and_endings_that_can_not_be_printed_are_counted_escaped(tmp_path: Path) -> None:
    touch(tmp_path, "a\nb/x.wav", os.fsdecode(b"\xff/x.wav"), "hindi/s/x.\x1b", "hindi/s/x.wav", "hindi\n2/s/y.wav")
    listing = layouts.read(sections("folders", tmp_path))
    assert listing.left_out == {ascii("a\nb"): 1, ascii("\udcff"): 1, ascii("*.\x1b"): 1, ascii("hindi\n2"): 1}


def test_links_to_folders_are_never_followed_in_circles_nor_out_of_the_corpus(tmp_path: Path) -> None:
    root = tmp_path / "root"
    touch(root, "raw/s/x.wav", "train_english/s/x.wav", "train_english/deep/s/x.wav")
    links = {"train_hindi": "raw", "all_hindi": ".", "machine_hindi": "/", "dangling_hindi": "nowhere", "rest": "/"}
    links |= {"train_english/up": "..", "train_english/self": ".", "train_english/deep/in": "../s"}
    for name, target in links.items():
        (root / name).symlink_to(target)
    listing = layouts.read(sections("folders", root))
    assert listed(listing) == ["train_english/deep/s/x.wav", "train_english/s/x.wav", "train_hindi/s/x.wav"]
    assert reasons(listing) == {
        "all_hindi": "not_a_file",
        "machine_hindi": "outside",
        "train_english/up": "not_a_file",
        "train_english/self": "not_a_file",
        "train_english/deep/in": "not_a_file",
    }
    assert listing.left_out == {"*": 1, "raw": 1, "rest": 1}


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), FileNotFoundError(2, "No such file")])
def test_what_can_not_be_read_or_vanishes_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    touch(tmp_path, "hindi/s/x.wav", "hindi/s/y.wav", "hindi/closed/z.wav", "rest/closed/z.wav")

    def fail(function: Any, ending: str) -> Any:
        def run(path: Any, *args: Any, **options: Any) -> Any:
            if str(path).endswith(ending):
                raise error
            return function(path, *args, **options)

        return run

    monkeypatch.setattr(os, "lstat", fail(os.lstat, "y.wav"))
    monkeypatch.setattr(os, "scandir", fail(os.scandir, "closed"))
    listing = layouts.read(sections("folders", tmp_path))
    assert listed(listing) == ["hindi/s/x.wav"]
    assert reasons(listing) == {"hindi/s/y.wav": "missing", "hindi/closed": "missing"}
    assert all(error.strerror in row.detail for row in listing.rejected)
    assert listing.left_out == {"rest": 1}


def test_a_folder_whose_files_vanish_one_by_one_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [f"hindi/s/{number}.wav" for number in range(9)]
    touch(tmp_path, *paths)
    stamp = Files.stamp

    def vanish(files: Files, path: str) -> tuple[int, int, int]:
        if path in paths[::2]:
            (tmp_path / path).unlink()
        return stamp(files, path)

    monkeypatch.setattr(Files, "stamp", vanish)
    listing = layouts.read(sections("folders", tmp_path))
    assert listed(listing) == paths[1::2]
    assert reasons(listing) == dict.fromkeys(paths[::2], "missing")


def test_the_stamp_is_that_of_the_file_behind_all_links(tmp_path: Path) -> None:
    (tmp_path / "hindi" / "s").mkdir(parents=True)
    (tmp_path / "hindi" / "s" / "a.wav").write_bytes(b"12345")
    (tmp_path / "hindi" / "s" / "b.wav").symlink_to("../s/./c.wav")
    (tmp_path / "hindi" / "s" / "c.wav").symlink_to(tmp_path / "more_hindi" / "s" / "a.wav")
    (tmp_path / "more_hindi").symlink_to("hindi")
    found = (tmp_path / "hindi" / "s" / "a.wav").stat()
    for entry in layouts.read(sections("folders", tmp_path, languages=("hindi", "x"))).entries:
        assert entry.stamp == (5, found.st_mtime_ns, found.st_ino)


@pytest.mark.parametrize("layout", ["folders", "table"])
def test_a_root_that_is_no_folder_is_refused_in_a_sentence(tmp_path: Path, layout: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    for root in ["file", "file/x", "dangling", "loop", "x" * 5000, "x/" * 2500, "a\0b", "a\nb", "\udcff"]:
        settings = sections(layout, tmp_path).model_copy(update={"root": str(tmp_path / root)})  # past its own checks
        assert "is not a folder" in refusal(settings)


def test_a_root_that_can_not_be_listed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert "can't be listed (Permission denied)" in refusal(sections("folders", tmp_path))


def test_a_listing_is_the_same_however_the_file_system_orders_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = itertools.product(("hindi", "x", "y"), "ba", "21", (".wav", ".b", ".a"))
    touch(tmp_path, *(f"{top}/{speaker}/{number}{ending}" for top, speaker, number, ending in names))
    before = layouts.read(sections("folders", tmp_path, speaker_pattern="(?P<speaker>a)"))
    iterdir, scandir = Path.iterdir, os.scandir

    @contextlib.contextmanager
    def reverse(path: Path) -> Iterator[list[os.DirEntry[str]]]:
        with scandir(path) as found:
            yield sorted(found, key=lambda entry: entry.name, reverse=True)

    monkeypatch.setattr(Path, "iterdir", lambda path: iter(sorted(iterdir(path), reverse=True)))
    monkeypatch.setattr(os, "scandir", reverse)
    after = layouts.read(sections("folders", tmp_path, speaker_pattern="(?P<speaker>a)"))
    assert after == before
    assert list(after.left_out) == list(before.left_out)
