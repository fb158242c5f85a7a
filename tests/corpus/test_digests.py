"""Digests of the files of a corpus: a changed file is read again, whatever its tool restores."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import tables
from pipeline.cache import Cache
from pipeline.corpus import digests
from pipeline.corpus.entries import Entry
from pipeline.corpus.paths import Files
from pipeline.rows import FileRow


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


def unpack(path: Path, content: bytes) -> None:
    """Unpack an archive that holds a file of the same time."""
    whole = path.with_name("a.tar")
    before = path.stat()
    edit(path, content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    subprocess.run(["tar", "-cf", whole, "-C", path.parent, path.name], check=True)
    subprocess.run(["tar", "-xf", whole, "-C", path.parent], check=True)


@pytest.mark.parametrize("settled_s", [digests.SETTLED_S, -1.0])  # -1: every file counts as settled at once
@pytest.mark.parametrize("change", [edit, restore, unpack])
def test_a_changed_file_is_noticed_though_size_and_time_are_kept(
    change: Callable[[Path, bytes], None], settled_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "SETTLED_S", settled_s)
    path, cache, read = tmp_path / "a.wav", Cache(tmp_path / "cache"), list[Path]()
    digest = digests._digest

    def count(path: Path) -> str | None:
        read.append(path)
        return digest(path)

    monkeypatch.setattr(digests, "_digest", count)

    def listed() -> tuple[str, int]:
        stamp = Files(tmp_path).stamp(path.name)
        known, _, changed = digests.digests({"": tmp_path}, [Entry(path.name, "", "", stamp=stamp)], cache)
        return known[path.name], changed

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


text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
times = st.floats(0, 1e6)


@given(
    extra=st.dictionaries(st.sampled_from(["source", "sha256", "size", "accent", "path"]), text),
    speakers=st.lists(text, max_size=3),
    words=st.tuples(text, text, text, text, text),
    span=st.tuples(times, st.none() | times),
    numbers=st.tuples(st.integers(0, 9), st.integers(0, 2**40), st.booleans()),
)
def test_an_entry_survives_the_table(
    tmp_path_factory: pytest.TempPathFactory,
    extra: dict[str, str],
    speakers: list[str],
    words: tuple[str, ...],
    span: tuple[float, float | None],
    numbers: tuple[int, int, bool],
) -> None:
    path, language, speaker, group, source = words
    channel, size, twin = numbers
    given = Entry(
        path, language, speaker, group, extra, (size, 0, 0, 0), source, channel, *span, tuple(speakers), "file", twin
    )
    table = tmp_path_factory.mktemp("table") / "files.csv"
    tables.write(table, FileRow, [digests.row(given, "abc")])
    [row] = tables.read(table, FileRow, sealed=False)
    assert digests.entry(row) == given
