"""ingest: list the corpus, decode every file once, make it 16-bit mono at one rate."""

from pipeline.cluster import template  # isort: skip

if __name__ == "__main__":  # first: its imports take as long as those of this process
    template.start("pipeline.jobs.ingest", "pipeline.fingerprint.landmarker", "pipeline.audio.measure")

from collections import Counter

from pipeline import checksums, files, programs, tables
from pipeline.audio import foreign
from pipeline.cluster import engine
from pipeline.console import terminal
from pipeline.console.text import printable
from pipeline.corpus import layouts
from pipeline.corpus.paths import told
from pipeline.jobs import checks, ingest
from pipeline.jobs.decoding import Decoded
from pipeline.jobs.ingest import INGEST
from pipeline.rows import DuplicateRow, FlagRow, QualityRow, RecordingRow, RejectedRow
from stages import ARTIFACTS, read_params, run


def main() -> None:
    settings = read_params("ingest")
    for program in ("sox", "dot"):  # later stages need them: say so before any work
        programs.require(program)
    folder = ARTIFACTS / "ingest"
    listing = layouts.read(settings.corpus)
    tables.write(folder / "rejected.csv", RejectedRow, listing.rejected)  # for fixing the corpus if it is refused
    for name, language in listing.folders.items():
        print(printable(f"folder {name}: {language}"))
    for note in [*told(listing.skipped), *listing.notes]:
        print(printable(note), flush=True)
    layouts.check(listing.entries, listing.rejected, settings.corpus, listing.skipped)

    roots, sample_rate = layouts.roots(settings.corpus), settings.audio.sample_rate
    with files.building(ARTIFACTS.resolve() / "audio") as audio, engine.connect(INGEST) as client:
        by_file = ingest.run(client, listing.entries, roots, audio, settings.audio)
        results = [result for together in by_file for result in together]
        decoded = [result for result in results if isinstance(result, Decoded)]
        consistent, contradicting = ingest.consistent(decoded)
        rows = ingest.placed(consistent, audio, sample_rate)
        accepted, duplicates = ingest.grouped(rows, [item.landmarks for item in consistent], sample_rate)
        rejected = listing.rejected + [row for row in results if isinstance(row, RejectedRow)] + contradicting

    with files.building(folder) as complete:
        tables.write(complete / "recordings.csv", RecordingRow, accepted)
        tables.write(complete / "duplicates.csv", DuplicateRow, duplicates)
        quality, flags = checks.examine(accepted, duplicates, settings.corpus.checks)
        tables.write(complete / "quality.csv", QualityRow, quality)
        tables.write(complete / "flags.csv", FlagRow, flags)
        tables.write(complete / "rejected.csv", RejectedRow, rejected)
        languages = {language: ingest.summary(language, accepted) for language in settings.corpus.languages}
        summary = {
            "languages": languages,
            "rejected": len(rejected),
            "left_out": listing.skipped,
            "notes": listing.notes,
            "quality": {by: checks.summary(quality, by) for by in ("language", "source")},
        }
        checksums.write_json(complete / "summary.json", summary)
        checksums.seal(complete)

    terminal.show_table(
        ["language", "recordings", "speakers", "minutes"],
        [[language, *numbers.values()] for language, numbers in languages.items()],
    )
    for flag, number in sorted(Counter(row.flag for row in flags).items()):
        first = next(row for row in flags if row.flag == flag)
        print(printable(f"{flag} ({number}): the first, {first.path!r}, {first.detail}"))
    if flags:
        print(f"{len({row.recording for row in flags})} recordings have flags: see {folder / 'flags.csv'}")
    if rejected:
        print(f"{len(rejected)} rejected: see {folder / 'rejected.csv'}")
    for line in foreign.waiting(row.detail for row in rejected):
        print(line)
    ingest.check_rejected(rejected, len(accepted), settings.corpus.max_rejected)
    layouts.check(accepted, rejected, settings.corpus, listing.skipped)


if __name__ == "__main__":
    run(main)
