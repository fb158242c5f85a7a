"""Names that look alike are one name: paths find the files that they mean, and ids are safe as names of files."""

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline import names, params
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry
from pipeline.splits import methods
from tests.corpus.corpora import HOSTILE_NAMES, reasons, settings, touch, write_csv
from tests.splits.rows import SPLIT

HEADER = ["path", "language", "speaker"]
NAME = "Zoë Renée.wav"
FORMS = [unicodedata.normalize(form, f"José/{NAME}") for form in ("NFC", "NFD")]
LOOKALIKES = st.sampled_from(
    [*FORMS, FORMS[0].replace(" ", "\u00a0"), FORMS[1].replace(" ", "  "), f"{FORMS[0]}\u200b"]
)


@pytest.fixture(params=["NFC", "NFD"], scope="module")
def root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two corpora in one folder, whose names on disk have one form."""
    root = tmp_path_factory.mktemp("corpus")
    touch(root, *(unicodedata.normalize(request.param, f"{folder}/{NAME}") for folder in ("José", "hindi")))
    return root


@given(path=LOOKALIKES)
def test_every_table_finds_the_file(root: Path, path: str) -> None:
    (on_disk,) = ("/".join(found.parts[-2:]) for found in root.glob("J*/*.wav"))
    write_csv(root / "metadata.csv", [HEADER, [path, "hindi", "ann"]])
    write_csv(root / "labels.csv", [[path.removesuffix(".wav"), "1"]])
    (root / "wav.scp").write_text(f"Rene\u0301e {path}\n", encoding="utf-8")
    (root / "utt2lang").write_text("René\u0065 hin\n".replace("René", "Rene\u0301"), encoding="utf-8")
    (root / "utt2spk").write_text("Renée ann\n", encoding="utf-8")
    for layout in ("table", "homework", "kaldi"):
        changes = {"table": "labels.csv"} if layout == "homework" else {}
        (entry,) = layouts.read(settings(layout, root, speaker_pattern=None, **changes)).entries
        assert entry.path == on_disk
        assert entry.speaker == (entry.file_id if layout == "homework" else "ann")
    write_csv(root / "speakers.csv", [["path", "speaker"], [f"hindi/{path.partition('/')[2]}", "eve"]])
    corpus = settings("folders", root, speaker_pattern=None, speaker_table="speakers.csv")
    assert [entry.speaker for entry in layouts.read(corpus).entries] == ["eve"]


def test_the_root_and_the_tables_of_the_parameters_are_found(tmp_path: Path) -> None:
    root = tmp_path / "Auf\u00adnahmen Mu\u0308nchen"
    touch(root, "a.wav")
    write_csv(root / "Sprecher\u00a0Zoe\u0308.csv", [HEADER, ["a.wav", "hindi", "ann"]])
    corpus = settings("table", tmp_path / "Aufnahmen München", table="Sprecher Zoë.csv")
    assert len(layouts.read(corpus).entries) == 1


def test_two_files_that_differ_in_unicode_form_alone_are_two_recordings(tmp_path: Path) -> None:
    assert len({Entry(form, "hindi", "s").file_id for form in FORMS}) == 1  # a copy on another system keeps its id
    twins = [f"hindi/{form.replace('/', ' ')}" for form in FORMS]
    touch(tmp_path, *twins, "hindi/c.wav")
    listing = layouts.read(settings("folders", tmp_path))
    assert {entry.path for entry in listing.entries} == {*twins, "hindi/c.wav"}
    assert len({entry.id() for entry in listing.entries}) == 3
    assert len({entry.speaker for entry in listing.entries}) == 1


def test_a_path_that_two_names_on_disk_fit_is_rejected_with_both(tmp_path: Path) -> None:
    touch(tmp_path, "a  b.wav", "a\u00a0b.wav", "C.wav")
    write_csv(tmp_path / "metadata.csv", [HEADER, ["a b.wav", "hindi", "s"], ["c.wav", "hindi", "s"]])
    listing = layouts.read(settings("table", tmp_path))
    assert reasons(listing) == {"a b.wav": "missing", "c.wav": "missing"}
    assert "'a b.wav' and 'a\\xa0b.wav' can; write exactly that name" in listing.rejected[0].detail
    assert "'C.wav' can; write exactly that name" in listing.rejected[1].detail


def test_where_the_file_system_ignores_case_the_name_on_disk_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exists(path: str | Path) -> bool:
        return str(path).casefold() in {str(found).casefold() for found in tmp_path.rglob("*")}

    touch(tmp_path, "Hindi/Ann/A.wav")
    monkeypatch.setattr("os.path.lexists", exists)
    write_csv(tmp_path / "metadata.csv", [HEADER, ["HINDI/ann/a.WAV", "hindi", "-"]])
    corpus = settings("table", tmp_path, speakers="pattern")
    assert [(entry.path, entry.speaker) for entry in layouts.read(corpus).entries] == [("Hindi/Ann/A.wav", "Ann")]


def test_nothing_outside_the_root_is_looked_at(tmp_path: Path) -> None:
    touch(tmp_path, "root/a.wav", "outside/José.wav")
    (tmp_path / "root" / "link").symlink_to("../outside")
    write_csv(tmp_path / "root" / "metadata.csv", [HEADER, ["link/Jose\u0301.wav", "hindi", "s"]])
    (rejected,) = layouts.read(settings("table", tmp_path / "root")).rejected
    assert "José" not in rejected.detail


PATHS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300) | st.sampled_from(HOSTILE_NAMES)


@given(st.sets(PATHS, min_size=2))
@example({"x" * 250 + ".wav", "X" * 250 + ".wav"})
def test_ids_are_safe_as_file_names_differ_even_if_case_is_ignored_and_depend_on_the_path_alone(
    paths: set[str],
) -> None:
    ids = {path: Entry(path, "hindi", "s").id() for path in paths}
    assert len({name.lower() for name in ids.values()}) == len({names.composed(path) for path in paths})
    for path, name in ids.items():
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{,98}", name)
        assert name == Entry(path, "english", "t", "g", columns={"x": "y"}).id()


SPACES = [" ", "  ", "\u00a0", "\u2009", "\u202f", "\u3000", " \t"]
INVISIBLE = ["", "\u200b", "\u200d", "\u00ad", "\ufeff", "\u2060", "\ufe0f"]
WORDS = st.text(st.characters(categories=["L", "M", "Nd"]), min_size=1, max_size=6)
NAMES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join).filter(lambda name: len(names.normal(name)) > 0)


@st.composite
def renderings(draw: st.DrawFn) -> tuple[str, str]:
    """A name, written in two ways."""
    name = draw(NAMES)

    def rendered() -> str:
        text = unicodedata.normalize(draw(st.sampled_from(["NFC", "NFD"])), name)
        before, after, space, end = (draw(st.sampled_from(some)) for some in (INVISIBLE, INVISIBLE, SPACES, SPACES))
        return before + space.join(text.split(" ")) + after + end

    return rendered(), rendered()


@given(renderings())
def test_all_renderings_of_a_name_are_one_in_tables_pins_and_parameters(
    tmp_path_factory: pytest.TempPathFactory, pair: tuple[str, str]
) -> None:
    root, (one, other) = tmp_path_factory.getbasetemp() / "names", pair
    touch(root, "a.wav", "b.wav")
    header = ["path", "language", "speaker", "group", f"said by {one}"]
    rows = [["a.wav", "hindi", one, one, one], ["b.wav", "hindi", other, other, other]]
    write_csv(root / "metadata.csv", [header, *rows])
    listing = layouts.read(settings("table", root))
    first, second = listing.entries
    assert (first.speaker, first.group, first.columns) == (second.speaker, second.group, second.columns)
    write_csv(root / "pins.csv", [["speaker", "split"], [one, "test"], [other, "test"]])
    assert methods.read_pins(root / "pins.csv") == {first.speaker: "test"}
    column = f"said by {other}"
    split = params.Split.model_validate(dict(SPLIT) | {"stratify": [column], "holdout": {column: [other]}})
    (taken,) = first.columns.items()
    assert (*split.stratify, split.holdout) == (taken[0], {taken[0]: (taken[1],)})


@given(st.text())
def test_the_normal_form_is_that_of_itself(text: str) -> None:
    assert names.normal(names.normal(text)) == names.normal(text)
    assert names.line(text).isprintable()
    assert names.normal("a\u200e\u200fb") == "ab"
    assert not names.normal("a\u202eb").isprintable()  # controls of direction change what is seen


def test_languages_are_one_name_too(tmp_path: Path) -> None:
    french = unicodedata.normalize("NFD", "français")
    assert settings("folders", tmp_path, languages=(french, "hindi")).languages == ("français", "hindi")
