"""dvc.yaml names everything that affects the output of a stage: code, parameters and versions of packages.

DVC finds none of them by itself.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml

from pipeline import params, versions
from pipeline.jobs.features import FEATURES
from pipeline.jobs.ingest import INGEST
from pipeline.jobs.trim import TRIM

ROOT = Path(__file__).parents[1]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
JOBS = {job.name: job for job in (INGEST, TRIM, FEATURES)}

# These only print, refuse or name types: a change to them changes no byte of the output of a stage and re-runs nothing.
DECIDES_NO_BYTE = ("arrays", "console", "errors", "params", "programs")
# The same is true of the files that make a folder a package: they hold only public names, loaded lazily.
DOORS = {file.relative_to(ROOT).as_posix() for file in ROOT.glob("*/**/__init__.py")}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Imports at the top of a module and inside of functions, but not those for type checking alone."""
    return grimp.build_graph("pipeline", "stages", exclude_type_checking_imports=True, cache_dir=None)


def file_of(module: str) -> str:
    base = ROOT / module.replace(".", "/")
    return (base / "__init__.py" if base.is_dir() else base.with_suffix(".py")).relative_to(ROOT).as_posix()


def packages_around(module: str) -> Iterator[str]:
    """The packages that Python runs before a module, except the outermost, which loads nothing."""
    parts = module.split(".")
    return (".".join(parts[:end]) for end in range(2, len(parts)))


def code_of(graph: grimp.ImportGraph, stage: str) -> set[str]:
    """Files of all modules that affect the output of a stage."""
    waiting, seen = [f"stages.{stage}"], set[str]()
    while waiting:
        module = waiting.pop()
        exempt = module in ("pipeline", "stages") or module.split(".")[1] in DECIDES_NO_BYTE
        if not exempt and module not in seen:
            seen.add(module)
            waiting += [*graph.find_modules_directly_imported_by(module), *packages_around(module)]
    return {file_of(module) for module in seen} - DOORS


def files_below(path: str) -> set[str]:
    place = ROOT / path
    found = place.rglob("*.py") if place.is_dir() else [place]
    return {file.relative_to(ROOT).as_posix() for file in found} - DOORS


def parameters(stage: str) -> tuple[list[str], list[str]]:
    """Leaves of params.yaml and packages that dvc.yaml names for a stage."""
    entries: list[Any] = STAGES[stage].get("params", [])
    packages = [entry["artifacts/versions.json"] for entry in entries if isinstance(entry, dict)]
    return [entry for entry in entries if isinstance(entry, str)], [name for names in packages for name in names]


def test_every_stage_is_in_dvc_yaml() -> None:
    assert set(STAGES) == {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__"}


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_deps_name_exactly_the_code_that_decides_the_output(stage: str, graph: grimp.ImportGraph) -> None:
    listed = [dep for dep in STAGES[stage]["deps"] if dep.startswith(("pipeline", "stages"))]
    covered = [file for dep in listed for file in files_below(dep) if not dep.endswith(".j2")]
    assert sorted(covered) == sorted(code_of(graph, stage))


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_params_name_exactly_the_leaves_that_a_stage_declares(stage: str, defaults: params.Params) -> None:
    module = importlib.import_module(f"stages.{stage}")
    declared = JOBS[stage].params if stage in JOBS else getattr(module, "READS", ())
    if stage == "report":
        declared = params.all_leaves(defaults)
    assert tuple(parameters(stage)[0]) == declared


def test_a_leaf_that_is_not_declared_cannot_be_read(defaults: params.Params) -> None:
    settings = params.only(defaults, ["seed", "silence.pad"])
    assert (settings.seed, settings.silence.pad) == (defaults.seed, defaults.silence.pad)
    with pytest.raises(AttributeError):
        _ = settings.silence.strategy
    with pytest.raises(AttributeError):
        _ = settings.mfcc
    assert params.only(defaults, params.all_leaves(defaults)) == defaults


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_packages_are_among_those_whose_versions_are_listed(stage: str) -> None:
    packages = parameters(stage)[1]
    assert set(packages) <= set(versions.PACKAGES)
    if stage in JOBS:
        assert tuple(packages) == JOBS[stage].packages


def test_every_listed_package_decides_the_output_of_a_stage() -> None:
    assert {name for stage in STAGES for name in parameters(stage)[1]} == set(versions.PACKAGES)


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_the_code_of_a_job_is_among_the_deps_of_its_stage(job: Any, graph: grimp.ImportGraph) -> None:
    deciding = code_of(graph, job.name)
    for place in job.code:
        assert files_below(f"pipeline/{place}") & deciding, place
    function = job.function.__module__.replace(".", "/") + ".py"
    assert function in deciding


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_commands_are_constant(stage: str) -> None:
    assert STAGES[stage]["cmd"] == f"python -m stages.{stage}"
