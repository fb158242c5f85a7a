"""trim: SoX decides which samples of every recording are speech."""

import functools
from typing import Any

import numpy as np

from pipeline import checksums, files, params, programs, tables
from pipeline.audio.wav import Wav
from pipeline.cluster import dispatch
from pipeline.console import terminal
from pipeline.jobs import memo, trim
from pipeline.jobs.trim import Found
from pipeline.tables import RecordingRow, SpanRow
from stages import ARTIFACTS, PARAMS, run


def main() -> None:
    settings = params.load(PARAMS)
    programs.require("sox")
    path = ARTIFACTS / "ingest" / "recordings.csv"
    recordings = tables.of_languages(path, RecordingRow, settings.corpus.languages)
    audio = ARTIFACTS.resolve() / "audio"  # workers may run in another folder
    wavs = [Wav.of(row, audio) for row in recordings]

    detection = params.Detection(  # all but the strategy, which must not matter here
        threshold=settings.silence.threshold,
        min_speech=settings.silence.min_speech,
        min_silence=settings.silence.min_silence,
        pad=settings.silence.pad,
    )
    kept = memo.default()
    find = functools.partial(trim.find, sample_rate=settings.audio.sample_rate, detection=detection, kept=kept)
    batches = list(trim.batches(wavs, settings.audio.sample_rate))
    with files.building(ARTIFACTS.resolve() / "trim") as folder:
        with dispatch.connect(trim) as client:
            found = dispatch.map(
                client,
                find,
                batches,
                folder=folder,
                lost=trim.lost,
                job="trim",
                unit="recordings",
                allowance=lambda wav: wav.samples / dispatch.SAMPLES_PER_S,
            )
        spans = (
            SpanRow(row.recording, int(start), int(end))
            for row, result in zip(recordings, found, strict=True)
            for start, end in result.spans
        )
        tables.write(folder / "spans.csv", SpanRow, spans)
        summary = {language: _summary(language, recordings, found) for language in settings.corpus.languages}
        checksums.write_json(folder / "summary.json", summary)
        checksums.seal(folder)
    memo.tell([result.origin for result in found], "recordings", kept)
    terminal.show_table(
        ["language", "speech", "without speech"],
        [[language, f"{row['speech']:.1%}", row["without_speech"]] for language, row in summary.items()],
    )


def _summary(language: str, recordings: list[RecordingRow], found: list[Found]) -> dict[str, Any]:
    """Share of the duration that is speech, the number of recordings that hold none, and those given up."""
    mine = [(row, result) for row, result in zip(recordings, found, strict=True) if row.language == language]
    heard = [int(np.sum(result.spans[:, 1] - result.spans[:, 0])) for _, result in mine]
    return {
        "speech": round(sum(heard) / sum(row.samples for row, _ in mine), 4),
        "without_speech": heard.count(0),
        "killed": [row.recording for row, result in mine if result.origin == "lost"],
    }


if __name__ == "__main__":
    run(main)
