"""The table layout: metadata.csv."""

from pathlib import Path

import pytest
from hypothesis import example, given

from pipeline.corpus import layouts
from pipeline.errors import CorpusError
from tests.corpus.contract import LayoutContract
from tests.corpus.corpora import (
    Corpus,
    as_csv,
    check_listing_or_sentence,
    listed,
    reasons,
    refusal,
    settings,
    table_texts,
    touch,
    write_csv,
)


class TableCorpus(Corpus):
    layout = "table"
    columns = ("path", "language", "speaker", "group", "accent")

    def add(self, language: str, speaker: str) -> str:
        path = f"{speaker}.wav"
        touch(self.root, path)
        self.list(path, language, speaker)
        return path

    def list(self, path: str, language: str = "hindi", speaker: str = "s") -> None:
        """Add a row without a file."""
        self.rows.append([path, language, speaker, "", "x, y"])

    def write(self) -> None:
        write_csv(self.root / "metadata.csv", [[*self.columns], *self.rows])


@pytest.fixture
def corpus(tmp_path: Path) -> TableCorpus:
    return TableCorpus(tmp_path / "corpus")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a corpus whose table each test writes."""
    root = tmp_path_factory.mktemp("corpus")
    touch(root, "a.wav", "b.wav", "train_hindi/c.wav")
    return root


class TestTableLayout(LayoutContract):
    """The contract of all layouts."""


@given(table_texts("path", "language", "speaker", "group", "accent"))
@example("")
@example("\n")
@example("\ufeffpath,language,speaker\r\na.wav,hindi,Asha\r\n")
@example('path,language,speaker\na.wav,hindi,"A\rsha"\n')
@example('path,language,speaker\na.wav,hindi,"Asha\n')
def test_any_metadata_gives_a_listing_or_a_sentence(
    root: Path, tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    (root / "metadata.csv").write_bytes(text.encode())
    check_listing_or_sentence(settings("table", root), tmp_path_factory.getbasetemp())


# Listed


def test_group_and_other_columns_are_copied(corpus: TableCorpus) -> None:
    corpus.rows[0][3] = "tape 1"
    first = corpus.read().entries[0]
    assert (first.group, first.extra) == ("tape 1", {"accent": "x, y"})


def test_blank_lines_and_columns_without_a_name_are_skipped(root: Path) -> None:
    (root / "metadata.csv").write_text("path,language,speaker,,\n\na.wav,hindi,Asha,,\n\n")
    (entry,) = layouts.read(settings("table", root)).entries
    assert (entry.path, entry.speaker, entry.extra) == ("a.wav", "Asha", {})


def test_paths_as_windows_writes_them_are_found(root: Path) -> None:
    (root / "back\\slash.wav").touch()  # a name like any other here
    paths = ["train_hindi\\c.wav", "back\\slash.wav", "C:\\train_hindi\\c.wav", "\\\\server\\c.wav", "no\\c.wav"]
    (root / "metadata.csv").write_text(
        as_csv([["path", "language", "speaker"], *([path, "hindi", "s"] for path in paths)])
    )
    listing = layouts.read(settings("table", root))
    assert listed(listing) == ["back\\slash.wav", "train_hindi/c.wav"]
    assert reasons(listing) == {paths[2]: "missing", paths[3]: "outside", paths[4]: "missing"}
    assert listing.rejected[0].detail == "is a path of Windows; write it relative to corpus.root"


def test_the_names_of_columns_may_be_in_any_case_and_times_have_decimal_commas(root: Path) -> None:
    (root / "metadata.csv").write_text("Path; LANGUAGE;Speaker_1;Start;END;Note\na.wav;hindi;Asha;0,5;1,25;x\n;;;;;\n")
    (entry,) = layouts.read(settings("table", root)).entries
    assert (entry.channel_speakers, entry.start, entry.end, entry.extra["Note"]) == (("Asha",), 0.5, 1.25, "x")


def test_a_path_that_a_table_names_is_a_recording_whatever_its_name(root: Path) -> None:
    touch(root, "._a.wav", "@eaDir/a.wav")
    (root / "metadata.csv").write_text("path,language,speaker\n._a.wav,hindi,s\n@eaDir/a.wav,hindi,s\n")
    assert listed(layouts.read(settings("table", root))) == ["._a.wav", "@eaDir/a.wav"]


def test_cells_become_one_printable_line(root: Path) -> None:
    (root / "metadata.csv").write_text(
        as_csv([["path", "language", "speaker", "said"], ["a.wav", "hindi", " A\r\nsha ", "x\r\n\x1by\0"]])
    )
    (entry,) = layouts.read(settings("table", root)).entries
    assert (entry.speaker, entry.extra) == ("A sha", {"said": "x y"})


# Rejected


def test_paths_out_of_the_corpus_are_rejected(corpus: TableCorpus) -> None:
    outside = corpus.root.parent / "x.wav"
    outside.touch()
    (corpus.root / "link.wav").symlink_to(outside)
    paths = ["../x.wav", str(outside), "link.wav", "a/../../x.wav", "/etc/hostname", ""]
    for path in paths:
        corpus.list(path)
    listing = corpus.read()
    assert reasons(listing) == dict.fromkeys(paths, "outside")
    assert len(listing.entries) == 6


def test_a_missing_file_and_a_folder_are_rejected(corpus: TableCorpus) -> None:
    corpus.list("gone.wav")
    corpus.list(".")
    assert reasons(corpus.read()) == {"gone.wav": "missing", ".": "not_a_file"}


@pytest.mark.parametrize("path", ["a\0b.wav", "x" * 300 + ".wav", "loop.wav"])
def test_a_path_that_can_not_be_opened_is_rejected(corpus: TableCorpus, path: str) -> None:
    (corpus.root / "loop.wav").symlink_to("loop.wav")
    corpus.list(path)
    assert list(reasons(corpus.read())) == [path if path.isprintable() else ascii(path)]


@pytest.mark.parametrize("column", ["language", "speaker", "group"])
@pytest.mark.parametrize("text", ["hin\x1bdi", "hin\0di", "hin\u202edi"])
def test_a_row_whose_names_can_not_be_printed_is_rejected(root: Path, column: str, text: str) -> None:
    row = {"path": "a.wav", "language": "hindi", "speaker": "Asha", "group": "g"} | {column: text}
    (root / "metadata.csv").write_text(as_csv([list(row), list(row.values())]))
    (rejected,) = layouts.read(settings("table", root)).rejected
    assert (rejected.path, rejected.reason) == ("a.wav", "name")
    assert f"has a {column} that can't be printed" in rejected.detail


# Refused


@pytest.mark.parametrize("path", ["english-0.wav", "./english-0.wav", "x/../english-0.wav"])
def test_a_recording_that_is_listed_twice_is_refused_with_its_line(corpus: TableCorpus, path: str) -> None:
    corpus.list(path, "english", "z")
    with pytest.raises(CorpusError, match=r"metadata\.csv line 8 lists 'english-0\.wav' again"):
        corpus.read()


def test_a_recording_that_is_listed_twice_by_the_same_row_costs_that_row(corpus: TableCorpus) -> None:
    corpus.rows.append(list(corpus.rows[0]))
    listing = corpus.read()
    assert (len(listing.entries), reasons(listing)) == (6, {corpus.rows[0][0]: "line"})


def test_a_short_row_is_rejected_with_its_line(corpus: TableCorpus) -> None:
    corpus.rows.append(["x.wav", "hindi"])
    listing = corpus.read()
    assert [(row.path, row.detail[:15]) for row in listing.rejected] == [("metadata.csv", "line 8 is short")]
    assert len(listing.entries) == 6


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("path,speaker\n")
    assert "metadata.csv has no column language" in refusal(settings("table", tmp_path))


def test_a_missing_table_is_refused_by_its_path(tmp_path: Path) -> None:
    assert f"{tmp_path}/metadata.csv can't be read (No such file" in refusal(settings("table", tmp_path))
