"""The memo returns an entry as it was stored or not at all, and stays within its limit."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.jobs import memo
from pipeline.jobs.memo import Memo, key


@pytest.fixture
def cache(tmp_path: Path) -> Memo:
    return Memo(tmp_path / "memo")


def put(cache: Memo, name: str, size: int, age: float = 0) -> None:
    cache.put(name, b"x" * size)
    [path] = cache.folder.glob(f"*/{name}.*")
    os.utime(path, (path.stat().st_mtime - age,) * 2)


def test_an_entry_is_returned_as_it_was_stored(cache: Memo) -> None:
    assert cache.get("abc") == (None, "computed")
    cache.put("abc", b"content")
    assert cache.get("abc") == (b"content", "memo")


@given(damage=st.integers(0, 6), cut=st.booleans())
def test_a_damaged_entry_is_never_taken(tmp_path_factory: pytest.TempPathFactory, damage: int, cut: bool) -> None:
    cache = Memo(tmp_path_factory.mktemp("memo"))
    cache.put("abc", b"content")
    [path] = (cache.folder / "ab").iterdir()
    stored = bytearray(path.read_bytes())
    if cut:
        del stored[damage:]
    else:
        stored[damage] ^= 1
    path.write_bytes(stored)
    assert cache.get("abc") == (None, "damaged")
    cache.put("abc", b"content")
    assert cache.get("abc") == (b"content", "memo")


@pytest.mark.parametrize("links", [True, False])
def test_a_file_is_stored_without_a_copy_if_possible(
    cache: Memo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.delattr(os, "link")  # as on a file system without links

        def refuse(*_: object) -> None:
            raise OSError

        monkeypatch.setattr(os, "link", refuse, raising=False)
    (tmp_path / "shard").write_bytes(b"content")
    cache.put("abc", tmp_path / "shard")
    assert cache.get("abc") == (b"content", "memo")
    assert (tmp_path / "shard").stat().st_nlink == 1 + links


def test_a_memo_that_cant_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "memo").write_text("a file, where a folder is needed")
    cache = Memo(tmp_path / "memo")
    cache.put("abc", b"content")
    assert cache.get("abc") == (None, "computed")
    assert cache.admit(["abc"], each_bytes=10) == {"abc"}


def test_the_oldest_entries_make_room_and_those_of_the_run_stay(cache: Memo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo, "LIMIT_BYTES", 1000)
    for name, age in (("old", 30), ("older", 40), ("young", 10), ("mine", 50)):
        put(cache, name, 200, age)
    assert cache.admit(["mine", "new", "newer"], each_bytes=200) == {"mine", "new", "newer"}
    assert cache.size() == 600  # and with the new ones 1000
    assert cache.get("older") == (None, "computed")
    for name in ("old", "young", "mine"):
        assert cache.get(name)[1] == "memo"


def test_the_beginning_of_a_run_larger_than_the_limit_is_stored(cache: Memo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo, "LIMIT_BYTES", 1000)
    put(cache, "other", 200)
    names = [f"shard-{number}" for number in range(12)]
    assert cache.admit(names, each_bytes=300) == set(names[:3])
    assert cache.get("other") == (None, "computed")


def test_a_key_depends_on_content_code_and_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    content = {"audio": ["a"], "n_mfcc": 64}
    one = key(content, ["mfcc/kernel.py"], ["numpy"])
    assert one == key({"n_mfcc": 64, "audio": ["a"]}, ["mfcc/kernel.py"], ["numpy"])
    others = {
        key({"audio": ["b"], "n_mfcc": 64}, ["mfcc/kernel.py"], ["numpy"]),
        key({"audio": ["a"], "n_mfcc": 65}, ["mfcc/kernel.py"], ["numpy"]),
        key(content, ["silence"], ["numpy"]),
        key(content, ["mfcc/kernel.py"], ["scipy"]),
    }
    assert len(others | {one}) == 5


@pytest.mark.parametrize("name", ["__init__.py", "rule.py", "deep/new.py"])
def test_a_key_covers_every_file_of_a_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(memo, "PACKAGE", tmp_path)
    for file in ("__init__.py", "rule.py"):
        (tmp_path / "silence").mkdir(exist_ok=True)
        (tmp_path / "silence" / file).write_text("")
    before = key({}, ["silence"])
    (tmp_path / "silence" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "silence" / name).write_text("# changed")
    assert key({}, ["silence"]) == before  # read once per process
    memo._code.cache_clear()
    assert key({}, ["silence"]) != before
    memo._code.cache_clear()


def test_incomplete_files_of_a_killed_process_are_removed(cache: Memo) -> None:
    put(cache, "abc", 10)
    old, young = (cache.folder / "ab" / f"abc.{number}.partial" for number in range(2))
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    cache.size()
    assert young.exists()
    assert not old.exists()
    assert cache.get("abc") == (b"x" * 10, "memo")
