"""A definition gives the outputs of the networks and the states of a stream, and survives a round trip to its file."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from pipeline import checksums, params
from pipeline.errors import ArtifactError
from pipeline.network.definition import CELLS, Architecture, Division, make_architecture, membership

LANGUAGES = ("english", "hindi", "mandarin")
DIVISION = Division("english", (("a", "b"), ("c",)), ("hindi", "mandarin"))


def make(cell: params.Cell, classes: tuple[str, ...], division: Division | None) -> Architecture:
    return make_architecture(
        params.Model(cell=cell, units=(12, 7)), classes, division, np.zeros(13), np.ones(13), view="mask"
    )


def test_every_cell_of_the_parameters_is_in_the_table() -> None:
    assert tuple(CELLS) == get_args(params.Cell)


def test_one_network_has_the_classes_as_outputs() -> None:
    assert make("gru", LANGUAGES, None).members == ((("english",), ("hindi",), ("mandarin",)),)


def test_a_class_outside_of_the_division_is_an_output_of_the_first_network() -> None:
    second = (("hindi",), ("mandarin",))
    first = (("english",), ("english",), ("hindi", "mandarin"))
    assert make("gru", LANGUAGES, DIVISION).members == (first, second)
    assert make("gru", (*LANGUAGES, "silence"), DIVISION).members == ((*first, ("silence",)), second)


@pytest.mark.parametrize("cell", get_args(params.Cell))
@pytest.mark.parametrize("division", [None, DIVISION])
def test_the_file_holds_the_whole_definition(cell: params.Cell, division: Division | None, tmp_path: Path) -> None:
    architecture = make(cell, LANGUAGES, division)
    architecture.write(tmp_path / "architecture.json")
    checksums.seal(tmp_path)
    assert Architecture.read(tmp_path / "architecture.json") == architecture


@pytest.mark.parametrize("content", ["[]", "{}", '{"cell": "gru", "colour": "red"}', "{"])
def test_a_file_that_holds_something_else_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "architecture.json"
    path.write_text(content)
    checksums.seal(tmp_path)
    with pytest.raises(ArtifactError, match=r"architecture\.json is not .*run `dvc repro`"):
        Architecture.read(path)


def test_an_output_stands_for_each_of_its_classes() -> None:
    outputs = (("english",), ("english",), ("hindi", "mandarin"))
    assert membership(outputs, LANGUAGES).tolist() == [[True, False, False], [True, False, False], [False, True, True]]
