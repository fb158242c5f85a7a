"""Folders are searched for every format that is decoded."""

from pathlib import Path

import soundfile

from pipeline.audio import foreign
from pipeline.audio.endings import ALL, ENDINGS, is_audio

NOT_READ = {"RAW", "SD2"}  # docs/formats.md says why


def test_every_format_that_is_decoded_has_endings() -> None:
    assert all(is_audio(f"a.{name}") for name in set(soundfile.available_formats()) - NOT_READ)
    assert {kind.name for kind in foreign.KINDS} <= set(ENDINGS)


def test_the_page_names_every_ending() -> None:
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    assert not {ending for ending in ALL if f"`{ending}`" not in page}


def test_files_that_wait_for_pyav_are_counted() -> None:
    needs = f"is AMR, which libsndfile does not read; {foreign.INSTALL.format('it')}"
    assert foreign.waiting(["holds nothing but zeros"]) == []
    assert foreign.waiting([needs])[0].startswith(
        "1 file needs PyAV, which is not installed: install PyAV (pip install av"
    )
    assert foreign.waiting(["holds nothing but zeros", *[needs] * 12])[0].startswith("12 files need PyAV")
