"""corpus: list the files of the corpus with their digests. Runs every time; later stages run if the list changed."""

import math

from pipeline import checksums, files, tables
from pipeline.console.text import printable
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry
from pipeline.jobs import digests, memo
from pipeline.rows import FileRow, RejectedRow
from stages import ARTIFACTS, read_params, run


def main() -> None:
    settings = read_params("corpus")
    listing = layouts.read(settings.corpus)
    digest, unreadable, changed = digests.digests(layouts.roots(settings.corpus), listing.entries, memo.default())

    with files.building(ARTIFACTS / "corpus") as folder:
        rows = [_row(entry, digest[entry.name]) for entry in listing.entries if entry.name in digest]
        tables.write(folder / "files.csv", FileRow, rows)
        tables.write(folder / "rejected.csv", RejectedRow, listing.rejected + unreadable)
        checksums.seal(folder)
    state = f"{changed:,} new or changed since they were last listed here" if changed else "up to date"
    parts = f" with {len(rows):,} recordings" if len(rows) > len(digest) else ""
    print(printable(f"{len(digest):,} files{parts} in {settings.corpus.folders}: {state}"))


def _row(entry: Entry, digest: str) -> FileRow:
    return FileRow(
        entry.path, entry.language, entry.speaker, entry.group, digest, entry.source, entry.channel, entry.start,
        math.inf if entry.end is None else entry.end, " ".join(map(repr, entry.channel_speakers)), entry.speaker_from,
        entry.extra,
    )  # fmt: skip


if __name__ == "__main__":
    run(main)
