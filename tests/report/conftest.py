"""Pages for all tests of the report, each rendered once."""

import pytest

from pipeline.report.page import render
from tests.report.sample import Page, everything, make_results, nothing


@pytest.fixture(scope="session")
def plain() -> str:
    """The page of the unchanged sample."""
    return render(make_results())


@pytest.fixture(scope="session")
def full() -> str:
    """A page with every optional part."""
    return render(everything())


@pytest.fixture(scope="session")
def pages(plain: str, full: str) -> dict[str, Page]:
    """The parsed pages by name."""
    return {name: Page(text) for name, text in {"plain": plain, "full": full, "bare": render(nothing())}.items()}
