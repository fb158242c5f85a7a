"""A file of a sealed folder is read unaltered, or an error names it."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import checksums
from pipeline.errors import ArtifactError

FILES = {"a.json": b'{"a": 1}\n', "b c.csv": b"x,y\n1,2\n", "folder/d.bin": bytes(range(256))}


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    checksums.seal(tmp_path)
    return tmp_path


def test_sha256sum_agrees(sealed: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", checksums.SUMS], cwd=sealed, check=True)
    assert checksums.read(sealed / "b c.csv") == FILES["b c.csv"]
    assert checksums.read_json(sealed / "a.json") == {"a": 1}
    checksums.check(sealed, ["a.json", "b c.csv", "folder"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_is_read(sealed: Path, data: st.DataObject) -> None:
    damaged = data.draw(st.sampled_from([*FILES, checksums.SUMS]))
    file = sealed / damaged
    content = file.read_bytes()
    harmed = bytearray(content)
    position = data.draw(st.integers(0, len(content) - 1))
    harmed[position] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(content[:position] if data.draw(st.booleans()) else harmed)
    try:
        if damaged != checksums.SUMS:
            with pytest.raises(ArtifactError, match=damaged):
                checksums.check(sealed, FILES)
        for name in ("a.json", "b c.csv"):
            try:
                assert checksums.read(sealed / name) == FILES[name]
            except ArtifactError as error:
                assert name in str(error) or checksums.SUMS in str(error)
    finally:
        file.write_bytes(content)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_an_unlisted_file_is_reported(sealed: Path, name: str) -> None:
    (sealed / "folder" / "new").write_bytes(b"")
    with pytest.raises(ArtifactError, match="folder/new is not the file"):
        checksums.check(sealed, ["folder"])
    (sealed / name).unlink()
    with pytest.raises(ArtifactError, match=rf"{name} is missing"):
        checksums.check(sealed, [name])


def test_missing_checksums_are_an_error_unless_the_file_may_be_the_users_own(sealed: Path) -> None:
    path = sealed / "a.json"
    assert checksums.read(path, sealed=False) == FILES["a.json"]
    path.write_bytes(b"{}")
    with pytest.raises(ArtifactError, match=r"a\.json is not the file"):
        checksums.read(path, sealed=False)
    (sealed / checksums.SUMS).unlink()
    assert checksums.read(path, sealed=False) == b"{}"
    for read in (lambda: checksums.read(path), lambda: checksums.check(sealed, ["a.json"])):
        with pytest.raises(ArtifactError, match=r"SHA256SUMS can't be read \(No such file"):
            read()
