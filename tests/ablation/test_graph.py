"""The stages that a score depends on, in the project's own dvc.yaml."""

from pathlib import Path

import pytest

from pipeline.ablation import graph

ROOT = Path(__file__).parents[2]
STAGES = graph.read(ROOT / "dvc.yaml")


def test_a_trial_needs_all_stages_up_to_the_scores_and_sources_are_code_and_data_of_the_repository() -> None:
    chain = {"versions", "demo", "corpus", "ingest", "trim", "features", "balance", "train", "export", "evaluate"}
    assert chain | {"summary"} <= STAGES.keys()
    assert {"report", "audit"}.isdisjoint(STAGES)
    found = graph.sources(STAGES)
    assert {"demo/sentences", "stages/train.py", "pipeline/network"} <= set(found)
    assert not [path for path in found if path.startswith(("artifacts", "ablation", "pipeline/report"))]
    assert all((ROOT / path).exists() for path in found)


@pytest.mark.parametrize(
    ("leaf", "first"),
    [("seed", "split"), ("silence.strategy", "balance"), ("model.cell", "train"), ("mfcc.n_mfcc", "features")],
)
def test_a_parameter_affects_the_stages_that_read_it_and_all_later_ones(leaf: str, first: str) -> None:
    rest = graph.unaffected(STAGES, [leaf])
    assert {first, "evaluate"}.isdisjoint(rest)
    assert {"versions", "demo", "corpus", "ingest"} <= set(rest)
    assert ("features" in rest) == (first != "features")
