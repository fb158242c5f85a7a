"""`lid check`: the checks of ingest on any file or folder."""

import contextlib
import posixpath
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline import cluster, params
from pipeline.audio import foreign
from pipeline.cache import Cache
from pipeline.console.text import printable
from pipeline.corpus import mirrors, remote
from pipeline.corpus.entries import Entry
from pipeline.corpus.paths import Files, escaped, is_folder, recordings, told
from pipeline.errors import AudioError, CorpusError
from pipeline.ingest import checks, job
from pipeline.ingest.part import divide
from pipeline.rows import RejectedRow

PARAMS = Path("params.yaml")
WIDTH = 12  # of a code


def examine(place: str) -> bool:
    """Check a file, or all recordings in a folder or at an address, and print every fault; True: there is none."""
    settings = params.load(PARAMS) if PARAMS.is_file() else params.Params()
    with contextlib.redirect_stdout(sys.stderr):
        mirror = mirrors.of(place) if remote.is_remote(place) else None
    path = mirror.folder if mirror else Path(place)
    root = path if is_folder(path) else path.parent
    entries, rejected, skipped = _list(path, root, settings.corpus.links)
    for name, fault in mirror.unusable.items() if mirror else ():
        rejected.append(RejectedRow(escaped(name), fault.reason, fault.detail))
    if not entries and not rejected:
        why = "".join(f" ({printable(line)})" for line in told(skipped))
        raise CorpusError(f"{printable(place)} holds no recordings{why}; name an audio file, or a folder with some")
    with (
        contextlib.redirect_stdout(sys.stderr),
        cluster.connect(*job.MODULES) as client,
        tempfile.TemporaryDirectory() as target,
    ):
        parts, checked = divide(entries, {"": place if mirror else root.resolve()}), replace(job.INGEST, name="check")
        ingested, _ = job.run(client, parts, Path(target), settings.audio, Cache(), checked, keep=False)
    rejected += ingested.rejected
    rows, duplicates = job.grouped(ingested.rows, ingested.landmarks, settings.audio.sample_rate)
    _, flags = checks.examine(rows, duplicates, settings.corpus.checks)
    found: list[tuple[str, str, str]] = [(row.path, row.reason, row.detail) for row in rejected]
    found += [(row.path, row.flag, row.detail) for row in flags]
    for name, code, detail in sorted(found):
        print(printable(f"{code:{WIDTH}}  {name} {detail}"))
    minutes = sum(row.duration_s for row in rows) / 60
    fine = len(rows) - len({row.recording for row in flags})
    counts = sorted(Counter(code for _, code, _ in found).items())
    print(
        f"{len(entries):,} file{'s' * (len(entries) != 1)}, {minutes:,.1f} min: "
        f"{fine:,} fine, {len(rows) - fine:,} flagged, {len(rejected):,} unusable"
        + (f" ({', '.join(f'{code} {number:,}' for code, number in counts)})" if counts else "")
    )
    for line in [*told(skipped), *foreign.waiting(row.detail for row in rejected)]:
        print(printable(line))
    return not found


def _list(path: Path, root: Path, links: Sequence[str]) -> tuple[list[Entry], list[RejectedRow], Counter[str]]:
    """Return the recordings at a path, those that can't be opened, and the number of other files by kind."""
    files, entries, rejected, skipped = Files(root, links), list[Entry](), list[RejectedRow](), Counter[str]()
    for listed, error in recordings(root, ".", skipped) if root == path else [(path.name, None)]:
        name = posixpath.normpath(listed)
        try:
            if error:
                raise error
            entries.append(Entry(name, "", "-", size=files.size(name)))
        except AudioError as fault:
            rejected.append(RejectedRow(escaped(name), fault.reason, fault.detail))
    return sorted(entries, key=lambda entry: entry.path), rejected, skipped
