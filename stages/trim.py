"""trim: SoX decides which samples of every recording are speech."""

from pipeline.cluster import template  # isort: skip

if __name__ == "__main__":  # first: its imports take as long as those of this process
    template.start("pipeline.jobs.trim", "pipeline.silence.compiled", "sox")

from pipeline import checksums, files, programs, tables
from pipeline.audio.wav import Wav
from pipeline.cluster import engine
from pipeline.console import terminal
from pipeline.jobs import memo, trim
from pipeline.jobs.trim import TRIM
from pipeline.rows import RecordingRow, SpanRow
from stages import ARTIFACTS, read_params, run


def main() -> None:
    settings = read_params("trim")
    programs.require("sox")
    path = ARTIFACTS / "ingest" / "recordings.csv"
    recordings = tables.of_languages(path, RecordingRow, settings.corpus.languages)
    audio = ARTIFACTS.resolve() / "audio"  # workers may run in another folder
    wavs = [Wav.of(row, audio) for row in recordings]

    cache = memo.default()
    with files.building(ARTIFACTS.resolve() / "trim") as folder:
        with engine.connect(TRIM) as client:
            found = trim.run(client, wavs, folder, settings.audio.sample_rate, settings.silence, cache)
        spans = (
            SpanRow(row.recording, int(start), int(end))
            for row, result in zip(recordings, found, strict=True)
            for start, end in result.spans
        )
        tables.write(folder / "spans.csv", SpanRow, spans)
        summary = {language: trim.summary(language, recordings, found) for language in settings.corpus.languages}
        checksums.write_json(folder / "summary.json", summary)
        checksums.seal(folder)
    memo.show_reuse([result.origin for result in found], "recordings", cache)
    terminal.show_table(
        ["language", "speech", "without speech"],
        [[language, f"{row['speech']:.1%}", row["without_speech"]] for language, row in summary.items()],
    )


if __name__ == "__main__":
    run(main)
