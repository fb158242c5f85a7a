"""The public interface: light to import, with every name present and documented."""

import importlib.metadata
import re

import pytest

import pipeline
from tests.programs import ROOT, python

CLASSES = sorted(set(pipeline.__all__) - {"__version__"})
PAGES = "\n".join(page.read_text() for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])
LOADED = f"""
import sys
import pipeline

dir(pipeline)
print({{"tensorflow", "keras", "numpy", "click", "dask", "pydantic"}} & {{*sys.modules}})
from pipeline import {", ".join(CLASSES)}
print({{"tensorflow", "keras"}} & {{*sys.modules}})
"""


@pytest.mark.parametrize("name", CLASSES)
def test_a_name_is_the_class_with_an_example_and_on_a_page(name: str) -> None:
    item = getattr(pipeline, name)
    assert isinstance(item, type)
    assert item.__name__ == name
    assert item.__doc__
    assert ">>>" in item.__doc__
    assert re.search(rf"\b{name}\b", PAGES)


def test_the_version_is_the_distributions_and_the_package_is_typed() -> None:
    assert pipeline.__version__ == importlib.metadata.version("lid-pipeline")
    assert (ROOT / "pipeline" / "py.typed").is_file()


def test_a_name_that_is_not_offered_is_an_attribute_error() -> None:
    assert set(pipeline.__all__) <= set(dir(pipeline))
    with pytest.raises(AttributeError, match="module 'pipeline' has no attribute 'Nothing'"):
        pipeline.Nothing  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_package_loads_no_other_and_no_name_loads_tensorflow() -> None:
    assert python(LOADED).stdout == "set()\nset()\n"
