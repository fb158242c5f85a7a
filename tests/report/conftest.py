"""A page for all tests of the report."""

import pytest

from pipeline.report.page import render
from tests.report.sample import make_results


@pytest.fixture(scope="session")
def plain() -> str:
    """The page of the unchanged sample."""
    return render(make_results())
