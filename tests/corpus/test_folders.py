"""The folders layout: one folder per language; speakers from a table or a pattern."""

import itertools
import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus import layouts
from pipeline.errors import CorpusError
from tests.corpus.corpora import LANGUAGES, listed, reasons, refusal, settings, touch

# Languages of folders


@pytest.mark.parametrize(
    ("languages", "folders", "others"),
    [
        (("de", "en"), {}, ["not_english_noise"]),
        (("french", "french_canadian"), {"french": "french", "French-Canadian.v2": "french_canadian"}, []),
        (("हिन्दी", "हिन्द"), {"train_हिन्दी": "हिन्दी"}, []),  # vowel signs are no separators
        (("தமிழ்", "தமிழா"), {"தமிழா": "தமிழா"}, []),
        (("français", "de"), {"train_franc\u0327ais": "français"}, []),  # as macOS writes it
        (("franc", "de"), {}, ["train_franc\u0327ais"]),
        (("_", "de"), {}, ["___"]),
        # An exact name goes before names that are contained.
        (LANGUAGES, {"English": "english", "hindi_2": "hindi"}, ["english_hindi", "not_english_noise"]),
    ],
)
def test_a_folder_has_the_language_whose_words_it_contains(
    tmp_path: Path, languages: tuple[str, ...], folders: dict[str, str], others: list[str]
) -> None:
    touch(tmp_path, *(f"{name}/s/x.wav" for name in (*folders, *others)))
    listing = layouts.read(settings("folders", tmp_path, languages=languages))
    assert listing.folders == folders
    assert {entry.path.split("/")[0]: entry.language for entry in listing.entries} == folders
    assert listing.skipped == dict.fromkeys(others, 1)


def test_a_folder_that_names_two_languages_is_refused_by_both(tmp_path: Path) -> None:
    touch(tmp_path, "french_canadian_english/s/x.wav")
    message = refusal(settings("folders", tmp_path, languages=("french_canadian", "canadian_english")))
    told = f"the folder 'french_canadian_english' in '{tmp_path}' names french_canadian and canadian_english"
    assert told in message


WORDS = st.sampled_from(["tr", "train", "french", "Canadian", "ca", "x", "2", "é", "हिन्दी"])
SEPARATORS = st.sampled_from(["_", "-", " ", ".", "", "__", "\n"])


@given(
    st.lists(st.tuples(WORDS, SEPARATORS), min_size=1, max_size=4).map(lambda parts: "".join(map("".join, parts))),
    st.sets(st.sampled_from(["tr", "ca", "french", "french_canadian", "canadian", "x_2", "é"]), min_size=2),
)
def test_a_folder_never_has_a_language_that_it_does_not_contain_between_separators(
    tmp_path_factory: pytest.TempPathFactory, folder: str, languages: set[str]
) -> None:
    (root := tmp_path_factory.mktemp("root", numbered=True) / "x").mkdir()
    (root / folder).mkdir()
    patterns = {language: language.replace("_", r"[\W_]+") for language in languages}
    plain = "".join("x" if unicodedata.category(letter).startswith("M") else letter for letter in folder)
    held = [
        language
        for language, pattern in patterns.items()
        if re.search(rf"(?<![^\W_]){pattern}(?![^\W_])", plain, re.IGNORECASE)
    ]
    try:
        found = layouts.read(settings("folders", root, languages=tuple(languages))).folders
    except CorpusError:
        assert len(held) > 1
    else:
        assert list(found.values()) == ([max(held, key=len)] if held else [])
        assert all(name.isprintable() for name in found)


# Files


