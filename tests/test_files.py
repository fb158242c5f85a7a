"""A file or folder exists whole or not at all."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline import files
from pipeline.errors import ArtifactError


def test_a_folder_appears_once_its_block_has_succeeded(tmp_path: Path) -> None:
    target = tmp_path / "store"
    target.mkdir()
    (target / "old").touch()
    with files.building(target) as folder:
        (folder / "new").touch()
        assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [KeyError, BlockingIOError])  # the second is not that of another process's lock
def test_a_failed_block_leaves_nothing_and_the_old_folder_stays(tmp_path: Path, error: type[Exception]) -> None:
    target = tmp_path / "store"
    target.mkdir()
    (tmp_path / "store.0123.scratch" / "deep").mkdir(parents=True)  # of a process that was killed
    with pytest.raises(error), files.building(target):
        raise error
    assert list(tmp_path.iterdir()) == [target]


def test_two_processes_do_not_build_the_same_folder_at_once(tmp_path: Path) -> None:
    with files.building(tmp_path / "store") as folder:
        with pytest.raises(ArtifactError, match="another process, maybe of a run that was killed, is writing into"):
            files.building(tmp_path / "store").__enter__()
        assert folder.exists()
    with files.building(tmp_path / "store"):
        pass


def test_a_file_whose_replacement_fails_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    files.replace(tmp_path / "file", b"new")
    with pytest.raises(TypeError):
        files.replace(tmp_path / "file", "text")  # type: ignore[arg-type]
    assert (tmp_path / "file").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


HOLD = """
import pathlib, sys
from pipeline import files

with files.scratch(pathlib.Path(sys.argv[1])) as folder:
    (folder / "file").touch()
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_a_scratch_folder_lasts_as_long_as_its_block(tmp_path: Path) -> None:
    with files.scratch(tmp_path) as first, files.scratch(tmp_path) as second:
        assert {path for path in tmp_path.iterdir() if not list(path.iterdir())} == {first, second}
        (first / "deep").mkdir()
    with pytest.raises(KeyError), files.scratch(tmp_path):
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_a_scratch_folder_is_removed_once_its_process_is_killed_and_not_before(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        held = Path(holder.stdout.readline().strip())
        with files.scratch(tmp_path) as mine:
            assert set(tmp_path.iterdir()) == {held, mine}
        holder.kill()
    assert [path.name for path in held.iterdir()] == ["file"]
    with files.scratch(tmp_path) as mine:
        assert list(tmp_path.iterdir()) == [mine]


def test_scratch_folders_made_at_the_same_time_stay(tmp_path: Path) -> None:
    def lasts(_: int) -> bool:
        with files.scratch(tmp_path) as folder:
            (folder / "file").touch()
            return (folder / "file").exists()

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lasts, range(800)))
    assert not list(tmp_path.iterdir())


def test_a_file_with_another_name_is_not_written_through_it(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"old")
    (tmp_path / "hard").hardlink_to(tmp_path / "cache")
    (tmp_path / "soft").symlink_to(tmp_path / "cache")
    for name in ("hard", "soft"):
        files.replace(tmp_path / name, b"new")
        assert (tmp_path / name).read_bytes() == b"new"
        assert not (tmp_path / name).is_symlink()
    assert (tmp_path / "cache").read_bytes() == b"old"


def test_a_folder_replaces_a_link_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (tmp_path / "store [1]").symlink_to(tmp_path / "elsewhere")
    with files.building(tmp_path / "store [1]") as folder:
        (folder / "new").touch()
    assert [path.name for path in (tmp_path / "store [1]").iterdir()] == ["new"]
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["file"]


def test_a_device_is_written_to_and_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit((tmp_path / "pipe").read_bytes)
        files.replace(tmp_path / "pipe", b"content")
        assert read.result() == b"content"
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="this system has no names for open files")
def test_an_open_file_is_written_to_by_its_name(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        files.replace(Path(f"/dev/fd/{out.fileno()}"), b"content")
    assert (tmp_path / "out").read_bytes() == b"content"
