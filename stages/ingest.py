"""ingest: list the corpus, decode every file once, make it 16-bit mono at one rate."""

import functools
from pathlib import Path

from pipeline import checksums, files, params, programs, tables
from pipeline.cluster import dispatch
from pipeline.console import terminal
from pipeline.console.text import printable
from pipeline.corpus import layouts
from pipeline.jobs import ingest
from pipeline.tables import RecordingRow, RejectedRow
from stages import ARTIFACTS, PARAMS, run


def main() -> None:
    settings = params.load(PARAMS)
    for program in ("sox", "dot"):  # later stages need them: say so before any work
        programs.require(program)
    folder = ARTIFACTS / "ingest"
    listing = layouts.read(settings.corpus)
    tables.write(
        folder / "rejected.csv", RejectedRow, listing.rejected
    )  # to mend the corpus with, should it be refused
    for name, language in listing.folders.items():
        print(printable(f"folder {name}: {language}"))
    if listing.left_out:
        left_out = ", ".join(f"{name} ({number})" for name, number in listing.left_out.items())
        print(printable(f"left out: {left_out}"), flush=True)
    layouts.check(listing.entries, listing.rejected, settings.corpus)

    root = Path(settings.corpus.root).resolve()  # workers may run in another folder
    with files.building(ARTIFACTS.resolve() / "audio") as audio, dispatch.connect(ingest) as client:
        decode = functools.partial(ingest.ingest, root=root, folder=audio, settings=settings.audio)
        batches = ingest.batches(listing.entries)
        results = dispatch.map(
            client,
            decode,
            batches,
            folder=audio,
            lost=ingest.lost,
            job="ingest",
            unit="recordings",
            allowance=lambda entry: entry.stamp[0] / dispatch.BYTES_PER_S,
        )
        kept, contradicting = ingest.consistent([row for row in results if isinstance(row, RecordingRow)])
        rejected = listing.rejected + [row for row in results if isinstance(row, RejectedRow)] + contradicting
        for path in set(audio.glob("*.wav")) - {audio / f"{row.recording}.wav" for row in kept}:
            path.unlink()

    tables.write(folder / "recordings.csv", RecordingRow, kept)
    tables.write(folder / "rejected.csv", RejectedRow, rejected)
    languages = {language: _summary(language, kept) for language in settings.corpus.languages}
    summary = {"languages": languages, "rejected": len(rejected), "left_out": listing.left_out}
    checksums.write_json(folder / "summary.json", summary)
    checksums.seal(folder)

    terminal.show_table(
        ["language", "recordings", "speakers", "minutes"],
        [[language, *numbers.values()] for language, numbers in languages.items()],
    )
    if rejected:
        print(f"{len(rejected)} rejected: see {folder / 'rejected.csv'}")
    ingest.tolerate(rejected, len(kept), settings.corpus.max_rejected)
    layouts.check(kept, rejected, settings.corpus)


def _summary(language: str, recordings: list[RecordingRow]) -> dict[str, float]:
    rows = [row for row in recordings if row.language == language]
    return {
        "recordings": len(rows),
        "speakers": len({row.speaker for row in rows}),
        "minutes": round(sum(row.duration_s for row in rows) / 60, 2),
    }


if __name__ == "__main__":
    run(main)
