"""trim: SoX decides which samples of every recording are speech."""

import functools
import json
from typing import Any

import numpy as np

from pipeline import cluster, memo, params, programs, speech, tables, terminal
from pipeline.speech import Found, Source
from pipeline.tables import Recording, Span
from stages import ARTIFACTS, PARAMS, run


def main() -> None:
    settings = params.load(PARAMS)
    programs.require("sox")
    recordings = tables.read(ARTIFACTS / "ingest" / "recordings.csv", Recording)
    audio = ARTIFACTS.resolve() / "audio"  # workers may run in another folder
    sources = [Source(audio / f"{row.recording}.wav", row.samples, row.sha256) for row in recordings]

    detection = params.Detection(  # all but the strategy, which must not matter here
        threshold=settings.silence.threshold,
        min_speech=settings.silence.min_speech,
        min_silence=settings.silence.min_silence,
        pad=settings.silence.pad,
    )
    kept = memo.default()
    find = functools.partial(speech.find, sample_rate=settings.audio.sample_rate, detection=detection, kept=kept)
    batches = list(speech.batches(sources, settings.audio.sample_rate))
    with cluster.connect(speech) as client:
        found = cluster.map(client, find, batches, folder=ARTIFACTS, lost=speech.killed, job="trim", unit="recordings")
    memo.tell([of_one.origin for of_one in found], "recordings", kept)

    folder = ARTIFACTS / "trim"
    spans = (
        Span(row.recording, int(start), int(end))
        for row, of_one in zip(recordings, found, strict=True)
        for start, end in of_one.spans
    )
    tables.write(folder / "spans.csv", Span, spans)
    summary = {language: _summary(language, recordings, found) for language in settings.corpus.languages}
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    terminal.show_table(
        ["language", "speech", "without speech"],
        [[language, f"{row['speech']:.1%}", row["without_speech"]] for language, row in summary.items()],
    )
    for row, of_one in zip(recordings, found, strict=True):
        if of_one.origin == "killed":
            print(f"{row.path} ends the process that looks for speech in it, every time: taken as silence")


def _summary(language: str, recordings: list[Recording], found: list[Found]) -> dict[str, Any]:
    """Share of the duration that is speech, the number of recordings that hold none, and those given up."""
    mine = [(row, of_one) for row, of_one in zip(recordings, found, strict=True) if row.language == language]
    heard = [int(np.sum(of_one.spans[:, 1] - of_one.spans[:, 0])) for _, of_one in mine]
    return {
        "speech": round(sum(heard) / sum(row.samples for row, _ in mine), 4),
        "without_speech": heard.count(0),
        "killed": [row.recording for row, of_one in mine if of_one.origin == "killed"],
    }


if __name__ == "__main__":
    run(main)
