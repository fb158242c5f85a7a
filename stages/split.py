"""split: speakers to train, val and test. Reads ingest/recordings.csv alone, so nothing later moves a speaker."""

from collections.abc import Mapping, Sequence

from pipeline import checksums, params, tables
from pipeline.console import terminal
from pipeline.dataset import splits
from pipeline.tables import SPLITS, RecordingRow, SplitRow
from stages import ARTIFACTS, PARAMS, run


def main() -> None:
    settings = params.load(PARAMS)
    path = ARTIFACTS / "ingest" / "recordings.csv"
    recordings = tables.of_languages(path, RecordingRow, settings.corpus.languages)
    split_of = splits.assign(recordings, settings.split, settings.seed)
    splits.check(recordings, split_of)

    folder = ARTIFACTS / "splits"
    for name in SPLITS:
        members = [
            SplitRow(row.recording, row.language, row.speaker, row.group, row.duration_s)
            for row in recordings
            if split_of[row.recording] == name
        ]
        tables.write(folder / f"{name}.csv", SplitRow, members)
    summary = {language: _summary(language, recordings, split_of) for language in settings.corpus.languages}
    checksums.write_json(folder / "summary.json", summary)
    checksums.seal(folder)
    terminal.show_table(
        ["language", *(f"{name} {unit}" for name in SPLITS for unit in ("min", "share", "speakers"))],
        [
            [
                language,
                *(cell for row in of.values() for cell in (row["minutes"], f"{row['share']:.1%}", row["speakers"])),
            ]
            for language, of in summary.items()
        ],
    )


def _summary(
    language: str, recordings: Sequence[RecordingRow], split_of: Mapping[str, str]
) -> dict[str, dict[str, float]]:
    rows = [row for row in recordings if row.language == language]
    seconds = sum(row.duration_s for row in rows)
    summary = {}
    for name in SPLITS:
        dealt = [row for row in rows if split_of[row.recording] == name]
        mine = sum(row.duration_s for row in dealt)
        summary[name] = {
            "recordings": len(dealt),
            "speakers": len({row.speaker for row in dealt}),
            "minutes": round(mine / 60, 2),
            "share": round(mine / seconds, 4),
        }
    return summary


if __name__ == "__main__":
    run(main)
