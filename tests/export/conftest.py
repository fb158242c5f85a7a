"""An export of every kind of network."""

import pytest

from tests.export import small
from tests.export.small import Export


@pytest.fixture(scope="session", params=["none", "remove", "label"])
def exported(request: pytest.FixtureRequest) -> Export:
    return small.made(request.param)
