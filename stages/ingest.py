"""ingest: list the corpus, decode every file once, make it 16-bit mono at one rate."""

from pipeline import checksums, files, programs, tables
from pipeline.cluster import engine
from pipeline.console import terminal
from pipeline.console.text import printable
from pipeline.corpus import layouts
from pipeline.corpus.paths import root_folder
from pipeline.jobs import ingest
from pipeline.jobs.ingest import INGEST, Decoded
from pipeline.tables import DuplicateRow, RecordingRow, RejectedRow
from stages import ARTIFACTS, read_params, run


def main() -> None:
    settings = read_params(INGEST.params)
    for program in ("sox", "dot"):  # later stages need them: say so before any work
        programs.require(program)
    folder = ARTIFACTS / "ingest"
    listing = layouts.read(settings.corpus)
    tables.write(folder / "rejected.csv", RejectedRow, listing.rejected)  # for fixing the corpus if it is refused
    for name, language in listing.folders.items():
        print(printable(f"folder {name}: {language}"))
    if listing.skipped:
        skipped = ", ".join(f"{name} ({number})" for name, number in listing.skipped.items())
        print(printable(f"skipped: {skipped}"), flush=True)
    layouts.check(listing.entries, listing.rejected, settings.corpus)

    root = root_folder(settings.corpus.root).resolve()  # workers may run in another folder
    with files.building(ARTIFACTS.resolve() / "audio") as audio, engine.connect(INGEST) as client:
        results = ingest.run(client, listing.entries, root, audio, settings.audio)
        decoded = [result for result in results if isinstance(result, Decoded)]
        consistent, contradicting = ingest.consistent(decoded)
        accepted, duplicates = ingest.grouped(consistent, settings.audio.sample_rate)
        rejected = listing.rejected + [row for row in results if isinstance(row, RejectedRow)] + contradicting
        for path in set(audio.glob("*.wav")) - {audio / f"{row.recording}.wav" for row in accepted}:
            path.unlink()

    tables.write(folder / "recordings.csv", RecordingRow, accepted)
    tables.write(folder / "duplicates.csv", DuplicateRow, duplicates)
    tables.write(folder / "rejected.csv", RejectedRow, rejected)
    languages = {language: ingest.summary(language, accepted) for language in settings.corpus.languages}
    summary = {"languages": languages, "rejected": len(rejected), "left_out": listing.skipped}
    checksums.write_json(folder / "summary.json", summary)
    checksums.seal(folder)

    terminal.show_table(
        ["language", "recordings", "speakers", "minutes"],
        [[language, *numbers.values()] for language, numbers in languages.items()],
    )
    if duplicates:
        number = len({name for row in duplicates for name in (row.recording, row.other)})
        print(f"{number} recordings hold the same speech as another: see {folder / 'duplicates.csv'}")
    if rejected:
        print(f"{len(rejected)} rejected: see {folder / 'rejected.csv'}")
    ingest.check_rejected(rejected, len(accepted), settings.corpus.max_rejected)
    layouts.check(accepted, rejected, settings.corpus)


if __name__ == "__main__":
    run(main)
