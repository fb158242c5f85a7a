"""Sections of params.yaml: any value is inside its bounds, or refused in one line."""

import copy
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import params
from tests.params.project import LEAVES, PROJECT, RELAXED, TREE, changed, complaint, outcome, written

SCHEMA = params.Params.model_json_schema()


def test_the_parameters_of_the_project_load_unaltered() -> None:
    loaded = params.load(PROJECT).model_dump(mode="json")
    assert loaded == json.loads(json.dumps(TREE))  # JSON turns the integers of corpus.labels into text


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [
        ("silence.strategy", "cut", ["silence.strategy", "'cut'", *map(repr, params.SILENCE_STRATEGIES)]),
        ("corpus.layout", "zip", ["corpus.layout", "'zip'", *map(repr, get_args(params.Layout))]),
        ("silence.min_speech", float("nan"), ["silence.min_speech", "nan", "finite"]),
        ("seed", 2**32, ["seed", "4294967296", "less than or equal to 4294967295"]),
        ("silence.a\nb", 1, [r"'a\nb' is not a parameter"]),
        ("silence.treshold", 1.0, ["silence.treshold", "not a parameter", "spelling"]),
        ("slience", {}, ["slience", "not a parameter"]),
        ("model.units", [64, 0], ["model.units.1", "0", "greater than or equal to 1"]),
        ("model.units", [], ["model.units", "[]", "at least 1"]),
        ("silence", None, ["silence", "None", "dictionary"]),
        ("mfcc.n_mfcc", 80, ["mfcc", "n_mfcc 80", "n_mels 64"]),
        ("mfcc.hop_length", 401, ["mfcc", "hop_length 401", "n_fft 400"]),
        ("mfcc.fmax", 8000.5, ["mfcc.fmax 8000.5", "audio.sample_rate", "8000.0"]),
        ("split.val", 0.8, ["split", "val 0.8", "test 0.2", "below 1"]),
        ("split.fold", 5, ["split", "fold 5", "5 folds", "0 to 4"]),
        ("split.unit", "sequence", ["split.unit 'sequence'", "leaks", "audit.on_leak to 'report'"]),
        ("corpus.speaker_pattern", "[^/]+_", ["corpus.speaker_pattern", "'[^/]+_'", "(?P<speaker>...)"]),
        ("corpus.speaker_pattern", "(?P<speaker>", ["corpus.speaker_pattern", "(?P<speaker>", "regular expression"]),
        ("corpus.languages", ["hindi", "hindi"], ["corpus", "languages", "twice"]),
        ("corpus.languages", ["hindi"], ["corpus.languages", "hindi", "at least 2"]),
        ("corpus.languages", ["hindi", "silence"], ["corpus", "'silence'", "rename"]),
        ("corpus.languages", ["hindi", "../x"], ["corpus.languages.1", "'../x'", "pattern"]),
        ("corpus.languages", "hindi", ["corpus.languages", "'hindi'", "a list"]),
        ("corpus.speaker_pattern", "a{99999999999999}", ["corpus.speaker_pattern", "too large"]),
        ("corpus.root", "x" * 5000, ["corpus.root", "'xxxx", "...", "at most 1000 characters"]),
        ("silence.strategy", "m" * 5000, ["silence.strategy", "'mmmm", "...", "'none', 'remove'"]),
        ("mfcc.fmin", 8000.0, ["mfcc.fmin 8000.0", "audio.sample_rate", "8000.0"]),
        ("mfcc.fmin", 7900.0, ["mfcc.n_mels 64", "7900.0", "mfcc.n_fft 400", "audio.sample_rate 16000"]),
        ("mfcc.n_fft", 10**12, ["mfcc.n_fft", "1000000000000", "less than or equal to 16384"]),
        ("model.units", [8] * 9, ["model.units", "at most 8 items"]),
        ("augment.mask", 40, ["augment.mask 40", "64 bands", "at most 32"]),
        ("augment.cutoff", 200.0, ["augment.cutoff 200.0", "500.0 to 8000.0, or null"]),
        ("augment.cutoff", 9000.0, ["augment.cutoff 9000.0", "500.0 to 8000.0, or null"]),
        ("corpus.languages", ["english", "unknown"], ["unknown"]),
        ("train.batch_size", 10**40, ["train.batch_size", "1000000", "less than or equal to 4096"]),
        ("train.memory", 1e300, ["train.memory", "1e+300", "less than or equal to 1000"]),
        ("demo.minutes", 1e300, ["demo.minutes", "1e+300", "less than or equal to 100000"]),
        ("train.epochs", True, ["train.epochs", "True", "integer"]),
        ("demo.minutes", True, ["demo.minutes", "True", "number"]),
        ("train.epochs", "20", ["train.epochs", "'20'", "integer"]),
        ("train.learning_rate", "0.003", ["train.learning_rate", "'0.003'", "number"]),
        ("export.streaming", 1, ["export.streaming", "1", "boolean"]),
    ],
)
def test_a_bad_value_is_refused_in_one_line_with_its_key_and_the_allowed_values(
    tmp_path: Path, key: str, value: object, parts: list[str]
) -> None:
    message = complaint(tmp_path / "params.yaml", yaml.safe_dump(changed(key, value)))
    assert [part for part in parts if part not in message] == []


