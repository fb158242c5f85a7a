"""params.yaml: the project's own is good, and whatever is wrong in one is told in one line."""

import copy
import json
import re
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.serialize import parse_yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from pipeline import params
from pipeline.errors import ArgumentError, ParameterError

PROJECT = Path(__file__).parents[2] / "params.yaml"
TEXT = PROJECT.read_text(encoding="utf-8")
TREE: dict[str, Any] = parse_yaml(TEXT, PROJECT)
LEAVES = ["seed", *(f"{name}.{key}" for name, keys in TREE.items() if name != "seed" for key in keys)]
SCHEMA = params.Params.model_json_schema()
RELAXED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


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


def written(key: str, value: str) -> str:
    """The project's params.yaml with the text of one value replaced."""
    section, _, leaf = key.rpartition(".")
    text, replaced = re.subn(
        rf"(?ms)(^{section}:.*?^  |^){leaf or key}: [^\n]*",
        lambda found: f"{found[1]}{leaf or key}: {value}",
        TEXT,
        count=1,
    )
    assert replaced
    return text


def schema(key: str) -> dict[str, Any]:
    """The JSON schema of a parameter, without the alternative null."""
    section, _, leaf = key.rpartition(".")
    whole = SCHEMA["$defs"][section.capitalize()] if section else SCHEMA
    found: dict[str, Any] = whole["properties"][leaf]
    return next(one for one in found.get("anyOf", [found]) if one != {"type": "null"})


def phrase(of: dict[str, Any]) -> str:
    """A schema's bounds as docs/parameters.md writes them; KeyError if it has only one."""
    match of["type"]:
        case "array":
            layers = "" if of["items"]["type"] == "string" else f" layers of {phrase(of['items'])}"
            return f"{of.get('minItems', 0)} to {of['maxItems']}{layers}"
        case "string":
            return f"to {of['maxLength']} characters"
    low, high = (of.get(key, of.get(f"exclusive{key.capitalize()}")) for key in ("minimum", "maximum"))
    if low is None or high is None:
        raise KeyError(f"a bound is missing: {of}")
    high_text = "2^32 - 1" if high == 2**32 - 1 else f"{high:.0f}"
    low_text = f"{low:f}".rstrip("0").rstrip(".")
    if "exclusiveMinimum" in of:
        return f"above {low_text}, {'up to' if 'maximum' in of else 'below'} {high_text}"
    return f"{low_text} to {'below ' if 'exclusiveMaximum' in of else ''}{high_text}"


def inside(value: Any, of: dict[str, Any]) -> bool:
    """Tell if an accepted value lies in its bounds and is of its type."""
    if isinstance(value, tuple):
        return of.get("minItems", 0) <= len(value) <= of["maxItems"] and all(inside(one, of["items"]) for one in value)
    if isinstance(value, bool):
        return of["type"] == "boolean"
    if isinstance(value, str):
        return value in of.get("enum", [of.get("const", value)]) and len(value) <= of.get("maxLength", len(value))
    low, high = of.get("minimum", of.get("exclusiveMinimum")), of.get("maximum", of.get("exclusiveMaximum"))
    return bool(low <= value <= high)


def outcome(path: Path, text: str) -> params.Params | str:
    """Load a file: values that DVC reads as well, or one line that names the file."""
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        loaded = params.load(path)
    except ParameterError as error:
        message = str(error).replace(str(path), "params.yaml")
        assert message.startswith("params.yaml")
        assert message.isprintable()
        assert len(message) < 400
        return message
    read = parse_yaml(text, path)
    assert json.loads(loaded.model_dump_json()) == read
    assert types(json.loads(json.dumps(read))) == types(read)
    return loaded


