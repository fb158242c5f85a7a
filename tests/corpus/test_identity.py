"""Who is who: ids of speakers and groups belong to their source; anything assumed is said."""

from pathlib import Path
from typing import Any

import pytest

from pipeline import params
from pipeline.corpus import layouts
from pipeline.corpus.entries import Listing
from tests.corpus.corpora import settings, touch, write_csv

DIGEST = "0a1b" * 32


def read(root: Path, rows: dict[str, list[list[str]]], layout: str = "table", **more: str) -> Listing:
    """Sources with tables of language, speaker and group."""
    for name, some in rows.items():
        touch(root, *(f"{name}/{number}.wav" for number in range(len(some))))
        table = [["path", "language", "speaker", "group"], *([f"{n}.wav", *row] for n, row in enumerate(some))]
        write_csv(root / name / "metadata.csv", table)
    sources = [{"root": str(root / name), "layout": layout, "name": name} for name in rows]
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
    for other in ("phone", "nobody"):
        with pytest.raises(ValueError, match=rf"speakers_of is '{other}'; name another source, one of \['studio'\]"):
            read(tmp_path, {"studio": ROWS, "phone": ROWS}, speakers_of=other)


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
    touch(tmp_path, "hindi/Ann/y.wav", "hindi/ann/z.wav")
    corpus: params.Corpus = settings("folders", tmp_path)
    languages, case = layouts.read(corpus).notes
    assert languages.startswith("2 speakers have recordings in several languages, such as '0' (english, hindi)")
    assert case.startswith("1 ids of speakers differ only in case, such as 'ann' (Ann, ann)")
