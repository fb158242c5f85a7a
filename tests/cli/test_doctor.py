"""`lid doctor` finds what is missing and names a remedy."""

import shutil
from pathlib import Path

import pytest

from pipeline.cli.doctor import Finding, examine


@pytest.fixture
def copy(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the project's params.yaml, as the current one."""
    shutil.copy(project / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def findings() -> list[Finding]:
    return [finding for section in examine().values() for finding in section]


def problems() -> list[Finding]:
    return [finding for finding in findings() if finding.remedy]


def test_nothing_is_missing_on_the_machine_of_the_tests(copy: Path) -> None:
    assert not problems()
    subjects = {finding.subject for finding in findings()}
    assert subjects >= {"sox", "python", "tensorflow", "zarr", "params.yaml", "corpus", "memo", "disk"}


def test_a_missing_program_is_named_with_its_package(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    remedies = {finding.subject: finding.remedy for finding in problems()}
    assert set(remedies) == {"sox", "espeak-ng", "dot"}
    assert "apt-get install graphviz" in remedies["dot"]


@pytest.mark.parametrize(
    ("old", "new", "subject", "said"),
    [
        ("seed: 42", "seed: x", "params.yaml", "seed"),
        ("root: artifacts/data/demo", "root: nowhere", "corpus", "corpus.root 'nowhere' is not a folder"),
    ],
)
def test_a_bad_parameter_is_named(copy: Path, old: str, new: str, subject: str, said: str) -> None:
    text = (copy / "params.yaml").read_text(encoding="utf-8")
    assert old in text
    (copy / "params.yaml").write_text(text.replace(old, new), encoding="utf-8")
    assert [(finding.subject, said in finding.remedy) for finding in problems()] == [(subject, True)]
