"""trim: SoX decides which samples of every recording are speech."""

from pipeline import checksums, cluster, parts, programs, tables, trim
from pipeline.audio.wav import Wav
from pipeline.cache import Cache
from pipeline.console import terminal
from pipeline.rows import RecordingRow, SpanRow
from stages import ARTIFACTS, building, read_params, run


def main() -> None:
    cluster.warm(*trim.MODULES)
    settings = read_params("trim")
    programs.require("sox")
    path = ARTIFACTS / "ingest" / "recordings.csv"
    recordings = tables.of_languages(path, RecordingRow, settings.corpus.languages)
    audio = ARTIFACTS.resolve() / "audio"  # workers may run in another folder
    wavs = [Wav.of(row, audio) for row in recordings]
    divided = [wavs[part.start : part.stop] for part in parts.of_containers([row.file for row in recordings])]

    cache = Cache()
    with building("trim") as folder:
        with cluster.connect(*trim.MODULES) as client:
            found, reused = trim.run(
                client, divided, folder.resolve(), settings.audio.sample_rate, settings.silence, cache
            )
        cache.shrink()
        spans = (
            SpanRow(row.recording, int(start), int(end))
            for row, speech in zip(recordings, found, strict=True)
            if speech is not None
            for start, end in speech
        )
        tables.write(folder / "spans.csv", SpanRow, spans)
        summary = {language: trim.summary(language, recordings, found) for language in settings.corpus.languages}
        checksums.write_json(folder / "summary.json", summary)
    terminal.show_reused(len(recordings), reused, "recordings")
    terminal.show_table(
        ["language", "speech", "without speech"],
        [[language, f"{row['speech']:.1%}", row["without_speech"]] for language, row in summary.items()],
    )


if __name__ == "__main__":
    run(main)
