"""The root of a corpus, and the check that the corpus can be split by speaker."""

from pathlib import Path

import pytest

from pipeline import params
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry
from pipeline.errors import CorpusError
from pipeline.rows import RejectedRow
from tests.corpus.corpora import LANGUAGES, refusal, settings


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


def entries(speakers: dict[str, int]) -> list[Entry]:
    """Two recordings of each speaker."""
    return [
        Entry(f"{language}/{speaker}_{take}.wav", language, f"{speaker}")
        for language, count in speakers.items()
        for speaker in range(count)
        for take in range(2)
    ]


def test_a_corpus_with_two_speakers_per_language_is_accepted(tmp_path: Path) -> None:
    layouts.check(entries({"english": 2, "hindi": 2}), [], settings("table", tmp_path))


@pytest.mark.parametrize(
    ("languages", "speakers", "rejected", "message"),
    [
        (LANGUAGES, {}, 0, "no recordings in {where}; skipped: tamizh (3)"),
        (
            LANGUAGES,
            {"english": 3, "hindi": 1},
            0,
            "'hindi' has 1 speaker(s) in {where} and needs 2: one to train and one to test on; add recordings, or "
            "correct corpus.languages; skipped: tamizh (3)",
        ),
        (LANGUAGES, {"english": 1, "hindi": 0}, 0, "'english' has 1 speaker(s)"),
        ((*LANGUAGES, "tamil"), {"english": 3, "hindi": 3}, 0, "'tamil' has 0 speaker(s)"),
        (
            LANGUAGES,
            {},
            2,
            "no recordings in {where}; 2 of 2 recordings are rejected (missing 2), such as '0.wav', which is gone",
        ),
        (LANGUAGES, {"english": 1, "hindi": 1}, 8, "8 of 12 recordings are rejected (missing 8), such as '0.wav'"),
    ],
)
def test_a_corpus_that_can_not_be_split_is_refused_with_the_reason(
    tmp_path: Path, languages: tuple[str, ...], speakers: dict[str, int], rejected: int, message: str
) -> None:
    rows = [RejectedRow(f"{number}.wav", "missing", "is gone") for number in range(rejected)]
    with pytest.raises(CorpusError) as error:
        layouts.check(entries(speakers), rows, settings("table", tmp_path, languages=languages), {"tamizh": 3})
    where = f"corpus.root '{tmp_path}' with corpus.layout 'table'"
    assert message.format(where=where) in str(error.value)
    assert "\n" not in str(error.value)