def types(tree: Any) -> Any:
    """The tree with every value replaced by its type."""
    if isinstance(tree, dict):
        return {key: types(value) for key, value in tree.items()}
    return [types(value) for value in tree] if isinstance(tree, list) else type(tree)


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
        ("model.units", [64, 0], ["model.units.1", "0", "greater than or equal to 1"]),
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
        ("corpus.languages", "hindi", ["corpus.languages", "'hindi'", "a list"]),
        ("corpus.speaker_pattern", "a{99999999999999}", ["corpus.speaker_pattern", "too large"]),
        ("corpus.root", "x" * 5000, ["corpus.root", "'xxxx", "...", "at most 1000 characters"]),
        ("silence.strategy", "m" * 5000, ["silence.strategy", "'mmmm", "...", "'none', 'remove', 'mask' or 'label'"]),
        ("model.noise", 1.5, ["model.noise", "1.5", "less than or equal to 1"]),
        ("mfcc.fmin", 8000.0, ["mfcc.fmin 8000.0", "audio.sample_rate", "8000.0"]),
        ("mfcc.fmin", 7900.0, ["mfcc.n_mels 64", "7900.0", "mfcc.n_fft 400", "audio.sample_rate 16000"]),
        ("mfcc.n_fft", 10**12, ["mfcc.n_fft", "1000000000000", "less than or equal to 16384"]),
        ("mfcc.n_mels", 10**9, ["mfcc.n_mels", "1000000000", "less than or equal to 1024"]),
        ("model.units", [10**9], ["model.units.0", "1000000000", "less than or equal to 1024"]),
        ("model.units", [8] * 9, ["model.units", "at most 8 items"]),
        ("train.batch_size", 10**40, ["train.batch_size", "1000000", "less than or equal to 4096"]),
        ("train.memory", 1e300, ["train.memory", "1e+300", "less than or equal to 1000"]),
        ("demo.minutes", 1e300, ["demo.minutes", "1e+300", "less than or equal to 100000"]),
        ("train.epochs", True, ["train.epochs", "True", "integer"]),
        ("demo.minutes", True, ["demo.minutes", "True", "number"]),
        ("train.epochs", "20", ["train.epochs", "'20'", "integer"]),
        ("train.learning_rate", "0.003", ["train.learning_rate", "'0.003'", "number"]),
        ("train.epochs", 20.0, ["train.epochs", "20.0", "integer"]),
        ("export.streaming", 1, ["export.streaming", "1", "boolean"]),
    ],
)
def test_a_bad_value_is_told_in_one_line_with_its_key_and_what_is_allowed(
    tmp_path: Path, key: str, value: object, said: list[str]
) -> None:
    message = complaint(tmp_path / "params.yaml", yaml.safe_dump(changed(key, value)))
    assert [part for part in said if part not in message] == []


@pytest.mark.parametrize("key", [*LEAVES, *TREE])
def test_every_key_must_be_there(tmp_path: Path, key: str) -> None:
    tree = copy.deepcopy(TREE)
    section, _, leaf = key.partition(".")
    if leaf:
        del tree[section][leaf]
    else:
        del tree[section]
    assert f"{key} is missing" in complaint(tmp_path / "params.yaml", yaml.safe_dump(tree))


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
@settings(RELAXED, max_examples=15)
@given(value=AS_JSON | st.sampled_from(PLAIN))
def test_any_value_is_inside_the_bounds_or_told_by_its_key(tmp_path: Path, key: str, value: str) -> None:
    lies_inside_or_is_told(tmp_path, key, value)


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: value[:30])
def test_a_tricky_scalar_is_inside_the_bounds_or_told_by_its_key(tmp_path: Path, value: str) -> None:
    for key in ("seed", "demo.minutes", "corpus.root", "mfcc.fmax", "model.dense", "export.streaming"):  # of every type
        lies_inside_or_is_told(tmp_path, key, value)


def lies_inside_or_is_told(tmp_path: Path, key: str, value: str) -> None:
    met = outcome(tmp_path / "params.yaml", written(key, value))
    section, _, leaf = key.rpartition(".")
    if isinstance(met, str):
        assert leaf in met
    else:
        loaded = getattr(getattr(met, section) if section else met, leaf)
        assert loaded is None or inside(loaded, schema(key))


