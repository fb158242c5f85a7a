"""split: assign speakers, or similar voices if they are not known, to train, val and test. No later stage moves one."""

import itertools
from pathlib import Path

from pipeline import checksums, files, tables, voices
from pipeline.console import terminal
from pipeline.console.text import printable
from pipeline.rows import LEFT_OUT, OTHER, SPLITS, RecordingRow, SplitRow
from pipeline.splits import methods, outcome, sources
from stages import ARTIFACTS, read_params, run

PINS = Path("splits") / "pins.csv"


def main() -> None:
    settings = read_params("split")
    recordings = tables.of_languages(ARTIFACTS / "ingest" / "recordings.csv", RecordingRow, settings.corpus.languages)
    recordings = voices.renamed(recordings, ARTIFACTS / "speakers" / "voices.csv")
    corpus = sources.divide(recordings, sources.held_out(recordings, settings.split, settings.seed))
    split_of, search = methods.assign(corpus.kept, settings.split, settings.seed, methods.read_pins(PINS))
    rows = {name: [_row(row) for row in corpus.kept if split_of[row.recording] == name] for name in SPLITS}
    outcome.check(rows)
    summary = outcome.summary(rows, settings.corpus.languages)
    notes = outcome.notes(rows, methods.shares(settings.split)) + sources.notes(recordings, len(corpus.left_out))
    rows |= {name: [_row(row) for row in part] for name, part in ((OTHER, corpus.other), (LEFT_OUT, corpus.left_out))}

    with files.building(ARTIFACTS / "splits") as folder:
        for name, part in rows.items():
            tables.write(folder / f"{name}.csv", SplitRow, part)
        checksums.write_json(folder / "summary.json", summary)
        checksums.write_json(folder / "search.json", {"notes": notes, **(search._asdict() if search else {})})
        checksums.seal(folder)
    header = ["language", *(f"{name} {unit}" for name in SPLITS for unit in ("min", "share", "speakers"))]
    cells = {
        language: [(part["minutes"], f"{part['share']:.1%}", part["speakers"]) for part in parts.values()]
        for language, parts in summary.items()
    }
    terminal.show_table(header, [[language, *itertools.chain(*part)] for language, part in cells.items()])
    if corpus.other:
        minutes = sum(row.duration_s for row in corpus.other) / 60
        speakers = len({row.speaker for row in corpus.other})
        print(f"other, of held-out sources: {minutes:.2f} min of {speakers} speakers")
    for sentence in [*([str(search)] if search else []), *notes]:
        print(printable(sentence))


def _row(row: RecordingRow) -> SplitRow:
    source = row.extra.get("source", "")
    return SplitRow(row.recording, row.language, row.speaker, row.group, row.duration_s, source)


if __name__ == "__main__":
    run(main)
