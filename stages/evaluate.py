"""evaluate: score the exported network on the test speakers and on held-out sources, and prove its stream equal."""

from pipeline import checksums, files, tables
from pipeline.audio.wav import Wav
from pipeline.console import terminal
from pipeline.errors import ArtifactError
from pipeline.rows import OTHER, AnswerRow, DetRow, ExampleRow, RecordingRow, SplitRow, StreamRow
from pipeline.scoring import evaluation, examples, sources
from pipeline.scoring.evaluation import RecordingScore
from pipeline.scoring.offline import OfflineNetwork
from pipeline.scoring.summary import det, sentences, spoken_in, streams, summarise, table
from pipeline.store.feature_store import FeatureStore
from pipeline.streaming import runtimes
from pipeline.streaming.description import Description
from pipeline.streaming.identifier import Identifier
from stages import ARTIFACTS, run

MODEL = ARTIFACTS / "streaming"
PROVEN = 300  # recordings that are streamed: if 1 % of all streams differed, one of these would with 95 % probability


def main() -> None:
    description = Description.read(MODEL)
    store = FeatureStore.open(ARTIFACTS / "features.zarr")
    path = ARTIFACTS / "ingest" / "recordings.csv"
    wavs = {row.recording: Wav.of(row, ARTIFACTS / "audio") for row in tables.read(path, RecordingRow)}
    test = tables.of_languages(ARTIFACTS / "splits" / "test.csv", SplitRow, description.languages)
    sets = {"test": test, OTHER: tables.read(ARTIFACTS / "splits" / f"{OTHER}.csv", SplitRow)}
    sets = {name: store.computed(rows) for name, rows in sets.items()}
    if missing := [row.recording for rows in sets.values() for row in rows if row.recording not in wavs]:
        raise ArtifactError(f"{path} has no {missing[0]!r} of the test split; run `dvc repro`")

    network = OfflineNetwork(store, runtimes.load(MODEL, "onnx", description.states), description)
    identifier = Identifier.load(MODEL) if description.streaming else None
    every = -(-sum(map(len, sets.values())) // PROVEN)
    progress = terminal.Progress("evaluate", sum(map(len, sets.values())), "recordings")
    scores: dict[str, list[RecordingScore]] = {name: [] for name in sets}
    for name, rows in sets.items():
        for number, row in enumerate(rows):
            stream = None if number % every else identifier
            scores[name].append(evaluation.score(row, wavs[row.recording], network, stream))
            progress.update(1)
    summary = summarise(scores["test"], network.drift(sets["test"]), description)
    other = summarise(scores[OTHER], {}, description) if scores[OTHER] else None

    with files.building(ARTIFACTS / "evaluation") as folder:
        answers = [AnswerRow(scored.row.language, scored.predicted) for scored in scores["test"]]
        tables.write(folder / "confusion.csv", AnswerRow, answers)
        tables.write(folder / "det.csv", DetRow, det(scores["test"], description))
        tables.write(folder / "stream.csv", StreamRow, streams(scores["test"], description))
        shown = examples.write(folder, examples.choose(scores["test"]), network)
        tables.write(folder / "examples.csv", ExampleRow, shown)
        evaluation.write_recordings(folder / "recordings.csv", scores["test"], description.classes)
        evaluation.write_recordings(folder / "other_recordings.csv", scores[OTHER], description.classes)
        checksums.write_json(folder / "metrics.json", summary | {OTHER: other})
        checksums.seal(folder)
    terminal.show_table(*table(scores["test"], description.languages))
    print(sentences(summary))
    if other:
        terminal.show_table(*table(scores[OTHER], spoken_in(scores[OTHER], description)))
        print(f"held-out sources: {sentences(other)}")
    unheard = sources.sentence(other and other["by_source"])
    for sentence in evaluation.proven([*scores["test"], *scores[OTHER]], description.tolerance):
        print(sentence)
    print(f"speakers not heard before: macro recall {summary['macro_recall']:.1%}; {unheard}")


if __name__ == "__main__":
    run(main)
