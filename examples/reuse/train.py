"""Another experiment on the pipeline's features: the language, from the mean and deviation of a recording's MFCCs.

It needs the layout of the store (artifacts/README.md of the pipeline), not the pipeline's code.
"""

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml  # comes with zarr
import zarr
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

STORE, SPLITS = Path("features.zarr"), Path("splits")
SCHEMA = 2  # version of the layout that this program reads


class InputError(Exception):
    """The imported data can't be used; the text is one sentence."""


def open_array(name: str) -> zarr.Array[Any]:
    return zarr.open_array(STORE / name, mode="r")


def load(split: Path) -> tuple[NDArray[np.float64], list[str]]:
    """Summaries, shape (recordings, 2 · n_mfcc), and languages; one recording is in memory at a time."""
    ids, starts, lengths = (np.asarray(open_array(f"recording/{column}")[:]) for column in ("id", "start", "length"))
    rows = {str(name): slice(start, start + n) for name, start, n in zip(ids, starts, lengths, strict=True)}
    mfcc, speech = open_array("mfcc"), open_array("speech")
    summaries, languages = [], []
    with split.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["recording"] not in rows:
                raise InputError(
                    f"{split} names the recording {row['recording']!r}, which {STORE} lacks; "
                    f"run `dvc update {STORE}.dvc {SPLITS}.dvc`, so that both come from one run"
                )
            frames, spoken = np.asarray(mfcc[rows[row["recording"]]]), np.asarray(speech[rows[row["recording"]]])
            heard = frames[spoken] if spoken.any() else frames
            summaries.append(np.concatenate([heard.mean(axis=0, dtype=float), heard.std(axis=0, dtype=float)]))
            languages.append(row["language"])
    return np.stack(summaries), languages


def main() -> None:
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    schema = zarr.open_group(STORE, mode="r").attrs.get("schema")
    if schema != SCHEMA:
        raise InputError(f"{STORE} has schema {json.dumps(schema)}, not {SCHEMA}; adapt train.py to that layout")
    classifier = LogisticRegression(C=params["C"], class_weight=params["class_weight"], max_iter=1000)
    model = make_pipeline(StandardScaler(), classifier).fit(*load(SPLITS / "train.csv"))
    summaries, languages = load(SPLITS / "test.csv")
    predicted = model.predict(summaries)
    metrics = {
        "accuracy": accuracy_score(languages, predicted),
        "macro_recall": recall_score(languages, predicted, labels=sorted(set(languages)), average="macro"),
        "recordings": len(languages),
    }
    Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
