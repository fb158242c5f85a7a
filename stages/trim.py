"""trim: SoX decides which samples of every recording are speech."""

import functools
import json

import numpy as np

from pipeline import cluster, params, programs, silence, tables, terminal
from pipeline.tables import Recording, Span
from stages import ARTIFACTS, PARAMS, run


def main() -> None:
    settings = params.load(PARAMS)
    programs.require("sox")
    recordings = tables.read(ARTIFACTS / "ingest" / "recordings.csv", Recording)

    detection = params.Detection(  # all but the strategy, which must not matter here
        threshold=settings.silence.threshold,
        min_speech=settings.silence.min_speech,
        min_silence=settings.silence.min_silence,
        pad=settings.silence.pad,
    )
    detect = functools.partial(silence.detect_file, sample_rate=settings.audio.sample_rate, detection=detection)
    files = [ARTIFACTS.resolve() / "audio" / f"{row.recording}.wav" for row in recordings]
    found = cluster.map(detect, files, job="trim", unit="recordings", batch=16)

    folder = ARTIFACTS / "trim"
    spans = [
        Span(row.recording, int(start), int(end))
        for row, of_one in zip(recordings, found, strict=True)
        for start, end in of_one
    ]
    tables.write(folder / "spans.csv", Span, spans)
    speech = [
        int(np.sum(of_one[:, 1] - of_one[:, 0])) / row.samples for row, of_one in zip(recordings, found, strict=True)
    ]
    summary = {language: _summary(language, recordings, speech) for language in settings.corpus.languages}
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    terminal.show_table(
        ["language", "speech", "without speech"],
        [[language, f"{row['speech']:.1%}", row["without_speech"]] for language, row in summary.items()],
    )


def _summary(language: str, recordings: list[Recording], speech: list[float]) -> dict[str, float]:
    """Share of the duration that is speech, and the number of recordings that hold none."""
    rows = [(row.duration_s, share) for row, share in zip(recordings, speech, strict=True) if row.language == language]
    total = sum(duration for duration, _ in rows)
    return {
        "speech": round(sum(duration * share for duration, share in rows) / total, 4),
        "without_speech": sum(share == 0 for _, share in rows),
    }


if __name__ == "__main__":
    run(main)
