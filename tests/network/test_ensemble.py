"""The division of an ensemble is read as the balance stage wrote it."""

import dataclasses
import json

from pipeline.network.definition import Division


def test_the_division_is_read_as_it_was_written() -> None:
    division = Division("a", (("s", "t"), ("u",)), ("b", "c"))
    assert Division.read(json.loads(json.dumps({"ensemble": dataclasses.asdict(division)}))) == division
    assert Division.read({"ensemble": None}) is None
