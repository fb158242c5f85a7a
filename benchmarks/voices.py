"""How well `corpus.speakers: cluster` finds the speakers again, on a corpus whose speakers are known.

    python -m benchmarks.voices                     # artifacts of the last `dvc repro`
    python -m benchmarks.voices --artifacts FOLDER  # of another project

Purity is the share of recordings whose cluster is mostly of their speaker. Pairs of recordings of one speaker that end
up in two splits are what leaks; with every file as its own speaker (`file`), almost half of them do. Both are the mean
over random assignments of groups to splits, with the shares of params.yaml.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import params, tables
from pipeline.console import terminal
from pipeline.rows import RecordingRow
from pipeline.store.feature_store import FeatureStore
from pipeline.voices import speakers, vectors

ROOT = Path(__file__).parents[1]
DRAWS = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--artifacts", type=Path, default=ROOT / "artifacts")
    given = parser.parse_args()
    if not (given.artifacts / "features.zarr").is_dir():
        sys.exit(f"error: there are no features in {given.artifacts}; run `dvc repro` first")
    rows = tables.read(given.artifacts / "ingest" / "recordings.csv", RecordingRow)
    store = FeatureStore.open(given.artifacts / "features.zarr")
    found = speakers(rows, vectors(store, [row.recording for row in rows]))
    split = params.load(ROOT / "params.yaml").split
    shares = [1 - split.val - split.test, split.val, split.test]
    lines = []
    for language in sorted({row.language for row in rows}):
        mine = [row for row in rows if row.language == language]
        true = numbered([row.speaker for row in mine])
        clusters = numbered([found[row.recording] for row in mine])
        lines.append([
            language, len(mine), int(true.max()) + 1, int(clusters.max()) + 1, f"{purity(clusters, true):.0%}",
            f"{divided(np.arange(len(mine)), true, shares):.1%}", f"{divided(clusters, true, shares):.1%}",
        ])  # fmt: skip
    found_again = ["clusters", "purity", "pairs divided, file", "pairs divided, cluster"]
    terminal.show_table(["language", "recordings", "speakers", *found_again], lines)


def numbered(names: list[str]) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = np.unique(names, return_inverse=True)[1]
    return numbers


def purity(clusters: NDArray[np.int64], true: NDArray[np.int64]) -> float:
    """Share of the recordings whose speaker is the commonest of their cluster."""
    return sum(int(np.bincount(true[clusters == cluster]).max()) for cluster in np.unique(clusters)) / len(true)


def divided(groups: NDArray[np.int64], true: NDArray[np.int64], shares: list[float]) -> float:
    """Share of the pairs of recordings of one speaker that are in two splits."""
    pairs = np.triu(true[:, None] == true[None, :], 1)
    if not pairs.any():
        return 0.0
    rng, total = np.random.default_rng(0), 0.0
    for _ in range(DRAWS):
        place = rng.choice(len(shares), groups.max() + 1, p=shares)[groups]
        total += np.count_nonzero(pairs & (place[:, None] != place[None, :])) / np.count_nonzero(pairs)
    return total / DRAWS


if __name__ == "__main__":
    main()