@pytest.mark.parametrize("key", [*LEAVES, *TREE])
def test_a_missing_key_has_the_value_of_the_projects_file(tmp_path: Path, key: str) -> None:
    tree = copy.deepcopy(TREE)
    section, _, leaf = key.partition(".")
    if leaf:
        del tree[section][leaf]
    else:
        del tree[section]
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    assert params.load(path) == params.load(PROJECT) == params.Params()


def test_what_needs_all_mel_bands_is_refused_by_name(tmp_path: Path) -> None:
    tree = changed("augment.warp", 0.1)
    tree["augment"]["mask"] = 4
    tree["mfcc"]["n_mfcc"] = 13
    message = complaint(tmp_path / "params.yaml", yaml.safe_dump(tree))
    for part in ("augment.warp 0.1", "mfcc.n_mfcc 13", "n_mels 64", "switch off warp, mask"):
        assert part in message


def test_values_never_change() -> None:
    loaded = params.load(PROJECT)
    with pytest.raises(ValueError, match="frozen"):
        loaded.silence.strategy = "none"


def test_parameters_that_no_stream_supports_are_refused_unless_the_model_is_offline(tmp_path: Path) -> None:
    tree = changed("mfcc.top_db", 80.0)
    assert "mfcc.top_db 80.0" in complaint(tmp_path / "params.yaml", yaml.safe_dump(tree))
    tree["export"]["streaming"] = False
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree))
    assert params.load(tmp_path / "params.yaml").mfcc.top_db == 80.0


PLAIN = [  # scalars on which YAML 1.1, YAML 1.2 and Python disagree, or that are easily mistaken
    "010", "08", "0o10", "0x10", "0b11", "1:30", "1:30:00.5", "yes", "No", "on", "y", "true", "FALSE", "null", "~",
    "1e3", "1.e3", "1e400", "-1e400", "1_000", ".5", "5.", "+1", "-0", "-0.0", ".inf", "-.INF", ".nan", "._", "0x",
    "2020-01-01", "2020-13-45", "2001-12-14 21:59:43.10 -99", "'42'", '"42"', '"\\ud800"', '"\\e[31m"', '"\\0"',
    "", "=", "<<", "[]", "{}", "a: b", "*a", "&a 1", "!!int 3", "!!set {a}", "!!binary aGk=", "! 3", "- 1", "# x",
    "\x7f", "9" * 4301, "0x" + "f" * 4000, "1" + "0" * 400, f"'{'x' * 5000}'", "(?P<speaker>" * 90, "[" * 50 + "]" * 50,
]  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.integers(-2, 70000) | st.floats() | st.floats(-1, 2) | st.text()
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
# JSON is YAML, except for Python's Infinity and NaN.
AS_JSON = VALUES.map(lambda value: re.sub(r"-?Infinity|NaN", ".nan", json.dumps(value)))


@pytest.mark.parametrize("key", LEAVES)
@settings(RELAXED, max_examples=8)
@given(value=AS_JSON | st.sampled_from(PLAIN))
def test_any_value_is_inside_the_bounds_or_refused_by_its_key(tmp_path: Path, key: str, value: str) -> None:
    check_inside_or_refused(tmp_path, key, value)


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: value[:30])
def test_a_tricky_scalar_is_inside_the_bounds_or_refused_by_its_key(tmp_path: Path, value: str) -> None:
    for key in ("seed", "demo.minutes", "corpus.root", "mfcc.fmax", "model.dense", "export.streaming"):  # of every type
        check_inside_or_refused(tmp_path, key, value)


