"""A report without names and voices holds neither, and everything else."""

import dataclasses
import html
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example as example_of
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

import stages.report
from pipeline import checksums, tables
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry
from pipeline.dataset import division
from pipeline.network.definition import Division
from pipeline.report import names
from pipeline.report.answers import Answer
from pipeline.report.page import Results, render
from pipeline.rows import HELD, RejectedRow, SequenceRow, SplitRow
from pipeline.splits import outcome
from tests.report.sample import changed, everything, example, with_leaves

NAMES = ("Ann Lee", "Łukasz", "<b>bob</b>", "ann_lee-4", "7")
PART = 8  # characters of a name that give it away
LETTERS = st.sampled_from("aAbBzß7é'\"\\<&>.,- {}|()漢") | st.characters(exclude_categories=["C", "Z"])
PEOPLE = st.lists(st.text(LETTERS, min_size=PART, max_size=90).map(str.strip), min_size=1, max_size=4, unique=True)
NUMBERS = st.integers(10**8, 10**15).map(str)  # such as those of telephones


def named(results: Results) -> Results:
    """The results with names of people in every place that can hold some."""

    def rename(answer: Answer, number: int) -> Answer:
        row = dataclasses.replace(answer.row, speaker=NAMES[number % 3], recording=f"ann_lee-{number}")
        return dataclasses.replace(answer, row=row)

    answers = [rename(answer, number) for number, answer in enumerate(results.answers)]
    manifests = dict(results.files["manifests"])
    minutes = {key: dict(row) for key, row in manifests["minutes"].items()}
    for row in minutes.values():
        row["largest_speakers"] = dict(zip(("Evelyn", "7"), row["largest_speakers"].values(), strict=False))
    manifests |= {"minutes": minutes, "note": "'Łukasz' speaks 92% of hindi; see 7 of 9"}
    return changed(
        results,
        answers=answers,
        examples=[example(answers[0], 1)],
        manifests=manifests,
        search={"notes": ["hindi: of 5 speakers, Ann Lee alone has 40%", "Anna stays"]},
        rejected=[RejectedRow("ann/Lee.wav", "too_short", "Lee lasts 0.1 s")],
    )


@pytest.mark.parametrize("speakers", [True, False])
@pytest.mark.parametrize("audio", [True, False])
def test_names_and_voices_are_left_out_if_so_asked(speakers: bool, audio: bool) -> None:
    made = named(everything())
    page = render(changed(made, params=with_leaves(made, {"report.speakers": speakers, "report.audio": audio})))
    assert ("<audio" in page) is ("data:audio/mpeg;base64" in page) is audio
    for name in ("Ann Lee", "Łukasz", "bob", "ann_lee", "Evelyn", "Lee.wav", "speaker ann"):
        assert (name in page) is speakers, name
    assert "Example 1: waveform" in page  # pictures stay
    assert "Anna stays" in page
    if not speakers:
        assert "hindi: of 5 speakers, speaker 3 alone has 40%" in page
        assert "see 7 of 9" in page


def sentences(people: list[str]) -> list[str]:
    """Everything that the stages say about people, in the words of the stages."""
    said = []
    for name in people:
        entries = [
            Entry("a.wav", language, f"{source}{name}", source=source.strip("/"))
            for language, source in (("hindi", "one/"), ("english", "two/"))
        ]
        twins = [Entry("a.wav", "hindi", twin) for twin in (name, name.swapcase())]
        both = [Entry("a.wav", language, name) for language in ("hindi", "english")]
        folders = {"en-IN": "english", "en-US": "english"}
        within = [Entry(f"{folder}/a.wav", language, name) for folder, language in folders.items()]
        for listed in (entries, twins, both, within):
            said += layouts._assumptions(listed, folders)
        rows = [SplitRow("r", "hindi", name, "g", 9.0), SplitRow("s", "hindi", "b", "h", 1.0)]
        said += outcome.notes({"train": rows[:1], "val": rows[1:], "test": []}, (0.2, 0.4, 0.4))
        cut = [SequenceRow("a/0", "a", "hindi", name, 0, 60), SequenceRow("b/0", "b", "urdu", "b", 0, 10)]
        counted = {row.recording: np.ones(row.frames, bool) for row in cut}
        remark = division.remark(cut, counted, Division("hindi", ((name,),), ("urdu",)))
        said.append(str(remark))
    return said


def parts(name: str) -> set[str]:
    return {name[at : at + PART] for at in range(len(name) - PART + 1)}


@example_of(['Conchita\\O\'Hara "Bo"'])
@example_of(["Ann Lee " * 9])
@example_of(["5551234567"])
@given(PEOPLE | st.lists(NUMBERS, min_size=1, max_size=3, unique=True))
@effort(deadline=None)
def test_no_part_of_a_name_is_in_a_sentence(people: list[str]) -> None:
    listed = [
        f"{source}{twin}" for name in people for twin in (name, name.swapcase()) for source in ("", "one/", "two/")
    ]
    said, written = names.shown(listed, [], hidden=True), sentences(people)
    ordinary = " ".join([*sentences(["x"]), names.WITHHELD, *(f"'speaker {n}'" for n in range(len(listed) + 1))])
    for sentence in written:
        for form in {form for name in people for form in (name, name.casefold(), name.swapcase(), repr(name)[1:-1])}:
            assert not {part for part in parts(form) if part in said(sentence)} - parts(ordinary), sentence


@given(PEOPLE)
@effort(deadline=None, max_examples=3)
def test_no_part_of_a_name_is_in_the_page(people: list[str]) -> None:
    made = named(everything())
    made = changed(
        made,
        params=with_leaves(made, {"report.speakers": False}),
        ingest={**made.files["ingest"], "notes": sentences(people)},
        rejected=[RejectedRow(f"{name}.wav", "too_short", f"{name} lasts 0.1 s") for name in people],
        recordings=[dataclasses.replace(row, speaker=people[0]) for row in made.files["recordings"]],
        further_speakers=[twin for name in people for twin in (f"one/{name}", f"two/{name}", name, name.swapcase())],
    )
    usual = parts(html.unescape(render(changed(made, ingest=made.files["ingest"] | {"notes": sentences(["x"])}))))
    page = html.unescape(render(made))
    assert not {part for name in people for part in parts(name) if part in page} - usual


def test_names_of_held_out_and_rejected_recordings_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages.report, "ARTIFACTS", tmp_path)
    for number, name in enumerate(HELD):
        tables.write(tmp_path / "splits" / f"{name}.csv", SplitRow, [SplitRow(f"r{number}", "hindi", name, "g", 9.0)])
    entries = [Entry("a/ann.wav", "hindi", "ann"), Entry("b.wav", "hindi", "", channel_speakers=("bob", "eve"))]
    tables.write(tmp_path / "corpus" / "files.csv", Entry, entries)
    for folder in ("splits", "corpus"):
        checksums.seal(tmp_path / folder)
    found = stages.report._further_names([RejectedRow("c/ian.wav", "silent", "")])
    assert found["further_speakers"] >= {*HELD, "ann", "bob", "eve"}
    assert found["further_recordings"] >= {"r0", "r1", "r2", "a/ann.wav", "ann.wav", "b.wav", "ian.wav"}
