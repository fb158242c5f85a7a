"""audit: check that splits share nothing, and which cues other than speech reveal the language."""

import numpy as np

from pipeline import checksums, tables, voices
from pipeline.confounds import measures, verdict
from pipeline.console import terminal
from pipeline.console.text import printable
from pipeline.dataset import audit
from pipeline.errors import LeakageError
from pipeline.rows import HELD, LEFT_OUT, OPEN, OTHER, SPLITS, RecordingRow, SequenceRow, SplitRow
from pipeline.splits.groups import groups
from pipeline.store.feature_store import FeatureStore
from stages import ARTIFACTS, building, read_params, run


def main() -> None:
    settings = read_params("audit")
    store = FeatureStore.open(ARTIFACTS / "features.zarr")
    manifests = {name: ARTIFACTS / "manifests" / f"{name}.csv" for name in SPLITS}
    items = {name: store.select(manifest=path).items for name, path in manifests.items()}
    recordings = tables.read(ARTIFACTS / "ingest" / "recordings.csv", RecordingRow)
    recordings = voices.renamed(recordings, ARTIFACTS / "speakers" / "voices.csv")
    read = {name: tables.read(ARTIFACTS / "splits" / f"{name}.csv", SplitRow) for name in (*SPLITS, *HELD)}
    placed = {name: read[name] for name in SPLITS} | {OTHER: read[OTHER]}
    placed["test"] += read[OPEN]  # of the same speakers
    unused = {row.recording for row in read[LEFT_OUT]}
    findings = audit.leakage(
        [row for row in recordings if row.recording not in unused],
        placed,
        {name: tables.read(path, SequenceRow) for name, path in manifests.items()},
        {name: np.stack([rows["first"], rows["stop"]], axis=1) for name, rows in items.items()},
    )
    with building("audit") as folder:
        checksums.write_json(folder / "leakage.json", audit.report(findings))
        unknown = audit.unknown_speakers(recordings)
        checksums.write_json(folder / "speakers.json", unknown)
        trained = {row.language for row in read["train"]}
        computed = [row for row in recordings if row.recording not in store.failed and row.language in trained]
        group_of = {row.recording: str(number) for row, number in zip(computed, groups(computed), strict=True)}
        measured = measures.sample(computed, settings.seed)
        languages, together = [row.language for row in measured], [group_of[row.recording] for row in measured]
        found, of = measures.measure(measured, store), [row.extra.get("source", "") for row in measured]
        confounds = verdict.examine(found, languages, together, settings.seed)
        confounds["sources"] = verdict.examine_sources(found, languages, together, of, settings.seed)
        checksums.write_json(folder / "confounds.json", confounds)
    terminal.show_table(["check", "violations"], [[check, len(found)] for check, found in findings.items()])
    for sentence in filter(None, [unknown["sentence"], *verdict.sentences(confounds)]):
        print(printable(sentence))
    if leaks := [sentence for found in findings.values() for sentence in found]:
        path = ARTIFACTS / "audit" / "leakage.json"
        raise LeakageError(f"{len(leaks)} leak(s) between splits: {leaks[0]}; see {path}")


if __name__ == "__main__":
    run(main)
