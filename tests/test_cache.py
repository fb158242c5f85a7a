"""The cache returns an entry as it was stored or not at all, and stays within its limit."""

import os
from pathlib import Path

import pytest

from pipeline import cache as cache_module
from pipeline.cache import Cache, key


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def put(cache: Cache, name: str, size: int, used: float) -> None:
    """Store an entry that was last used some seconds before the cache was opened."""
    cache.put(name, b"x" * size)
    [path] = cache.folder.glob(f"*/{name}.*")
    os.utime(path, (cache.opened - used, path.stat().st_mtime))


def test_what_is_remembered_is_not_computed_again(cache: Cache, tmp_path: Path) -> None:
    outputs, computed = [tmp_path / "one", tmp_path / "folder" / "two"], []

    def compute() -> bytes:
        computed.append(True)
        for path in outputs:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(path.name.encode())
        return b"result"

    for reused in (False, True, True):
        assert cache.remember("abc", outputs, compute) == (b"result", reused)
        assert [path.read_bytes() for path in outputs] == [b"one", b"two"]
        for path in outputs:
            path.unlink()
    assert len(computed) == 1
    [entry] = cache.folder.glob("*/abc-1.*")
    entry.unlink()
    assert cache.remember("abc", outputs, compute) == (b"result", False)


def test_a_damaged_entry_is_never_taken(cache: Cache) -> None:
    content = b"content"
    for damaged in (
        b"",
        *(content[:at] for at in range(7)),
        *(content[:at] + b"?" + content[at + 1 :] for at in range(7)),
    ):
        cache.put("abc", content)
        assert cache.read("abc") == content
        [path] = (cache.folder / "ab").iterdir()
        path.write_bytes(damaged)
        assert cache.read("abc") is None


@pytest.mark.parametrize("links", [True, False])
def test_a_file_is_stored_without_a_copy_if_possible(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    if not links:
        monkeypatch.setattr(os, "link", refuse)  # as on a file system without links
    (tmp_path / "shard").write_bytes(b"content")
    cache.put("abc", tmp_path / "shard")
    assert cache.read("abc") == b"content"
    assert (tmp_path / "shard").stat().st_nlink == 1 + links


def test_a_cache_that_cant_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, where a folder is needed")
    cache = Cache(tmp_path / "cache")
    cache.put("abc", b"content")
    assert cache.read("abc") is None
    cache.shrink()


def test_the_entries_unused_for_longest_make_room_and_the_beginning_of_a_run_stays(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    ages = {"old": 30, "older": 40, "young": 10, "first": -1, "second": -2, "third": -3}
    order = ("older", "old", "young", "third", "second", "first")
    for name, age in ages.items():
        put(cache, name, 200, age)
    for kept in range(6, -1, -1):
        monkeypatch.setattr("pipeline.cache.LIMIT_BYTES", 200 * kept + 100)
        cache.shrink()
        assert {path.stem for path in cache.folder.glob("*/*")} == {*order[6 - kept :]}


def test_a_key_depends_on_content_code_and_versions() -> None:
    content, code = {"audio": ["a"], "n_mfcc": 64}, ["mfcc/kernel.py"]
    one = key(content, code, ["numpy"])
    assert one == key({"n_mfcc": 64, "audio": ["a"]}, code, ["numpy"])
    others = {key(content | change, code, ["numpy"]) for change in ({"audio": ["b"]}, {"n_mfcc": 65})}
    others |= {key(content, ["silence"], ["numpy"]), key(content, code, ["scipy"])}
    assert len(others | {one}) == 5


@pytest.mark.parametrize("name", ["__init__.py", "rule.py", "deep/new.py"])
def test_a_key_covers_every_file_of_a_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(cache_module, "PACKAGE", tmp_path)
    (tmp_path / "silence" / "deep").mkdir(parents=True)
    for file in ("__init__.py", "rule.py"):
        (tmp_path / "silence" / file).touch()
    before = key({}, ["silence"])
    (tmp_path / "silence" / name).write_text("# changed")
    assert key({}, ["silence"]) == before  # read once per process
    cache_module._code.cache_clear()
    assert key({}, ["silence"]) != before
    cache_module._code.cache_clear()


def test_use_is_noticed_and_incomplete_files_of_a_killed_process_are_removed(cache: Cache) -> None:
    cache.put("abc", b"content")
    [path] = cache.folder.glob("*/abc.*")
    os.utime(path, (1e9, 1e9))
    old, young = (path.with_name(f"abc.{number}.partial") for number in range(2))
    for partial in (old, young):
        partial.write_bytes(b"x")
    os.utime(old, (0, 0))
    assert cache.size() == len(b"content")
    assert (old.exists(), young.exists()) == (False, True)
    assert cache.read("abc") == b"content"
    assert (path.stat().st_mtime, path.stat().st_atime > 1.1e9) == (1e9, True)  # DVC looks at the first


def test_an_entry_that_another_process_removes_is_computed(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute() -> bytes:
        (tmp_path / "one").write_bytes(b"one")
        return b"result"

    cache.remember("abc", [tmp_path / "one"], compute)
    [path] = cache.folder.glob("*/abc-0.*")
    utime = os.utime

    def remove(found: Path, ns: tuple[int, int]) -> None:  # after it was found
        utime(found, ns=ns)
        if found == path:
            path.unlink()

    monkeypatch.setattr(os, "utime", remove)
    assert cache.remember("abc", [tmp_path / "one"], compute) == (b"result", False)
    assert (tmp_path / "one").read_bytes() == b"one"
