"""ingest: decode every file once, make it 16-bit mono at one rate."""

from collections import Counter
from pathlib import Path

from pipeline import checksums, cluster, files, programs, tables
from pipeline.audio import foreign
from pipeline.cache import Cache
from pipeline.console import terminal
from pipeline.console.text import printable
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry
from pipeline.ingest import checks, job
from pipeline.ingest.part import Ingested, divide
from pipeline.params import Params
from pipeline.rows import DuplicateRow, FlagRow, QualityRow, RecordingRow, RejectedRow
from stages import ARTIFACTS, building, read_params, run


def main() -> None:
    cluster.warm(*job.MODULES)
    settings = read_params("ingest")
    for program in ("sox", "dot"):  # later stages need them: say so before any work
        programs.require(program)
    folder, cache, rate = ARTIFACTS / "ingest", Cache(), settings.audio.sample_rate
    unlisted = tables.read(ARTIFACTS / "corpus" / "rejected.csv", RejectedRow)
    tables.write(folder / "rejected.csv", RejectedRow, unlisted)  # for fixing the corpus if it is refused
    listing = checksums.read_json(ARTIFACTS / "corpus" / "summary.json")

    with files.building(ARTIFACTS.resolve() / "audio") as audio:
        ingested, n_files, reused = decode(settings, audio, cache)
        found = job.consistent(ingested)
        recordings, duplicates = job.grouped(found.rows, found.landmarks, rate)
        used = {audio / row.file for row in recordings}
        for path in {path for path in audio.iterdir() if path.with_suffix(".wav") not in used}:
            path.unlink()
    cache.shrink()
    rejected = unlisted + found.rejected

    with building("ingest") as complete:
        tables.write(complete / "recordings.csv", RecordingRow, recordings)
        tables.write(complete / "duplicates.csv", DuplicateRow, duplicates)
        quality, flags = checks.examine(recordings, duplicates, settings.corpus.checks)
        tables.write(complete / "quality.csv", QualityRow, quality)
        tables.write(complete / "flags.csv", FlagRow, flags)
        tables.write(complete / "rejected.csv", RejectedRow, rejected)
        languages = {language: job.summary(language, recordings) for language in settings.corpus.languages}
        summary = {
            "languages": languages,
            "rejected": len(rejected),
            **listing,
            "quality": {by: checks.summary(quality, by) for by in ("language", "source")},
        }
        checksums.write_json(complete / "summary.json", summary)

    terminal.show_reused(n_files, reused, "files")
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
    job.check_rejected(rejected, len(recordings), settings.corpus.max_rejected)
    layouts.check(recordings, rejected, settings.corpus, listing["left_out"])


def decode(settings: Params, audio: Path, cache: Cache) -> tuple[Ingested, int, int]:
    """Decode the files that stage corpus listed; return the recordings, the number of files, and how many are reused.

    The listing takes as much memory as the recordings, and ends with this function.
    """
    entries = tables.read(ARTIFACTS / "corpus" / "files.csv", Entry)
    parts = divide(entries, layouts.roots(settings.corpus))
    with cluster.connect(*job.MODULES) as client:
        found, reused = job.run(client, parts, audio, settings.audio, cache)
    return found, sum(map(len, parts)), reused


if __name__ == "__main__":
    run(main)
