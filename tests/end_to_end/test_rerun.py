"""Which stages `dvc status` reports after a change of code, or of the version of a package."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Copy

PRINTS = ("console/terminal.py", "console/text.py", "console/entry.py", "errors.py", "cli/commands.py", "cli/output.py")
CODE = {  # rooms: tests/test_dvc_yaml.py compares all of them with the imports
    "report": {"report"},
    "corpus": {"corpus", "ingest", "split"},
    "silence": {"trim", "features", "export", "evaluate", "report"},
    "training": {"train", "report"},
}
UPGRADES = {
    "librosa": {"features", "train", "export"},
    "scikit-learn": {"audit", "evaluate", "speakers"},
    "zarr": {"features"},
}


def changed(copy: Copy) -> set[str]:
    """Stages whose dependencies changed."""
    status = json.loads(copy.succeed("dvc", "status", "--json"))
    return {name for name, news in status.items() if any(isinstance(part, dict) for part in news)}


@contextmanager
def touched(*files: Path) -> Iterator[None]:
    before = {file: file.read_bytes() for file in files}
    for file, content in before.items():
        file.write_bytes(content + b"\n# A change.\n")
    try:
        yield
    finally:
        for file, content in before.items():
            file.write_bytes(content)


def test_a_change_to_code_that_only_prints_reruns_nothing(tiny: Copy) -> None:
    with touched(*(tiny.folder / "pipeline" / name for name in PRINTS)):
        assert changed(tiny) == set()


@pytest.mark.parametrize(("room", "stages"), CODE.items(), ids=CODE)
def test_a_change_to_code_reruns_the_stages_that_import_its_room(tiny: Copy, room: str, stages: set[str]) -> None:
    with touched(tiny.folder / "pipeline" / room / "__init__.py"):
        assert changed(tiny) == stages


def test_an_upgrade_reruns_the_stages_that_it_touches(tiny: Copy) -> None:
    for package, stages in UPGRADES.items():
        metadata = tiny.folder / f"{package.replace('-', '_')}-99.0.dist-info"  # found before the installed one
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 99.0\n")
        try:
            tiny.succeed("dvc", "repro", "--single-item", "versions")
            assert json.loads((tiny.folder / "artifacts" / "versions.json").read_text())[package] == "99.0"
            assert changed(tiny) == stages, package
        finally:
            shutil.rmtree(metadata)
    tiny.succeed("dvc", "repro", "--single-item", "versions")
    assert changed(tiny) == set()