def test_folders_are_searched_to_any_depth_for_audio_and_other_files_are_counted_by_ending(tmp_path: Path) -> None:
    paths = ["train_hindi/a/b/x.FLAC", "train_hindi/wang.xi/x.wav"]  # a folder may be named like a recording
    touch(tmp_path, *paths, "train_hindi/a/b/notes.txt", "train_hindi/film.srt", "stray.wav", "speakers.csv")
    listing = layouts.read(settings("folders", tmp_path, speaker_table="speakers.csv"))
    assert listed(listing) == paths
    assert listing.skipped == {"*.txt": 1, "*.srt": 1, "*.wav": 1}


def test_names_that_can_not_be_printed_or_decoded_are_rejected_or_counted_escaped(tmp_path: Path) -> None:
    names = ["\x1b[2J.wav", "a\nb.wav", os.fsdecode(b"\xff.wav"), os.fsdecode(b"\xff/x.wav"), "\u202egnp.wav"]
    paths = [f"hindi/s/{name}" for name in names]
    others = ("a\nb/x.wav", os.fsdecode(b"\xff/x.wav"), "hindi/s/x.\x1b", "hindi\n2/s/y.wav")
    touch(tmp_path, *paths, *others, "hindi/s/ह a.wav")
    listing = layouts.read(settings("folders", tmp_path))
    assert reasons(listing) == {ascii(path): "name" for path in paths}
    assert listed(listing) == ["hindi/s/ह a.wav"]
    assert listing.skipped == {ascii("a\nb"): 1, ascii("\udcff"): 1, ascii("*.\x1b"): 1, ascii("hindi\n2"): 1}


def test_links_to_folders_are_never_followed_in_circles_nor_out_of_the_corpus(tmp_path: Path) -> None:
    root = tmp_path / "root"
    touch(root, "raw/s/x.wav", "train_english/s/x.wav", "train_english/deep/s/x.wav")
    touch(tmp_path, "roots/x.wav")  # a folder outside that begins like the root
    links = {"train_hindi": "raw", "all_hindi": ".", "machine_hindi": "/", "dangling_hindi": "nowhere", "rest": "/"}
    links |= {"more_hindi": "../roots", "train_english/out.wav": "../../roots/x.wav", "raw/s/in.wav": "x.wav"}
    links |= {"train_english/up": "..", "train_english/self": ".", "train_english/deep/in": "../s"}
    for name, target in links.items():
        (root / name).symlink_to(target)
    listing = layouts.read(settings("folders", root))
    assert listed(listing) == [
        "train_english/deep/s/x.wav", "train_english/s/x.wav", "train_hindi/s/in.wav", "train_hindi/s/x.wav",
    ]  # fmt: skip
    assert reasons(listing) == {
        "all_hindi": "not_a_file",
        "machine_hindi": "outside",
        "more_hindi": "outside",
        "train_english/out.wav": "outside",
        "train_english/up": "not_a_file",
        "train_english/self": "not_a_file",
        "train_english/deep/in": "not_a_file",
    }
    assert listing.skipped == {"*": 1, "raw": 2, "rest": 1}


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), FileNotFoundError(2, "No such file")])
def test_files_and_folders_that_can_not_be_read_or_vanish_are_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    touch(tmp_path, "hindi/s/x.wav", "hindi/s/y.wav", "hindi/closed/z.wav", "rest/closed/z.wav")

    def fail(function: Any, ending: str) -> Any:
        def run(path: Any, *args: Any, **options: Any) -> Any:
            if str(path).endswith(ending):
                raise type(error)(*error.args, str(path))
            return function(path, *args, **options)

        return run

    monkeypatch.setattr(os, "stat", fail(os.stat, "y.wav"))
    monkeypatch.setattr(os, "scandir", fail(os.scandir, "closed"))
    listing = layouts.read(settings("folders", tmp_path))
    assert listed(listing) == ["hindi/s/x.wav"]
    assert reasons(listing) == {"hindi/s/y.wav": "missing", "hindi/closed": "missing"}
    assert all(str(error.strerror) in row.detail for row in listing.rejected)
    assert listing.skipped == {"rest": 1}
    monkeypatch.undo()
    monkeypatch.setattr(os, "listdir", fail(os.listdir, tmp_path.name))
    assert f"can't be listed ({error.strerror})" in refusal(settings("folders", tmp_path))


