"""audit: derive again from the written files that nothing ties train, val and test together."""

from pipeline import audit, checksums, splits, tables, terminal
from pipeline.errors import LeakageError
from pipeline.tables import Member, Recording, Sequence
from stages import ARTIFACTS, run


def main() -> None:
    findings = audit.leakage(
        tables.read(ARTIFACTS / "ingest" / "recordings.csv", Recording),
        {name: tables.read(ARTIFACTS / "splits" / f"{name}.csv", Member) for name in splits.NAMES},
        {name: tables.read(ARTIFACTS / "manifests" / f"{name}.csv", Sequence) for name in splits.NAMES},
    )
    folder = ARTIFACTS / "audit"
    folder.mkdir(parents=True, exist_ok=True)
    checksums.write_json(folder / "leakage.json", audit.report(findings))
    checksums.seal(folder)
    terminal.show_table(["check", "violations"], [[check, len(found)] for check, found in findings.items()])
    leaks = [sentence for found in findings.values() for sentence in found]
    if leaks:
        raise LeakageError(f"{len(leaks)} leak(s) between splits: {leaks[0]}; see {folder / 'leakage.json'}")


if __name__ == "__main__":
    run(main)
