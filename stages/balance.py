"""balance: cut the silence view of every recording into sequences and balance the training classes."""

import dataclasses

from pipeline import checksums, tables
from pipeline.console import terminal
from pipeline.dataset import balance, counts, views
from pipeline.dataset.sequences import sequence_rows
from pipeline.store.feature_store import FeatureStore
from pipeline.tables import SPLITS, SequenceRow, SplitRow
from stages import ARTIFACTS, read_params, run

READS = (
    "seed",
    "corpus.languages",
    "silence.strategy",
    "sequence.length",
    "balance.strategy",
)  # leaves of params.yaml


def main() -> None:
    settings = read_params(READS)
    store = FeatureStore.open(ARTIFACTS / "features.zarr")
    folder, strategy, languages = ARTIFACTS / "manifests", settings.silence.strategy, settings.corpus.languages
    summary: dict[str, object] = {"silence": strategy, "balance": settings.balance.strategy}
    shown: list[list[object]] = []
    for name in SPLITS:
        counted, rows = {}, []
        recordings = tables.of_languages(ARTIFACTS / "splits" / f"{name}.csv", SplitRow, languages)
        for row in store.computed(recordings):
            counted[row.recording] = views.counted(strategy, store.flags(row.recording))
            n_rows = len(counted[row.recording])
            # A test recording is one sequence, as it is one stream: states are reset after each.
            length = n_rows if name == "test" else settings.sequence.length
            rows += sequence_rows(row, n_rows, length, strategy, store.id)
        counts.check(rows, counted, languages, name)
        if name == "train":
            before = counts.class_totals(rows, counted)
            rows, division = balance.balance(settings.balance.strategy, rows, counted, settings.seed)
            summary |= {"ensemble": division and dataclasses.asdict(division), "before": before}
        tables.write(folder / f"{name}.csv", SequenceRow, rows)
        parts = counts.summary(rows, counted, languages)
        summary[name] = parts
        shown += [[f"{name} {language}", *part.values()] for language, part in parts.items()]
    checksums.write_json(folder / "summary.json", summary)
    checksums.seal(folder)
    terminal.show_table(["split and language", "sequences", "frames", "weighted frames"], shown)


if __name__ == "__main__":
    run(main)