def test_a_listing_does_not_depend_on_the_order_of_the_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = itertools.product(("hindi", "x", "y"), "ba", "21", (".wav", ".b", ".a"))
    touch(tmp_path, *(f"{top}/{speaker}/{number}{ending}" for top, speaker, number, ending in names))
    before = layouts.read(settings("folders", tmp_path, speaker_pattern="(?P<speaker>a)"))
    listdir, walk = os.listdir, os.walk

    def reverse(top: Path, **options: Any) -> Iterator[tuple[str, list[str], list[str]]]:
        for folder, folders, files in walk(top, **options):
            folders.sort(reverse=True)
            yield folder, folders, sorted(files, reverse=True)

    monkeypatch.setattr(os, "listdir", lambda path: sorted(listdir(path), reverse=True))
    monkeypatch.setattr(os, "walk", reverse)
    after = layouts.read(settings("folders", tmp_path, speaker_pattern="(?P<speaker>a)"))
    assert after == before
    assert list(after.skipped) == list(before.skipped)


TABLE = {"speaker_table": "speakers.csv", "speaker_pattern": None}


def test_the_pattern_is_searched_for_in_the_path_and_takes_precedence_over_the_table(tmp_path: Path) -> None:
    touch(tmp_path, "hindi/a_0.wav", "hindi/b_12.wav", "hindi/c_3.wav")
    corpus = settings("folders", tmp_path, speaker_table="nowhere.csv", speaker_pattern=r"_(?P<speaker>\d)\.wav$")
    listing = layouts.read(corpus)
    assert {entry.path: entry.speaker for entry in listing.entries} == {"hindi/a_0.wav": "0", "hindi/c_3.wav": "3"}
    assert reasons(listing) == {"hindi/b_12.wav": "no_speaker"}
    assert "name one in its path, where corpus.speaker_pattern finds none, so" in listing.rejected[0].detail


@pytest.mark.parametrize("text", ["file,speaker\nx,y\n", None])
def test_a_table_that_is_missing_or_can_not_be_read_is_refused_by_its_path(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "speakers.csv").write_text(text)
    message = refusal(settings("folders", tmp_path, **TABLE))
    assert f"the speaker table '{tmp_path}/speakers.csv' " in message
    assert ("needs corpus.speaker_table or corpus.speaker_pattern" in message) == (text is None)


def test_lines_of_any_form_are_read_those_that_contradict_each_other_refused_and_bad_ones_rejected(
    tmp_path: Path,
) -> None:
    paths, corpus = [f"hindi/{name}.wav" for name in "bcdf"], settings("folders", tmp_path, **TABLE)
    touch(tmp_path, *paths)
    table, lines = tmp_path / "speakers.csv", "path,age,speaker\n./hindi//b.wav,42, Asha  Rao\n"
    table.write_text(f"{lines}x.wav,,Asha\nhindi/b.wav,,Bela\n")
    assert "names two speakers of 'hindi/b.wav', 'Asha Rao' (line 2) and 'Bela' (line 4); remove the" in refusal(corpus)
    table.write_text(f"{lines}hindi/b.wav,7,Asha Rao \nhindi/c.wav,,\n.\\hindi\\f.wav,,Bela\nhindi/d.wav\n")
    listing = layouts.read(corpus)
    assert next(entry.columns for entry in listing.entries if entry.path == "hindi/b.wav") == {"age": "42"}
    assert {entry.path: entry.speaker for entry in listing.entries} == {paths[0]: "Asha Rao", paths[3]: "Bela"}
    assert reasons(listing) == {"speakers.csv": "line", **dict.fromkeys(paths[1:3], "no_speaker")}
    assert "name one in a row of this very path in corpus.speaker_table, or set" in listing.rejected[-1].detail
