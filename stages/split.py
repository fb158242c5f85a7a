"""split: assign speakers to train, val and test, from ingest/recordings.csv alone. No later stage moves a speaker."""

from pipeline import checksums, tables
from pipeline.console import terminal
from pipeline.dataset import splits
from pipeline.tables import SPLITS, RecordingRow, SplitRow
from stages import ARTIFACTS, read_params, run

READS = (
    "seed",
    "corpus.languages",
    "split.method",
    "split.val",
    "split.test",
)  # leaves of params.yaml


def main() -> None:
    settings = read_params(READS)
    path = ARTIFACTS / "ingest" / "recordings.csv"
    recordings = tables.of_languages(path, RecordingRow, settings.corpus.languages)
    split_of = splits.assign(recordings, settings.split, settings.seed)
    splits.check(recordings, split_of)
    summary = splits.summary(recordings, split_of, settings.corpus.languages)

    folder = ARTIFACTS / "splits"
    for name in SPLITS:
        rows = [
            SplitRow(row.recording, row.language, row.speaker, row.group, row.duration_s, row.extra.get("source", ""))
            for row in recordings
            if split_of[row.recording] == name
        ]
        tables.write(folder / f"{name}.csv", SplitRow, rows)
    checksums.write_json(folder / "summary.json", summary)
    checksums.seal(folder)
    terminal.show_table(
        ["language", *(f"{name} {unit}" for name in SPLITS for unit in ("min", "share", "speakers"))],
        [
            [
                language,
                *(
                    cell
                    for part in parts.values()
                    for cell in (part["minutes"], f"{part['share']:.1%}", part["speakers"])
                ),
            ]
            for language, parts in summary.items()
        ],
    )


if __name__ == "__main__":
    run(main)
