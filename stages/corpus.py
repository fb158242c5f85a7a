"""corpus: list the files of the corpus with their digests. Runs every time; later stages run if the list changed."""

from pipeline import checksums, programs, tables
from pipeline.console.text import printable
from pipeline.corpus import layouts
from pipeline.corpus.paths import root_folder
from pipeline.jobs import digests, memo
from pipeline.tables import FileRow, RejectedRow
from stages import ARTIFACTS, read_params, run

READS = (
    "corpus.root",
    "corpus.layout",
    "corpus.languages",
    "corpus.speaker_table",
    "corpus.speaker_pattern",
    "corpus.max_rejected",
)  # leaves of params.yaml


def main() -> None:
    settings = read_params(READS)
    for program in ("sox", "dot"):  # later stages need them: say so before any work
        programs.require(program)
    root = root_folder(settings.corpus.root)
    listing = layouts.read(settings.corpus)
    digest, unreadable, changed = digests.digests(root, listing.entries, memo.default())

    folder = ARTIFACTS / "corpus"
    rows = [
        FileRow(entry.path, entry.language, entry.speaker, entry.group, digest[entry.path], entry.extra)
        for entry in listing.entries
        if entry.path in digest
    ]
    tables.write(folder / "files.csv", FileRow, rows)
    tables.write(folder / "rejected.csv", RejectedRow, listing.rejected + unreadable)
    checksums.seal(folder)
    state = f"{changed:,} new or changed since they were last listed here" if changed else "up to date"
    print(printable(f"{len(rows):,} files in {root}: {state}"))


if __name__ == "__main__":
    run(main)
