"""report: one self-contained page of the results."""

import json
from pathlib import Path
from typing import Any

from pipeline import params, report, tables
from pipeline.errors import ArtifactError
from pipeline.tables import Answer, Epoch, Rejected
from stages import ARTIFACTS, PARAMS, run


def main() -> None:
    settings = params.load(PARAMS)
    page = report.page(
        report.Results(
            params=settings.model_dump(),
            metrics=_tree(ARTIFACTS / "evaluation" / "metrics.json"),
            answers=tables.read(ARTIFACTS / "evaluation" / "confusion.csv", Answer),
            history=tables.read(ARTIFACTS / "model" / "history.csv", Epoch),
            splits=_tree(ARTIFACTS / "splits" / "summary.json"),
            manifests=_tree(ARTIFACTS / "manifests" / "summary.json"),
            trim=_tree(ARTIFACTS / "trim" / "summary.json"),
            leakage=_tree(ARTIFACTS / "audit" / "leakage.json"),
            rejected=tables.read(ARTIFACTS / "ingest" / "rejected.csv", Rejected),
            network=_bytes(ARTIFACTS / "model" / "model.png"),
        )
    )
    target = ARTIFACTS / "report" / "index.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")
    print(f"{target}: {len(page.encode()) / 1000:.0f} kB")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path} can't be read ({error.strerror}); run `dvc repro` to write it") from None


def _tree(path: Path) -> Any:
    try:
        return json.loads(_bytes(path))
    except ValueError as error:
        raise ArtifactError(f"{path} is not JSON ({error}); run `dvc repro` to write it") from None


if __name__ == "__main__":
    run(main)
