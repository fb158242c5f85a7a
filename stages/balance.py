"""balance: cut the silence view of every recording into sequences and balance the training classes."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from pipeline import checksums, files, params, tables
from pipeline.console import terminal
from pipeline.dataset import balance, counts, views, weights
from pipeline.dataset.division import class_sizes, remark
from pipeline.dataset.partition import ratio
from pipeline.dataset.sequences import sequence_rows
from pipeline.rows import SPLITS, SequenceRow, SplitRow
from pipeline.store.feature_store import FeatureStore
from stages import ARTIFACTS, read_params, run


def main() -> None:
    settings = read_params("balance")
    store = FeatureStore.open(ARTIFACTS / "features.zarr")
    strategy, languages = settings.silence.strategy, settings.corpus.languages
    summary: dict[str, Any] = {"silence": strategy, "balance": settings.balance.strategy}
    shown: list[list[object]] = []
    with files.building(ARTIFACTS / "manifests") as folder:
        for name in SPLITS:
            counted, rows = {}, []
            recordings = _recordings(name, languages)
            for row in store.computed(recordings):
                speech = store.flags(row.recording)
                counted[row.recording] = views.counted(strategy, speech)
                start, stop = (views.rows_before(strategy, speech, frame) for frame in row.frames(len(speech)))
                # A test recording is one sequence, as it is one stream: states are reset after each.
                length = stop - start if name == "test" else settings.sequence.length
                rows += sequence_rows(row, start, stop, length, strategy, store.id)
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
        checksums.seal(folder)
    terminal.show_table(["split and language", *(f"minutes {measure}" for measure in counts.MEASURES)], shown)
    for note in summary["notes"]:
        print(note)


def _recordings(name: str, languages: Sequence[str]) -> list[SplitRow]:
    """The rows of a split; only val may lack a language."""
    path = ARTIFACTS / "splits" / f"{name}.csv"
    if name != "val":
        return tables.of_languages(path, SplitRow, languages)
    rows = tables.read(path, SplitRow)
    tables.require_languages(path, {row.language for row in rows} | set(languages), languages)
    return rows


def _balanced(
    rows: Sequence[SequenceRow], counted: counts.Counted, settings: params.Params
) -> tuple[list[SequenceRow], dict[str, Any]]:
    """The training manifest, and what manifests/summary.json says of it."""
    balanced, division = balance.balance(settings.balance.strategy, rows, counted, settings.seed)
    notes = [division and remark(balanced, counted, division)]
    if settings.balance.evenness:
        balanced = weights.even_speakers(balanced, counted, division, settings.balance.evenness)
    if settings.balance.cap is not None:
        balanced, few = weights.limit_speakers(balanced, counted, division, settings.balance.cap)
        notes += few
    before, after = (class_sizes(*some) for some in ((rows, counted, None), (balanced, counted, division)))
    return balanced, {
        "ensemble": division and dataclasses.asdict(division),
        "before": before,
        "ratio": {"before": round(ratio(before.values()), 4), "after": round(ratio(after.values()), 4)},
        "notes": [note for note in notes if note],
    }


if __name__ == "__main__":
    run(main)
