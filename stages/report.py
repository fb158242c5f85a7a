"""report: one self-contained page of the results, and one that listens."""

import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Json

from pipeline import checksums, params, rows, tables
from pipeline.audio.wav import Reader, Wav
from pipeline.console.text import printable
from pipeline.errors import ArtifactError, ProgramError, ProjectError
from pipeline.page import build
from pipeline.report import answers, commit
from pipeline.report.ablation import corpus_id
from pipeline.report.answers import Answer
from pipeline.report.drawing import standalone
from pipeline.report.examples import AudioExample, mp3, posteriors_of
from pipeline.report.page import FILES, Results, dvc_plots, render
from pipeline.report.verdict import sentence
from pipeline.streaming.timeline import Segment, Timeline, Turns
from stages import ARTIFACTS, PARAMS, building, run

EVALUATION = ARTIFACTS / "evaluation"
USUAL = Path("demo") / "results.json"


@dataclass(frozen=True, slots=True)
class ListedRow:
    """The names in a row of corpus/files.csv, which lists rejected recordings too."""

    path: str
    speaker: str
    channel_speakers: Json[tuple[str, ...]] = ()


def main() -> None:
    settings = params.load(PARAMS)  # all: the page shows them
    contents: dict[str, Any] = {
        name: tables.read(ARTIFACTS / path, kind) if kind else checksums.read_json(ARTIFACTS / path)
        for name, (path, kind) in FILES.items()
    }
    _require_parameters(contents, settings)
    split_rows = {name: tables.read(ARTIFACTS / "splits" / f"{name}.csv", rows.SplitRow) for name in rows.SPLITS}
    decisions = tables.read(EVALUATION / "recordings.csv", rows.DecisionRow)
    given = answers.joined(split_rows["test"], decisions, tables.read(EVALUATION / "stream.csv", rows.StreamRow))
    streams, equality = contents["description"]["streaming"], ARTIFACTS / "streaming" / "equality.csv"
    synthetic = any((ARTIFACTS / "data" / "demo").glob("train_*/*"))  # the stage demo leaves none if they are not used
    usual = json.loads(USUAL.read_bytes()) if synthetic else None
    corpus = corpus_id(checksums.read(ARTIFACTS / "corpus" / "files.csv"))
    compared = tables.read(Path("ablation") / "table.csv", rows.ComparisonRow, sealed=False)
    results = Results(
        params=settings.model_dump(),
        files=contents,
        equality=tables.read(equality, rows.EqualityRow) if streams else [],
        answers=given,
        split_rows=split_rows,
        examples=_examples(given, contents, settings.audio.sample_rate),
        corpus_id=corpus,
        synthetic=synthetic,
        usual=usual,
        provenance=_provenance(),
        comparison=[row for row in compared if row.corpus == corpus],
        **({} if settings.report.speakers else _further_names(contents["rejected"])),
    )
    result = sentence(contents["metrics"], usual)
    with building("report") as folder:
        (folder / "plots").mkdir()
        for example in results.examples:
            name = f"{example.number}_{example.row.recording}" if settings.report.speakers else f"{example.number}"
            (folder / "plots" / f"{name}.svg").write_text(standalone(example.figure), encoding="utf-8")
        texts = {"index.html": render(results), "dvc_plots.html": dvc_plots(), "result.txt": result}
        if streams:
            texts[build.NAME] = _live(results)
        for name, text in texts.items():
            (folder / name).write_text(f"{text}\n", encoding="utf-8")
    print(f"{ARTIFACTS / 'report' / 'index.html'}: {result}")


def _live(results: Results) -> str:
    """Return the page that listens; its example is one right answer in each language, of synthetic voices only."""
    right = {one.answer.row.language: one for one in reversed(results.examples) if one.row.why == "right"}
    heard = [right[name].samples for name in sorted(right)]
    heard = heard if results.synthetic and results.params["report"]["audio"] else []
    metrics = results.files["metrics"]
    return build.render(
        ARTIFACTS / "streaming",
        example=mp3(np.concatenate(heard), results.params["audio"]["sample_rate"]) if heard else "",
        score=f"{metrics['recording_accuracy']:.1%} of {metrics['recordings']:,} test recordings",
        synthetic=results.synthetic,
        link="index.html",
    )


def _further_names(rejected: Iterable[rows.RejectedRow]) -> dict[str, set[str]]:
    """Return names that are in no split: of held-out and rejected recordings, and those of files."""
    held = [tables.read(ARTIFACTS / "splits" / f"{name}.csv", rows.SplitRow) for name in rows.HELD]
    listed = tables.read(ARTIFACTS / "corpus" / "files.csv", ListedRow)
    others, paths = list(itertools.chain(*held)), {row.path for row in listed} | {row.path for row in rejected}
    speakers = {name for row in listed for name in (row.speaker, *row.channel_speakers)}
    return {
        "further_speakers": speakers | {row.speaker for row in others},
        "further_recordings": paths | {Path(path).name for path in paths} | {row.recording for row in others},
    }


def _require_parameters(read: dict[str, Any], settings: params.Params) -> None:
    """Refuse summaries that were written with other parameters."""
    for name, languages in (("splits", settings.trained_languages), ("trim", settings.corpus.languages)):
        tables.require_languages(ARTIFACTS / FILES[name][0], read[name], languages)
    for section in ("silence", "balance"):
        found, wanted = read["manifests"][section], getattr(settings, section).strategy
        if found != wanted:
            path = ARTIFACTS / FILES["manifests"][0]
            raise ArtifactError(f"{path} was written for {section}.strategy {found!r}, not {wanted!r}; run `dvc repro`")


def _provenance() -> commit.Commit | None:
    try:
        return commit.last(ARTIFACTS / "summary" / "metrics.json")
    except (ProgramError, ProjectError) as error:
        print(printable(f"the report names no commit: {error}"))
        return None


def _examples(given: list[Answer], contents: dict[str, Any], rate: int) -> list[AudioExample]:
    """Read the sound and the frames of the recordings that evaluate has chosen."""
    frames, found = tables.read(EVALUATION / "frames.csv", rows.FrameRow), []
    of = {one.recording: one for one in contents["recordings"]}
    answer_to = {one.row.recording: one for one in given}
    for number, row in enumerate(tables.read(EVALUATION / "examples.csv", rows.ExampleRow), 1):
        samples = Reader(Wav.of(of[row.recording], ARTIFACTS / "audio"))(0, round(row.end_s * rate))
        shown, answer = [frame for frame in frames if frame.recording == row.recording], answer_to[row.recording]
        found.append(AudioExample(number, row, answer, samples, rate, shown, _segments(shown, contents["description"])))
    return found


def _segments(frames: list[rows.FrameRow], description: dict[str, Any]) -> list[Segment]:
    """Return the segments of a stream of these frames."""
    languages = tuple(description["languages"])
    frame_s = description["mfcc"]["hop_length"] / description["sample_rate"]
    timeline, speech = Timeline(languages, Turns(**description["turns"]), None, frame_s), [row.speech for row in frames]
    timeline.accept(posteriors_of(frames, languages).astype(np.float32), np.array(speech, bool))
    timeline.finish()
    return timeline.segments


if __name__ == "__main__":
    run(main)
