"""An export is scored on a corpus of audio files, and what can't be scored is said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from pipeline import params
from pipeline.audio.samples import to_waveform
from pipeline.cli import evaluation
from pipeline.errors import CorpusError
from pipeline.streaming.identifier import Identifier
from tests import web
from tests.audio.signals import babble
from tests.corpus.corpora import write_csv
from tests.export import small
from tests.programs import lid
from tests.report.sample import Page

pytestmark = pytest.mark.slow  # loads TensorFlow to export a network


@pytest.fixture
def corpus(tmp_path: Path) -> params.Corpus:
    """A table of six recordings at two rates, and of one that is no audio."""
    rows = []
    for number in range(6):
        rate = (small.RATE_HZ, 8000)[number % 2]
        soundfile.write(tmp_path / f"{number}.flac", babble(number, 20_000 + 3000 * number), rate, subtype="PCM_16")
        rows.append((f"{number}.flac", small.LANGUAGES[number % 2], f"s{number // 2}"))
    (tmp_path / "6.flac").write_text("no audio")
    write(tmp_path, *rows, ("6.flac", "english", "s0"))
    return settings(tmp_path)


def write(folder: Path, *rows: tuple[str, str, str]) -> None:
    write_csv(folder / "metadata.csv", [("path", "language", "speaker"), *rows])


def settings(folder: Path, *languages: str) -> params.Corpus:
    return params.Corpus.plain(folder, "table", languages or small.LANGUAGES)


@pytest.fixture(scope="session")
def model() -> Path:
    return small.made("mask").streaming


def test_every_recording_gets_the_answer_of_its_stream(model: Path, corpus: params.Corpus) -> None:
    scores, notes = evaluation.score(model, corpus, all_known=True)
    assert len(scores) == 6
    for number, scored in enumerate(scores):
        samples, rate = soundfile.read(Path(corpus.root) / f"{number}.flac", dtype="int16")
        stream = Identifier.load(model, sample_rate=rate)
        stream.accept(to_waveform(samples))
        stream.finish()
        np.testing.assert_allclose(scored.decision.posteriors, stream.decision.posteriors, atol=1e-5)
        assert (scored.row.language, scored.row.speaker) == (small.LANGUAGES[number % 2], f"s{number // 2}")
    unusable, of_speakers = notes
    assert unusable.startswith("recordings that can't be used: 1; the first, '6.flac', ")
    assert of_speakers.startswith("3 speakers have recordings in several languages, such as 's0' (english, hindi)")


def test_a_reported_recording_is_left_out_and_is_no_other_language(model: Path, corpus: params.Corpus) -> None:
    rows = [("0.flac", "english", "a", ""), ("1.flac", "hindi", "b", "different_language")]
    write_csv(Path(corpus.root) / "metadata.csv", [("path", "language", "speaker", "reported"), *rows])
    scores, notes = evaluation.score(model, corpus, all_known=True)
    assert [scored.row.speaker for scored in scores] == ["a"]
    assert "skipped: reported: different_language (1)" in notes


def test_what_cannot_be_scored_is_named(model: Path, corpus: params.Corpus) -> None:
    folder = Path(corpus.root)
    with pytest.raises(CorpusError, match="the model does not know 'french'; it knows english, hindi, mandarin"):
        evaluation.score(model, settings(folder, "english", "french"), all_known=False)
    write(folder, ("0.flac", "english", "a"), ("1.flac", "french", "b"))
    with pytest.raises(CorpusError, match=r"holds 'french', which the model does not know; .* --languages"):
        evaluation.score(model, settings(folder), all_known=True)
    scores, notes = evaluation.score(model, settings(folder), all_known=False)
    assert (len(scores), notes[0]) == (1, "skipped: french (1)")
    write(folder, ("6.flac", "english", "a"))
    with pytest.raises(CorpusError, match=r"no recording with speech .* the first, '6.flac', "):
        evaluation.score(model, settings(folder), all_known=True)


def test_the_page_shows_the_printed_scores(model: Path, corpus: params.Corpus, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    words = ["evaluate", corpus.root, "--layout", "table", "--model", model, "--report", page]
    status, printed, said = lid(*words, "--json")
    assert status == 0, said
    scores, shown = json.loads(printed), Page(page.read_text(encoding="utf-8"))
    assert list(shown.sections) == ["result", "confusion", "languages", "durations", "paired"]
    for text in (f"{scores['recording_accuracy']:.1%}", corpus.root, str(model), "can't be used: 1; the first, '6."):
        assert text in shown.text("result")
    assert f"hindi 3 {scores['recall']['hindi']:.1%}" in shown.text("languages")
    assert f"the whole recording 6 {scores['recording_accuracy']:.1%}" in shown.text("durations")
    assert "Of 3 pairs of one speaker's languages" in shown.text("paired")

    write(tmp_path, ("0.flac", "english", "a"))
    assert lid(*words)[0] == 0  # one language and one speaker
    assert "not known" in Page(page.read_text(encoding="utf-8")).text("result")


def test_several_corpora_of_any_layout_are_scored_together_and_without_one_that_of_params(
    model: Path, corpus: params.Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other" / tmp_path.name
    for language in ("hindi", "mandarin"):
        (other / language).mkdir(parents=True)
        (tmp_path / f"{small.LANGUAGES.index(language)}.flac").rename(other / language / "x.flac")

    def evaluate(*words: str) -> tuple[int, Any, str]:
        status, printed, said = lid("evaluate", *words, "--model", model, "--json")
        return status, json.loads(printed or "null"), said

    status, together, _ = evaluate(corpus.root, str(other))
    assert (status, together["recordings"]) == (0, 6)
    assert evaluate(str(other))[1]["recordings"] == 2

    with web.serving(tmp_path) as site:
        names = [f"{site.url}/", f"{site.url}/other/{tmp_path.name}"]
        for jobs in ("1", "2"):
            assert evaluate(*names, "-j", jobs)[1]["recall"] == together["recall"]

    both = [(corpus.root, "table", "a"), (str(other), "auto", "b")]
    sources = [dict(zip(("root", "layout", "name"), source, strict=True)) for source in both]
    (tmp_path / "params.yaml").write_text(json.dumps({"corpus": {"sources": sources, "speakers": "file"}}))
    monkeypatch.chdir(tmp_path)
    assert evaluate()[1]["recall"] == together["recall"]
    status, _, said = evaluate("--layout", "table")
    assert (status, said.count("\n")) == (2, 1)
    assert "--layout and --speakers belong to a CORPUS" in said


def test_a_prior_restricts_recordings_and_answers_and_is_told(model: Path, corpus: params.Corpus) -> None:
    words = ["evaluate", corpus.root, "--layout", "table", "--model", model]
    status, printed, said = lid(*words, "--prior", "english=0.9,mandarin=0.1")
    assert status == 0, said
    assert "3 recordings of 3 speakers" in printed
    assert "possible answers: english 90%, mandarin 10%" in printed
    found = json.loads(lid(*words, "--languages", "hindi,mandarin", "--json")[1])
    assert (found["recordings"], found["prior"]) == (3, {"hindi": 0.5, "mandarin": 0.5})
