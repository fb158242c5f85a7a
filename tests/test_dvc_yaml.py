"""dvc.yaml names everything that affects the output of a stage: rooms of code, parameters and versions of packages.

DVC finds none of them by itself.
"""

from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml

from pipeline import params
from pipeline.features import FEATURES
from pipeline.ingest.job import INGEST
from pipeline.trim import TRIM

ROOT = Path(__file__).parents[1]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
JOBS = {job.name: job for job in (INGEST, TRIM, FEATURES)}

# These only print, refuse or name types: a change to them changes no byte of the output of a stage and re-runs nothing.
DECIDES_NO_BYTE = ("arrays", "console", "errors", "programs")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Imports at the top of a module and inside of functions, but not those for type checking alone."""
    return grimp.build_graph("pipeline", "stages", exclude_type_checking_imports=True, cache_dir=None)


def rooms_of(graph: grimp.ImportGraph, stage: str) -> set[str]:
    """The paths of a stage, and of all rooms and modules at the top of the library that affect its output."""
    waiting, seen = [f"stages.{stage}"], set[str]()
    while waiting:
        module = waiting.pop()
        if "." in module and module.split(".")[1] not in DECIDES_NO_BYTE and module not in seen:
            seen.add(module)
            waiting += [*graph.find_modules_directly_imported_by(module), module.rpartition(".")[0]]
    places = {"/".join(module.split(".")[:2]) for module in seen}
    return {place if (ROOT / place).is_dir() else f"{place}.py" for place in places}


def parameters(stage: str) -> tuple[list[str], list[str]]:
    """Leaves of params.yaml and packages that dvc.yaml names for a stage."""
    entries: list[Any] = STAGES[stage].get("params", [])
    packages = [entry["artifacts/versions.json"] for entry in entries if isinstance(entry, dict)]
    return [entry for entry in entries if isinstance(entry, str)], [name for names in packages for name in names]


def test_every_stage_is_in_dvc_yaml() -> None:
    assert set(STAGES) == {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__"}


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_deps_name_exactly_the_rooms_that_a_stage_imports(stage: str, graph: grimp.ImportGraph) -> None:
    listed = [dep for dep in STAGES[stage]["deps"] if dep.startswith(("pipeline", "stages"))]
    assert listed == sorted(rooms_of(graph, stage))


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_the_command_and_parameters_of_a_stage_are_valid(stage: str, defaults: params.Params) -> None:
    assert STAGES[stage]["cmd"] == f"python -m stages.{stage}"
    listed, _ = parameters(stage)
    assert len(set(listed)) == len(listed)
    assert set(listed) <= {*params.all_leaves(defaults), *dict(defaults)}


def test_the_report_which_shows_all_parameters_depends_on_all(defaults: params.Params) -> None:
    assert parameters("report")[0] == list(dict(defaults))


def test_a_leaf_that_is_not_declared_cannot_be_read(defaults: params.Params) -> None:
    settings = params.only(defaults, ["seed", "silence.pad"])
    assert (settings.seed, settings.silence.pad) == (defaults.seed, defaults.silence.pad)
    with pytest.raises(AttributeError):
        _ = settings.silence.strategy
    with pytest.raises(AttributeError):
        _ = settings.mfcc
    assert params.only(defaults, params.all_leaves(defaults)) == defaults


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_the_code_and_packages_of_a_job_are_those_of_its_stage(job: Any) -> None:
    assert tuple(parameters(job.name)[1]) == job.packages
    for place in job.code:
        assert (ROOT / "pipeline" / place).exists(), place
        assert f"pipeline/{place.split('/')[0]}" in STAGES[job.name]["deps"], place
