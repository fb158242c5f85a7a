"""corpus: list the files of the corpus with their digests. Runs every time; later stages run if the list changed."""

from pipeline import checksums, tables
from pipeline.cache import Cache
from pipeline.console.text import printable
from pipeline.corpus import digests, layouts
from pipeline.corpus.entries import Entry
from pipeline.corpus.paths import told
from pipeline.rows import RejectedRow
from stages import ARTIFACTS, building, read_params, run


def main() -> None:
    settings = read_params("corpus")
    listing = layouts.read(settings.corpus)
    entries, unreadable, changed = digests.digests(layouts.roots(settings.corpus), listing.entries, Cache())
    for name, language in listing.folders.items():
        print(printable(f"folder {name}: {language}"))
    for note in [*told(listing.skipped), *listing.notes]:
        print(printable(note), flush=True)

    with building("corpus") as folder:
        tables.write(folder / "files.csv", Entry, entries)
        tables.write(folder / "rejected.csv", RejectedRow, listing.rejected + unreadable)
        checksums.write_json(folder / "summary.json", {"left_out": listing.skipped, "notes": listing.notes})
    rejected = listing.rejected + unreadable
    if rejected:
        print(f"{layouts.rejections(rejected, len(entries))}: see {ARTIFACTS / 'corpus' / 'rejected.csv'}")
    state = f"{changed:,} new or changed since they were last listed here" if changed else "up to date"
    n_files = len({entry.name for entry in entries})
    parts = f" with {len(entries):,} recordings" if len(entries) > n_files else ""
    print(printable(f"{n_files:,} files{parts} in {settings.corpus.folders}: {state}"))
    layouts.check(listing.entries, rejected, settings.corpus, listing.skipped)


if __name__ == "__main__":
    run(main)
