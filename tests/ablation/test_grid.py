"""Grids: every combination once, checked before anything runs; the stages of dvc.yaml that a score depends on."""

import itertools
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params
from pipeline.ablation import graph, grid
from pipeline.errors import ArgumentError, ParameterError, UserError
from pipeline.params import plain_yaml

ROOT = Path(__file__).parents[2]
STRATEGIES = [get_args(params.SilenceStrategy), get_args(params.BalanceStrategy)]
TREE: Any = plain_yaml.read(ROOT / "params.yaml")


def make(*sweeps: str, seeds: int | None = None) -> list[grid.Trial]:
    return grid.make(sweeps, seeds, TREE, "params.yaml")


def test_the_default_is_every_silence_strategy_with_every_balance_strategy_and_three_seeds() -> None:
    trials, cells = make(), itertools.product((42, 43, 44), *STRATEGIES)
    assert [(trial.seed, *trial.values.values()) for trial in trials] == list(cells)


@given(
    st.lists(st.integers(1, 500), min_size=1, max_size=4, unique=True),
    st.lists(st.floats(0, 0.99), min_size=1, max_size=4, unique=True),
    st.integers(1, 4),
)
def test_a_trial_has_all_parameters_of_the_file_but_those_of_its_cell(
    epochs: list[int], dropout: list[float], n_seeds: int
) -> None:
    sweeps = [f"train.epochs={','.join(map(str, epochs))}", f"model.dropout={','.join(map(str, dropout))}"]
    trials = make(*sweeps, seeds=n_seeds)
    assert len(trials) == len(epochs) * len(dropout) * n_seeds
    for trial in trials:
        values = {"train.epochs": trial.settings.train.epochs, "model.dropout": trial.settings.model.dropout}
        assert trial.values == values
        back = trial.settings.model_dump()
        before = {"train.epochs": TREE["train"]["epochs"], "model.dropout": TREE["model"]["dropout"]}
        grid.put(back, {"seed": TREE["seed"], **before})
        assert params.check(back, "") == params.check(TREE, "")


def test_values_are_yaml_and_lists_need_brackets() -> None:
    trials = make("model.units=[64,32],[128]", seeds=1)
    assert [trial.settings.model.units for trial in trials] == [(64, 32), (128,)]
    assert [trial.slug for trial in trials] == ["64-32-seed42", "128-seed42"]  # names of git
    assert [trial.settings.mfcc.fmax for trial in make("mfcc.fmax=null, 7000.0", seeds=1)] == [None, 7000.0]
    assert [trial.seed for trial in make("train.epochs=3", "seed=7,5")] == [7, 5]
    both = make("model.cell=gru", "model.cell=lstm", "seed=7")
    assert [trial.settings.model.cell for trial in both] == ["gru", "lstm"]
    assert len(make("seed=7")) == len([*itertools.product(*STRATEGIES)])


def test_over_sources_every_fold_of_every_cell_and_seed_is_a_trial() -> None:
    trials = grid.make(["model.cell=gru,lstm"], 2, TREE, "params.yaml", over_sources=True)
    assert [(trial.seed, trial.settings.model.cell, trial.fold) for trial in trials] == [
        *itertools.product((42, 43), ("gru", "lstm"), range(5))
    ]
    assert {trial.settings.split.method for trial in trials} == {"sources"}
    assert [trial.settings.split.fold for trial in trials] == [trial.fold for trial in trials]
    assert trials[-1].slug == "lstm-seed43-fold4"
    [first, *_] = grid.make([], 1, TREE, "params.yaml", over_sources=True)
    assert first.changes == {"seed": 42, "split.method": "sources", "split.fold": 0}
    with pytest.raises(ArgumentError, match=r"-S split\.method and --over sources"):
        grid.make(["split.method=hash"], None, TREE, "params.yaml", over_sources=True)


@pytest.mark.parametrize(
    ("sweeps", "seeds", "said"),
    [
        (["model.cell"], None, "-S 'model.cell' lists no values; write -S model.cell=a,b,c"),
        (["model.sell=gru"], None, "-S 'model.sell' is not a parameter; docs/parameters.md lists them"),
        (["model.units=[64,32"], None, "-S 'model.units=[64,32' lists no values"),
        (["seed=1,2"], 3, "-S seed and --seeds exclude each other"),
        (["corpus.root=a,b"], None, "-S corpus.root would compare results on different recordings"),
        (["train.epochs=5,0"], None, "cell 0, seed 42: train.epochs is 0 but should be greater than or equal to 1"),
        (["model.cell=gru,rnn"], None, "cell rnn, seed 42: model.cell is 'rnn' but should be 'gru' or 'lstm'"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_runs(sweeps: list[str], seeds: int | None, said: str) -> None:
    with pytest.raises((ArgumentError, ParameterError)) as error:
        make(*sweeps, seeds=seeds)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@given(st.text(max_size=30))
def test_any_text_is_a_grid_or_a_mistake_in_one_line(text: str) -> None:
    for sweep in (text, f"model.units={text}"):
        try:
            make(sweep, seeds=1)
        except UserError as error:
            assert "\n" not in str(error)


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
