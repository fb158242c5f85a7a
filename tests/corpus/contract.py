"""The properties of every layout.

The test file of a layout has a subclass of `Corpus` that writes a corpus in that layout, a fixture `corpus` that
returns one, and a subclass of `LayoutContract`.
"""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.corpus import layouts
from pipeline.errors import CorpusError
from tests.corpus.corpora import LANGUAGES, Corpus, listed, reasons


def _make_link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def _make_link_to_root(path: Path) -> None:
    root = next(folder for folder in path.parents if folder.name == "corpus")
    path.symlink_to(os.path.relpath(root, path.parent))


def _make_circle(path: Path) -> None:
    path.symlink_to("other")
    path.with_name("other").symlink_to(path.name)


def _make_link_below_a_file(path: Path) -> None:
    path.with_name("file").touch()
    path.symlink_to("file/x")


def _make_chain(path: Path) -> None:
    """More links in a row than any system follows."""
    for number in range(2000):
        path.with_name(f"{number}").symlink_to(f"{number + 1}")
    path.with_name("2000").touch()
    path.symlink_to("0")


def _make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket is limited to 107 characters
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path.name)
    os.chdir(here)


STRANGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "dangling": (_make_link("nowhere"), "missing"),
    "loop": (lambda path: path.symlink_to(path.name), "missing"),
    "loop through another": (_make_circle, "missing"),
    "below a file": (_make_link_below_a_file, "missing"),
    "chain": (_make_chain, "missing"),
    "fifo": (os.mkfifo, "not_a_file"),
    "socket": (_make_socket, "not_a_file"),
    "folder": (Path.mkdir, "not_a_file"),
    "link to a folder": (_make_link("."), "not_a_file"),
    "root": (_make_link_to_root, "not_a_file"),
    "device": (_make_link("/dev/zero"), "outside"),
    "outside": (_make_link("/etc/hostname"), "outside"),
}


class LayoutContract:
    """Tests that every layout has to pass."""

    def test_every_recording_is_listed_by_path_with_its_language_and_speaker(self, corpus: Corpus) -> None:
        listing = corpus.read()
        assert listed(listing) == sorted(row[0] for row in corpus.rows)
        assert [(entry.language, entry.speaker) for entry in listing.entries] == [
            (language, f"{language}-{number}") for language in LANGUAGES for number in range(3)
        ]
        assert (listing.rejected, listing.skipped) == ([], {})

    def test_the_stamp_is_that_of_the_file(self, corpus: Corpus) -> None:
        for number, row in enumerate(corpus.rows):
            (corpus.root / row[0]).write_bytes(bytes(number))
        for entry in corpus.read().entries:
            status = (corpus.root / entry.path).stat()
            assert entry.stamp == (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    def test_other_languages_are_skipped_and_counted(self, corpus: Corpus) -> None:
        for number in range(2):
            corpus.add("french", f"french-{number}")
        listing = corpus.read()
        assert listing.skipped == {"french": 2}
        assert len(listing.entries) == 6
        assert listing.rejected == []

    @pytest.mark.parametrize("speaker", ["", "  "])
    def test_a_recording_without_a_speaker_is_rejected(self, corpus: Corpus, speaker: str) -> None:
        path = corpus.add("hindi", "new")
        corpus.rows[-1][2] = speaker
        assert reasons(corpus.read()) == {path: "no_speaker"}

    @pytest.mark.parametrize(("make", "reason"), STRANGE.values(), ids=STRANGE)
    def test_anything_but_a_file_below_the_root_is_rejected(
        self, corpus: Corpus, make: Callable[[Path], None], reason: str
    ) -> None:
        path = corpus.add("hindi", "new")
        (corpus.root / path).unlink()
        make(corpus.root / path)
        listing = corpus.read()
        assert reasons(listing) == {path: reason}
        assert len(listing.entries) == 6

    def test_an_empty_corpus_is_refused_by_its_key(self, corpus: Corpus) -> None:
        for row in corpus.rows:
            (corpus.root / row[0]).unlink()
        corpus.rows.clear()
        listing = corpus.read()
        with pytest.raises(CorpusError, match=r"^no recordings in corpus\.root '"):
            layouts.check(listing.entries, listing.rejected, corpus.settings())
