"""The folder of an export: whole or not at all, continued, never overwritten unasked, its cards valid and verified."""

import re
from pathlib import Path
from typing import Any

import mlcroissant
import pytest
import yaml

from pipeline.errors import ArgumentError, ArtifactError
from pipeline.exchange import NOTE, cutting
from pipeline.exchange.folder import Export, opened
from pipeline.exchange.formats import FORMATS
from tests.exchange.runs import SPEAKERS, TAGS, Run, made
from tests.programs import lid


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made(tmp_path_factory.mktemp("run"))


def snapshot(out: Path) -> dict[str, tuple[int, bytes]]:
    """Time of the last change and content of every file."""
    paths = filter(Path.is_file, out.rglob("*"))
    return {str(path.relative_to(out)): (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def test_a_stopped_export_continues_and_a_complete_one_stays(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export, real, left = Export("hf", tmp_path / "out", "flac", run.artifacts), cutting.encoded, [4]

    def stopped(*given: object) -> bytes:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return real(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(cutting, "encoded", stopped)
        with pytest.raises(KeyboardInterrupt):
            export.write()
    assert not export.out.exists()
    [partial] = (tmp_path / ".out.export").iterdir()
    (tmp_path / ".out.export" / "0123456789ab" / "data").mkdir(parents=True)  # of an export that was given up
    (partial / "data" / f".{'0' * 32}.partial").touch()  # of a write that was killed
    before = snapshot(partial)
    before.pop(f"data/.{'0' * 32}.partial")
    assert 0 < len([name for name in before if name.endswith(".flac")]) < len(run.exported)
    assert export.write()
    after = snapshot(export.out)
    assert [*tmp_path.iterdir()] == [export.out]
    assert {name: after[name] for name in before if name.endswith(".flac")} == {
        name: found for name, found in before.items() if name.endswith(".flac")
    }
    assert not export.write()
    assert snapshot(export.out) == after
    assert not [name for name in after if name.endswith(".partial")]


def test_nothing_is_overwritten_unasked(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert Export("nemo", out, "containers", run.artifacts).write()  # into an empty folder
    other, before = Export("kaldi", out, "containers", run.artifacts), snapshot(out)
    with pytest.raises(ArgumentError, match=r"another export .nemo, containers, or of another run.*--force"):
        other.write()
    assert snapshot(out) == before
    assert other.write(force=True)
    assert (out / "train" / "wav.scp").exists()
    assert not (out / "train_manifest.json").exists()
    assert [*tmp_path.iterdir()] == [out]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    (tmp_path / "link").symlink_to(out)
    for place in ("mine", "link", "mine/notes.txt"):
        with pytest.raises(ArgumentError, match="name another folder"):
            Export("kaldi", tmp_path / place, "containers", run.artifacts).write(force=True)
    (folder := tmp_path / "of\na run").symlink_to(run.artifacts)
    for place, artifacts in (("a\nb", run.artifacts), ("a\udcffb", run.artifacts), ("new", folder)):
        with pytest.raises(ArgumentError, match=r"/(a\\nb|a\\udcffb|of\\na run.*)' has characters that don't print"):
            Export("lhotse", tmp_path / place, "containers", artifacts).write()


@pytest.mark.parametrize("name", FORMATS)
def test_one_changed_number_is_found(run: Run, tmp_path: Path, name: Any) -> None:
    if name == "parquet":
        pytest.importorskip("pyarrow")
    export = Export(name, tmp_path / "out", "flac", run.artifacts)
    export.write()
    again = opened(export.out, run.artifacts)
    assert again == export
    assert again.verify() == len(snapshot(export.out)) - 1  # the note of the export itself
    for path in [*export.out.rglob("*.md"), *export.out.rglob("*.*")][:4]:
        if path.is_file() and path.name != NOTE:
            content = path.read_bytes()
            at = max(found.start() for found in re.finditer(rb"\d", content))
            digit = b"%d" % (9 - int(content[at : at + 1]))
            path.write_bytes(content[:at] + digit + content[at + 1 :])
            with pytest.raises(ArtifactError, match=re.escape(path.name)):
                export.verify()
            path.write_bytes(content)
    assert opened(tmp_path) is None


@pytest.mark.parametrize("name", FORMATS)
def test_the_cards_are_valid_and_count_right(run: Run, tmp_path: Path, name: Any) -> None:
    if name == "parquet":
        pytest.importorskip("pyarrow")
    out = tmp_path / "out"
    Export(name, out, "flac", run.artifacts).write()
    _, head, text = (out / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    told = yaml.safe_load(head)
    assert set(told["language"]) == {*TAGS.values()}
    assert told["license"] == ["cc-by-4.0", "cc0-1.0"]
    assert ("configs" in told) == (name in ("hf", "parquet"))
    minutes = sum(row.samples for row in run.exported.values()) / 16000 / 60
    assert f"11 recordings of {len(SPEAKERS)} speakers in 3 languages, {minutes:.2f} minutes." in text
    assert "| of 1 | CC-BY-4.0 | https://example.org/calls | 5 | 5 |" in text
    data = mlcroissant.Dataset(out / "croissant.json")
    assert not data.metadata.ctx.issues.errors
    assert all("is recommended, but does not exist" in found for found in data.metadata.ctx.issues.warnings)
    found = {record["recordings/id"].decode(): record for record in data.records("recordings")}
    assert set(found) == set(run.exported)
    for recording, record in found.items():
        assert record["recordings/speaker"].decode() == run.exported[recording].speaker
        assert record["recordings/duration_s"] == pytest.approx(run.exported[recording].duration_s)


def test_mistakes_are_one_sentence(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, said = lid("export", "hf", "out", "--audio", "containers")
    assert status == 2
    assert "hf can't refer to parts of a file; choose --audio wav or flac" in said
    status, _, said = lid("export", "lhotse", "out")
    assert (status, said.count("\n")) == (2, 1)
    assert "artifacts/ingest/SHA256SUMS can't be read" in said
    assert not [*tmp_path.iterdir()]
    (tmp_path / "artifacts").symlink_to(run.artifacts)
    assert lid("export", "lhotse", "out")[:2] == (0, "export: 12 of 12 files, in 0 s\nout: written\n")
    assert lid("export", "lhotse", "out")[:2] == (0, "out: complete already\n")
    assert lid("verify", "out")[:2] == (0, "12 files are what the run gives\n")
    damaged = run.artifacts / "splits" / "test.csv"
    before = damaged.read_bytes()
    damaged.write_bytes(before + b"x")
    status, _, said = lid("export", "nemo", "out2")
    damaged.write_bytes(before)
    assert status == 2
    assert "splits/test.csv is not the file that SHA256SUMS next to it describes" in said
    assert not (tmp_path / "out2").exists()
