"""Files below the root of a corpus, and how messages show their names."""

import contextlib
import functools
import os
import posixpath
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pipeline.console.text import shorten
from pipeline.corpus import mirrors, remote
from pipeline.errors import AudioError, CorpusError
from pipeline.names import normal

SYSTEM_FILES = "system files"
"""Under this name, `Listing.skipped` counts what systems leave behind; a folder counts once and is not searched."""

REPORTED = "reported: "
"""Under names that begin so, it counts recordings that were left out because of a report, by its reason."""

OUTSIDE = "is a link that leads out of corpus.root; copy its target in, or list its folder in corpus.links"

_OF_SYSTEMS = re.compile(
    r"\..*|~\$.*|__macosx|icon\r|network trash folder|temporary items|thumbs\.db|ehthumbs\w*\.db|desktop\.ini|"
    r"\$recycle\.bin|recycler|system volume information|found\.\d{3}|lost\+found|@eadir|@tmp|@recycle|"
    r"@recently-snapshot|#recycle|#snapshot|.*:zone\.identifier",
    re.IGNORECASE | re.DOTALL,
)  # names of files and folders: of any Unix, Office, macOS, Windows and network storage

MAX_NAME_CHARACTERS = remote.MAX_NAME_CHARACTERS
MAX_DEPTH = 200  # folders in a path that is looked for in other spellings

_LISTED = """
    .wav .wave .wavex .bwf .rf64 .w64 .aif .aiff .aifc .svx .8svx .16sv .iff .caf .au .snd .sph .nist .voc .flac
    .ogg .oga .opus .mp3 .mp2 .mp1 .mpga .avr .mpc .mpc2k .sds .wve .mat4 .mat5 .xi .htk .paf .fap .pvf .sf .ircam
    .mp4 .m4a .m4b .m4v .mov .qt .3gp .3gpp .3g2 .3ga .f4v .wma .wmv .asf .amr .awb .aac .adts
    .mkv .mka .webm .weba .avi .flv .mpg .mpeg .vob
"""
ENDINGS = frozenset(_LISTED.split())
"""Endings of the formats that are decoded, as in docs/formats.md; not `.mat`, which mostly holds other data."""


def is_audio(path: str) -> bool:
    """Return whether a file is treated as audio by its ending: rejected, not skipped, if it can't be read."""
    return posixpath.splitext(path)[1].lower() in ENDINGS


def is_folder(path: Path) -> bool:
    """Return whether a path is a reachable folder, or a link to one."""
    return os.path.isdir(path)  # noqa: PTH112 (Path.is_dir raises if the path is too long or forbidden)


def is_file(path: Path) -> bool:
    """Return whether a path is a reachable file, or a link to one."""
    return os.path.isfile(path)  # noqa: PTH113 (as above)


def is_of_system(name: str) -> bool:
    """Return whether a system left a file or folder of this name behind: it is neither recording nor table.

    >>> [is_of_system(name) for name in ("._a.wav", "@eaDir", "Thumbs.db", "a.wav", "lost")]
    [True, True, True, False, False]
    """
    return _OF_SYSTEMS.fullmatch(name) is not None


def names_in(folder: Path) -> list[str]:
    """Return the sorted names of everything that a person put directly into a folder; none if it can't be listed."""
    try:
        return sorted(name for name in os.listdir(folder) if not is_of_system(name))  # noqa: PTH208 (names only)
    except OSError:
        return []


def folders_of(root: Path) -> list[str]:
    """Return the names from `names_in` that are folders or links to folders."""
    return [name for name in names_in(root) if is_folder(root / name)]


def root_folder(root: str) -> Path:
    """Return the folder that `corpus.root` names: the mirror of one behind an address.

    DVC runs experiments in copies of the project below its folder .dvc/tmp. A relative root that such a copy does not
    hold is relative to the project.
    """
    if remote.is_remote(root):
        return mirrors.of(root).folder
    path = on_disk(Path(), root)
    if not path.is_absolute() and not is_folder(path):
        above = Path.cwd().parents
        for project in above:
            if project / ".dvc" / "tmp" in above and is_folder(project / path):
                return project / path
    return path


