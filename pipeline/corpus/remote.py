"""Files behind an address, such as s3://bucket/folder/a.wav, in any store that fsspec knows."""

import contextlib
import functools
import hashlib
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from pipeline.console.terminal import INTERVAL_S, Progress
from pipeline.console.text import printable, shorten
from pipeline.errors import ArtifactError, AudioError, CorpusError

MAX_NAME_CHARACTERS = 300  # of a name in a message
AT_ONCE = 16  # requests
MAX_DEPTH = 50  # folders in folders: a page may link to itself
TRIES_AFTER_S = (0, 1, 3)
FETCH_S, BYTES_PER_S = 60, 1e5  # until a copy is given up
DIGESTS = {"sha256": "sha256", "md5Hash": "md5", "Content-MD5": "md5", "ETag": "etag", "etag": "etag"}
"""Digests in the information that stores give on a file, the strongest first, and the kind written before each."""

Place = Path | str  # str: an address
Result = TypeVar("Result")


@dataclass(frozen=True)
class Stored:
    """A file in a store.

    Attributes
    ----------
    size
        Bytes.
    digest
        Its kind, a colon and the digest; empty if the store gives none.
    changed_ns
        Time of its last change; 0 if it is unknown.
    """

    size: int
    digest: str
    changed_ns: int

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> "Stored":
        """Take it from fsspec's information on a file."""
        given = [(kind, str(info.get(name) or "").strip('"')) for name, kind in DIGESTS.items()]
        # A weak ETag, W/"...", may be the same for another content: it has a quote left.
        strong = [f"{kind}:{text}" for kind, text in given if re.fullmatch(r"(?a:[\w+/=.:-]{1,200})", text)]
        when: Any = info.get("Last-Modified") or info.get("mtime") or 0.0
        with contextlib.suppress(ValueError):
            when = parsedate_to_datetime(when) if isinstance(when, str) else when
        seconds = when.timestamp() if isinstance(when, datetime) else when if isinstance(when, float) else 0
        return cls(int(info.get("size") or 0), "".join(strong[:1]), int(seconds * 1e9))


def is_remote(root: str) -> bool:
    """Return whether a root is an address.

    >>> [is_remote(root) for root in ("s3://bucket/folder", "../my-speech", "/data:x/y")]
    [True, False, False]
    """
    return re.match(r"[A-Za-z][\w+.-]*://", root) is not None


def is_web(url: str) -> bool:
    """Return whether names in an address are written with %."""
    return url.lower().startswith(("http://", "https://"))


def join(root: Place, path: str) -> Place:
    """Return the place of a file by its path below a root."""
    if isinstance(root, Path):
        return root / path
    return f"{root.rstrip('/')}/{quote(path, errors='surrogateescape') if is_web(root) else path}"


def opened(url: str) -> tuple[Any, str]:
    """Return the file system of an address, and its name in it; CorpusError if there is none."""
    import fsspec

    try:
        kind = fsspec.get_filesystem_class(url.partition("://")[0].lower())
        system = kind(use_listings_cache=False, **kind._get_kwargs_from_urls(url))
        return system, kind._strip_protocol(url).rstrip("/")
    except Exception as error:  # whatever a file system's package raises
        remedy = "name a folder, or install the package for that scheme, such as s3fs for s3://"
        raise CorpusError(f"{named(url)} can't be opened ({_reason(error)}); {remedy}") from error


def listed(url: str) -> tuple[dict[str, Stored], dict[str, AudioError]]:
    """Return the files below an address, and those that can't be used, by their path.

    Raises
    ------
    CorpusError
        If there is no such folder, or it can't be listed.
    """
    (system, top), web = opened(url), is_web(url)
    found, unusable = dict[str, Any](), dict[str, AudioError]()
    for name, info in _everything(system, top):
        inside = name.removeprefix(f"{top}/")
        if inside in ("", name) or inside.endswith("/") or (web and re.search(r"[?#]|(^|/)\.$", inside)):
            continue  # the file at the address itself, the mark of a folder, a link that sorts the page or is the page
        parts = [unquote(part, errors="surrogateescape") if web else part for part in inside.split("/")]
        parts = [part for part in parts if part != "." or not web]
        if any(part in ("", ".", "..") or {"/", "\0"} & {*part} for part in parts):
            unusable[inside] = AudioError("name", "has a name that no file here can have; rename it")
        else:
            found["/".join(parts)] = info

    def asked(path: str) -> Any:
        with contextlib.suppress(FileNotFoundError):
            return _tried(system, system.info, opened(str(join(url, path)))[1])

    unsized = [path for path, info in found.items() if info.get("size") is None]
    progress = Progress("corpus", len(unsized), "files looked up")
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for path, info in zip(unsized, threads.map(asked, unsized), strict=True):
            found[path] = info
            progress.update(1)
    for path in [path for path, info in found.items() if info is None]:
        unusable[path] = AudioError("missing", "is listed by the store, but can't be found; restore it")
        del found[path]
    return {path: Stored.of(info) for path, info in found.items()}, unusable


