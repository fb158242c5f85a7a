"""balance: cut the silence view of every recording into sequences and balance the training classes."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from pipeline import checksums, params, tables
from pipeline.console import terminal
from pipeline.dataset import balance, counts, division, weights
from pipeline.rows import SPLITS, SequenceRow, SplitRow
from pipeline.store.feature_store import FeatureStore
from stages import ARTIFACTS, building, read_params, run


def main() -> None:
    settings = read_params("balance")
    store = FeatureStore.open(ARTIFACTS / "features.zarr")
    strategy, languages = settings.silence.strategy, settings.trained_languages
    summary: dict[str, Any] = {"silence": strategy, "balance": settings.balance.strategy}
    shown: list[list[object]] = []
    with building("manifests") as folder:
        for name in SPLITS:
            path = ARTIFACTS / "splits" / f"{name}.csv"
            recordings = tables.read(path, SplitRow)
            may_lack = languages if name == "val" else ()
            tables.require_languages(path, {*may_lack, *(row.language for row in recordings)}, languages)
            # A test recording is one sequence, as it is one stream: states are reset after each.
            length = None if name == "test" else settings.sequence.length
            rows, counted = store.sequences(recordings, strategy, length)
            counts.check(rows, counted, dict.fromkeys(row.language for row in recordings), name)
            balanced = rows
            if name == "train":
                balanced, more = _balanced(rows, counted, settings)
                summary |= more
            tables.write(folder / f"{name}.csv", SequenceRow, balanced)
            minutes = counts.before_and_after(rows, balanced, counted, languages, store.frame_s)
            summary[name] = counts.summary(balanced, counted, languages, store.frame_s)
            if name == "train":
                summary["minutes"] = minutes
            shown += [
                [f"{name} {language}", *(f"{part[measure]['minutes']:,.2f}" for measure in counts.MEASURES)]
                for language, part in minutes.items()
            ]
        checksums.write_json(folder / "summary.json", summary)
    terminal.show_table(["split and language", *(f"minutes {measure}" for measure in counts.MEASURES)], shown)
    if summary["note"]:
        print(summary["note"])


def _balanced(
    rows: Sequence[SequenceRow], counted: counts.Counted, settings: params.Params
) -> tuple[list[SequenceRow], dict[str, Any]]:
    """Return the training manifest, and what manifests/summary.json says of it."""
    balanced, divided = balance.balance(settings.balance.strategy, rows, counted, settings.seed)
    if settings.balance.evenness:
        balanced = weights.even_speakers(balanced, counted, divided, settings.balance.evenness)
    before, after = division.class_sizes(rows, counted, None), division.class_sizes(balanced, counted, divided)
    ratios = {name: round(division.ratio(sizes.values()), 4) for name, sizes in (("before", before), ("after", after))}
    return balanced, {
        "ensemble": divided and dataclasses.asdict(divided),
        "before": before,
        "ratio": ratios,
        "note": divided and division.remark(balanced, counted, divided),
    }


if __name__ == "__main__":
    run(main)
