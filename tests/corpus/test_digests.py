"""Digests of the files of a corpus: a changed file is read again, whatever its tool restores."""

import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from pipeline.cache import Cache
from pipeline.corpus import digests
from pipeline.corpus.entries import Entry


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
