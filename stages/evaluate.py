"""evaluate: score the exported network on the test speakers, as a stream of their audio."""

from pipeline import checksums, tables
from pipeline.audio.wav import Wav
from pipeline.console import terminal
from pipeline.errors import ArtifactError
from pipeline.scoring import evaluation
from pipeline.scoring.offline import OfflineNetwork
from pipeline.scoring.summary import det, summarise, table
from pipeline.store.feature_store import FeatureStore
from pipeline.streaming import runtimes
from pipeline.streaming.description import Description
from pipeline.streaming.identifier import Identifier
from pipeline.tables import AnswerRow, DetRow, RecordingRow, SplitRow
from stages import ARTIFACTS, run

MODEL = ARTIFACTS / "streaming"


def main() -> None:
    description = Description.read(MODEL)
    store = FeatureStore.open(ARTIFACTS / "features.zarr")
    rows = store.computed(tables.of_languages(ARTIFACTS / "splits" / "test.csv", SplitRow, description.languages))
    path = ARTIFACTS / "ingest" / "recordings.csv"
    wavs = {row.recording: Wav.of(row, ARTIFACTS / "audio") for row in tables.read(path, RecordingRow)}
    if missing := [row.recording for row in rows if row.recording not in wavs]:
        raise ArtifactError(f"{path} has no {missing[0]!r} of the test split; run `dvc repro`")

    network = OfflineNetwork(store, runtimes.load(MODEL, "litert", description.states).stream(), description)
    identifier = Identifier.load(MODEL) if description.streaming else None
    progress, scores = terminal.Progress("evaluate", len(rows), "recordings"), []
    for row in rows:
        scores.append(evaluation.score(row, wavs[row.recording], network, identifier))
        progress.update(1)
    summary = summarise(scores, network.drift(rows), description)

    folder = ARTIFACTS / "evaluation"
    answers = [AnswerRow(scored.row.language, scored.predicted) for scored in scores]
    tables.write(folder / "confusion.csv", AnswerRow, answers)
    tables.write(folder / "det.csv", DetRow, det(scores, description.languages))
    evaluation.write_recordings(folder / "recordings.csv", scores, description.classes)
    checksums.write_json(folder / "metrics.json", summary)
    checksums.seal(folder)
    terminal.show_table(*table(scores, description.languages))
    seconds = summary["stream"]["seconds_until_right"]
    low, high = summary["intervals"]["recording_accuracy"] or (0, 1)
    print(
        f"{summary['recordings']} recordings of {summary['speakers']} speakers: {summary['recording_accuracy']:.1%} "
        f"right (95 % interval {low:.1%} to {high:.1%}), frame accuracy {summary['frame_accuracy']:.1%}, "
        f"C_avg {summary['c_avg']:.3f}\n"
        f"{'never right to the end' if seconds is None else f'right to the end after {seconds} s (median)'}, "
        f"{summary['stream']['changes_of_mind']:.1f} changes of the decision per recording"
    )


if __name__ == "__main__":
    run(main)
