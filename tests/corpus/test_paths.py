"""Files below the root of a corpus, and their names in messages. The contract of layouts tests strange paths."""

import re
from pathlib import Path

import pytest
import soundfile

from pipeline.audio import foreign
from pipeline.corpus import paths
from pipeline.corpus.paths import is_audio


def test_the_size_is_that_of_the_file_behind_all_links(tmp_path: Path) -> None:
    (tmp_path / "hindi" / "s").mkdir(parents=True)
    (tmp_path / "hindi" / "s" / "a.wav").write_bytes(b"12345")
    (tmp_path / "hindi" / "s" / "b.wav").symlink_to("../s/./c.wav")
    (tmp_path / "hindi" / "s" / "c.wav").symlink_to(tmp_path / "more_hindi" / "s" / "a.wav")
    (tmp_path / "more_hindi").symlink_to("hindi")
    for path in ("hindi/s/a.wav", "hindi/s/b.wav", "hindi/s/c.wav", "more_hindi/s/b.wav"):
        assert paths.Files(tmp_path).size(path) == 5


def test_a_relative_root_that_a_copy_of_the_project_lacks_is_relative_to_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, speech = tmp_path / "project", tmp_path / "speech"
    copy = project / ".dvc" / "tmp" / "exps" / "standalone" / "tmp1"
    for folder in (speech, project / "mine", copy / "own", project / "own"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(copy)
    assert paths.root_folder("../speech") == project / "../speech"
    assert paths.root_folder("mine") == project / "mine"
    assert paths.root_folder("own") == Path("own")
    assert paths.root_folder(str(speech)) == speech
    assert paths.root_folder("nowhere") == Path("nowhere")
    monkeypatch.chdir(project)
    assert paths.root_folder("mine") == Path("mine")


def test_names_are_shown_on_one_line() -> None:
    names = {"हिन्दी a": "हिन्दी a", "a\nb": r"'a\nb'", "\udcff": r"'\udcff'"}  # escaped only if it can't be printed
    assert {name: paths.escaped(name) for name in names} == names
    assert paths.quoted("a b") == "'a b'"
    shown = paths.quoted("a" * 500 + "/" + "b" * 500)
    assert (len(shown), shown[:4], shown[-4:]) == (paths.MAX_NAME_CHARACTERS, "'aaa", "bbb'")


def test_every_format_that_is_decoded_has_endings_and_the_page_names_them(project: Path) -> None:
    names = {*soundfile.available_formats(), *(kind.name for kind in foreign.KINDS)}
    assert {name for name in names if not is_audio(f"a.{name}")} == {"RAW", "SD2", "Matroska"}  # see docs/formats.md
    assert is_audio("a.MKV")
    page = (project / "docs" / "formats.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(\.\w+)`", page.partition("## Endings")[2])) - {".mat"} == paths.ENDINGS