def limit_s(place: Place, size: int) -> float:
    """Return the seconds after which copying a file is given up."""
    return 0 if isinstance(place, Path) else FETCH_S + size / BYTES_PER_S


@contextlib.contextmanager
def local(place: Place, size: int, digest: str = "") -> Iterator[Path]:
    """Give a file on this machine: itself, or for the time of the block a copy of the one at an address, as `fetch`."""
    if isinstance(place, Path):
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="lid-") as folder:
        copy = Path(folder, "copy")
        fetch(place, copy, size, digest)
        yield copy


def fetch(url: str, path: Path, size: int, digest: str = "") -> None:
    """Copy the file at an address.

    Raises
    ------
    AudioError
        ``missing``, if it is gone and no digest is given.
    ArtifactError
        If it does not have the digest that is given.
    CorpusError
        If the store can't be reached.
    """
    import fsspec.asyn

    system, name = opened(url)
    end = time.monotonic() + limit_s(url, size)

    def copy(name: str) -> None:
        if system.async_impl:
            rest_s = max(end - time.monotonic(), 1)
            fsspec.asyn.sync(system.loop, system._get_file, name, str(path), timeout=rest_s)
        else:
            system.get_file(name, str(path))

    try:
        _tried(system, copy, name)
        if not digest:
            return
        if ":" in digest:
            now = Stored.of(_tried(system, system.info, name)).digest
        else:
            with path.open("rb") as file:
                now = hashlib.file_digest(file, "sha256").hexdigest()
        if now == digest:
            return
    except FileNotFoundError as error:
        if not digest:
            raise AudioError("missing", "is no longer in the store; restore it") from error
    raise ArtifactError(f"{named(url)} has changed since the corpus was listed; run the same command again")


def named(url: str) -> str:
    """Return an address in quotes on one line; the middle of a long one is left out."""
    return shorten(repr(url), MAX_NAME_CHARACTERS)


def _everything(system: Any, top: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name of every file below a folder, as the store writes it, with fsspec's information on it."""
    from fsspec.asyn import AsyncFileSystem
    from fsspec.spec import AbstractFileSystem

    url = system.unstrip_protocol(top)
    notice = threading.Timer(INTERVAL_S, lambda: print(printable(f"corpus: listing {url}"), flush=True))
    notice.start()
    try:
        usual: Any = AsyncFileSystem._find if system.async_impl else AbstractFileSystem.find
        if getattr(type(system), usual.__name__) is not usual:  # a store of objects lists all folders at once
            yield from _tried(system, functools.partial(system.find, detail=True), top).items()
            return
        waiting = [top]  # fsspec's own search omits folders that fail
        for folder in waiting:
            for info in _tried(system, functools.partial(system.ls, detail=True), f"{folder}/"):
                name = info["name"].rstrip("/")
                if info["type"] != "directory":
                    yield info["name"], info
                elif name.startswith(f"{folder}/") and not name.endswith(("/.", "/..")):
                    waiting.append(name)
                    if name.count("/") > top.count("/") + MAX_DEPTH:
                        raise CorpusError(f"{named(name)} is in more than {MAX_DEPTH} folders; move it up")
    except FileNotFoundError as error:
        raise CorpusError(f"there is no {named(url)} ({_reason(error)}); correct the address") from error
    finally:
        notice.cancel()


def _tried(system: Any, call: Callable[[str], Result], name: str) -> Result:
    """Ask a store about a name, again after failures that may pass; FileNotFoundError, or CorpusError."""
    for wait_s in TRIES_AFTER_S:
        time.sleep(wait_s)
        try:
            return call(name)
        except Exception as error:  # any of the packages that fsspec uses
            # The file system of the web reports every failure as a missing file, with its cause.
            cause = error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ else error
            is_gone = isinstance(error, FileNotFoundError) and not type(cause).__module__.startswith("aiohttp")
            if is_gone or getattr(cause, "status", None) in (404, 410):
                raise FileNotFoundError(_reason(error)) from error
            failure = cause
            if isinstance(error, PermissionError):
                break
    remedy = "check the address, the network and your credentials, and run again: finished work is reused"
    url = named(system.unstrip_protocol(name))
    raise CorpusError(f"{url} can't be read ({_reason(failure)}); {remedy}") from failure


def _reason(error: BaseException) -> str:
    return printable(shorten(str(error), 200)) or type(error).__name__
