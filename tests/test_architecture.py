"""The order of the rooms, their sizes, and what they load."""

from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from tests.programs import ROOT, python

ROOMS = sorted(path.parent for path in (ROOT / "pipeline").glob("*/__init__.py"))
MODULES = sorted((ROOT / "pipeline").rglob("*.py"))
MAX_LINES = 300
WITHOUT_TENSORFLOW = (
    "audio cache cluster console corpus dataset demo features ingest mfcc params parts shards silence store streaming "
    "tables trim voices"
)


def test_rooms_import_only_rooms_below_them_and_no_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True, no_logo=True) == 0  # the layers are in pyproject.toml


def test_no_module_is_too_long() -> None:
    assert [path for path in MODULES if len(path.read_text().splitlines()) > MAX_LINES] == []


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_has_at_least_two_modules_and_tests_in_a_folder_of_its_name(room: Path) -> None:
    assert len([path for path in room.glob("*.py") if path.name != "__init__.py"]) >= 2
    assert list((ROOT / "tests" / room.name).glob("test_*.py"))


def test_rooms_below_training_load_no_tensorflow() -> None:
    code = (
        "import importlib, pkgutil, sys\n"
        f"for room in {WITHOUT_TENSORFLOW.split()}:\n"
        "    package = importlib.import_module(f'pipeline.{room}')\n"
        "    for found in pkgutil.iter_modules(getattr(package, '__path__', [])):\n"
        "        importlib.import_module(f'pipeline.{room}.{found.name}')\n"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    assert python(code).stdout == "set()\n"
