"""The table of layouts, and the check that a corpus can be split by speaker."""

from pathlib import Path
from typing import get_args

import pytest

from pipeline import params
from pipeline.corpus import layouts
from pipeline.corpus.collector import Collector
from pipeline.corpus.entries import Entry
from pipeline.errors import CorpusError
from pipeline.rows import RejectedRow
from tests.corpus.corpora import LANGUAGES, refusal, settings, touch

LAYOUTS = get_args(params.Layout)


def test_every_layout_of_params_has_one_reader() -> None:
    assert {"auto", *layouts.LAYOUTS} == set(LAYOUTS)
    assert len(set(layouts.LAYOUTS.values())) == len(LAYOUTS) - 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_corpus_is_read_by_the_reader_in_the_table_and_sorted_by_path(
    layout: params.Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(collector: Collector) -> None:
        for path in ("b.wav", "a.wav", "a/b.wav"):
            collector.add(path, "hindi", "s")

    touch(tmp_path, "b.wav", "a.wav", "a/b.wav")
    chosen = layouts.LAYOUTS["kaldi" if layout == "auto" else layout]
    monkeypatch.setattr(chosen, "recognise", lambda root: "it fits")
    monkeypatch.setattr(chosen, "read", read)
    listing = layouts.read(settings(layout, tmp_path))
    assert [entry.path for entry in listing.entries] == ["a.wav", "a/b.wav", "b.wav"]


@pytest.mark.parametrize("layout", LAYOUTS)
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
    ("languages", "speakers", "message"),
    [
        (LANGUAGES, {}, "no recordings in corpus.root '{root}' with corpus.layout 'table'"),
        (
            LANGUAGES,
            {"english": 3, "hindi": 1},
            "'hindi' has 1 speaker(s) in corpus.root '{root}' with corpus.layout 'table' and needs 2",
        ),
        (LANGUAGES, {"english": 1, "hindi": 0}, "'english' has 1 speaker(s)"),
        ((*LANGUAGES, "tamil"), {"english": 3, "hindi": 3}, "corpus.languages names 'tamil', which has no recordings"),
    ],
)
def test_a_corpus_that_can_not_be_split_is_refused_with_the_reason(
    tmp_path: Path, languages: tuple[str, ...], speakers: dict[str, int], message: str
) -> None:
    with pytest.raises(CorpusError) as error:
        layouts.check(entries(speakers), [], settings("table", tmp_path, languages=languages))
    assert message.format(root=tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_corpus_of_rejected_recordings_is_refused_with_the_first_reason(tmp_path: Path) -> None:
    rejected = [RejectedRow("a.wav", "no_speaker", "has no speaker"), RejectedRow("b.wav", "missing", "is gone")]
    with pytest.raises(CorpusError, match=r"^none of the 2 recordings .* the first, 'a\.wav', has no speaker$"):
        layouts.check([], rejected, settings("folders", tmp_path))


def test_rejections_are_named_before_what_follows_from_them(tmp_path: Path) -> None:
    rejected = [RejectedRow(f"{number}.wav", "missing", "can't be found") for number in range(8)]
    few = [Entry("a.wav", "english", "ann"), Entry("b.wav", "hindi", "eve")]
    with pytest.raises(CorpusError) as error:
        layouts.check(few, rejected, settings("table", tmp_path))
    assert str(error.value).startswith(
        "8 of 10 recordings are rejected (missing 8); see artifacts/ingest/rejected.csv, for without them 'english' has"
    )
    assert "add recordings" not in str(error.value)
    with pytest.raises(CorpusError) as error:  # as many as allowed: they may or may not be the cause
        layouts.check(few, rejected[:1], settings("table", tmp_path, max_rejected=0.5), {"tamizh": 3})
    assert str(error.value).endswith(
        "add recordings of others; 1 of 3 recordings are rejected (missing 1); see artifacts/ingest/rejected.csv; "
        "skipped: tamizh (3)"
    )
