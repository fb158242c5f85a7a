"""What a page holds, and models that it refuses because its engine does not know them."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import get_args

import onnx
import pytest
from click.testing import CliRunner

from pipeline import checksums, params
from pipeline.cli.commands import main
from pipeline.errors import ArgumentError, ArtifactError
from pipeline.page import build
from pipeline.streaming import description
from pipeline.streaming.decision import Rule
from pipeline.streaming.description import Description
from tests.page import exports

pytestmark = pytest.mark.slow
HOSTILE = """</script><img src=x onerror=alert(1)>{{ 7 * 7 }}"""


@pytest.fixture
def folder(written: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(written["none, GRU"], tmp_path / "streaming"))


def refused(folder: Path, said: str) -> None:
    checksums.seal(folder)
    with pytest.raises(ArtifactError, match=said):
        build.render(folder)


def test_the_page_is_one_file_that_loads_nothing_and_knows_its_digest(folder: Path) -> None:
    page = build.render(folder, example="AAAA", score="1 of 2 recordings", link="index.html")
    [(digest, model)] = re.findall(r'id="model" data-sha256="(\w+)">(.*?)</script>', page)
    assert hashlib.sha256(model.encode()).hexdigest() == digest
    assert json.loads(model)["description"]["languages"] == ["english", "hindi", "mandarin"]
    assert checksums.version(folder)[:16] in page
    assert "default-src 'none'" in page
    assert "connect-src" not in page
    assert "base-uri 'none'; form-action 'none'" in page
    assert not re.search(r"https?://(?!www\.w3\.org)", page)
    assert "unsafe-eval" not in page
    assert page == build.render(folder, example="AAAA", score="1 of 2 recordings", link="index.html")


def test_names_are_text(folder: Path) -> None:
    described = Description.read(folder)
    names = (HOSTILE, *described.languages[1:])
    described.model_copy(update={"languages": names, "classes": names}).write(folder)
    checksums.seal(folder)
    page = build.render(folder)
    assert HOSTILE not in page
    assert "49" not in re.findall(r"It knows <bdi>(.*?)</bdi>", page)[0]


def test_the_page_is_tested_with_every_choice_of_a_network() -> None:
    designs = [design for design, _ in exports.KINDS.values()]
    assert {design.cell for design in designs} == {*get_args(params.Cell)}
    assert {design.view for design in designs} == {*get_args(params.SilenceStrategy)}
    assert {len(design.members) for design in designs} == {1, 2}
    means = {changes.get("decision", Rule()).mean for _, changes in exports.KINDS.values()}
    assert means == {*get_args(params.Mean)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda graph: setattr(graph.node[-2], "op_type", "Sigmoid"),
            r"does not know \(Sigmoid with .*with one version of this package",
        ),
        (lambda graph: graph.node[-2].attribute.extend([onnx.helper.make_attribute("axis", 2)]), "Softmax"),
    ],
)
def test_a_node_or_option_that_the_engine_does_not_know_is_refused(folder: Path, change: object, said: str) -> None:
    model = onnx.load_model(folder / "model.onnx")
    change(model.graph)  # type: ignore[operator]
    onnx.save_model(model, folder / "model.onnx")
    refused(folder, said)


def test_another_schema_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "SCHEMA", 8)
    refused(
        folder, "has schema 7, the page knows 8: export it again and write the page with one version of this package"
    )


def test_models_that_cannot_stream_or_are_damaged_and_unknown_languages_are_refused(folder: Path) -> None:
    with pytest.raises(ArgumentError, match="does not know 'klingon'"):
        build.render(folder, {"klingon": 1.0})
    content = (folder / description.FRONT_END).read_bytes()
    (folder / description.FRONT_END).write_bytes(content + b"x")
    with pytest.raises(ArtifactError, match=r"frontend\.npz is not the file"):
        build.render(folder)
    Description.read(folder).model_copy(update={"streaming": False}).write(folder)
    refused(folder, r"export\.streaming is false")


def test_the_command_writes_the_page(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "live.html"
    done = CliRunner().invoke(main, ["page", "--model", str(folder), "--languages", "hindi,mandarin", str(target)])
    assert (done.exit_code, done.output) == (0, f"{target}: {target.stat().st_size / 1e6:.2f} MB\n")
    assert '"prior": [0.0, 0.5, 0.5]' in target.read_text(encoding="utf-8")
    assert "It knows <bdi>Hindi</bdi> and <bdi>Mandarin</bdi>" in target.read_text(encoding="utf-8")


def test_a_folder_that_takes_no_file_is_refused(folder: Path) -> None:
    done = CliRunner().invoke(main, ["page", "--model", str(folder), "/proc/live.html"])
    assert done.exit_code == 2
    assert "'/proc/live.html' can't be written; name a file in a folder that exists" in done.stderr
    assert "Traceback" not in done.output
