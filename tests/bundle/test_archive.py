"""The content of the archive; projects and names that are refused."""

import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from pipeline import checksums
from pipeline.bundle import archive, pdf
from pipeline.errors import ArgumentError, ArtifactError, ProgramError, ProjectError
from tests.export import small
from tests.programs import git

TEXT, HOSTILE = "=1+1 $(x) <b>.txt", ("a\x1b[2J\nb", "..\\..\\c", "\udcff")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the results that a bundle takes."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copytree(small.made("mask").folder, folder / "artifacts")
    (folder / "artifacts" / "model" / "model.png").write_bytes(b"png")
    checksums.seal(folder / "artifacts" / "model")
    plots = folder / "artifacts" / "report" / "plots"
    plots.mkdir(parents=True)
    (plots / "1_a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>')
    (plots.parent / "index.html").write_text("<!doctype html><title>Report</title><p>The report")
    (plots.parent / "live.html").write_text('<a href="index.html">')
    checksums.seal(plots.parent)
    shutil.copy(Path(__file__).parents[2] / "params.yaml", folder)
    for name in (TEXT, *HOSTILE):
        (folder / name).write_text("code")
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "private.wav").write_text("mine")
    (folder / "docs").mkdir()
    (folder / "docs" / "passwd").write_text("text")
    git(folder, "init", "-q")
    git(folder, "add", "params.yaml", "link", "docs", TEXT, *HOSTILE)
    shutil.rmtree(folder / "docs")
    (folder / "docs").symlink_to("/etc")
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "project", symlinks=True))


@pytest.mark.slow
def test_everything_is_in_one_folder_with_its_checksum(project: Path, tmp_path: Path) -> None:
    target, params = tmp_path / "Zhang hw5.zip", project / "params.yaml"
    params.write_text(params.read_text().replace("{0: english", "{7: english"))
    left_out = archive.write(target, project)
    assert {"private.wav", "link", "docs/passwd", *HOSTILE} <= set(left_out)
    with zipfile.ZipFile(target) as packed:
        members = {name.removeprefix("Zhang hw5/"): packed.read(name) for name in packed.namelist()}
        assert all(name.startswith("Zhang hw5/") for name in packed.namelist())
    assert {
        "test_model.py", "requirements.txt", "pipeline.zip", "report.html", "report.pdf", "model.png", "plots/1_a.png",
        "live.html", "sequence/sequence.keras", "sequence/sequence.weights.h5", "code/params.yaml", f"code/{TEXT}",
        "model/streaming.json", "model/streaming.keras", "model/model.tflite", "model/golden.npz",
    } <= members.keys()  # fmt: skip
    assert {name for name in members if name.startswith("code/")} == {"code/params.yaml", f"code/{TEXT}"}
    assert "LABELS: dict[int, str] = {7: 'english'" in members["test_model.py"].decode()
    assert members["report.pdf"].startswith(b"%PDF")
    assert members["live.html"] == b'<a href="report.html">'
    assert members["plots/1_a.png"].startswith(b"\x89PNG")
    sums = members.pop("SHA256SUMS").decode()
    for name, content in members.items():
        if name != "model/SHA256SUMS":
            assert f"{hashlib.sha256(content).hexdigest()}  {name}\n" in sums


@pytest.mark.parametrize("name", ["a", "a.tar", ".zip", "..zip", "\x1b.zip", "-x.zip"])
def test_bad_names_are_refused_before_any_work(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArgumentError, match=r"name a \.zip of letters"):
        archive.write(tmp_path / name, tmp_path)


@pytest.mark.slow
def test_results_that_are_missing_altered_or_of_no_use_are_named(project: Path, tmp_path: Path) -> None:
    def refuse(kind: type[Exception], said: str) -> None:
        with pytest.raises(kind, match=said):
            archive.write(tmp_path / "a.zip", project)

    artifacts = project / "artifacts"
    for name in ("streaming/model.tflite", "model/sequence.keras", "model/model.png", "report/index.html"):
        content = (artifacts / name).read_bytes()
        (artifacts / name).unlink()
        refuse(ArtifactError, Path(name).name)
        (artifacts / name).write_bytes(content + b"x")
        refuse(ArtifactError, Path(name).name)
        (artifacts / name).write_bytes(content)
    (project / ".git").rename(tmp_path / "git")
    refuse(ProjectError, "not a git repository")
    path = artifacts / "streaming" / "streaming.json"
    path.write_text(path.read_text().replace('"streaming": true', '"streaming": false'))
    checksums.seal(path.parent)
    refuse(ArtifactError, r"set export\.streaming to true")
    shutil.rmtree(artifacts)
    refuse(ArtifactError, "dvc repro")
    assert not (tmp_path / "a.zip").exists()


def test_a_missing_or_failing_browser_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<!doctype html>")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramError, match="apt-get install chromium"):
        pdf.write(page, tmp_path / "page.pdf")
    broken = tmp_path / "chromium"
    broken.write_text(f"#!{os.path.realpath('/bin/sh')}\necho no display >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(ProgramError, match=r"did not print the report \(no display\)"):
        pdf.write(page, tmp_path / "page.pdf")
