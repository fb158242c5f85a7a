"""Mirrors: temporary folders with the names and sizes of a store's files, so that layouts read it as any other root.

The files have no content. A table gets its own when it is opened; recordings never do.
"""

import atexit
import contextlib
import errno
import functools
import posixpath
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.corpus import remote
from pipeline.corpus.remote import Stored
from pipeline.errors import AudioError, CorpusError

BAD_NAMES = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
MOST_BYTES = 1 << 40  # of a hole: stores may claim anything


@dataclass(frozen=True)
class Mirror:
    """The files of a store, by their path, and the folder that has their names."""

    url: str
    folder: Path
    files: dict[str, Stored]
    unusable: dict[str, AudioError]
    loaded: set[str] = field(default_factory=set)


_MIRRORS: dict[str, Mirror] = {}  # of this process, which lists every store once


def of(url: str) -> Mirror:
    """Return the mirror of an address.

    Raises
    ------
    CorpusError
        If the address can't be used, or its store can't be listed or is empty.
    """
    if url not in _MIRRORS:
        name = _folder_name(url)
        files, unusable = remote.listed(url)
        if not files and not unusable:
            raise CorpusError(f"{remote.named(url)} holds no files; name the folder that holds the recordings")
        place = Path(tempfile.mkdtemp(prefix="lid-")).resolve()
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        mirror = Mirror(url.rstrip("/"), place / name, files, unusable)
        _write(mirror)
        _MIRRORS[url] = mirror
    return _MIRRORS[url]


def shown(name: str) -> str:
    """Return the address of a path in a mirror, and any other name as it is."""
    for mirror in _MIRRORS.values():
        if f"{name}/".startswith(f"{mirror.folder}/"):
            return mirror.url + name.removeprefix(str(mirror.folder))
    return name


def loaded(path: Path) -> Path:
    """Return the path of a table, after it got its content if it is in a mirror."""
    for mirror in _MIRRORS.values():
        name = posixpath.normpath(path).removeprefix(f"{mirror.folder}/")
        if name in mirror.files and name not in mirror.loaded:
            from pipeline.cache import Cache, key  # with packages that an installation for inference lacks

            url, stored = str(remote.join(mirror.url, name)), mirror.files[name]
            fetched = functools.partial(_fetched, url, path, stored)
            if stored.digest:
                Cache().remember(key({"table": [url, stored.digest]}), [path], fetched)
            else:
                fetched()
            mirror.loaded.add(name)
    return path


def _fetched(url: str, path: Path, stored: Stored) -> bytes:
    """Write the content of a table; return a result for the cache."""
    try:
        remote.fetch(url, path, stored.size, stored.digest)
    except AudioError as error:
        raise CorpusError(f"{remote.named(url)} {error.detail}") from error
    return b""


def _folder_name(url: str) -> str:
    """Return the name of the folder at an address, which some layouts read; CorpusError if it is not a plain one."""
    with contextlib.suppress(ValueError):
        parts, name, web = urlsplit(url), url.rstrip("/").rpartition("/")[2], remote.is_web(url)
        name = unquote(name, errors="surrogateescape") if web else name
        extra = parts.password or "::" in url or (web and (parts.query or parts.fragment))
        if parts.scheme not in ("file", "local") and not extra and parts.netloc and name not in (".", ".."):
            return name.translate(dict.fromkeys(map(ord, "/\0"), "_"))[:60]
    raise CorpusError(
        f"{remote.named(url)} is not the plain address of a folder elsewhere; write it as s3://bucket/folder, without "
        "a password or query, and write a folder of this machine as its path"
    )


def _write(mirror: Mirror) -> None:
    """Make the files of a mirror, each a hole of the right size; a name that is a folder as well is only that."""
    made = set[str]()
    for path, stored in sorted(mirror.files.items(), reverse=True):
        file = mirror.folder / path
        try:
            if (folder := path.rpartition("/")[0]) not in made:
                file.parent.mkdir(parents=True, exist_ok=True)
                made.add(folder)
            with file.open("xb") as empty:
                empty.truncate(max(0, min(stored.size, MOST_BYTES)))
        except (OSError, ValueError) as error:  # ValueError: half of a character
            why = (isinstance(error, OSError) and error.strerror) or "not Unicode"
            if isinstance(error, OSError) and error.errno not in BAD_NAMES:
                where = f"the names in {remote.named(mirror.url)} can't be kept in {mirror.folder.parent} ({why})"
                raise CorpusError(f"{where}; make space, or set TMPDIR to another folder") from error
            mirror.unusable[path] = AudioError("name", f"has a name that no file here can have ({why}); rename it")
            del mirror.files[path]
