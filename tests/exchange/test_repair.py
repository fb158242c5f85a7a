"""Foreign files in the folder of an export are refused; a damaged, moved or half-replaced export is repaired."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline.errors import ArgumentError, ArtifactError
from pipeline.exchange import NOTE
from pipeline.exchange.folder import Export, opened
from tests.exchange.runs import Run, made
from tests.programs import lid


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made(tmp_path_factory.mktemp("run"))


@pytest.fixture
def export(run: Run, tmp_path: Path) -> Export:
    """A complete export."""
    made = Export("lhotse", tmp_path / "out", "containers", run.artifacts)
    assert made.write()
    return made


@pytest.mark.parametrize("name", ["my_notes.txt", ".git/config", "link", "recordings.csv", "empty"])
def test_force_keeps_what_no_export_has_written(export: Export, run: Run, tmp_path: Path, name: str) -> None:
    mine, kept = export.out / name, tmp_path / "kept.txt"
    kept.write_text("mine")
    mine.parent.mkdir(exist_ok=True)
    if name == "empty":
        mine.mkdir()
    elif "." in name and name != "recordings.csv":
        mine.write_text("mine")
    else:
        mine.unlink(missing_ok=True)
        mine.symlink_to(kept)
    for one in (export, Export("nemo", export.out, "containers", run.artifacts)):
        with pytest.raises(ArgumentError, match=f"holds {name.partition('/')[0]}, which no export has written"):
            one.write(force=True)
    assert mine.exists()
    assert kept.read_text() == "mine"
    with pytest.raises(ArtifactError, match=f"{name.partition('/')[0]} belongs to no export"):
        export.verify()


def test_force_mends_a_damaged_export(export: Export) -> None:
    (export.out / "recordings.csv").write_text("x")
    with pytest.raises(ArtifactError, match="export again with --force"):
        export.verify()
    (export.out / "croissant.json").unlink()
    with pytest.raises(ArgumentError, match=r"croissant.json is missing; write the export again with --force"):
        export.write()
    assert export.write(force=True)
    assert export.verify()


@pytest.mark.parametrize(
    "content",
    ["5", "null", "[]", "[" * 100_000, "\xff", '{"format": [], "audio": 1, "artifacts": {}}', "changed"],
    ids=["number", "null", "list", "deep", "binary", "types", "changed"],
)
def test_a_note_that_no_export_wrote_is_one_sentence(export: Export, content: str) -> None:
    note = export.out / NOTE
    if content == "changed":
        content = json.dumps(json.loads(note.read_bytes()) | {"format": "mp3"})
    note.write_bytes(content.encode("latin-1"))
    for line in (["verify", export.out], ["export", "lhotse", export.out, "--force"]):
        status, _, said = lid(*map(str, line))
        assert (status, said.count("\n")) == (2, 1)
    with pytest.raises(ArtifactError, match="is not as `lid export` of this version writes it; name another folder"):
        export.write(force=True)
    assert note.read_bytes() == content.encode("latin-1")


def test_a_folder_that_cannot_be_made_is_one_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file" / "sub", Path("/proc/x/y")):
        with pytest.raises(ArgumentError, match=r"can't be written \(.*name another folder"):
            Export("nemo", out, "containers", run.artifacts).write()
    with pytest.raises(ArgumentError, match="which no export has written"):
        Export("nemo", Path("/"), "containers", run.artifacts).write(force=True)


@pytest.mark.parametrize("new", [False, True], ids=["before the new one is there", "before the old one is removed"])
def test_a_kill_between_the_renames_loses_nothing(export: Export, new: bool) -> None:
    work = export.out.with_name(".out.export")
    work.mkdir()
    if new:
        shutil.copytree(export.out, work / "before")
    else:
        export.out.rename(work / "before")
    assert not export.write()
    assert export.verify()
    assert [*export.out.parent.iterdir()] == [export.out]


def test_equal_exports_are_equal_and_may_move_if_they_hold_no_absolute_paths(run: Run, tmp_path: Path) -> None:
    for name in ("hf", "kaldi"):
        first, second = (Export(name, tmp_path / name / place, "wav", run.artifacts) for place in "ab")
        assert first.write()
        note = (first.out / NOTE).read_bytes()
        assert str(tmp_path).encode() not in note
        first.out.rename(second.out)
        if name == "hf":
            assert not second.write()
            assert first.write()
            assert (first.out / NOTE).read_bytes() == note
        else:
            with pytest.raises(ArgumentError, match="names files by the folder in which they were"):
                second.write()
        assert opened(second.out, run.artifacts) == second
