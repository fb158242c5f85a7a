"""The exported model with its card, README.md with the hub's header: all of its numbers are from the run."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline import checksums
from pipeline.confounds import verdict
from pipeline.errors import ArgumentError
from pipeline.exchange.cards import counts, escaped, header, licences, separate, table
from pipeline.exchange.utterances import Utterance, tag
from pipeline.scoring import open_set, sources
from pipeline.streaming.description import Description

MEASURES = {
    "recording_accuracy": "accuracy of recordings", "macro_recall": "macro recall of recordings",
    "frame_accuracy": "accuracy of frames", "c_avg": "C_avg", "c_llr": "C_llr",
}  # fmt: skip
NAME = "Streaming spoken language recognition"
TASK = {"type": "audio-classification", "name": "spoken language identification"}


def files(rows: Sequence[Utterance], artifacts: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of artifacts/streaming, each checked, and the card."""
    model = artifacts / "streaming"
    description = Description.read(model)
    if not description.streaming:
        raise ArgumentError(
            f"{model} can't stream (export.streaming is false), which its card would promise; train another"
        )
    names = sorted(path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file())
    checksums.check(model, {name.partition("/")[0] for name in names} - {checksums.SUMS})
    for name in names:
        yield name, (model / name).read_bytes()
    metrics = checksums.read_json(artifacts / "evaluation" / "metrics.json")
    confounds = checksums.read_json(artifacts / "audit" / "confounds.json")
    yield "README.md", _card(description, rows, metrics, confounds).encode()


def _card(
    description: Description, rows: Sequence[Utterance], metrics: Mapping[str, Any], confounds: Mapping[str, Any]
) -> str:
    languages, heard = description.languages, [one for one in rows if one.split == "train"]
    of = {name: [one for one in heard if one.language == name] for name in languages}
    tags, intervals = [tag(name) for name in languages], metrics["intervals"]
    tested = f"{metrics['recordings']:,} test recordings of {metrics['speakers']:,} speakers"
    values = [{"type": name, "name": words, "value": metrics[name]} for name, words in MEASURES.items()]
    result = {"task": TASK, "dataset": {"type": "own", "name": tested}, "metrics": values}
    head = header(
        language=tags, pipeline_tag=TASK["type"], tags=["spoken-language-identification", "streaming", "onnx"],
        **{"model-index": [{"name": NAME, "results": [result]}]},
    )  # fmt: skip
    names = ", ".join(f"{name} ({code})" for name, code in zip(languages, tags, strict=True))
    columns = ["language", "recordings", "speakers", "minutes", "of speech"]
    trained = table(columns, ([name, *counts(part)] for name, part in of.items() if part))
    scores = table(
        ["", "score", "interval"],
        ([words, f"{metrics[name]:.4f}", _interval(intervals[name])] for name, words in MEASURES.items()),
    )
    speakers = metrics["speakers_by_language"]
    recalls = table(
        ["recall of", "score", "interval", "test speakers"],
        (
            [name, f"{share:.4f}", _interval((intervals["recall"] or {}).get(name)), speakers[name]]
            for name, share in metrics["recall"].items()
        ),
    )
    latency_s, other = sum(description.latency_s.values()), metrics["other"] and metrics["other"]["by_source"]
    early = [
        f"after {seconds} of speech, {found['recording_accuracy']:.1%} of {found['recordings']:,} are right"
        for seconds, found in metrics["after"].items()
        if "recording_accuracy" in found
    ]
    return f"""{head}
# {NAME}

Answers every {description.frame_s * 1000:g} ms which of {len(tags)} languages is spoken: {escaped(names)}.
The answer comes {latency_s:.3g} s of audio after the middle of a frame at most; {description.weights:,} weights.
`pipeline.streaming.Identifier.load` reads these files; `streaming.json` says how to use `model.onnx` alone.

## Trained on

{trained}

Licences of these recordings: {escaped(", ".join(licences(heard)))}. Whether they bind a model is for you to find out.

## Scores

On {tested}, with 95 % intervals over speakers; with fewer than {metrics["speakers_needed"]}, these
are too narrow. {separate(rows)}

{scores}

{recalls}

{_list([*early, sources.sentence(other), open_set.sentence(metrics["open_set"])])}

## Confounds

{_list(verdict.sentences(confounds)) or "- Not known: too few speakers."}

## What it must not be used for

- Conclusions about a person: a language tells neither origin nor nationality nor ethnicity, so nothing that depends on
  these may depend on this model.
- Recordings of sources unlike those of training, before it was scored on some of them: `lid evaluate FOLDER`.
- Other languages than the {len(tags)} above, music or noise: it may call them one of these.
- Anything that one wrong answer can harm, without a person who listens.
"""


def _interval(found: Sequence[float] | None) -> str:
    return f"{found[0]:.4f} to {found[1]:.4f}" if found else "not known"


def _list(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {escaped(one[:1].upper() + one[1:])}." for one in sentences)
