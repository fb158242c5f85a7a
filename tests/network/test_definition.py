"""A definition gives the outputs of the networks and the states of a stream, and survives a round trip to its file."""

import dataclasses
import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from pipeline import checksums, params
from pipeline.errors import ArtifactError
from pipeline.network.definition import CELLS, Architecture, Division, make_architecture, membership
from tests.export.small import DIVISION, LANGUAGES


def make(cell: params.Cell, classes: tuple[str, ...], division: Division | None) -> Architecture:
    return make_architecture(
        params.Model(cell=cell, units=(12, 7)), classes, division, np.zeros(13), np.ones(13), view="mask"
    )


def test_the_outputs_of_one_network_and_of_an_ensemble() -> None:
    assert tuple(CELLS) == get_args(params.Cell)
    assert make("gru", LANGUAGES, None).members == ((("english",), ("hindi",), ("mandarin",)),)
    second = (("hindi",), ("mandarin",))
    first = (("english",), ("english",), ("hindi", "mandarin"))
    assert make("gru", LANGUAGES, DIVISION).members == (first, second)
    # A class outside of the division is an output of the first network.
    assert make("gru", (*LANGUAGES, "silence"), DIVISION).members == ((*first, ("silence",)), second)
    assert membership(first, LANGUAGES).tolist() == [[True, False, False], [True, False, False], [False, True, True]]


@pytest.mark.parametrize("cell", get_args(params.Cell))
@pytest.mark.parametrize("division", [None, DIVISION])
def test_the_file_holds_the_whole_definition(cell: params.Cell, division: Division | None, tmp_path: Path) -> None:
    architecture = make(cell, LANGUAGES, division)
    architecture.write(tmp_path / "architecture.json")
    checksums.seal(tmp_path)
    assert Architecture.read(tmp_path / "architecture.json") == architecture
    (tmp_path / "architecture.json").write_text("{}")
    with pytest.raises(ArtifactError, match=r"architecture\.json is not the file"):
        Architecture.read(tmp_path / "architecture.json")
    assert Division.read({"ensemble": division and json.loads(json.dumps(dataclasses.asdict(division)))}) == division


@pytest.mark.parametrize("content", ["[]", "{}", '{"cell": "gru", "colour": "red"}', "{"])
def test_a_file_that_holds_something_else_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "architecture.json"
    path.write_text(content)
    checksums.seal(tmp_path)
    with pytest.raises(ArtifactError, match=r"architecture\.json is not .*run `dvc repro`"):
        Architecture.read(path)
