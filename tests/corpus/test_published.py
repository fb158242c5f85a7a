"""The properties of every layout, in its published form: listed by name, recognised, any damage is one sentence."""

import contextlib
import os
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import cast

import hypothesis
import numpy as np
import pytest

from pipeline import params, tables
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry, Listing
from pipeline.corpus.paths import SYSTEM_FILES
from pipeline.errors import CorpusError
from pipeline.rows import RejectedRow
from tests.audio.test_fuzz import mutated
from tests.corpus import corpora
from tests.corpus.published import LANGUAGES, PUBLISHED, Published

DAMAGES = 6 * hypothesis.settings().max_examples  # of each layout; many with --hypothesis-profile=thorough


def empty(path: Path, number: int) -> None:
    path.touch()


def settings(corpus: Published, layout: str, **changes: object) -> params.Corpus:
    values = {"languages": LANGUAGES, "speaker_pattern": None, "speaker_table": "speakers.csv"}
    return corpora.settings(cast(params.Layout, layout), corpus.root, **values | corpus.changes | changes)


@pytest.fixture(params=PUBLISHED)
def corpus(request: pytest.FixtureRequest, tmp_path: Path) -> Published:
    (tmp_path / request.param).mkdir()
    return PUBLISHED[request.param](tmp_path / request.param, empty)


def check(listing: Listing, corpus: Published) -> None:
    assert listing.rejected == []
    found = [(entry.path, entry.language, entry.speaker, entry.group, entry.speaker_from) for entry in listing.entries]
    ids = {entry.path: entry.file_id for entry in listing.entries}
    wanted = [
        (path, language, speaker or ids[path], group, "table" if speaker else "file")
        for path, language, speaker, group in corpus.recordings
    ]
    assert sorted(found) == sorted(wanted)
    assert len({entry.id(entry.channel) for entry in listing.entries}) == len(listing.entries)
    for entry in listing.entries:
        assert entry.size == (corpus.root / entry.path).stat().st_size


@pytest.mark.parametrize("how", ["named", "auto"])
def test_a_corpus_is_listed_without_what_systems_leave_behind(corpus: Published, how: str) -> None:
    name = corpus.root.name
    chosen = settings(corpus, "auto" if how == "auto" else name)
    before = layouts.read(chosen)
    check(before, corpus)
    assert before.skipped == {}
    unknown = any(not speaker for _, _, speaker, _ in corpus.recordings)
    assert any(note.startswith("SPEAKERS ARE NOT KNOWN for") for note in before.notes) == unknown
    if how == "auto":
        assert f"is read as layout '{name}': " in before.notes[0]
    litter(corpus.root)
    listing = layouts.read(chosen)
    assert (listing.entries, listing.rejected, listing.notes) == (before.entries, [], before.notes)
    assert set(listing.skipped) <= {SYSTEM_FILES}
    if name == "folders":
        assert listing.skipped[SYSTEM_FILES] == 3 * 8 + 7 + 6


def litter(root: Path) -> None:
    """Put the files and folders of all systems everywhere."""
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    for folder in folders:
        for path in [path for path in folder.iterdir() if path.is_file()]:
            for copy in (f"._{path.name}", f"@eaDir/{path.name}/x", f"@eaDir/{path.name}@SynoEAStream"):
                (folder / copy).parent.mkdir(parents=True, exist_ok=True)
                (folder / copy).write_bytes(b"\0\5\x16\7")
        for name in (".DS_Store", "Thumbs.db", "DESKTOP.INI", "~$a.wav", "Icon\r", ".hidden.csv", "a:Zone.Identifier"):
            (folder / name).touch()
    for name in ("__MACOSX", ".Trash-1000", "$RECYCLE.BIN", "System Volume Information", "lost+found", ".english"):
        shutil.copytree(root / folders[-1].relative_to(root), root / name / "english" / "hindi")
        for table in root.glob("*.*"):
            if table.is_file():
                shutil.copy(table, root / name)


def test_every_layout_of_the_parameters_has_a_reader_its_published_form_and_its_section(project: Path) -> None:
    assert ["auto", *sorted(layouts.LAYOUTS)] == sorted(
        params.Corpus.model_json_schema()["properties"]["layout"]["enum"]
    )
    page = (project / "docs" / "corpora.md").read_text()
    assert set(PUBLISHED) == set(layouts.LAYOUTS) == set(re.findall(r"^\| \[(\w+)\]\(#", page, flags=re.MULTILINE))


def test_other_languages_are_skipped_and_counted(corpus: Published) -> None:
    mine = [path for path, language, _, _ in corpus.recordings if language == "english"]
    changes = {"languages": ("english", "welsh")} | ({"labels": {0: "english", 2: "welsh"}} if corpus.changes else {})
    listing = layouts.read(settings(corpus, corpus.root.name, **changes))
    assert [entry.path for entry in listing.entries if entry.language == "english"] == sorted(mine)
    assert listing.rejected == []
    if not corpus.changes:  # whose labels name the languages
        assert sum(listing.skipped.values()) == len(corpus.recordings) - len(mine)


def link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def circle(path: Path) -> None:
    path.symlink_to("other")
    path.with_name("other").symlink_to(path.name)