def on_disk(folder: Path, path: str) -> Path:
    """Return the path of a table or folder that the user names, relative to a folder, with its names on disk."""
    whole = folder / path
    found = whole if os.path.lexists(whole) else Path("/", Files(Path("/")).find(str(whole.absolute())[1:]))
    return found if os.path.lexists(found) else whole


class Files:
    """The files below the root of a corpus. Links are followed, but not out of the root and the folders in `links`.

    Raises
    ------
    CorpusError
        If one of `links` is not a folder.
    """

    def __init__(self, root: Path, links: Iterable[str] = ()) -> None:
        further = [root_folder(name) for name in links]
        if wrong := [folder for folder in further if not is_folder(folder)]:
            raise CorpusError(f"corpus.links {quoted(wrong[0])} is not a folder; name one that links may lead into")
        self._reached = tuple(posixpath.join(posixpath.realpath(folder), "") for folder in (root, *further))
        self._prefix = self._reached[0]
        self._real_folder = functools.lru_cache(1024)(posixpath.realpath)  # neighbours in a list share their folder
        self._folder = functools.lru_cache(1024)(self.find)
        self._names = functools.lru_cache(64)(self._list)

    def find(self, path: str) -> str:
        """Return the normalised path on disk that another one means: itself, or else the only one that looks alike."""
        if not path or path.startswith("/") or path.count("/") > MAX_DEPTH:
            return path
        folder, slash, name = path.rpartition("/")
        path = self._folder(folder) + slash + name
        alike = self._alike(path)
        if path in alike:
            return path
        if not os.path.lexists(self._prefix + path):  # otherwise the file system ignores case
            alike = [other for other in alike if normal(other) == normal(path)]
        return alike[0] if len(alike) == 1 else path

    def _alike(self, path: str) -> list[str]:
        """Return paths in the same folder that differ at most in case, Unicode form and spaces."""
        folder, slash, name = path.rpartition("/")
        return [folder + slash + other for other in self._names(folder).get(normal(name).casefold(), ())]

    def _list(self, folder: str) -> dict[str, list[str]]:
        """Return the names in a folder by what they are without case, Unicode form and spaces."""
        found: dict[str, list[str]] = {}
        with contextlib.suppress(OSError, ValueError):
            for name in sorted(os.listdir(self._prefix + folder)) if not folder or self.holds(folder) else ():  # noqa: PTH208
                found.setdefault(normal(name).casefold(), []).append(name)
        return found

    def size(self, path: str) -> int:
        """Return the size in bytes of the file at a normalised path.

        Raises
        ------
        AudioError
            With the reason that ingest/rejected.csv shows: name, outside, missing or not_a_file.
        """
        require_printable(path, name=path)
        whole = self._prefix + path
        try:
            status = os.stat(whole)  # noqa: PTH116 (for speed); it refuses circular and too many links
            folder, _, name = whole.rpartition("/")
            target = f"{self._real_folder(folder)}/{name}"
            if os.path.islink(target):  # noqa: PTH114 (for speed)
                target = posixpath.realpath(target)
        except (OSError, ValueError) as error:  # ValueError: the file system's encoding lacks a character
            why = error.strerror if isinstance(error, OSError) else error
            detail = f"can't be found ({why}); restore it or take it out of the corpus"
            if re.match(r"[A-Za-z]:/", path):
                detail = "is a path of Windows; write it relative to corpus.root"
            elif alike := [other for other in self._alike(path) if other != path]:
                detail = f"can't be found, but {' and '.join(map(quoted, alike[:2]))} can; write exactly that name"
            raise AudioError("missing", detail, Path(path)) from error
        if not f"{target}/".startswith(self._reached):
            raise AudioError("outside", OUTSIDE, Path(path))
        if not stat.S_ISREG(status.st_mode):
            detail = "is a folder, a link to one, a pipe or a device; put an audio file in its place"
            raise AudioError("not_a_file", detail, Path(path))
        return status.st_size

    def written(self, path: str) -> str:
        r"""Return a path of a table, with / instead of the \ of Windows, unless a file has that very name."""
        if "\\" in path and not os.path.lexists(self._prefix + path):
            return path.replace("\\", "/")
        return path

    def holds(self, folder: str) -> bool:
        """Return whether a folder, or the target of a link to one, lies below the root or where links may lead."""
        return self.reaches(self._prefix + folder)

    def reaches(self, whole: str) -> bool:
        """Return whether a path, whose links are followed, lies below the root or where links may lead."""
        real = posixpath.join(posixpath.realpath(whole), "")
        return real.startswith(self._reached) and real != self._prefix  # the root itself would be a circle


