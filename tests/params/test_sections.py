"""Sections of params.yaml: any value is inside its bounds, or refused in one line."""

import copy
import json
import re
import warnings
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pipeline import params
from pipeline.params.whole import REMOVED
from tests.params.project import LEAVES, PROJECT, RELAXED, TREE, changed, complaint, outcome, written

SCHEMA = params.Params.model_json_schema()


def studio(name: str, **more: str) -> dict[str, str]:
    return {"root": "x", "layout": "table", "name": name} | more


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [
        ("silence.strategy", "cut", ["silence.strategy", "'cut'", *map(repr, get_args(params.SilenceStrategy))]),
        ("silence.min_speech", float("nan"), ["silence.min_speech", "nan", "finite"]),
        ("seed", 2**32, ["seed", "4294967296", "less than or equal to 4294967295"]),
        ("silence.a\nb", 1, [r"'a\nb' is not a parameter"]),
        ("silence.treshold", 1.0, ["silence.treshold", "not a parameter", "spelling"]),
        ("model.units", [64, 0], ["model.units.1", "0", "greater than or equal to 1"]),
        ("silence", None, ["silence", "None", "dictionary"]),
        ("mfcc.n_mfcc", 80, ["mfcc", "n_mfcc 80", "n_mels 64"]),
        ("mfcc.hop_length", 401, ["mfcc", "hop_length 401", "n_fft 400"]),
        ("mfcc.fmax", 8000.5, ["mfcc.fmax 8000.5", "audio.sample_rate", "8000.0"]),
        ("split.val", 0.8, ["split", "val 0.8", "test 0.2", "below 1"]),
        ("split.fold", 5, ["split", "fold 5", "5 folds", "0 to 4"]),
        ("split.holdout", {"language": 5}, ["split.holdout.language is 5 but"]),
        ("split.holdout", {"language": "tamil"}, ["split.holdout", "'tamil'", "english, hindi, mandarin"]),
        ("split.holdout", {"language": ["hindi", "english"]}, ["split.holdout", "fewer than two languages"]),
        ("split.unit", "sequence", ["split.unit is gone"]),
        ("corpus.speaker_pattern", "[^/]+_", ["corpus.speaker_pattern", "'[^/]+_'", "(?P<speaker>...)"]),
        ("corpus.speaker_pattern", "(?P<speaker>", ["corpus.speaker_pattern", "(?P<speaker>", "regular expression"]),
        ("corpus.languages", ["Xyzzy", "xyzzy"], ["corpus", "languages", "twice"]),
        ("corpus.languages", ["hindi"], ["corpus.languages", "hindi", "at least 2"]),
        ("corpus.languages", ["hindi", "silence"], ["corpus", "'silence'", "rename"]),
        ("corpus.languages", ["hindi", "../x"], ["corpus.languages.1", "'../x'", "pattern"]),
        ("corpus.languages", "hindi", ["corpus.languages", "'hindi'", "a list"]),
        ("corpus.root", "x" * 5000, ["corpus.root", "'xxxx", "...", "at most 1000 characters"]),
        ("corpus.sources", [studio("Studio"), studio("studio")], ["corpus", "sources has two of one name"]),
        ("corpus.sources", [studio("s"), studio("p", speakers_of="p")], ["speakers_of is 'p'; name another", "['s']"]),
        ("corpus.sources", [studio("s", speakers_of="x")], ["corpus", "speakers_of is 'x'; name another source"]),
        ("mfcc.top_db", 80.0, ["mfcc.top_db 80.0", "export.streaming to false"]),
        ("mfcc.fmin", 8000.0, ["mfcc.fmin 8000.0", "audio.sample_rate", "8000.0"]),
        ("mfcc.fmin", 7900.0, ["mfcc.n_mels 64", "7900.0", "mfcc.n_fft 400", "audio.sample_rate 16000"]),
        ("model.units", [8] * 9, ["model.units", "at most 8 items"]),
        ("train.epochs", True, ["train.epochs", "True", "integer"]),
        ("export.streaming", 1, ["export.streaming", "1", "boolean"]),
    ],
)
def test_a_bad_value_is_refused_in_one_line_with_its_key_and_the_allowed_values(
    tmp_path: Path, key: str, value: object, parts: list[str]
) -> None:
    message = complaint(tmp_path / "params.yaml", yaml.safe_dump(changed(key, value)))
    assert [part for part in parts if part not in message] == []


def test_missing_keys_have_the_values_of_the_projects_file() -> None:
    loaded = params.load(PROJECT)
    assert loaded.model_dump(mode="json") == json.loads(json.dumps(TREE))  # in JSON, keys of corpus.labels are text
    assert params.check({name: {} for name in TREE if name != "seed"}, "") == params.check({}, "") == loaded
    with pytest.raises(ValueError, match="frozen"):
        loaded.silence.strategy = "none"


