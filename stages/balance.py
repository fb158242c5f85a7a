"""balance: cut the silence view of every recording into sequences and even out the training classes."""

import dataclasses

from pipeline import checksums, params, tables
from pipeline.console import terminal
from pipeline.dataset import balance, views
from pipeline.dataset.sequences import cut
from pipeline.errors import CorpusError
from pipeline.store.feature_store import FeatureStore
from pipeline.tables import SPLITS, SequenceRow, SplitRow
from stages import ARTIFACTS, PARAMS, run


def main() -> None:
    settings = params.load(PARAMS)
    store = FeatureStore.open(ARTIFACTS / "features.zarr")
    folder, strategy = ARTIFACTS / "manifests", settings.silence.strategy
    summary: dict[str, object] = {"silence": strategy, "balance": settings.balance.strategy}
    shown = []
    for name in SPLITS:
        counts, rows = {}, []
        members = tables.of_languages(ARTIFACTS / "splits" / f"{name}.csv", SplitRow, settings.corpus.languages)
        for member in store.without_killed(members):
            recording = member.recording
            counts[recording] = views.counted(strategy, store.flags(recording))
            length = len(counts[recording])
            # A test recording is one sequence, as it is one stream: states are reset after each.
            pieces = cut(length, length if name == "test" else settings.sequence.length)
            rows += [
                SequenceRow(
                    f"{recording}/{number}",
                    recording,
                    member.language,
                    member.speaker,
                    *piece,
                    view=strategy,
                    features=store.id,
                )
                for number, piece in enumerate(pieces)
            ]
        before = balance.class_totals(rows, counts)
        for language in settings.corpus.languages:
            if not before.get(language):
                raise CorpusError(
                    f"no frame of {language!r} in {name} is speech; lower silence.threshold or .min_speech"
                )
        division = None
        if name == "train":
            rows, division = balance.balance(settings.balance.strategy, rows, counts, settings.seed)
            summary["ensemble"] = division and dataclasses.asdict(division)
            summary["before"] = before  # frames that count, by language, of train
        tables.write(folder / f"{name}.csv", SequenceRow, rows)
        summary[name] = {language: _summary(language, rows, counts) for language in settings.corpus.languages}
        shown += [
            [f"{name} {language}", *_summary(language, rows, counts).values()] for language in settings.corpus.languages
        ]
    checksums.write_json(folder / "summary.json", summary)
    checksums.seal(folder)
    terminal.show_table(["split and language", "sequences", "frames", "weighed frames"], shown)


def _summary(language: str, rows: list[SequenceRow], counts: balance.Counts) -> dict[str, float]:
    """Sequences, frames that count, and the same times their weights; of the first network where there are two."""
    mine = [row for row in rows if row.language == language and row.member == 0]
    return {
        "sequences": len(mine),
        "frames": sum(balance.frames(row, counts) for row in mine),
        "weighed": round(sum(balance.frames(row, counts) * row.weight for row in mine)),
    }


if __name__ == "__main__":
    run(main)
