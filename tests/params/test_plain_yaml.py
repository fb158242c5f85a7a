"""params.yaml is read as DVC reads it, or refused in one line."""

import re
import tracemalloc
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params
from pipeline.errors import ParameterError
from tests.params.project import LEAVES, PROJECT, RELAXED, TEXT, complaint, outcome, written
from tests.programs import python


@RELAXED
@given(
    key=st.sampled_from(LEAVES),
    value=st.text(
        st.sampled_from("0123456789eE+-.:_xoba~<>&*!%@`'\"[]{}(),#|? \t\r\n\\\x85\u2028\ufeff\ud800"), max_size=12
    ),
)
def test_any_text_is_read_as_dvc_reads_it_or_refused(tmp_path: Path, key: str, value: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of regular expressions
        outcome(tmp_path / "params.yaml", written(key, value))


@RELAXED
@given(content=st.binary() | st.text().map(str.encode))
def test_any_bytes_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(ParameterError) as error:
        params.load(tmp_path / "params.yaml")
    assert str(error.value).replace(str(tmp_path), "").isprintable()


NEXT_LINE = TEXT.count("\n") + 1
BOMB = "a: &a0 [x]\n" + "".join(f"a{level}: &a{level} [{f'*a{level - 1}, ' * 9}]\n" for level in range(1, 10))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT + "seed: 43\n", f"line {NEXT_LINE}, 'seed: 43': found duplicate key \"seed\""),
        (TEXT.replace("  voices: 100", "  voices: 100\n  minutes: 9", 1), 'found duplicate key "minutes"'),
        (BOMB + TEXT, "a is not a parameter"),
        (BOMB + "model: {units: *a9}", "model.units.0 is [["),
        ("a: &a [*a]\n" + TEXT, "a is not a parameter"),
        ("seed: !!python/object:os.system 1", "could not determine a constructor for the tag"),
        ("a: " + "[" * 500 + "]" * 500, "maximum recursion depth exceeded"),
        ("- " * 3000, "maximum recursion depth exceeded"),
        (f"{TEXT}---\n{TEXT}", "but found another document"),
        ("seed: 'x\n", "line 2, '': found unexpected end of stream"),
        ("%YAML 1.3\n---\n" + TEXT, "version"),
        ("x" * 10**7, "longer than 50000 characters"),
        ("", "holds no sections"),
        ("- seed", "holds no sections"),
        ("seed: [", "line 1, 'seed: [': "),
        ("seed: \x00", "is not YAML: "),
        (written("seed", "2020-13-45"), "line 3, 'seed: 2020-13-45': month must be in 1..12"),
        (written("seed", "9" * 5000), "9999': Exceeds the limit"),
    ],
)
def test_hostile_yaml_is_refused_in_one_line_and_little_memory(tmp_path: Path, text: str, message: str) -> None:
    params.load(PROJECT)  # imports what it needs
    tracemalloc.start()
    try:
        assert message in complaint(tmp_path / "params.yaml", text)
        assert tracemalloc.get_traced_memory()[1] < 4e7  # those of the text itself among them
    finally:
        tracemalloc.stop()


def test_anchors_and_merge_keys_are_read(tmp_path: Path) -> None:
    text = TEXT.replace("units: [64, 32]", "units: &sizes [7]").replace("dense: [100]", "dense: *sizes")
    text = text.replace("train:", "train:\n  <<: {epochs: 3}", 1).replace("  epochs: 30\n", "")
    (tmp_path / "params.yaml").write_text(text)
    loaded = params.load(tmp_path / "params.yaml")
    assert (loaded.train.epochs, loaded.model.dense) == (3, (7,))


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes(TEXT.encode("utf-16"))
    for name, why in (("params.yaml", "is not text; save it as UTF-8"), ("", "can't be read ("), ("x", "can't be re")):
        with pytest.raises(ParameterError, match=re.escape(why)):
            params.load(tmp_path / name)


def test_the_parameters_are_imported_without_a_yaml_parser() -> None:
    code = "import sys; sys.modules.update({'ruamel.yaml': None, 'yaml': None}); import pipeline.params"
    assert not python(code).returncode