@settings(RELAXED, max_examples=150)
@given(
    key=st.sampled_from(LEAVES),
    value=st.text(
        st.sampled_from("0123456789eE+-.:_xoba~<>&*!%@`'\"[]{}(),#|? \t\r\n\\\x85\u2028\ufeff\ud800"), max_size=12
    ),
)
def test_any_text_is_read_as_dvc_reads_it_or_told(tmp_path: Path, key: str, value: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of regular expressions
        outcome(tmp_path / "params.yaml", written(key, value))


@RELAXED
@given(content=st.binary() | st.text().map(str.encode))
def test_any_bytes_are_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(ParameterError) as error:
        params.load(tmp_path / "params.yaml")
    assert str(error.value).replace(str(tmp_path), "").isprintable()


@pytest.mark.parametrize("key", LEAVES)
def test_every_parameter_has_both_bounds_and_the_page_shows_them(key: str) -> None:
    page = (PROJECT.parent / "docs" / "parameters.md").read_text(encoding="utf-8")
    (allowed,) = re.findall(rf"^\| `{re.escape(key)}` \|[^|]*\|([^|]*)\|$", page, flags=re.MULTILINE)
    of = schema(key)
    choices = of.get("enum") or (
        [of["const"]] if "const" in of else ["true", "false"] if of["type"] == "boolean" else []
    )
    assert (", ".join(choices) or phrase(of)) in allowed


BOMB = "a: &a0 [x]\n" + "".join(f"a{level}: &a{level} [{f'*a{level - 1}, ' * 9}]\n" for level in range(1, 10))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TEXT + "seed: 43\n", "line 66, 'seed: 43': the key 'seed' is given twice"),
        (TEXT.replace("  voices: 24", "  voices: 24\n  minutes: 9", 1), "': the key 'minutes' is given twice"),
        (f"<<: {{seed: 1}}\nseed: 2\n{TEXT}", "line 1, '<<: {seed: 1}': anchors, aliases, tags and << are not allowed"),
        (BOMB + TEXT, "line 1, 'a: &a0 [x]': anchors"),
        ("a: &a [*a]\n" + TEXT, "anchors"),
        ("seed: !!python/object:os.system 1", "tags"),
        ("a: " + "[" * 3000 + "]" * 3000, "nested over 10 levels deep"),
        ("- " * 3000, "nested"),
        ("".join(" " * level + "a:\n" for level in range(200)), "line 10"),
        (f"{TEXT}---\n{TEXT}", "line 66, '---': expected a single document"),
        ("seed: 'x\n", "line 2, '': while scanning a quoted scalar, found unexpected end of stream"),
        ("%YAML 1.3\n---\n" + TEXT, "version"),
        ("x" * 10**7, "longer than 50000 characters"),
    ],
)
def test_a_file_that_is_no_plain_yaml_is_told_before_it_is_built(tmp_path: Path, text: str, said: str) -> None:
    params.load(PROJECT)  # imports what it needs
    (tmp_path / "params.yaml").write_text(text)
    tracemalloc.start()
    try:
        with pytest.raises(ParameterError, match=re.escape(said)):
            params.load(tmp_path / "params.yaml")
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "content", [bytes(range(256)), TEXT.encode("utf-16"), b"\x89PNG\r\n\x1a\n", b"seed: caf\xe9"], ids=repr
)
def test_a_file_that_is_no_text_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(ParameterError, match=r"params\.yaml is not text in UTF-8 .*; save it as UTF-8"):
        params.load(tmp_path / "params.yaml")


def test_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="can't be read"):
        params.load(tmp_path)


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


@pytest.mark.parametrize("value", ["Remove", "trim", "", None, 1, ["none"], "x" * 5000])
def test_a_choice_that_the_library_does_not_know_is_told_with_those_it_does(value: object) -> None:
    for name in params.STRATEGIES:
        params.choose("silence strategy", name, params.STRATEGIES)
    with pytest.raises(
        ArgumentError, match=r"^silence strategy .* is unknown; take one of none, remove, mask, label$"
    ) as error:
        params.choose("silence strategy", value, iter(params.STRATEGIES))
    assert len(str(error.value)) < 140


def test_streaming_inference_imports_it_without_a_yaml_parser() -> None:
    code = "import sys; sys.modules.update({'ruamel.yaml': None, 'yaml': None}); import pipeline.params"
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT.parent, check=True)


@pytest.mark.parametrize("text", ["", "seed", "- seed", "seed: [", "seed: \x00"])
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


@pytest.mark.parametrize("value", ["2020-13-45", "!!int many", "._", "9" * 5000])
def test_a_value_that_yaml_itself_refuses_is_told(tmp_path: Path, value: str) -> None:
    message = complaint(tmp_path / "params.yaml", written("seed", value))
    assert "params.yaml" in message
    assert "line 3, 'seed: " in message


def test_a_key_with_a_line_break_is_told_in_one_line(tmp_path: Path) -> None:
    complaint(tmp_path / "params.yaml", yaml.safe_dump(changed("silence.a\nb", 1)))


def test_what_no_stream_can_do_is_refused_unless_the_model_is_offline(tmp_path: Path) -> None:
    tree = changed("mfcc.top_db", 80.0)
    assert "mfcc.top_db 80.0" in complaint(tmp_path / "params.yaml", yaml.safe_dump(tree))
    tree["export"]["streaming"] = False
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree))
    assert params.load(tmp_path / "params.yaml").mfcc.top_db == 80.0
