"""Files below the root of a corpus, and their names in messages. The contract of layouts tests strange paths."""

from pathlib import Path

import pytest

from pipeline.corpus import paths
from pipeline.errors import AudioError


def test_the_stamp_is_that_of_the_file_behind_all_links(tmp_path: Path) -> None:
    (tmp_path / "hindi" / "s").mkdir(parents=True)
    (tmp_path / "hindi" / "s" / "a.wav").write_bytes(b"12345")
    (tmp_path / "hindi" / "s" / "b.wav").symlink_to("../s/./c.wav")
    (tmp_path / "hindi" / "s" / "c.wav").symlink_to(tmp_path / "more_hindi" / "s" / "a.wav")
    (tmp_path / "more_hindi").symlink_to("hindi")
    status = (tmp_path / "hindi" / "s" / "a.wav").stat()
    for path in ("hindi/s/a.wav", "hindi/s/b.wav", "hindi/s/c.wav", "more_hindi/s/b.wav"):
        assert paths.Files(tmp_path).stamp(path) == (5, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


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


def test_a_link_leads_out_of_the_root_even_if_a_folder_begins_like_it(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "roots").mkdir()
    (tmp_path / "roots" / "x.wav").touch()
    (tmp_path / "root" / "x.wav").symlink_to("../roots/x.wav")
    (tmp_path / "root" / "folder").symlink_to("../roots")
    assert not paths.Files(tmp_path / "root").holds("folder")
    with pytest.raises(AudioError, match=r"^x\.wav is a link that leads out of corpus\.root") as error:
        paths.Files(tmp_path / "root").stamp("x.wav")
    assert error.value.reason == "outside"


def test_a_name_that_can_not_be_printed_is_refused_with_its_kind() -> None:
    paths.require_printable("a.wav", speaker="Asha", group="हिन्दी")
    with pytest.raises(AudioError) as error:
        paths.require_printable("a.wav", speaker="Asha", group="g\x1b")
    assert error.value.reason == "name"
    assert error.value.detail == r"has a group that can't be printed ('g\x1b'); rename it"


@pytest.mark.parametrize(("name", "shown"), [("हिन्दी a", "हिन्दी a"), ("a\nb", r"'a\nb'"), ("\udcff", r"'\udcff'")])
def test_a_name_is_escaped_only_if_it_can_not_be_printed(name: str, shown: str) -> None:
    assert paths.escaped(name) == shown


def test_the_middle_of_a_long_name_is_left_out_in_quotes() -> None:
    assert paths.quoted("a b") == "'a b'"
    shown = paths.quoted("a" * 500 + "/" + "b" * 500)
    assert len(shown) == paths.MAX_NAME_CHARACTERS
    assert shown.startswith("'aaa")
    assert shown.endswith("bbb'")
