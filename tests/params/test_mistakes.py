"""Arguments that are not one of the allowed names. The tests of the sections cover the mistakes in params.yaml."""

import pytest

from pipeline import params
from pipeline.errors import ArgumentError


@pytest.mark.parametrize("value", ["Remove", "trim", "", None, 1, ["none"], "x" * 5000])
def test_an_unknown_name_is_refused_with_the_allowed_names(value: object) -> None:
    names = ("none", "remove", "mask", "label")
    for name in names:
        params.choose("silence strategy", name, names)
    with pytest.raises(
        ArgumentError, match=r"^silence strategy .* is unknown; take one of none, remove, mask, label$"
    ) as error:
        params.choose("silence strategy", value, iter(names))
    assert len(str(error.value)) < 140
