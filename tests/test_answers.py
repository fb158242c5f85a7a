"""The answers of `lid identify`: the same in several processes, in blocks and frame by frame, and after a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from pipeline import parts
from pipeline.audio import foreign
from pipeline.streaming.answer import identify
from pipeline.streaming.identifier import Identifier
from tests import programs
from tests.audio.signals import babble
from tests.cluster.clusters import started
from tests.corpus.corpora import write_csv
from tests.export import small

lid = partial(programs.lid, "identify")
RATES = (8000, 16_000, 44_100)


@pytest.fixture(scope="module")
def model() -> Path:
    return small.made("mask").folder / "streaming"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve recordings of three rates, and a file that is none."""
    folder = tmp_path_factory.mktemp("corpus")
    for number in range(12):
        rate = RATES[number % 3]
        soundfile.write(folder / f"{number:02}.wav", babble(number, (2 + number) * rate), rate, "PCM_16")
    (folder / "07a.wav").write_bytes(b"RIFF")
    return folder


def test_an_answer_in_blocks_is_that_of_the_stream(model: Path, corpus: Path) -> None:
    onnx, litert = Identifier.load(model, "onnx"), Identifier.load(model, "litert")
    for path in sorted(corpus.glob("??.wav")):
        samples, rate = soundfile.read(path, dtype="float32")
        stream = litert.stream(rate)
        for at in range(0, len(samples), rate // 100):
            stream.accept(samples[at : at + rate // 100])
        stream.finish()
        answer = identify(path, onnx).answer
        assert answer
        assert (answer["language"], answer["frames"]) == (stream.decision.language, stream.decided)
        assert answer["speech_s"] == pytest.approx(stream.decision.frames / 100)
        if stream.decision.frames:
            np.testing.assert_allclose(list(answer["posteriors"].values()), stream.decision.posteriors, atol=1e-5)


@pytest.mark.cluster
def test_files_that_wait_for_pyav_are_counted(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "is_installed", lambda: False)
    for name in ("a.m4a", "b.m4a"):
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftypM4A \0\0\0\0")
    status, _, said = lid(tmp_path, "--model", model)
    assert status == 2
    assert said.splitlines()[-1].startswith("2 files need PyAV, which is not installed")


def test_several_processes_write_the_same_table(
    model: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "LEAST_BYTES", 300_000)
    tables = []
    for jobs in (1, 2):
        path = tmp_path / f"{jobs}.csv"
        status, printed, error = lid("--model", model, "-j", jobs, "--csv", path, corpus)
        assert status == 2
        assert not printed
        assert error.count("error: ") == 1
        assert f"error: {corpus / '07a.wav'} " in error
        tables.append(path.read_bytes())
    assert tables[0] == tables[1]
    assert tables[0].count(b"\n") == 13


@pytest.mark.cluster
def test_workers_in_another_folder_find_files_by_relative_paths(
    model: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(corpus)
    words = ("--model", os.path.relpath(model), "--json", "03.wav", "07a.wav")
    wanted = lid(*words)
    with started(tmp_path, 1):
        status, printed, error = lid("-j", 2, *words)
    assert (status, printed) == wanted[:2]
    assert wanted[2] == "error: 07a.wav is not audio that libsndfile reads; convert it to WAV or FLAC\n"
    assert error.startswith(wanted[2])


@pytest.mark.cluster
def test_workers_of_another_cluster_take_a_model_that_was_exported_again(corpus: Path, tmp_path: Path) -> None:
    model = tmp_path / "streaming"
    with started(tmp_path, 1):
        for strategy in ("mask", "none"):
            shutil.rmtree(model, ignore_errors=True)
            shutil.copytree(small.made(strategy).streaming, model)
            words = ("--model", model, "--json", corpus / "03.wav")
            assert lid("-j", 2, *words)[1] == lid(*words)[1]


@pytest.mark.cluster
def test_several_processes_give_the_same_scores(model: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LEAST_BYTES", 300_000)
    names = [f"{number:02}.wav" for number in range(12)] + ["07a.wav"]
    rows = [(name, small.LANGUAGES[number % 3], f"s{number % 4}") for number, name in enumerate(names)]
    write_csv(corpus / "metadata.csv", [("path", "language", "speaker"), *rows])
    monkeypatch.chdir(corpus)
    said = [programs.lid("evaluate", ".", "--layout", "table", "--model", model, "-j", jobs)[1] for jobs in (1, 2)]
    assert said[0] == said[1]
    assert "12 recordings of 4 speakers" in said[0]
    assert "can't be used: 1; the first, '07a.wav', " in said[0]


def nearly(number: str) -> Any:
    """Equal to a number but for its last digits, which the process may decide."""
    return pytest.approx(float(number), abs=1e-5)


@pytest.mark.cluster
def test_only_possible_languages_are_answered(model: Path, corpus: Path) -> None:
    words = ("--model", model, "--json", corpus / "03.wav", corpus / "04.wav")
    for given in (("--languages", "hindi,mandarin"), ("--prior", "hindi=0.9,mandarin=0.1")):
        answers = [json.loads(line) for line in lid(*given, *words)[1].splitlines()]
        several = lid("-j", 2, *given, *words)[1].splitlines()
        assert answers == [json.loads(line, parse_float=nearly) for line in several]
        for answer in answers:
            assert answer["language"] in ("hindi", "mandarin")
            assert answer["posteriors"]["english"] == 0
            assert answer["prior"]["english"] == 0
    for wrong, message in {
        ("--languages", "french"): "the model does not know 'french'; it knows english, hindi, mandarin",
        ("--prior", "hindi=0.9"): "the prior is hindi=0.9; give probabilities that sum to 1",
        ("--prior", "hindi=0.5,hindi=0.5"): "names a language twice",
        ("--languages", ""): "the model does not know ''",
        ("--prior", "hindi:0.9"): "--prior 'hindi:0.9' should be like english=0.7,hindi=0.3",
        ("--prior", "hindi=1", "--languages", "hindi"): "--languages and --prior exclude each other",
    }.items():
        status, printed, error = lid(*wrong, *words)
        assert (status, printed) == (2, "")
        assert message in error


def test_a_table_is_continued_after_any_byte(model: Path, corpus: Path, tmp_path: Path) -> None:
    whole, path, linked = tmp_path / "whole.csv", tmp_path / "part.csv", tmp_path / "linked.csv"
    lid("--model", model, "--csv", whole, corpus)
    content = whole.read_bytes()
    for length in (0, 5, content.index(b"\n") + 1, len(content) // 2, len(content) - 1, len(content)):
        linked.unlink(missing_ok=True)
        path.write_bytes(content[:length])
        linked.hardlink_to(path)
        assert "exists; add --resume to continue it" in lid("--model", model, "--csv", path, corpus)[2]
        lid("--model", model, "--csv", path, "--resume", corpus)
        assert path.read_bytes() == content
        assert linked.read_bytes() == content[:length]  # it may be DVC's
    path.write_text("path,language\n")
    status, _, error = lid("--model", model, "--csv", path, "--resume", corpus)
    assert status == 2
    assert "part.csv holds no answers of a model for english" in error
    assert path.read_text() == "path,language\n"


def test_a_table_of_another_prior_is_not_continued(model: Path, corpus: Path, tmp_path: Path) -> None:
    words = ("--model", model, "--csv", tmp_path / "a.csv", corpus / "03.wav", corpus / "04.wav")
    assert lid("--languages", "hindi,english", *words)[0] == 0
    assert (tmp_path / "a.csv").read_text().count(",english=0.5 hindi=0.5\n") == 2
    assert lid("--languages", "english,hindi", "--resume", *words)[0] == 0
    for other in ([], ["--languages", "hindi"]):
        assert "holds no answers of a model for" in lid(*other, "--resume", *words)[2]


def test_a_killed_run_is_continued_without_answering_twice(model: Path, corpus: Path, tmp_path: Path) -> None:
    words = ["identify", "--model", str(model), "--csv", str(tmp_path / "a.csv"), "--resume", str(corpus)]
    command = [sys.executable, "-m", "pipeline", *words]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while process.poll() is None and (not (tmp_path / "a.csv").exists() or (tmp_path / "a.csv").stat().st_size < 300):
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    lid(*words[1:])
    status, printed, _ = lid("--model", model, "--json", corpus)
    assert status == 2
    named = [line.partition(",")[0] for line in (tmp_path / "a.csv").read_text().splitlines()[1:]]
    assert named == [json.loads(line)["path"] for line in printed.splitlines()]
