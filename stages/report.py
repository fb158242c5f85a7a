"""report: one self-contained page of the results."""

from pathlib import Path
from typing import Any

from pipeline import checksums, params, tables
from pipeline.errors import ArtifactError
from pipeline.report import dvc_plots
from pipeline.report.ablation import corpus_id
from pipeline.report.page import Results, render
from pipeline.rows import AnswerRow, ComparisonRow, DetRow, EpochRow, RejectedRow
from stages import ARTIFACTS, PARAMS, run


def main() -> None:
    settings = params.load(PARAMS)  # all: the page shows them
    page = render(
        Results(
            params=settings.model_dump(),
            metrics=checksums.read_json(ARTIFACTS / "evaluation" / "metrics.json"),
            answers=tables.read(ARTIFACTS / "evaluation" / "confusion.csv", AnswerRow),
            det=tables.read(ARTIFACTS / "evaluation" / "det.csv", DetRow),
            history=tables.read(ARTIFACTS / "model" / "history.csv", EpochRow),
            splits=_by_language("splits", settings),
            search=checksums.read_json(ARTIFACTS / "splits" / "search.json"),
            manifests=_manifests(settings),
            trim=_by_language("trim", settings),
            leakage=checksums.read_json(ARTIFACTS / "audit" / "leakage.json"),
            speakers=checksums.read_json(ARTIFACTS / "audit" / "speakers.json"),
            ingest=checksums.read_json(ARTIFACTS / "ingest" / "summary.json"),
            confounds=checksums.read_json(ARTIFACTS / "audit" / "confounds.json"),
            rejected=tables.read(ARTIFACTS / "ingest" / "rejected.csv", RejectedRow),
            comparison=_comparison(),
            diagram=checksums.read(ARTIFACTS / "model" / "model.png"),
        )
    )
    target = ARTIFACTS / "report" / "index.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")
    target.with_name("dvc_plots.html").write_text(dvc_plots.template(), encoding="utf-8")
    print(f"{target}: {len(page.encode()) / 1000:.0f} kB")


def _comparison() -> list[ComparisonRow]:
    """The last ablation, if it was of this corpus."""
    corpus = corpus_id(checksums.read(ARTIFACTS / "corpus" / "files.csv"))
    return [row for row in tables.read(Path("ablation") / "table.csv", ComparisonRow) if row.corpus == corpus]


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
