"""Files below the root of a corpus: their sizes, digests and names in messages."""

import os
import re
from pathlib import Path
from unittest.mock import Mock

import pytest
import soundfile

from pipeline.audio import foreign
from pipeline.cache import Cache
from pipeline.corpus import digests, paths
from pipeline.corpus.entries import Entry
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


@pytest.mark.parametrize("settled_s", [digests.SETTLED_S, -1.0])  # -1: every file counts as settled at once
@pytest.mark.parametrize("name", ["a.wav", "other"], ids=["overwritten", "replaced, as rsync -t does"])
def test_a_changed_file_is_noticed_though_size_and_time_are_kept(
    name: str, settled_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "SETTLED_S", settled_s)
    path, cache = tmp_path / "a.wav", Cache(tmp_path / "cache")
    digest = Mock(side_effect=digests._digest)
    monkeypatch.setattr(digests, "_digest", digest)

    def listed() -> tuple[str, int]:
        [entry], _, changed = digests.digests({"": tmp_path}, [Entry(path.name, "", "")], cache)
        return entry.sha256, changed

    path.write_bytes(b"before")
    os.utime(path, (1e9, 1e9))
    before, time = listed()[0], path.stat().st_ctime_ns
    assert listed() == (before, 0)
    assert digest.call_count == (1 if settled_s < 0 else 2)
    while path.stat().st_ctime_ns == time:  # a tick of the file system's clock, some milliseconds
        (tmp_path / name).write_bytes(b"AFTER.")
        os.utime(tmp_path / name, (1e9, 1e9))
        (tmp_path / name).replace(path)
    assert (path.stat().st_size, path.stat().st_mtime) == (6, 1e9)
    after = listed()
    assert (after[0] != before, after[1]) == (True, 1)
