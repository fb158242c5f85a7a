"""report: one self-contained page of the results."""

import json
from pathlib import Path
from typing import Any

from pipeline import checksums, files, params, tables
from pipeline.audio.wav import Reader, Wav
from pipeline.console.text import printable
from pipeline.errors import ArtifactError, ProgramError, ProjectError
from pipeline.report import answers, commit, dvc_plots
from pipeline.report.ablation import corpus_id
from pipeline.report.answers import Answer
from pipeline.report.drawing import standalone
from pipeline.report.examples import Card, Example, cards
from pipeline.report.page import Results, render
from pipeline.report.verdict import sentence
from pipeline.rows import (
    SPLITS,
    ComparisonRow,
    DecisionRow,
    DetRow,
    EpochRow,
    EqualityRow,
    ExampleRow,
    FrameRow,
    RecordingRow,
    RejectedRow,
    SplitRow,
    StreamRow,
)
from stages import ARTIFACTS, PARAMS, run

EVALUATION = ARTIFACTS / "evaluation"
USUAL = Path("demo") / "results.json"
ABLATION = Path("ablation") / "table.csv"


def main() -> None:
    settings = params.load(PARAMS)  # all: the page shows them
    metrics = checksums.read_json(EVALUATION / "metrics.json")
    history = tables.read(ARTIFACTS / "model" / "history.csv", EpochRow)
    recordings = tables.read(ARTIFACTS / "ingest" / "recordings.csv", RecordingRow)
    split_rows = {name: tables.read(ARTIFACTS / "splits" / f"{name}.csv", SplitRow) for name in SPLITS}
    decisions = tables.read(EVALUATION / "recordings.csv", DecisionRow)
    streams = tables.read(EVALUATION / "stream.csv", StreamRow)
    given = answers.joined(split_rows["test"], decisions, streams)
    description = checksums.read_json(ARTIFACTS / "streaming" / "streaming.json")
    synthetic = any((ARTIFACTS / "data" / "demo").glob("train_*/*"))  # the stage demo leaves none if they are not used
    usual = json.loads(USUAL.read_bytes()) if synthetic else None
    corpus = corpus_id(checksums.read(ARTIFACTS / "corpus" / "files.csv"))
    shown = cards(_examples(given, recordings, settings))
    page = render(
        Results(
            params=settings.model_dump(),
            metrics=metrics,
            description=description,
            equality=_equality(description),
            answers=given,
            det=tables.read(EVALUATION / "det.csv", DetRow),
            history=history,
            splits=_by_language("splits", settings),
            split_rows=split_rows,
            search=checksums.read_json(ARTIFACTS / "splits" / "search.json"),
            manifests=_manifests(settings),
            trim=_by_language("trim", settings),
            leakage=checksums.read_json(ARTIFACTS / "audit" / "leakage.json"),
            speakers=checksums.read_json(ARTIFACTS / "audit" / "speakers.json"),
            confounds=checksums.read_json(ARTIFACTS / "audit" / "confounds.json"),
            ingest=checksums.read_json(ARTIFACTS / "ingest" / "summary.json"),
            rejected=tables.read(ARTIFACTS / "ingest" / "rejected.csv", RejectedRow),
            recordings=recordings,
            cards=shown,
            corpus_id=corpus,
            synthetic=synthetic,
            usual=usual,
            provenance=_provenance(),
            comparison=[row for row in tables.read(ABLATION, ComparisonRow, sealed=False) if row.corpus == corpus],
        )
    )
    with files.building(ARTIFACTS / "report") as folder:
        (folder / "index.html").write_text(page, encoding="utf-8")
        _write_plots(folder / "plots", shown)
        (folder / "dvc_plots.html").write_text(dvc_plots.template(), encoding="utf-8")
        (folder / "result.txt").write_text(f"{sentence(metrics, usual)}\n", encoding="utf-8")
        checksums.seal(folder)
    print(f"{ARTIFACTS / 'report' / 'index.html'}: {sentence(metrics, usual)}")


def _provenance() -> commit.Commit | None:
    try:
        return commit.last(ARTIFACTS / "summary" / "metrics.json")
    except (ProgramError, ProjectError) as error:
        print(printable(f"the report names no commit: {error}"))
        return None


def _write_plots(folder: Path, shown: list[Card]) -> None:
    """The examples as pictures."""
    folder.mkdir()
    for number, one in enumerate(shown, 1):
        (folder / f"{number}_{one.example.row.recording}.svg").write_text(standalone(one.figure), encoding="utf-8")


def _equality(description: Any) -> list[EqualityRow]:
    return tables.read(ARTIFACTS / "streaming" / "equality.csv", EqualityRow) if description["streaming"] else []


def _examples(given: list[Answer], recordings: list[RecordingRow], settings: params.Params) -> list[Example]:
    """The recordings that evaluate has chosen, with their sound and frames."""
    rate, found = settings.audio.sample_rate, []
    frames = tables.read(EVALUATION / "frames.csv", FrameRow)
    of = {row.recording: row for row in recordings}
    for row in tables.read(EVALUATION / "examples.csv", ExampleRow):
        read = Reader(Wav.of(of[row.recording], ARTIFACTS / "audio"))
        samples = read(round(row.start_s * rate), round(row.end_s * rate))
        shown = (frame for frame in frames if frame.recording == row.recording)
        mine = [frame for frame in shown if row.start_s <= frame.time_s < row.end_s]
        answer = next(one for one in given if (one.row.recording, one.row.piece) == (row.recording, row.piece))
        found.append(Example(row, answer, samples, rate, mine))
    return found


def _by_language(stage: str, settings: params.Params) -> Any:
    path = ARTIFACTS / stage / "summary.json"
    summary = checksums.read_json(path)
    tables.require_languages(path, summary, settings.corpus.languages)
    return summary


def _manifests(settings: params.Params) -> Any:
    path = ARTIFACTS / "manifests" / "summary.json"
    summary = checksums.read_json(path)
    written_for = summary["silence"], summary["balance"]
    wanted = settings.silence.strategy, settings.balance.strategy
    if written_for != wanted:
        raise ArtifactError(
            f"{path} was written for silence.strategy {written_for[0]!r} and balance.strategy {written_for[1]!r}, "
            f"not for {wanted[0]!r} and {wanted[1]!r}; run `dvc repro`"
        )
    return summary


if __name__ == "__main__":
    run(main)
