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
from pipeline.report.examples import AudioExample
from pipeline.report.page import TABLES, TREES, Results, render
from pipeline.report.verdict import sentence
from pipeline.rows import (
    SPLITS,
    ComparisonRow,
    DecisionRow,
    EqualityRow,
    ExampleRow,
    FrameRow,
    RecordingRow,
    SplitRow,
    StreamRow,
)
from stages import ARTIFACTS, PARAMS, run

EVALUATION = ARTIFACTS / "evaluation"
USUAL = Path("demo") / "results.json"
ABLATION = Path("ablation") / "table.csv"


def main() -> None:
    settings = params.load(PARAMS)  # all: the page shows them
    read: dict[str, Any] = {name: checksums.read_json(ARTIFACTS / path) for name, path in TREES.items()}
    read |= {name: tables.read(ARTIFACTS / path, kind) for name, (path, kind) in TABLES.items()}
    _require_parameters(read, settings)
    split_rows = {name: tables.read(ARTIFACTS / "splits" / f"{name}.csv", SplitRow) for name in SPLITS}
    decisions = tables.read(EVALUATION / "recordings.csv", DecisionRow)
    given = answers.joined(split_rows["test"], decisions, tables.read(EVALUATION / "stream.csv", StreamRow))
    equality = ARTIFACTS / "streaming" / "equality.csv"
    synthetic = any((ARTIFACTS / "data" / "demo").glob("train_*/*"))  # the stage demo leaves none if they are not used
    usual = json.loads(USUAL.read_bytes()) if synthetic else None
    corpus = corpus_id(checksums.read(ARTIFACTS / "corpus" / "files.csv"))
    compared = tables.read(Path("ablation") / "table.csv", ComparisonRow, sealed=False)
    results = Results(
        **read,
        params=settings.model_dump(),
        equality=tables.read(equality, EqualityRow) if read["description"]["streaming"] else [],
        answers=given,
        split_rows=split_rows,
        examples=_examples(given, read["recordings"], settings.audio.sample_rate),
        corpus_id=corpus,
        synthetic=synthetic,
        usual=usual,
        provenance=_provenance(),
        comparison=[row for row in compared if row.corpus == corpus],
    )
    result = sentence(results.metrics, usual)
    with files.building(ARTIFACTS / "report") as folder:
        (folder / "plots").mkdir()
        for example in results.examples:
            name = f"{example.number}_{example.row.recording}.svg"
            (folder / "plots" / name).write_text(standalone(example.figure), encoding="utf-8")
        (folder / "index.html").write_text(render(results), encoding="utf-8")
        (folder / "dvc_plots.html").write_text(dvc_plots.template(), encoding="utf-8")
        (folder / "result.txt").write_text(f"{result}\n", encoding="utf-8")
        checksums.seal(folder)
    print(f"{ARTIFACTS / 'report' / 'index.html'}: {result}")


def _require_parameters(read: dict[str, Any], settings: params.Params) -> None:
    """Refuse summaries that were written with other parameters."""
    for name in ("splits", "trim"):
        tables.require_languages(ARTIFACTS / TREES[name], read[name], settings.corpus.languages)
    for section in ("silence", "balance"):
        found, wanted = read["manifests"][section], getattr(settings, section).strategy
        if found != wanted:
            path = ARTIFACTS / TREES["manifests"]
            raise ArtifactError(f"{path} was written for {section}.strategy {found!r}, not {wanted!r}; run `dvc repro`")


def _provenance() -> commit.Commit | None:
    try:
        return commit.last(ARTIFACTS / "summary" / "metrics.json")
    except (ProgramError, ProjectError) as error:
        print(printable(f"the report names no commit: {error}"))
        return None


def _examples(given: list[Answer], recordings: list[RecordingRow], rate: int) -> list[AudioExample]:
    """Read the sound and the frames of the recordings that evaluate has chosen."""
    frames, found = tables.read(EVALUATION / "frames.csv", FrameRow), []
    of = {row.recording: row for row in recordings}
    for number, row in enumerate(tables.read(EVALUATION / "examples.csv", ExampleRow), 1):
        read = Reader(Wav.of(of[row.recording], ARTIFACTS / "audio"))
        samples = read(round(row.start_s * rate), round(row.end_s * rate))
        shown = (frame for frame in frames if frame.recording == row.recording)
        mine = [frame for frame in shown if row.start_s <= frame.time_s < row.end_s]
        answer = next(one for one in given if (one.row.recording, one.row.piece) == (row.recording, row.piece))
        found.append(AudioExample(number, row, answer, samples, rate, mine))
    return found


if __name__ == "__main__":
    run(main)
