"""Digests of the files of a corpus. A file that has not changed since it was last read is not read again."""

import contextlib
import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline.cache import Cache, key
from pipeline.console.terminal import Progress
from pipeline.corpus import mirrors, remote
from pipeline.corpus.entries import Entry
from pipeline.corpus.remote import Place
from pipeline.errors import AudioError
from pipeline.rows import RejectedRow

FILES_AT_ONCE = 1000  # handed to the threads
SETTLED_S = 2.0  # since its last change; a more recent file may change again with the same times

Known = dict[str, tuple[list[int], str]]  # the stamp and the digest of each file


def digests(
    roots: Mapping[str, Place], entries: Sequence[Entry], cache: Cache
) -> tuple[list[Entry], list[RejectedRow], int]:
    """Return entries with the digests of their files, the files that can't be read, and how many are new or changed.

    The digest is the sha256, or that of the store that a file is in, if it has one.
    """
    entry_key = key({"corpus": {name: str(root) for name, root in roots.items()}})
    cached = json.loads(cache.read(entry_key) or "{}")
    known: Known = {name: (stamp, digest) for name, (stamp, digest) in cached.items()}
    latest = (time.time() - SETTLED_S) * 1e9
    found, fresh, rejected = Known(), list[tuple[Entry, list[int]]](), list[RejectedRow]()
    for name, entry in {entry.name: entry for entry in entries}.items():
        stamp, digest = _state(roots[entry.source], entry.path)
        if digest:
            found[name] = [], digest
        elif stamp and known.get(name, ([], ""))[0] == stamp:
            found[name] = known[name]
        else:
            fresh.append((entry, stamp))
    progress = Progress("corpus", len(fresh), "files read")
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # hashlib and file access let other threads run
        for at in range(0, len(fresh), FILES_AT_ONCE):
            part = fresh[at : at + FILES_AT_ONCE]
            places = [remote.join(roots[entry.source], entry.path) for entry, _ in part]
            digested = threads.map(_digest, places, [entry.size for entry, _ in part])
            for (entry, stamp), digest in zip(part, digested, strict=True):
                if digest:
                    found[entry.name] = (stamp if max(stamp[1:3], default=0) < latest else [], digest)
                else:
                    rejected.append(RejectedRow(entry.name, "missing", "can't be read; check that it is readable"))
            progress.update(len(part))
    changed = sum(known.get(name, ([], ""))[1] != digest for name, (_, digest) in found.items())
    if found != known:
        cache.put(entry_key, json.dumps(found).encode())
    listed = [dataclasses.replace(entry, sha256=found[entry.name][1]) for entry in entries if entry.name in found]
    return listed, rejected, changed


def _state(root: Place, path: str) -> tuple[list[int], str]:
    """Return the stamp of a file, empty if it has none, and the digest that its store has of it, if any.

    A stamp is size in bytes and time in ns of the last change; on this machine, the times at which the content (mtime)
    and anything (ctime) changed, and the inode. Any tool can set mtime; only the system sets ctime.
    """
    if not isinstance(root, Path):
        stored = mirrors.of(root).files.get(path, remote.Stored(0, "", 0))
        return [stored.size, stored.changed_ns] if stored.changed_ns else [], stored.digest
    with contextlib.suppress(OSError):
        status = (root / path).stat()
        return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino], ""
    return [], ""


def _digest(place: Place, size: int) -> str:
    """Return the digest of a file, empty if it can't be read."""
    try:
        with remote.local(place, size) as path, path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, AudioError):
        return ""
