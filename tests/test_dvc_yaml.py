"""dvc.yaml names every module that a stage runs and every parameter that it reads: DVC follows neither by itself."""

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def module_file(name: str) -> Path | None:
    base = ROOT / name.replace(".", "/")
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names | {name.rpartition(".")[0] for name in names}


def code_of(file: Path, seen: set[Path] | None = None) -> set[Path]:
    """Every module of the project that a file imports, directly or not, at its top or in a function."""
    seen = {file} if seen is None else seen | {file}
    for name in imported(file):
        found = module_file(name)
        if found and found not in seen:
            seen |= code_of(found, seen)
    return seen


def test_every_stage_is_in_dvc_yaml() -> None:
    assert set(STAGES) == {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__"}


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_deps_name_exactly_the_modules_that_a_stage_imports(stage: str) -> None:
    needed = {file.relative_to(ROOT).as_posix() for file in code_of(ROOT / "stages" / f"{stage}.py")}
    listed = {dep for dep in STAGES[stage]["deps"] if dep.endswith(".py")}
    assert listed == needed


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_params_name_the_leaves_that_a_stage_reads(stage: str) -> None:
    source = (ROOT / "stages" / f"{stage}.py").read_text()
    sections = yaml.safe_load((ROOT / "params.yaml").read_text())
    if "settings.model_dump()" in source:  # the report shows all of them
        source = " ".join(f"settings.{section}" for section in sections)
    needed: set[str] = set()
    for section, key in re.findall(r"(?:settings|PARAMS\))\.(\w+)(?:\.(\w+))?", source):
        keys = [key] if key else sections[section] if isinstance(sections[section], dict) else []
        needed |= {f"{section}.{key}" for key in keys} or {section}
    assert set(STAGES[stage].get("params", [])) == needed


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_commands_are_constant(stage: str) -> None:
    assert STAGES[stage]["cmd"] == f"python -m stages.{stage}"
