"""Digests of the files of a corpus: a changed file is read again, whatever its tool restores."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.cache import Cache
from pipeline.corpus import digests
from pipeline.corpus.entries import Entry


def edit(path: Path, content: bytes) -> None:
    """Overwrite in place, and restore the time of the last change."""
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.write_bytes(content)
    os.utime(path, ns=times)


def restore(path: Path, content: bytes) -> None:
    """Put another file of the same time in its place, as rsync -t does."""
    other = path.with_name("other")
    other.write_bytes(content)
    shutil.copystat(path, other)
    other.replace(path)


@pytest.mark.parametrize("settled_s", [digests.SETTLED_S, -1.0])  # -1: every file counts as settled at once
@pytest.mark.parametrize("change", [edit, restore])
def test_a_changed_file_is_noticed_though_size_and_time_are_kept(
    change: Callable[[Path, bytes], None], settled_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "SETTLED_S", settled_s)
    path, cache, read = tmp_path / "a.wav", Cache(tmp_path / "cache"), list[Path]()
    digest = digests._digest

    def count(file: Path) -> tuple[list[int], str]:
        read.append(file)
        return digest(file)

    monkeypatch.setattr(digests, "_digest", count)

    def listed() -> tuple[str, int]:
        [entry], _, changed = digests.digests({"": tmp_path}, [Entry(path.name, "", "")], cache)
        return entry.sha256, changed

    path.write_bytes(b"before")
    os.utime(path, (1e9, 1e9))
    before, time = listed()[0], path.stat().st_ctime_ns
    assert listed() == (before, 0)
    assert len(read) == (1 if settled_s < 0 else 2)
    while path.stat().st_ctime_ns == time:  # a tick of the file system's clock, some milliseconds
        change(path, b"AFTER.")
    assert (path.stat().st_size, path.stat().st_mtime) == (6, 1e9)
    after = listed()
    assert (after[0] != before, after[1]) == (True, 1)