def check_inside_or_refused(tmp_path: Path, key: str, value: str) -> None:
    met = outcome(tmp_path / "params.yaml", written(key, value))
    section, _, leaf = key.rpartition(".")
    if isinstance(met, str):
        assert leaf in met
    else:
        loaded = getattr(getattr(met, section) if section else met, leaf)
        assert loaded is None or inside(loaded, schema(key))


def schema(key: str) -> dict[str, Any]:
    """The JSON schema of a parameter, without the alternative null."""
    section, _, leaf = key.rpartition(".")
    whole = SCHEMA["$defs"][section.capitalize()] if section else SCHEMA
    found: dict[str, Any] = whole["properties"][leaf]
    return next(one for one in found.get("anyOf", [found]) if one != {"type": "null"})


def phrase(of: dict[str, Any]) -> str:
    """Bounds of a schema as docs/parameters.md writes them; KeyError if it has only one."""
    match of["type"]:
        case "array" if "$ref" in of["items"]:
            return f"0 to {of['maxItems']} sources"
        case "array":
            layers = "" if of["items"]["type"] == "string" else f" layers of {phrase(of['items'])}"
            return f"{of.get('minItems', 0)} to {of['maxItems']}{layers}"
        case "string":
            return f"to {of['maxLength']} characters"
        case "object":
            what = "columns" if "propertyNames" in of and "maxLength" in of["propertyNames"] else "labels"
            return f"{of.get('minProperties', 0)} to {of['maxProperties']} {what}"
    low, high = (of.get(key, of.get(f"exclusive{key.capitalize()}")) for key in ("minimum", "maximum"))
    if low is None or high is None:
        raise KeyError(f"a bound is missing: {of}")
    high_text = "2^32 - 1" if high == 2**32 - 1 else f"{high:.0f}"
    low_text = f"{low:f}".rstrip("0").rstrip(".")
    if "exclusiveMinimum" in of:
        return f"above {low_text}, {'up to' if 'maximum' in of else 'below'} {high_text}"
    return f"{low_text} to {'below ' if 'exclusiveMaximum' in of else ''}{high_text}"


def inside(value: Any, of: dict[str, Any]) -> bool:
    """Tell if an accepted value is of its type and inside its bounds."""
    if isinstance(value, params.Section):
        return True  # its own keys have their own bounds
    if isinstance(value, tuple):
        items = () if "$ref" in of["items"] else value  # pydantic has checked the sections in it
        return of.get("minItems", 0) <= len(value) <= of["maxItems"] and all(inside(one, of["items"]) for one in items)
    if isinstance(value, dict):
        return bool(len(value) <= of["maxProperties"])
    if isinstance(value, bool):
        return bool(of["type"] == "boolean")
    if isinstance(value, str):
        return value in of.get("enum", [of.get("const", value)]) and len(value) <= of.get("maxLength", len(value))
    low, high = of.get("minimum", of.get("exclusiveMinimum")), of.get("maximum", of.get("exclusiveMaximum"))
    return bool(low <= value <= high)


@pytest.mark.parametrize("key", LEAVES)
def test_every_parameter_has_both_bounds_and_the_page_shows_them(key: str) -> None:
    page = (PROJECT.parent / "docs" / "parameters.md").read_text(encoding="utf-8")
    (allowed,) = re.findall(rf"^\| `{re.escape(key)}` \|[^|]*\|([^|]*)\|$", page, flags=re.MULTILINE)
    of = schema(key)
    if "$ref" in of:  # a section of its own, with its own table
        return
    choices = of.get("enum") or (
        [of["const"]] if "const" in of else ["true", "false"] if of["type"] == "boolean" else []
    )
    if "README.md#" in allowed:
        readme = (PROJECT.parent / "README.md").read_text(encoding="utf-8")
        assert set(choices) == set(
            re.findall(r"^\| `(\w+)` \|", readme.split(f"| `{key}` |")[1].split("\n\n")[0], re.M)
        )
    else:
        assert (", ".join(choices) or phrase(of)) in allowed
