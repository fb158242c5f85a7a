"""`lid doctor` finds what is missing or broken and names a remedy."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import dask
import distributed  # noqa: F401 (its import sets values that a test changes)
import platformdirs
import pytest

from pipeline import cluster, versions
from pipeline.cli import doctor
from tests.programs import broken_settings, git


@pytest.fixture
def copy(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the project's params.yaml in a repository of git and DVC, as the current one."""
    shutil.copy(project / "params.yaml", tmp_path)
    (tmp_path / ".dvc").mkdir()
    git(tmp_path, "init", "-q")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _: tmp_path / "cache")
    return tmp_path


def problems(*sections: str) -> dict[str, str]:
    """Remedies by subject."""
    found = [finding for section in sections for finding in doctor.SECTIONS[section]()]
    return {finding.subject: finding.remedy for finding in found if finding.remedy}


def test_programs_that_fail_and_packages_that_are_missing_or_too_old_are_named(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{copy}{os.pathsep}{os.environ['PATH']}")
    for script, why in (("#!/bin/sh\necho no plugin >&2; exit 1\n", "no plugin"), ("#!/nowhere\n", "No such file")):
        (copy / "dot").write_text(script)
        (copy / "dot").chmod(0o755)
        [(program, remedy)] = problems("programs").items()
        assert program == "dot"
        assert why in remedy
    installed = versions.installed
    others = {"zarr": versions.MISSING, "av": versions.MISSING, "ai-edge-litert": "99.0"}
    monkeypatch.setattr(versions, "installed", lambda names: installed(names) | others)
    monkeypatch.setattr(platform, "python_version", lambda: "3.10.1")
    assert set(problems("packages")) == {"zarr", "ai-edge-litert", "python"}
    found = {finding.subject: finding.found for finding in doctor.SECTIONS["packages"]()}
    assert found["av"].startswith("missing: AAC, M4A")


Damage = Callable[[Path, pytest.MonkeyPatch], object]


def user_without_a_name(_: Path, patch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        patch.delenv(name, raising=False)
    patch.setattr(os, "getuid", lambda: 12345)


def repository_of_another_user(_: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)  # it may trust every folder


def folder_not_in_utf8(copy: Path, patch: pytest.MonkeyPatch) -> None:
    patch.chdir(copy.rename(copy.with_name("a\udcff")))


def no_current_folder(_: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sys, "flags", SimpleNamespace(safe_path=True))


def long_temporary_folder(copy: Path, patch: pytest.MonkeyPatch) -> None:
    (copy / ("long" * 30)).mkdir()
    patch.setattr(tempfile, "tempdir", str(copy / ("long" * 30)))


def no_folder_for_numba(_: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("importlib.import_module", Mock(side_effect=RuntimeError("cannot cache: no locator available")))


def without(name: str) -> Damage:
    return lambda copy, _: shutil.rmtree(copy / name)


def file_at(name: str) -> Damage:
    return lambda copy, _: (copy / name).touch()


def parameters(text: str) -> Damage:
    return lambda copy, _: (copy / "params.yaml").write_text(text)


@pytest.mark.parametrize(
    ("damage", "section", "subject", "said"),
    [
        (folder_not_in_utf8, "project", "folder", "rename"),
        (no_current_folder, "project", "PYTHONSAFEPATH", "unset it"),
        (without(".git"), "project", "git", "not a git repository"),
        (repository_of_another_user, "project", "git", "dubious ownership"),
        (user_without_a_name, "project", "user", "LOGNAME"),
        (without(".dvc"), "project", "DVC's cache", "run this in the folder of dvc.yaml"),
        (file_at(".dvc/cache"), "project", "DVC's cache", "dvc cache dir"),
        (parameters("seed: x"), "project", "params.yaml", "seed"),
        (parameters("corpus: {root: x}"), "project", "corpus", "corpus.root 'x' is not a folder"),
        (file_at("artifacts"), "project", "artifacts", "a folder that this user can write"),
        (file_at("cache"), "machine", "cache", "XDG_CACHE_HOME"),
        (long_temporary_folder, "machine", "temporary folder", "too long"),
        (lambda copy, patch: patch.setattr(tempfile, "tempdir", str(copy / "params.yaml")),
         "machine", "temporary folder", "TMPDIR"),
        (no_folder_for_numba, "machine", "Numba's cache", "NUMBA_CACHE_DIR"),
        (lambda _, patch: patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**6)),
         "machine", "disk", "make room"),
    ],
)  # fmt: skip
def test_a_broken_set_up_is_named_before_anything_is_computed(
    copy: Path, monkeypatch: pytest.MonkeyPatch, damage: Damage, section: str, subject: str, said: str
) -> None:
    monkeypatch.setattr(doctor, "_workers", lambda: "not started")
    monkeypatch.setattr(cluster, "has_semaphores", lambda: False)
    damage(copy, monkeypatch)
    found = {finding.subject: finding for finding in doctor.SECTIONS[section]()}
    assert {name for name, finding in found.items() if finding.remedy} - {"DVC's cache"} | {subject} == {subject}
    assert said in found[subject].remedy
    if section == "machine":  # it is named and stops nothing
        assert "mount /dev/shm" in found["shared memory"].found


@pytest.mark.slow
@pytest.mark.parametrize("package", ["zarr", "dask"])
def test_a_broken_file_of_settings_is_named(copy: Path, package: str) -> None:
    broken, environment = broken_settings(copy, package)
    done = subprocess.run(["lid", "doctor"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert str(broken) in done.stderr
    assert "correct or delete that file" in done.stderr


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"distributed.worker.preload": ["no_such_module"]}, "No module named 'no_such_module'"),
        ({"scheduler-address": "tcp://127.0.0.1:9"}, "no Dask scheduler answers at 'tcp://127.0.0.1:9'"),
    ],
)
def test_workers_that_do_not_start_are_named_with_their_reason(
    copy: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, object], said: str
) -> None:
    monkeypatch.setattr(doctor, "CONNECT_S", "1s")
    with dask.config.set(settings):
        found = problems("machine")
    assert set(found) == {"workers"}
    assert said in found["workers"]
