"""params.yaml: the project's own is good, and whatever is wrong in one is told in one line."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import params
from pipeline.errors import ParameterError

PROJECT = Path(__file__).parents[1] / "params.yaml"
TREE: dict[str, Any] = yaml.safe_load(PROJECT.read_text(encoding="utf-8"))


def changed(key: str, value: object) -> dict[str, Any]:
    """The project's parameters with one value put in place of another, or added."""
    tree = copy.deepcopy(TREE)
    *sections, last = key.split(".")
    inner = tree
    for section in sections:
        inner = inner[section]
    inner[last] = value
    return tree


def complaint(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParameterError) as error:
        params.load(path)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_projects_own_parameters_load_unaltered() -> None:
    loaded = params.load(PROJECT).model_dump(mode="json")
    assert loaded == TREE


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("silence.strategy", "cut", ["silence.strategy", "'cut'", "'none', 'remove', 'mask' or 'label'"]),
        ("balance.strategy", "smote", ["balance.strategy", "'smote'", "'oversample' or 'ensemble'"]),
        ("model.cell", "rnn", ["model.cell", "'rnn'", "'gru' or 'lstm'"]),
        ("corpus.layout", "zip", ["corpus.layout", "'zip'", "'folders' or 'table'"]),
        ("silence.pad", -0.1, ["silence.pad", "-0.1", "greater than or equal to 0"]),
        ("audio.min_duration", 0, ["audio.min_duration", "0", "greater than 0"]),
        ("silence.min_speech", float("nan"), ["silence.min_speech", "nan", "finite"]),
        ("silence.min_silence", float("inf"), ["silence.min_silence", "inf", "finite"]),
        ("silence.treshold", 1.0, ["silence.treshold", "no parameter", "spelling"]),
        ("slience", {}, ["slience", "no parameter"]),
        ("train.epochs", 1.5, ["train.epochs", "1.5", "integer"]),
        ("train.memory", 0, ["train.memory", "0", "greater than 0"]),
        ("train.epochs", "many", ["train.epochs", "'many'", "integer"]),
        ("model.units", [64, 0], ["model.units.1", "0", "greater than 0"]),
        ("model.units", [], ["model.units", "[]", "at least 1"]),
        ("model.dropout", 1.0, ["model.dropout", "1.0", "less than 1"]),
        ("silence", None, ["silence", "None", "dictionary"]),
        ("mfcc.n_mfcc", 80, ["mfcc", "n_mfcc 80", "n_mels 64"]),
        ("mfcc.hop_length", 401, ["mfcc", "hop_length 401", "n_fft 400"]),
        ("mfcc.fmax", 0.0, ["mfcc.fmax", "0.0", "greater than 0"]),
        ("mfcc.fmax", 8000.5, ["mfcc.fmax 8000.5", "audio.sample_rate", "8000.0"]),
        ("split.val", 0.8, ["split", "val 0.8", "test 0.2", "below 1"]),
        ("split.test", 0, ["split.test", "0", "greater than 0"]),
        ("corpus.speaker_pattern", "[^/]+_", ["corpus.speaker_pattern", "'[^/]+_'", "(?P<speaker>...)"]),
        ("corpus.speaker_pattern", "(?P<speaker>", ["corpus.speaker_pattern", "(?P<speaker>", "regular expression"]),
        ("corpus.languages", ["hindi", "hindi"], ["corpus", "languages", "twice"]),
        ("corpus.languages", ["hindi"], ["corpus.languages", "hindi", "at least 2"]),
        ("corpus.languages", ["hindi", "silence"], ["corpus", "'silence'", "rename"]),
        ("corpus.languages", ["hindi", "../x"], ["corpus.languages.1", "'../x'", "pattern"]),
    ],
)
def test_a_bad_value_is_told_in_one_line_with_its_key_and_what_is_allowed(
    tmp_path: Path, key: str, value: object, said: list[str]
) -> None:
    message = complaint(tmp_path / "params.yaml", yaml.safe_dump(changed(key, value)))
    assert [part for part in said if part not in message] == []


@pytest.mark.parametrize(
    "key", [*TREE, *(f"{name}.{key}" for name, keys in TREE.items() if name != "seed" for key in keys)]
)
def test_every_key_must_be_there(tmp_path: Path, key: str) -> None:
    tree = copy.deepcopy(TREE)
    section, _, leaf = key.partition(".")
    if leaf:
        del tree[section][leaf]
    else:
        del tree[section]
    assert f"{key} is missing" in complaint(tmp_path / "params.yaml", yaml.safe_dump(tree))


@pytest.mark.parametrize("text", ["", "seed", "- seed", "seed: [", "seed: \x00", "seed: !!python/object:os.system 1"])
def test_what_is_not_sections_of_yaml_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    assert "params.yaml" in complaint(tmp_path / "params.yaml", text)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"params\.yaml can't be read \(No such file"):
        params.load(tmp_path / "params.yaml")


def test_values_never_change() -> None:
    loaded = params.load(PROJECT)
    with pytest.raises(ValueError, match="frozen"):
        loaded.silence.strategy = "none"  # type: ignore[misc]


def test_a_seed_that_training_refuses_is_refused_at_once(tmp_path: Path) -> None:
    assert "seed" in complaint(tmp_path / "params.yaml", yaml.safe_dump(changed("seed", 2**32)))


@pytest.mark.parametrize("value", ["2020-13-45", "!!int many"])
def test_a_value_that_yaml_itself_refuses_is_told(tmp_path: Path, value: str) -> None:
    text = PROJECT.read_text(encoding="utf-8").replace("seed: 42", f"seed: {value}", 1)
    assert "params.yaml" in complaint(tmp_path / "params.yaml", text)


def test_a_key_with_a_line_break_is_told_in_one_line(tmp_path: Path) -> None:
    complaint(tmp_path / "params.yaml", yaml.safe_dump(changed("silence.a\nb", 1)))


def test_what_no_stream_can_do_is_refused_unless_the_model_is_offline(tmp_path: Path) -> None:
    tree = changed("mfcc.top_db", 80.0)
    assert "mfcc.top_db 80.0" in complaint(tmp_path / "params.yaml", yaml.safe_dump(tree))
    tree["export"]["streaming"] = False
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree))
    assert params.load(tmp_path / "params.yaml").mfcc.top_db == 80.0
