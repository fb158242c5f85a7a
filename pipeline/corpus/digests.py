"""The listing of a corpus as corpus/files.csv holds it, with the digest of every file.

A file that has not changed since it was last read is not read again.
"""

import hashlib
import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from pipeline.cache import Cache, key
from pipeline.console.terminal import Progress
from pipeline.corpus.entries import Entry
from pipeline.rows import FileRow, RejectedRow

FILES_AT_ONCE = 1000  # handed to the threads
SETTLED_S = 2.0  # since its last change; a more recent file may change again with the same times

Known = dict[str, tuple[tuple[int, ...], str]]  # the stamp and the digest of each file


def digests(
    roots: Mapping[str, Path], entries: Sequence[Entry], cache: Cache
) -> tuple[dict[str, str], list[RejectedRow], int]:
    """Return the sha256 of every file by name, the files that can't be read, and how many are new or changed."""
    entry_key = key({"corpus": {name: str(root) for name, root in roots.items()}})
    known = _known(cache.read(entry_key))
    latest = (time.time() - SETTLED_S) * 1e9
    found, fresh = Known(), list[Entry]()
    for entry in {entry.name: entry for entry in entries}.values():
        if (before := known.get(entry.name)) and before[0] == entry.stamp:
            found[entry.name] = before
        else:
            fresh.append(entry)
    progress = Progress("corpus", len(fresh), "files read")
    rejected = []
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # hashlib and file access let other threads run
        for at in range(0, len(fresh), FILES_AT_ONCE):
            part = fresh[at : at + FILES_AT_ONCE]
            paths = [roots[entry.source] / entry.path for entry in part]
            for entry, digest in zip(part, threads.map(_digest, paths), strict=True):
                if digest:
                    found[entry.name] = (entry.stamp, digest)
                else:
                    rejected.append(RejectedRow(entry.name, "missing", "can't be read; check that it is readable"))
            progress.update(len(part))
    changed = sum(known.get(path, ((), ""))[1] != digest for path, (_, digest) in found.items())
    now = {path: (stamp if max(stamp[1:3]) < latest else (), digest) for path, (stamp, digest) in found.items()}
    if now != known:
        cache.put(entry_key, json.dumps(now).encode())
    return {path: digest for path, (_, digest) in found.items()}, rejected, changed


def _known(content: bytes | None) -> Known:
    with suppress(ValueError):
        return {path: (tuple(stamp), digest) for path, (stamp, digest) in json.loads(content or b"{}").items()}
    return {}


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def row(entry: Entry, sha256: str) -> FileRow:
    """Return the row of an entry; `entry` reads it."""
    return FileRow(
        entry.path, entry.language, entry.speaker, entry.group, sha256, entry.stamp[0], entry.source, entry.channel,
        entry.start, math.inf if entry.end is None else entry.end, json.dumps(entry.channel_speakers),
        entry.speaker_from, int(entry.is_twin), json.dumps(entry.extra, sort_keys=True),
    )  # fmt: skip


def entry(row: FileRow) -> Entry:
    """Return the entry of a row."""
    return Entry(
        row.path, row.language, row.speaker, row.group, json.loads(row.columns), (row.size, 0, 0, 0), row.source,
        row.channel, row.start_s, None if row.end_s == math.inf else row.end_s, tuple(json.loads(row.channel_speakers)),
        row.speaker_from, bool(row.is_twin),
    )  # fmt: skip
