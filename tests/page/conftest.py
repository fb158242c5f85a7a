"""A browser, and exports of every kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.page import exports
from tests.page.browser import Tab, chromium


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    """A tab of a browser whose microphone is silent."""
    with chromium("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream") as tab:
        yield tab


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders by kind."""
    top = tmp_path_factory.mktemp("exports")
    return {kind: exports.write(kind, top / str(number)) for number, kind in enumerate(exports.KINDS)}
