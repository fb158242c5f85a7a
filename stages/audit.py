"""audit: check from the written files alone that train, val and test share nothing."""

from pipeline import checksums, tables
from pipeline.console import terminal
from pipeline.dataset import audit
from pipeline.errors import LeakageError
from pipeline.tables import SPLITS, RecordingRow, SequenceRow, SplitRow
from stages import ARTIFACTS, run


def main() -> None:
    findings = audit.leakage(
        tables.read(ARTIFACTS / "ingest" / "recordings.csv", RecordingRow),
        {name: tables.read(ARTIFACTS / "splits" / f"{name}.csv", SplitRow) for name in SPLITS},
        {name: tables.read(ARTIFACTS / "manifests" / f"{name}.csv", SequenceRow) for name in SPLITS},
    )
    folder = ARTIFACTS / "audit"
    folder.mkdir(parents=True, exist_ok=True)
    checksums.write_json(folder / "leakage.json", audit.report(findings))
    checksums.seal(folder)
    terminal.show_table(["check", "violations"], [[check, len(found)] for check, found in findings.items()])
    if leaks := [sentence for found in findings.values() for sentence in found]:
        raise LeakageError(f"{len(leaks)} leak(s) between splits: {leaks[0]}; see {folder / 'leakage.json'}")


if __name__ == "__main__":
    run(main)
