"""summary: the few numbers that git tracks, so that DVC compares commits and experiments without their caches."""

from pipeline import checksums, tables
from pipeline.rows import AnswerRow, EpochRow
from stages import ARTIFACTS, run

# With more, the table of `dvc metrics show` grows too wide.
SCORES = ("recording_accuracy", "macro_recall", "frame_accuracy", "c_avg")


def main() -> None:
    folder = ARTIFACTS / "summary"
    confusion = tables.read(ARTIFACTS / "evaluation" / "confusion.csv", AnswerRow)
    tables.write(folder / "confusion.csv", AnswerRow, confusion)
    history = tables.read(ARTIFACTS / "model" / "history.csv", EpochRow)
    tables.write(folder / "history.csv", EpochRow, history)
    metrics = checksums.read_json(ARTIFACTS / "evaluation" / "metrics.json")
    checksums.write_json(folder / "metrics.json", {name: metrics.get(name) for name in SCORES})


if __name__ == "__main__":
    run(main)
