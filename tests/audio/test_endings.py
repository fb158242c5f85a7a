"""Folders are searched for every format that is decoded."""

import re
from pathlib import Path

import soundfile

from pipeline.audio import foreign
from pipeline.audio.endings import ENDINGS, is_audio


def test_every_format_that_is_decoded_has_endings() -> None:
    names = {*soundfile.available_formats(), *(kind.name for kind in foreign.KINDS)}
    assert {name for name in names if not is_audio(f"a.{name}")} == {"RAW", "SD2", "Matroska"}  # see docs/formats.md
    assert is_audio("a.MKV")


def test_the_page_names_every_ending() -> None:
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(\.\w+)`", page.partition("## Endings")[2])) - {".mat"} == ENDINGS


def test_files_that_wait_for_pyav_are_counted() -> None:
    needs = f"is AMR, which libsndfile does not read; {foreign.INSTALL.format('it')}"
    assert foreign.waiting(["holds nothing but zeros"]) == []
    assert foreign.waiting([needs])[0].startswith(
        "1 file needs PyAV, which is not installed: install PyAV (pip install av"
    )
    assert foreign.waiting(["holds nothing but zeros", *[needs] * 12])[0].startswith("12 files need PyAV")
