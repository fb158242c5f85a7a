"""The root of a corpus, the check that it can be split by speaker, and the labels of the homework."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from pipeline import params
from pipeline.corpus import layouts
from pipeline.corpus.entries import Entry
from pipeline.errors import CorpusError
from pipeline.rows import RejectedRow
from tests.corpus.corpora import refusal, settings, touch


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
        ({}, 2, "no recordings in {}; 2 of 2 recordings are rejected (missing 2), such as '0.wav', which is gone"),
        ({"english": 1, "hindi": 1}, 8, "8 of 12 recordings are rejected (missing 8), such as '0.wav'"),
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
        layouts.check(entries, rows, settings("table", tmp_path), {"tamizh": 3})
    if message and error:
        assert message.format(f"corpus.root '{tmp_path}' with corpus.layout 'table'") in str(error.value)


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
