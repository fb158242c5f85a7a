"""The public interface: light to import, with every name present and documented."""

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline

ROOT = Path(__file__).parents[1]
CLASSES = sorted(set(pipeline.__all__) - {"__version__"})
PAGES = "\n".join(page.read_text() for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])


def loaded_by(code: str) -> set[str]:
    """Top-level packages that a new process has imported after running the code."""
    report = "\nimport json, sys\nprint(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code + report], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("name", CLASSES)
def test_a_name_is_the_class_with_an_example_and_on_a_page(name: str) -> None:
    item = getattr(pipeline, name)
    assert isinstance(item, type)
    assert item.__name__ == name
    assert item.__doc__
    assert ">>>" in item.__doc__
    assert re.search(rf"\b{name}\b", PAGES)


def test_the_version_is_the_distributions() -> None:
    assert pipeline.__version__ == importlib.metadata.version("lid-pipeline")


def test_a_name_that_is_not_offered_is_an_attribute_error() -> None:
    assert set(pipeline.__all__) <= set(dir(pipeline))
    with pytest.raises(AttributeError, match="module 'pipeline' has no attribute 'Nothing'"):
        pipeline.Nothing  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_door_loads_no_other_package() -> None:
    before = loaded_by("")
    assert loaded_by("import pipeline; dir(pipeline); pipeline.__version__") - before >= {"pipeline"}
    assert not loaded_by("import pipeline; dir(pipeline)") & {
        "tensorflow",
        "keras",
        "numpy",
        "click",
        "dask",
        "pydantic",
    }


@pytest.mark.parametrize("name", CLASSES)
def test_no_name_loads_tensorflow(name: str) -> None:
    assert not loaded_by(f"from pipeline import {name}") & {"tensorflow", "keras"}


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "pipeline" / "py.typed").is_file()
