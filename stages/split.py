"""split: assign speakers, or similar voices if they are not known, to train, val and test. No later stage moves one."""

import itertools
from pathlib import Path

from pipeline import checksums, tables, voices
from pipeline.console import terminal
from pipeline.console.text import printable
from pipeline.rows import LEFT_OUT, OPEN, OTHER, SPLITS, RecordingRow, SplitRow
from pipeline.splits import methods, outcome, sources
from stages import ARTIFACTS, building, read_params, run

PINS = Path("splits") / "pins.csv"


def main() -> None:
    settings = read_params("split")
    recordings = tables.of_languages(ARTIFACTS / "ingest" / "recordings.csv", RecordingRow, settings.corpus.languages)
    recordings = voices.renamed(recordings, ARTIFACTS / "speakers" / "voices.csv")
    spoken = [row for row in recordings if row.language in settings.trained_languages]
    corpus = sources.divide(spoken, sources.held_out(spoken, settings.split, settings.seed))
    split_of, search = methods.assign(corpus.kept, settings.split, settings.seed, methods.read_pins(PINS))
    rows = {name: [_row(row) for row in corpus.kept if split_of[row.recording] == name] for name in SPLITS}
    outcome.check(rows)
    summary = outcome.summary(rows, settings.trained_languages)
    notes = outcome.notes(rows, methods.shares(settings.split)) + sources.notes(spoken, len(corpus.left_out))
    held = {OTHER: corpus.other, LEFT_OUT: corpus.left_out}
    split_of |= {row.recording: name for name, part in held.items() for row in part}
    held[OPEN], unused = sources.unheard(recordings, split_of)
    held[LEFT_OUT] = held[LEFT_OUT] + unused
    if unused:
        notes.append(
            f"{len(unused):,} recordings of held-out languages share speakers with train, val or other: left out"
        )
    rows |= {name: [_row(row) for row in part] for name, part in held.items()}

    with building("splits") as folder:
        for name, part in rows.items():
            tables.write(folder / f"{name}.csv", SplitRow, part)
        checksums.write_json(folder / "summary.json", summary)
        checksums.write_json(folder / "search.json", {"notes": notes, **(search._asdict() if search else {})})
    header = ["language", *(f"{name} {unit}" for name in SPLITS for unit in ("min", "share", "speakers"))]
    cells = {
        language: [(part["minutes"], f"{part['share']:.1%}", part["speakers"]) for part in parts.values()]
        for language, parts in summary.items()
    }
    terminal.show_table(header, [[language, *itertools.chain(*part)] for language, part in cells.items()])
    for name, kind in ((OTHER, "sources"), (OPEN, "languages")):
        if out := held[name]:
            minutes, speakers = sum(row.duration_s for row in out) / 60, len({row.speaker for row in out})
            print(f"{name}, of held-out {kind}: {minutes:.2f} min of {speakers} speakers")
    for sentence in [*([str(search)] if search else []), *notes]:
        print(printable(sentence))


def _row(row: RecordingRow) -> SplitRow:
    source = row.extra.get("source", "")
    return SplitRow(row.recording, row.language, row.speaker, row.group, row.duration_s, source)


if __name__ == "__main__":
    run(main)
