"""corpus: list the files of the corpus with their digests. Runs every time; later stages run if the list changed."""

from pipeline import checksums, files, tables
from pipeline.cache import Cache
from pipeline.console.text import printable
from pipeline.corpus import digests, layouts
from pipeline.corpus.paths import told
from pipeline.rows import FileRow, RejectedRow
from stages import ARTIFACTS, read_params, run


def main() -> None:
    settings = read_params("corpus")
    listing = layouts.read(settings.corpus)
    digest, unreadable, changed = digests.digests(layouts.roots(settings.corpus), listing.entries, Cache())
    for name, language in listing.folders.items():
        print(printable(f"folder {name}: {language}"))
    for note in [*told(listing.skipped), *listing.notes]:
        print(printable(note), flush=True)

    with files.building(ARTIFACTS / "corpus") as folder:
        rows = [digests.row(entry, digest[entry.name]) for entry in listing.entries if entry.name in digest]
        tables.write(folder / "files.csv", FileRow, rows)
        tables.write(folder / "rejected.csv", RejectedRow, listing.rejected + unreadable)
        checksums.write_json(folder / "summary.json", {"left_out": listing.skipped, "notes": listing.notes})
        checksums.seal(folder)
    state = f"{changed:,} new or changed since they were last listed here" if changed else "up to date"
    parts = f" with {len(rows):,} recordings" if len(rows) > len(digest) else ""
    print(printable(f"{len(digest):,} files{parts} in {settings.corpus.folders}: {state}"))
    layouts.check(listing.entries, listing.rejected + unreadable, settings.corpus, listing.skipped)


if __name__ == "__main__":
    run(main)