@pytest.mark.parametrize(("key", "off"), REMOVED.items())
def test_a_parameter_that_is_gone_is_accepted_switched_off_and_refused_otherwise(
    tmp_path: Path, key: str, off: object
) -> None:
    assert params.check(changed(key, off), "") == params.load(PROJECT)
    assert f"{key} is gone" in complaint(tmp_path / "params.yaml", yaml.safe_dump(changed(key, "other")))


def test_clipping_that_no_stream_can_do_is_accepted_if_nothing_is_streamed() -> None:
    assert params.check({"mfcc": {"top_db": 80.0}, "export": {"streaming": False}}, "")


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
def test_any_value_is_read_or_refused_by_its_key(tmp_path: Path, key: str, value: str) -> None:
    check_read_or_refused(tmp_path, key, value)


@pytest.mark.parametrize(
    "key", ["seed", "demo.minutes", "corpus.root", "corpus.links", "mfcc.fmax", "model.dense", "export.streaming"]
)
def test_a_tricky_scalar_for_a_key_of_every_type_is_read_or_refused_by_its_key(tmp_path: Path, key: str) -> None:
    for value in PLAIN:
        check_read_or_refused(tmp_path, key, value)


def check_read_or_refused(tmp_path: Path, key: str, value: str) -> None:
    met = outcome(tmp_path / "params.yaml", written(key, value))
    assert isinstance(met, params.Params) or key.rpartition(".")[2] in met, value


def schema(key: str) -> dict[str, Any]:
    """The JSON schema of a parameter, without the alternative null."""
    section, _, leaf = key.rpartition(".")
    whole = SCHEMA["$defs"][section.capitalize()] if section else SCHEMA
    found: dict[str, Any] = whole["properties"][leaf]
    return next(one for one in found.get("anyOf", [found]) if one != {"type": "null"})


LIMITS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}


@pytest.mark.parametrize("key", LEAVES)
def test_every_parameter_has_both_bounds_and_the_page_shows_them(key: str) -> None:
    page = (PROJECT.parent / "docs" / "parameters.md").read_text(encoding="utf-8")
    (allowed,) = re.findall(rf"^\| `{re.escape(key)}` \|[^|]*\|([^|]*)\|$", page, flags=re.MULTILINE)
    of = schema(key)
    choices = of.get("enum", [of["const"]] if "const" in of else [])
    if "README.md#" in allowed:
        table = (PROJECT.parent / "README.md").read_text(encoding="utf-8").split(f"| `{key}` |")[1].split("\n\n")[0]
        assert set(choices) == set(re.findall(r"^\| `(\w+)` \|", table, re.M))
    else:
        assert ", ".join(choices) in allowed
    shown = {float(number) for number in re.findall(r"-?\d+\.?\d*", allowed.replace("2^32 - 1", str(2**32 - 1)))}
    for one in (of, of.get("items", {})):
        limits = {float(limit) for name, limit in one.items() if name in LIMITS}
        assert limits <= shown
        assert len(limits) == {"integer": 2, "number": 2, "boolean": 0}.get(one.get("type", ""), len(limits))


@RELAXED
@given(
    rate=st.sampled_from([8000, 16000, 44100, 48000]),
    n_fft=st.integers(4, 1024).map(lambda half: 2 * half),
    n_mels=st.integers(1, 160),
    low=st.floats(0, 0.99),
    width=st.floats(0.01, 1),
)
@example(16000, 400, 64, 0.0, 1.0)
@example(16000, 400, 64, 0.9875, 1.0)
def test_mel_filters_are_refused_if_librosa_finds_one_empty(
    rate: int, n_fft: int, n_mels: int, low: float, width: float
) -> None:
    from librosa.filters import mel

    fmin = low * rate / 2
    fmax = min(fmin + width * rate / 2, rate / 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of empty filters
        peaks = mel(sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, norm=None).max(axis=1)
    assume(not ((peaks > 0) & (peaks < 1e-5)).any())  # a frequency on the edge itself is a matter of rounding
    tree = copy.deepcopy(TREE)
    tree["audio"]["sample_rate"] = rate
    tree["mfcc"] |= {"n_fft": n_fft, "hop_length": 1, "n_mels": n_mels, "n_mfcc": 1, "fmin": fmin, "fmax": fmax}
    if (peaks > 0).all():
        params.Params.model_validate(tree)
    else:
        with pytest.raises(ValueError, match="holds no frequency of the spectrum"):
            params.Params.model_validate(tree)