def chain(path: Path) -> None:
    """More links in a row than any system follows."""
    for number in range(200):
        path.with_name(f"{number}").symlink_to(f"{number + 1}")
    path.with_name("200").touch()
    path.symlink_to("0")


def bind(path: Path) -> None:
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path.name)  # the path of a socket is limited to 107 characters


STRANGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "dangling": (link("nowhere"), "missing"),
    "loop": (lambda path: path.symlink_to(path.name), "missing"),
    "loop through another": (circle, "missing"),
    "below a file": (link("/etc/hostname/x"), "missing"),
    "chain": (chain, "missing"),
    "fifo": (os.mkfifo, "not_a_file"),
    "socket": (bind, "not_a_file"),
    "folder": (Path.mkdir, "not_a_file"),
    "link to a folder": (link("."), "not_a_file"),
    "device": (link("/dev/zero"), "outside"),
    "outside": (link("/etc/hostname"), "outside"),
}


@pytest.mark.parametrize(("make", "reason"), STRANGE.values(), ids=STRANGE)
def test_anything_but_a_file_below_the_root_is_rejected(
    corpus: Published, make: Callable[[Path], None], reason: str
) -> None:
    paths = [path for path, *_ in corpus.recordings]
    (corpus.root / paths[0]).unlink()
    make(corpus.root / paths[0])
    listing = layouts.read(settings(corpus, corpus.root.name))
    assert corpora.reasons(listing) == {paths[0]: reason}
    assert corpora.listed(listing) == sorted(path for path in paths if path != paths[0])


def test_all_of_them_are_sources_of_one_corpus(tmp_path: Path) -> None:
    parts = {}
    for name, build in PUBLISHED.items():
        (tmp_path / name).mkdir()
        parts[name] = build(tmp_path / name, empty)
    sources = tuple(params.Source(root=str(tmp_path / name), layout="auto", name=f"of-{name}") for name in parts)
    chosen = settings(parts["homework"], "auto", sources=sources)
    listing = layouts.read(chosen)
    assert not listing.rejected
    for name, part in parts.items():
        mine = [entry for entry in listing.entries if entry.source == f"of-{name}"]
        assert sorted(entry.path for entry in mine) == sorted(path for path, *_ in part.recordings)
        assert all(entry.name == f"of-{name}/{entry.path}" for entry in mine)
    unknown = [entry for entry in listing.entries if entry.speaker_from == "file"]
    assert len({entry.speaker for entry in unknown}) == len({entry.name for entry in unknown})  # no common speaker
    assert layouts.roots(chosen) == {f"of-{name}": tmp_path / name for name in parts}


@pytest.mark.parametrize("speakers", ["file", "cluster"])
def test_speakers_that_are_not_wanted_are_not_known(corpus: Published, speakers: str) -> None:
    for entry in layouts.read(settings(corpus, corpus.root.name, speakers=speakers)).entries:
        assert (entry.speaker, entry.speaker_from) == (entry.file_id, speakers)


HOSTILE_CELLS = [b"\x1b[2J", b"..", *map(str.encode, '\r\n\0\t",/ |\u2028\u202e\u200d\x85')]


def test_any_damage_to_the_tables_is_one_sentence_or_a_listing_that_survives_being_written(
    corpus: Published, tmp_path: Path
) -> None:
    files = [path for path in corpus.root.rglob("*") if path.is_file() and path.stat().st_size]
    rng = np.random.default_rng(0)
    chosen = settings(corpus, corpus.root.name)
    for _ in range(DAMAGES if files else 0):
        path = files[rng.integers(len(files))]
        before = path.read_bytes()
        path.write_bytes(mutated(before, rng, HOSTILE_CELLS))
        try:
            listing = layouts.read(chosen)
        except CorpusError as error:
            assert str(error).isprintable()
        else:
            assert all(entry.language in chosen.languages and entry.speaker for entry in listing.entries)
            assert all((corpus.root / entry.path).is_file() for entry in listing.entries)
            for kind, rows in ((Entry, listing.entries), (RejectedRow, listing.rejected)):
                tables.write(tmp_path / "x.csv", kind, rows)
                lines = (tmp_path / "x.csv").read_text().removesuffix("\n").split("\n")
                assert [*filter(str.isprintable, lines)] == lines
                assert tables.read(tmp_path / "x.csv", kind, sealed=False) == rows
            assert all(name.isprintable() for name in listing.skipped)
        path.write_bytes(before)
    check(layouts.read(chosen), corpus)


def test_of_two_layouts_that_fit_the_more_specific_is_read_and_a_folder_of_none_is_refused(tmp_path: Path) -> None:
    corpus = PUBLISHED["kaldi"](tmp_path, empty)
    (tmp_path / "metadata.csv").write_text("path,language,speaker\n")
    listing = layouts.read(settings(corpus, "auto"))
    check(listing, corpus)
    assert "is read as layout 'kaldi': it holds wav.scp; 'table' (it holds metadata.csv)" in listing.notes[0]
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=r"has none of the layouts kaldi, .*; docs/corpora\.md shows each"):
        layouts.read(settings(Published(tmp_path / "empty"), "auto"))
