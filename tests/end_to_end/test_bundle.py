"""The archive of a run, unpacked where nothing else is: its script answers like `lid identify`."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Copy


@pytest.fixture(scope="module")
def unpacked(tiny: Copy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert "handin.zip: " in tiny.succeed("lid", "bundle", "handin.zip")
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(tiny.folder / "handin.zip") as archive:
        archive.extractall(folder)
    return folder / "handin"


def test_the_archive_is_whole(unpacked: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=unpacked, check=True)
    listed = {line.split("  ", 1)[1] for line in (unpacked / "SHA256SUMS").read_text().splitlines()}
    assert {"code/dvc.yaml", "code/params.yaml", "code/pipeline/mfcc/kernel.py", "report.pdf"} <= listed
    assert len(list((unpacked / "plots").glob("*.png"))) >= 1


def test_the_script_answers_like_identify_in_an_empty_environment(tiny: Copy, unpacked: Path, tmp_path: Path) -> None:
    python = tmp_path / "empty" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "empty"], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "-r", unpacked / "requirements.txt"], check=True)
    folder = tiny.folder / "artifacts" / "data" / "demo" / "train_hindi"
    labels = tmp_path / "labels.csv"
    labels.write_text("file,label\n" + "".join(f"{path.name},1\n" for path in folder.iterdir()))
    words: list[Path | str] = [unpacked / "test_model.py", folder, "--labels", labels, "--frames", tmp_path / "frames"]
    done = subprocess.run([python, "-I", *words], capture_output=True, text=True, check=True, env={}, cwd=tmp_path)
    answers = {row["file"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    wanted = [json.loads(line) for line in tiny.run("lid", "identify", "--json", str(folder)).stdout.splitlines()]
    assert len(answers) == len(wanted)
    for one in wanted:
        found = answers[Path(one["path"]).name]
        assert found["language"] == (one["language"] or "")
        for name, posterior in (one["posteriors"] or {}).items():
            assert float(found[name]) == pytest.approx(posterior, abs=1e-4)
    right = sum(one["language"] == "hindi" for one in wanted)
    assert f"accuracy: {right / len(wanted):.1%}, {right} of {len(wanted)} recordings" in done.stderr
    assert done.stderr.count("\n") == 1
    printed = tiny.run("lid", "identify", "--frames", str(folder)).stdout
    rows = list(csv.DictReader(io.StringIO(printed)))
    for path in folder.iterdir():
        mine = list(csv.DictReader((tmp_path / "frames" / f"{path.name}.csv").open()))
        theirs = [row for row in rows if Path(row["path"]).name == path.name]
        assert [row["speech"] for row in mine] == [row["speech"] for row in theirs]
        for name in ("english", "hindi", "mandarin"):
            assert [float(row[name]) for row in mine] == pytest.approx([float(row[name]) for row in theirs], abs=1e-4)


def test_the_weights_are_those_of_the_sequence_model(unpacked: Path) -> None:
    import keras

    path = unpacked / "sequence" / "sequence.keras"
    model, other = (keras.models.load_model(path, compile=False, safe_mode=True) for _ in range(2))
    other.set_weights([weight * 0 for weight in other.get_weights()])
    other.load_weights(unpacked / "sequence" / "sequence.weights.h5")
    for one, same in zip(model.get_weights(), other.get_weights(), strict=True):
        assert (one == same).all()
