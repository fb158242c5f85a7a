"""Common Voice: official splits of both halves, and reports, which leave clips out or flag them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as budget
from hypothesis import strategies as st

from pipeline.corpus import layouts
from pipeline.corpus.entries import Listing
from pipeline.ingest import checks
from pipeline.params import Checks
from tests.corpus.corpora import listed, refusal, settings, touch, write_csv
from tests.corpus.published import REPORTED_AUDIOS, REPORTED_SENTENCES, SPONTANEOUS, commonvoice, spontaneous, tabs
from tests.splits.rows import recording

LANGUAGES = ("english", "Mandarin")
WRONG, OTHER = "reported: different_language", "reported: other"


def read(root: Path, **changes: Any) -> Listing:
    return layouts.read(settings("commonvoice", root, **{"languages": LANGUAGES, "speaker_pattern": None} | changes))


def reported(listing: Listing) -> dict[str, str]:
    return {entry.path: entry.columns["reported"] for entry in listing.entries if "reported" in entry.columns}


def sentences(root: Path, *reports: list[str]) -> str:
    """Write reported.tsv; return the folder of the clips, which read sentences 000..., 111..., 222... and 333..."""
    commonvoice(root, lambda path, number: path.touch())
    tabs(root / "en" / "reported.tsv", [REPORTED_SENTENCES, *reports])
    return "en/clips/common_voice_en_1800000"


def spoken(root: Path, rows: list[list[Any]], reports: list[list[Any]]) -> None:
    """A release of spontaneous speech in English."""
    touch(root, *(f"sps/audios/{number}.mp3" for number in range(6)))
    tabs(root / "sps" / "ss-corpus-en.tsv", [SPONTANEOUS, *rows])
    tabs(root / "sps" / "ss-reported-audios-en.tsv", [REPORTED_AUDIOS, *reports])


def report(number: int, clip: str, reason: str) -> list[Any]:
    return ["reporter", number, clip, 3000, 7, "Why?", reason, "so it is", "English"]


def test_both_halves_have_their_official_split(tmp_path: Path) -> None:
    commonvoice(tmp_path, lambda path, number: path.touch())
    splits = {entry.path: entry.columns["split"] for entry in read(tmp_path).entries}
    found = [split for path, split in splits.items() if path.startswith("en/")]
    assert found == ["train", "train", "val", "test"]
    assert [split for path, split in splits.items() if "-en/" in path] == ["train", "val", "test", ""]


@pytest.mark.parametrize("half", ["en", "sps-corpus-5.0-2026-09-11-en"])
def test_one_locale_of_either_half_is_recognised_on_its_own(tmp_path: Path, half: str) -> None:
    commonvoice(tmp_path, lambda path, number: path.touch())
    listing = layouts.read(settings("auto", tmp_path / half, languages=LANGUAGES, speaker_pattern=None))
    assert "is read as layout 'commonvoice': it holds" in listing.notes[0]
    assert {entry.language for entry in listing.entries} == {"english"}
    assert len(listing.entries) == 4


def test_a_reported_sentence_is_that_of_all_its_clips(tmp_path: Path) -> None:
    said = 'He said "hello, but did not mean it.'  # which all clips read
    clips = sentences(
        tmp_path,
        ["1" * 64, said, "en", "different-language"],
        ["2" * 64, said, "en", "grammar-or-spelling"],
        ["2" * 64, said, "en", "Odd; <b>"],
        ["2" * 64, said, "en", "grammar-or-spelling"],
    )
    listing = read(tmp_path)
    assert f"{clips}1.mp3" not in listed(listing)
    assert listing.skipped == {"reported: different-language": 1}
    # The text of clips 0 and 3 is the same, but their ids are others.
    assert reported(listing) == {f"{clips}2.mp3": "grammar-or-spelling; Odd; <b>"}
    everything = read(tmp_path, reported=())
    assert everything.skipped == {}
    assert reported(everything)[f"{clips}1.mp3"] == "different-language"
    assert len(everything.entries) == 16


def test_before_release_17_the_text_of_the_sentence_decides(tmp_path: Path) -> None:
    touch(tmp_path, *(f"en/clips/{number}.mp3" for number in range(3)))
    rows = [["ann", "0.mp3", "Guten  Tag."], ["ben", "1.mp3", "Hello."], ["cat", "2.mp3", "Guten Tag."]]
    tabs(tmp_path / "en" / "validated.tsv", [["client_id", "path", "sentence"], *rows])
    header = ["sentence", "sentence_id", "locale", "reason"]
    tabs(tmp_path / "en" / "reported.tsv", [header, ["Guten Tag.", "f" * 64, "en", "different-language"]])
    listing = read(tmp_path)
    assert listed(listing) == ["en/clips/1.mp3"]
    assert listing.skipped == {"reported: different-language": 2}


def test_reported_audio_is_matched_by_file_and_what_the_corpus_leaves_out_is_counted(tmp_path: Path) -> None:
    rows = [spontaneous(f"who{number}", number, f"{number}.mp3") for number in range(4)]
    rows[3][-1] = "short-audio|dataset-language-audio-mismatch"
    reports = [
        report(0, "0.mp3", "different_language"), report(1, "1.mp3", "offensive_speech"), report(2, "2.mp3", "other"),
        report(4, "4.mp3", "other"), report(4, "4.mp3", "different_language"), report(5, "5.mp3", "other"),
        report(5, "5.mp3", "other"),
    ]  # fmt: skip
    spoken(tmp_path, rows, reports)
    listing = read(tmp_path)
    assert listed(listing) == [f"sps/audios/{number}.mp3" for number in (1, 2, 3)]
    assert [*reported(listing).values()] == ["offensive_speech", "other", "dataset-language-audio-mismatch"]
    assert listing.skipped == {WRONG: 1, f"{OTHER}; different_language": 1, OTHER: 1}
    assert {entry.speaker for entry in listing.entries} == {"who1", "who2", "who3"}  # never the reporter
    fewer = read(tmp_path, reported=("Offensive-Speech", "dataset_language_audio_mismatch"))
    assert listed(fewer) == ["sps/audios/0.mp3", "sps/audios/2.mp3"]
    assert read(tmp_path, languages=("Mandarin", "welsh")).skipped == {"en": 4}  # nobody asks for English


@pytest.mark.parametrize("write", [Path.touch, lambda path: path.write_text("\n"), Path.unlink])
def test_a_release_may_have_no_reports(tmp_path: Path, write: Callable[[Path], object]) -> None:
    spoken(tmp_path, [spontaneous("ann", 0, "0.mp3")], [])
    write(tmp_path / "sps" / "ss-reported-audios-en.tsv")
    assert listed(read(tmp_path)) == ["sps/audios/0.mp3"]


def test_lines_that_reporters_broke_are_counted_and_the_others_read(tmp_path: Path) -> None:
    clips = sentences(tmp_path, ["0" * 64, "x", "en", "it\nis wrong"], ["1" * 64, "x\ty", "en", "z"])
    with (tmp_path / "en" / "reported.tsv").open("a") as file:
        file.write(f"{'2' * 64}\tx\ten\tdifferent-language\n")
    listing = read(tmp_path)
    assert listing.rejected == []
    assert listing.skipped == {"reported: unreadable lines": 2, "reported: different-language": 1}
    assert reported(listing) == {f"{clips}0.mp3": "it"}


def test_reports_that_name_no_reason_column_are_refused(tmp_path: Path) -> None:
    sentences(tmp_path)
    tabs(tmp_path / "en" / "reported.tsv", [["sentence", "why"], ["x", "y"]])
    said = refusal(settings("commonvoice", tmp_path, languages=LANGUAGES, speaker_pattern=None))
    assert "reported.tsv has no column reason" in said


REASON = st.text(st.characters(blacklist_characters="\t\n\r\0", blacklist_categories=["Cs"]), max_size=8)


@budget(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reasons=st.lists(REASON, max_size=3))
@example(reasons=["\x1b[2J", "a; b", "\u2028", '"'])
def test_any_reason_is_carried_or_leaves_out_and_is_counted(tmp_path: Path, reasons: list[str]) -> None:
    spoken(tmp_path, [spontaneous("ann", 0, "0.mp3")], [report(0, "0.mp3", reason) for reason in reasons])
    everything = read(tmp_path, reported=())
    (entry,) = everything.entries
    carried = entry.columns.get("reported", "")
    assert carried.isprintable()
    assert bool(carried) == (bool(reasons) and everything.skipped["reported: unreadable lines"] < len(reasons))
    if carried.strip("; "):
        one = next(filter(str.strip, carried.split("; ")))
        listing = read(tmp_path, reported=(one,))
        assert listing.entries == []
        assert all(name.isprintable() for name in listing.skipped)


def test_a_column_of_any_table_leaves_out_or_is_flagged(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "b.wav", "c.wav")
    rows = [["a.wav", "english", "a", ""], ["b.wav", "english", "b", "other"], ["c.wav", "english", "c", "noisy"]]
    write_csv(tmp_path / "metadata.csv", [["path", "language", "speaker", "reported"], *rows])
    listing = layouts.read(settings("table", tmp_path, speaker_pattern=None, reported=("noisy",)))
    assert (listed(listing), listing.skipped) == (["a.wav", "b.wav"], {"reported: noisy": 1})
    recordings = [
        replace(recording(number, "english", "a", extra=entry.columns), modulation_db=20.0, bandwidth_hz=8000.0)
        for number, entry in enumerate(listing.entries)
    ]
    quality, flags = checks.examine(recordings, [], Checks())
    assert [(flag.path, flag.flag) for flag in flags] == [("r1.wav", "reported")]
    assert "was reported to its publisher (other)" in flags[0].detail
    assert [one.flags for one in quality] == ["", "reported"]
