"""Segments are read back by the libraries of the programs that they are for."""

import csv
import json
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import mir_eval.io  # type: ignore[import-untyped]
import numpy as np
import pysubs2
import pytest
import soundfile
from praatio import textgrid  # type: ignore[import-untyped]
from pyannote.database.util import load_rttm

from pipeline.audio.samples import to_waveform
from pipeline.cli import segments
from pipeline.cli.options import Form
from tests.audio.signals import babble
from tests.export import small
from tests.programs import lid

PARTS = [(0.0, 2.5, "english", 0.9), (2.5, 3671.25, "hindi", 0.8), (3680.0, 3681.5, "english", 0.75)]
KEYS = ("start_s", "end_s", "language", "confidence")
ANSWER = {
    "path": "my talks/a.wav",
    "duration_s": 3690.0,
    "segments": [dict(zip(KEYS, part, strict=True)) for part in PARTS],
}
EMPTY = ANSWER | {"segments": []}


@pytest.fixture
def written(tmp_path: Path) -> dict[Form, Path]:
    paths = {form: tmp_path / f"a.{segments.ENDINGS.get(form, form)}" for form in segments.WRITERS}
    for form, path in paths.items():
        path.write_text(segments.WRITERS[form](ANSWER), encoding="utf-8")
    return paths


def test_every_form_is_read_back(written: dict[Form, Path]) -> None:
    [(name, annotation)] = load_rttm(str(written["rttm"])).items()  # type: ignore[no-untyped-call]
    assert unquote(name) == ANSWER["path"]
    found = [(part.start, part.end, label) for part, _, label in annotation.itertracks(yield_label=True)]
    assert found == [part[:3] for part in PARTS]

    grid = textgrid.openTextgrid(str(written["textgrid"]), includeEmptyIntervals=True)
    entries = grid.getTier("language").entries
    assert [tuple(entry) for entry in entries if entry.label] == [part[:3] for part in PARTS]
    assert [tuple(entry) for entry in entries if not entry.label] == [(3671.25, 3680.0, ""), (3681.5, 3690.0, "")]
    assert (grid.minTimestamp, grid.maxTimestamp) == (0, 3690)

    for form in ("srt", "vtt"):
        cues = pysubs2.load(str(written[form]))
        assert [(cue.start, cue.end, cue.text) for cue in cues] == [
            (round(1000 * start), round(1000 * end), language) for start, end, language, _ in PARTS
        ]
    times, labels = mir_eval.io.load_labeled_intervals(str(written["labels"]), delimiter="\t")
    np.testing.assert_allclose(times, [part[:2] for part in PARTS])
    assert labels == [part[2] for part in PARTS]
    rows = list(csv.reader([segments.HEADER, *written["csv"].read_text().splitlines()]))
    assert rows[0] == ["path", *KEYS]
    assert [[row[0], float(row[1]), row[3]] for row in rows[1:]] == [[ANSWER["path"], one[0], one[2]] for one in PARTS]
    assert json.loads(written["json"].read_text()) == ANSWER


def test_a_recording_without_speech_has_no_segment(tmp_path: Path) -> None:
    assert [segments.WRITERS[form](EMPTY) for form in ("rttm", "csv", "srt", "labels")] == [""] * 4
    (tmp_path / "a.TextGrid").write_text(segments.WRITERS["textgrid"](EMPTY))
    [entry] = (
        textgrid.openTextgrid(str(tmp_path / "a.TextGrid"), includeEmptyIntervals=True).getTier("language").entries
    )
    assert tuple(entry) == (0, 3690, "")
    (tmp_path / "a.vtt").write_text(segments.WRITERS["vtt"](EMPTY))
    assert len(pysubs2.load(str(tmp_path / "a.vtt"))) == 0


@pytest.mark.slow
def test_the_command_prints_them_or_writes_a_file_each(tmp_path: Path) -> None:
    identify = partial(lid, "identify", "--model", small.made("mask").streaming)
    for name in ("a.wav", "b.flac"):
        soundfile.write(tmp_path / name, to_waveform(babble(len(name), 60_000)), small.RATE_HZ)

    status, printed, _ = identify("--segments", "json", tmp_path)
    found = [json.loads(line) for line in printed.splitlines()]
    assert (status, [Path(one["path"]).name for one in found]) == (0, ["a.wav", "b.flac"])
    assert found[0]["segments"] == json.loads(identify("--json", tmp_path / "a.wav")[1])["segments"]
    assert identify("--segments", "csv", tmp_path)[1].startswith("path,start_s,end_s,language,confidence\n")
    needed = "srt is a file for each recording; name a folder for them with --into"
    assert needed in identify("--segments", "srt", tmp_path)[2]
    into, first, second = (tmp_path / name for name in ("into", "a.wav", "b.flac"))
    assert identify("--segments", "srt", "--into", into, first, second)[0] == 0
    assert sorted(path.name for path in into.iterdir()) == ["a.srt", "b.srt"]
    assert identify("--segments", "csv", "--into", into, first)[0] == 0
    assert (into / "a.csv").read_text().startswith(segments.HEADER)
    assert "is a file" in identify("--segments", "csv", "--into", first, first)[2]
    assert "can't be made" in identify("--segments", "csv", "--into", "/proc/none", first)[2]
    assert "--into is for the files of --segments" in identify("--into", tmp_path, first)[2]
