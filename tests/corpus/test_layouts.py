"""The root of a corpus, the check that it can be split, labels, and who is who in several sources."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pipeline import params
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry, Listing
from pipeline.errors import CorpusError
from pipeline.rows import RejectedRow
from tests.corpus.corpora import refusal, settings, touch, write_csv


@pytest.mark.parametrize("layout", ["auto", "table"])
def test_a_root_that_is_not_a_folder_is_refused_by_its_key(layout: params.Layout, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    for root in ("nowhere", "file", "file/x", "dangling", "loop"):
        assert f"corpus.root {str(tmp_path / root)!r} is not a folder" in refusal(settings(layout, tmp_path / root))
    for root in ("x" * 5000, "x/" * 2500, "a\0b", "a\nb", "\udcff"):
        refused = settings(layout, tmp_path).model_copy(update={"root": str(tmp_path / root)})  # skips its own checks
        assert "is not a folder" in refusal(refused)


HAS_ONE = "'hindi' has 1 speaker(s) in {} and needs 2: one to train and one to test on; add recordings, or correct"


@pytest.mark.parametrize(
    ("speakers", "rejected", "message"),
    [
        ({"english": 2, "hindi": 2}, 0, None),
        ({}, 0, "no recordings in {}; skipped: tamizh (3); see docs/corpora.md"),
        ({"english": 3, "hindi": 1}, 0, HAS_ONE),
        ({"english": 1}, 0, "'english' has 1 speaker(s)"),
        ({}, 2, "2 of 2 recordings are rejected (missing 2), such as '0.wav', which is gone; see artifacts/corpus/rej"),
        ({"english": 1, "hindi": 1}, 8, "8 of 12 recordings are rejected (missing 8), such as '0.wav'"),
        (
            {"english": 9, "hindi": 1},
            1,
            f"{HAS_ONE} corpus.languages; 1 of 21 recordings are rejected (missing 1), such",
        ),
    ],
)
def test_a_corpus_that_can_not_be_split_is_refused_with_the_reason(
    tmp_path: Path, speakers: dict[str, int], rejected: int, message: str | None
) -> None:
    rows = [RejectedRow(f"{number}.wav", "missing", "is gone") for number in range(rejected)]
    entries = [
        Entry(f"{language}/{speaker}_{take}.wav", language, f"{speaker}")
        for language, count in speakers.items()
        for speaker in range(count)
        for take in range(2)
    ]
    with pytest.raises(CorpusError) if message else nullcontext() as error:
        layouts.check(entries, rows, settings("table", tmp_path, max_rejected=0.1), {"tamizh": 3})
    if message and error:
        assert str(error.value).startswith(message.format(f"corpus.root '{tmp_path}' with corpus.layout 'table'"))
        assert ("add recordings" in message) == ("add recordings" in str(error.value)) or not rejected


@pytest.mark.parametrize("header", ["", "FILE; Label \n", "Label;file\n"])
def test_labels_are_read_as_spreadsheets_write_them(tmp_path: Path, header: str) -> None:
    cells = [["a.wav", "0"], ["c.wav"], ["b", "1"], ["", ""], ["d.wav", "0", "x"], [".\\e.wav", " 1"]]
    order = -1 if header.startswith("L") else 1
    table = header + "".join(";".join(row[::order]) + "\n" for row in cells)
    (tmp_path / "labels.csv").write_bytes(table.encode("utf-16"))
    touch(tmp_path, *(f"{name}.wav" for name in "abcde"))
    corpus = settings("homework", tmp_path, labels={0: "english", 1: "hindi"}, speaker_pattern=None)
    listing = layouts.read(corpus)
    assert {entry.path: entry.language for entry in listing.entries} == {
        "a.wav": "english", "b.wav": "hindi", "e.wav": "hindi",
    }  # fmt: skip
    assert [row.path for row in listing.rejected] == ["labels.csv"] * 2
    assert layouts.recognised(params.Source(root=str(tmp_path), layout="auto", name="x"))[0] == "homework"


DIGEST = "0a1b" * 32


def read(root: Path, rows: dict[str, list[list[str]]], last: str = "group", **more: str) -> Listing:
    """Sources with tables of language, speaker and another column."""
    for name, some in rows.items():
        touch(root, *(f"{name}/{number}.wav" for number in range(len(some))))
        table = [["path", "language", "speaker", last], *([f"{n}.wav", *row] for n, row in enumerate(some))]
        write_csv(root / name / "metadata.csv", table)
    sources = [{"root": str(root / name), "layout": "table", "name": name} for name in rows]
    sources[-1] |= more
    return layouts.read(settings("table", root, sources=sources))


ROWS = [["hindi", "0", "tape"], ["english", "1", ""], ["hindi", DIGEST, ""]]


def test_an_id_of_another_source_is_another_person_and_another_group(tmp_path: Path) -> None:
    listing = read(tmp_path, {"studio": ROWS, "phone": ROWS})
    speakers = [entry.speaker for entry in listing.entries]
    assert speakers == ["studio/0", "studio/1", DIGEST, "phone/0", "phone/1", DIGEST]
    assert [entry.group for entry in listing.entries if entry.group] == ["studio/tape", "phone/tape"]
    (note,) = listing.notes
    assert note.startswith("2 ids of speakers are in several sources, such as '0' (phone, studio), and count as differ")


def test_sources_share_their_ids_if_the_user_says_so(tmp_path: Path) -> None:
    listing = read(tmp_path, {"studio": ROWS, "phone": ROWS}, speakers_of="studio")
    assert {entry.speaker for entry in listing.entries} == {"studio/0", "studio/1", DIGEST}
    assert {entry.group for entry in listing.entries} == {"studio/tape", ""}
    assert listing.notes == []


def test_a_column_source_that_the_names_of_sources_replace_is_told(tmp_path: Path) -> None:
    (note,) = read(tmp_path, {"studio": [["hindi", "0", "x"]]}, last="source").notes
    assert note == "the names in corpus.sources replace the column source of a table; rename it to keep it"


def test_folders_of_sources_that_share_their_ids_are_not_told(tmp_path: Path) -> None:
    touch(tmp_path, "a/hindi/0/x.wav", "b/hindi/0/x.wav")
    places = [{"root": str(tmp_path / name), "layout": "folders", "name": name} for name in ("a", "b")]
    assert (
        layouts.read(settings("folders", tmp_path, sources=[places[0], places[1] | {"speakers_of": "a"}])).notes == []
    )


def test_the_channels_of_a_call_and_the_ids_of_publishers(tmp_path: Path) -> None:
    for name in ("a", "b"):
        touch(tmp_path, f"{name}/calls/c.wav", f"{name}/clips/en/VIDEO012345__U__S1---0001.000-0002.000.wav")
        header = ["path", "language", "speaker_1", "speaker_2"]
        write_csv(tmp_path / name / "calls/metadata.csv", [header, ["c.wav", "hindi", "0", "1"]])
    places: list[Any] = [
        {"root": str(tmp_path / name / kind), "layout": layout, "name": f"{name}-{kind}"}
        for name in ("a", "b")
        for kind, layout in (("calls", "table"), ("clips", "voxlingua107"))
    ]
    entries = layouts.read(settings("table", tmp_path, sources=places, speaker_pattern=None)).entries
    assert [entry.channel_speakers for entry in entries if entry.channel_speakers] == [
        ("a-calls/0", "a-calls/1"),
        ("b-calls/0", "b-calls/1"),
    ]
    assert {entry.group for entry in entries if "clips" in entry.source} == {"VIDEO012345"}


def test_one_id_in_several_languages_and_ids_that_differ_in_case_are_said(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{language}/{who}/x.wav" for language in ("english", "hindi") for who in ("0", "1")))
    touch(tmp_path, "hindi/Ann/y.wav", "hindi/ann/z.wav", "en-US/7/x.wav", "en-IN/7/x.wav")
    languages, folders, case = layouts.read(settings("folders", tmp_path, languages=("en", "hindi"))).notes
    assert languages.startswith("2 speakers have recordings in several languages, such as '0' (en, hindi)")
    assert folders.startswith(
        "1 speakers have recordings in several folders of one language, such as '7' (en-IN, en-US)"
    )
    assert case.startswith("1 ids of speakers differ only in case, such as 'ann' (Ann, ann)")


def test_licences_come_from_the_table_or_the_source_and_are_a_gate(tmp_path: Path) -> None:
    for name, licences in {"a": ("CC0-1.0", ""), "b": ("", "")}.items():
        touch(tmp_path / name, "ann/1.wav", "ben/2.wav")
        lines = [("ann/1.wav", "english", "a", licences[0]), ("ben/2.wav", "hindi", "b", licences[1])]
        write_csv(tmp_path / name / "metadata.csv", [("path", "language", "speaker", "licence"), *lines])
    given: tuple[dict[str, str], ...] = ({"licence": "CC-BY-4.0", "url": "https://example.org/a"}, {})
    sources = tuple(
        params.Source(root=str(tmp_path / name), layout="table", name=name, **more)
        for name, more in zip("ab", given, strict=True)
    )

    def allowing(*allowed: str) -> params.Corpus:
        return settings("table", tmp_path, sources=sources, licences=allowed)

    found = {entry.name: entry.columns for entry in layouts.read(allowing()).entries}
    assert found["a/ann/1.wav"] == {"licence": "CC0-1.0", "url": "https://example.org/a"}
    assert found["a/ben/2.wav"] == {"licence": "CC-BY-4.0", "url": "https://example.org/a"}
    assert found["b/ann/1.wav"] == {"licence": ""}
    said = refusal(allowing("cc0-1.0", "CC-BY-4.0"))
    assert "2 recordings are not of the licences in corpus.licences, such as 'b/ann/1.wav', which has none" in said
    assert "3 recordings" in refusal(allowing("CC0-1.0"))
    only = settings("table", tmp_path, sources=sources[:1], licences=("cc0-1.0", "cc-by-4.0"))
    assert len(layouts.read(only).entries) == 2
