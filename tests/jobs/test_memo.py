"""The memo gives back what was put, or nothing; and it stays within its limit."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import mfcc
from pipeline.jobs import memo
from pipeline.jobs.memo import Memo
from pipeline.silence import sox


@pytest.fixture
def kept(tmp_path: Path) -> Memo:
    return Memo(tmp_path / "memo")


def put(kept: Memo, name: str, size: int, age: float = 0) -> None:
    kept.put(name, b"x" * size)
    [path] = kept.folder.glob(f"*/{name}.*")
    os.utime(path, (path.stat().st_mtime - age,) * 2)


def test_what_was_put_is_got(kept: Memo) -> None:
    assert kept.get("abc") == (None, "computed")
    kept.put("abc", b"content")
    assert kept.get("abc") == (b"content", "memo")


@given(damage=st.integers(0, 6), cut=st.booleans())
def test_a_damaged_entry_is_never_taken(tmp_path_factory: pytest.TempPathFactory, damage: int, cut: bool) -> None:
    kept = Memo(tmp_path_factory.mktemp("memo"))
    kept.put("abc", b"content")
    [path] = (kept.folder / "ab").iterdir()
    stored = bytearray(path.read_bytes())
    if cut:
        del stored[damage:]
    else:
        stored[damage] ^= 1
    path.write_bytes(stored)
    assert kept.get("abc") == (None, "damaged")
    kept.put("abc", b"content")
    assert kept.get("abc") == (b"content", "memo")


@pytest.mark.parametrize("links", [True, False])
def test_a_file_is_kept_without_a_copy_where_that_is_possible(
    kept: Memo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.delattr(os, "link")  # as on a file system without links

        def refuse(*_: object) -> None:
            raise OSError

        monkeypatch.setattr(os, "link", refuse, raising=False)
    (tmp_path / "shard").write_bytes(b"content")
    kept.put("abc", tmp_path / "shard")
    assert kept.get("abc") == (b"content", "memo")
    assert (tmp_path / "shard").stat().st_nlink == 1 + links


def test_a_memo_that_cant_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "memo").write_text("a file, where a folder is needed")
    kept = Memo(tmp_path / "memo")
    kept.put("abc", b"content")
    assert kept.get("abc") == (None, "computed")
    assert kept.admit(["abc"], each=10) == {"abc"}


def test_the_oldest_entries_make_room_and_those_of_the_run_stay(kept: Memo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo, "LIMIT", 1000)
    for name, age in (("old", 30), ("older", 40), ("young", 10), ("mine", 50)):
        put(kept, name, 200, age)
    assert kept.admit(["mine", "new", "newer"], each=200) == {"mine", "new", "newer"}
    assert kept.size() == 600  # and with the new ones 1000
    assert kept.get("older") == (None, "computed")
    for name in ("old", "young", "mine"):
        assert kept.get(name)[1] == "memo"


def test_a_run_larger_than_the_limit_keeps_its_beginning(kept: Memo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo, "LIMIT", 1000)
    put(kept, "other", 200)
    names = [f"shard-{number}" for number in range(12)]
    assert kept.admit(names, each=300) == set(names[:3])
    assert kept.get("other") == (None, "computed")


def test_a_name_depends_on_content_code_and_versions() -> None:
    one = memo.name({"audio": ["a"], "n_mfcc": 64}, [mfcc], ["numpy"])
    assert one == memo.name({"n_mfcc": 64, "audio": ["a"]}, [mfcc], ["numpy"])
    others = {
        memo.name({"audio": ["b"], "n_mfcc": 64}, [mfcc], ["numpy"]),
        memo.name({"audio": ["a"], "n_mfcc": 65}, [mfcc], ["numpy"]),
        memo.name({"audio": ["a"], "n_mfcc": 64}, [sox], ["numpy"]),
        memo.name({"audio": ["a"], "n_mfcc": 64}, [mfcc], ["scipy"]),
    }
    assert len(others | {one}) == 5


def test_what_a_killed_process_left_is_swept(kept: Memo) -> None:
    put(kept, "abc", 10)
    old, young = (kept.folder / "ab" / f"abc.{number}.partial" for number in range(2))
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    kept.size()
    assert young.exists()
    assert not old.exists()
    assert kept.get("abc") == (b"x" * 10, "memo")
