"""Cards are true, escape what comes from the data, and are refused where they would not be true."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import ArgumentError, ArtifactError
from pipeline.exchange import cards, model_card, utterances
from pipeline.exchange.folder import Export
from pipeline.exchange.formats import FORMATS
from pipeline.exchange.utterances import Utterance
from pipeline.streaming.description import Description
from tests.exchange.runs import Run, made

HOSTILE = "x](y) <img src=x onerror=alert(1)>\n# `|"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def rows(run: Run) -> list[Utterance]:
    return utterances.read(run.artifacts)


def test_splits_that_share_speakers_are_named(rows: list[Utterance]) -> None:
    apart = [replace(one, speaker=f"{one.split} {one.speaker}", speaker_from="table") for one in rows]
    assert cards.separate(apart) == "No two splits share a speaker."
    held_out = [replace(one, split="open") for one in apart if one.split == "test"]
    assert cards.separate(apart + held_out) == "No two splits share a speaker, but test and open do."


def test_prose_escapes_what_comes_from_data(rows: list[Utterance]) -> None:
    hostile = [replace(one, licence=HOSTILE, source=HOSTILE, language=HOSTILE, url=HOSTILE) for one in rows]
    found = dict(cards.files(hostile, FORMATS["hf"], "flac"))
    description: Any = SimpleNamespace(languages=(HOSTILE,), frame_s=0.01, latency_s={"window": 0.1}, weights=5)
    metrics: dict[str, Any] = dict.fromkeys(model_card.MEASURES, 0.5) | {
        "recordings": 1, "speakers": 1, "speakers_needed": 5, "intervals": defaultdict(type(None)), "other": None,
        "speakers_by_language": {HOSTILE: 1}, "recall": {HOSTILE: 1.0}, "after": {}, "open_set": None,
    }  # fmt: skip
    confounds = {"unknown": [HOSTILE], "score": None}
    for card in (found["README.md"].decode(), model_card._card(description, hostile, metrics, confounds)):
        prose = card.split("---\n", 2)[2]
        assert "onerror" in prose
        for mark in ("<img", "](y)", "\n# `", "`|"):
            assert mark not in prose


def test_a_model_that_cannot_stream_is_refused(
    run: Run, rows: list[Utterance], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Description, "read", lambda _: SimpleNamespace(streaming=False))
    with pytest.raises(ArgumentError, match=r"can't stream \(export.streaming is false\)"):
        next(model_card.files(rows, run.artifacts))


def test_a_damaged_container_is_noticed_by_exports_that_refer_to_it(tmp_path: Path) -> None:
    artifacts = made(tmp_path).artifacts
    container = max((artifacts / "audio").glob("*.wav"))
    content = bytearray(container.read_bytes())
    content[len(content) // 2] ^= 1
    container.write_bytes(content)
    with pytest.raises(ArtifactError, match="is not what ingest wrote"):
        Export("nemo", tmp_path / "out", "containers", artifacts).write()