def require_printable(path: str, **names: str) -> None:
    """Refuse the recording at a path if one of its names would break a line or a terminal.

    Raises
    ------
    AudioError
        With the reason "name".
    """
    if bad := [kind for kind, name in names.items() if not name.isprintable()]:
        detail = f"has a {bad[0]} that can't be printed ({quoted(names[bad[0]])}); rename it"
        raise AudioError("name", detail, Path(path))


def escaped(name: str) -> str:
    """Return a printable name unchanged, any other as a Python literal; a path in a mirror as its address."""
    name = mirrors.shown(name)
    return name if name.isprintable() else ascii(name)[:MAX_NAME_CHARACTERS]


def quoted(name: str | Path) -> str:
    """Return a name in quotes on one line, as `escaped`; the middle of a long one is left out."""
    return remote.named(mirrors.shown(str(name)))


def walk(root: Path, top: str, skipped: Counter[str]) -> Iterator[tuple[str, AudioError | None]]:
    """Yield paths of all files below a folder, and folders that can't be searched with the error.

    Links to folders aren't followed; an empty folder named like a recording counts as a file. Anything that systems
    leave behind is counted in `skipped`.
    """
    errors = list[OSError]()
    for folder, folders, files in os.walk(root / top, onerror=errors.append):
        inside = posixpath.relpath(folder, root)
        if is_audio(inside) and not folders and not files:
            yield inside, None
        content = dict.fromkeys(folders, True) | dict.fromkeys(files, False)
        for name, is_dir in sorted(content.items()):
            if is_of_system(name):
                skipped[SYSTEM_FILES] += 1
            elif not is_dir:
                yield f"{inside}/{name}", None
            elif os.path.islink(f"{folder}/{name}"):  # noqa: PTH114 (a name that can't be decoded)
                yield f"{inside}/{name}", AudioError("not_a_file", "is a link to a folder; put the folder in its place")
        folders[:] = sorted(name for name in folders if not is_of_system(name))
    for error in errors:
        detail = f"is a folder that can't be listed ({error.strerror}); make it readable"
        yield posixpath.relpath(error.filename, root), AudioError("missing", detail)


def recordings(root: Path, top: str, skipped: Counter[str]) -> Iterator[tuple[str, AudioError | None]]:
    """Yield audio files as `walk` does; other files are counted by ending."""
    for path, error in walk(root, top, skipped):
        if error or is_audio(path):
            yield path, error
        else:
            skipped[kind(path)] += 1


def kind(path: str) -> str:
    """Return the name under which a skipped file is counted: its ending, or that of all that systems leave behind."""
    return SYSTEM_FILES if is_of_system(posixpath.basename(path)) else escaped(f"*{posixpath.splitext(path)[1]}")


def told(skipped: Mapping[str, int]) -> list[str]:
    """Return the line that says what was skipped, if anything was.

    >>> told({"*.txt": 2, SYSTEM_FILES: 1})
    ['skipped: *.txt (2), system files (1)']
    """
    counts = ", ".join(f"{shorten(name)} ({number:,})" for name, number in skipped.items())
    return [f"skipped: {counts}"] if counts else []
