"""evaluate: score the exported network on the test speakers and on held-out sources, and prove its stream equal."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline import checksums, cluster, tables
from pipeline.audio.samples import to_waveform
from pipeline.audio.wav import Reader, Wav
from pipeline.console import terminal
from pipeline.errors import ArtifactError
from pipeline.rows import OPEN, OTHER, AnswerRow, DetRow, ExampleRow, RecordingRow, SplitRow, StreamRow
from pipeline.scoring import evaluation, examples, job, metrics, open_set, sounds, sources, splices
from pipeline.scoring.evaluation import RecordingScore
from pipeline.scoring.job import Recording
from pipeline.scoring.offline import OfflineNetwork
from pipeline.scoring.summary import det, sentences, spoken_in, streams, summarise, table
from pipeline.store.feature_store import FeatureStore
from pipeline.streaming import runtimes
from pipeline.streaming.description import Description
from pipeline.streaming.identifier import Identifier
from stages import ARTIFACTS, building, run

MODEL = ARTIFACTS / "streaming"
SEED = 0  # of the streams that are spliced, and of sounds
BABBLED = 40  # test recordings, of which babble is made


def main() -> None:
    cluster.warm(*job.MODULES)
    description, features = Description.read(MODEL), ARTIFACTS / "features.zarr"
    store = FeatureStore.open(features)
    test = tables.of_languages(ARTIFACTS / "splits" / "test.csv", SplitRow, description.languages)
    held = {name: tables.read(ARTIFACTS / "splits" / f"{name}.csv", SplitRow) for name in (OTHER, OPEN)}
    sets = {"test": test, **held}
    sets = {name: store.computed(rows) for name, rows in sets.items()}
    rows = [row for rows in sets.values() for row in rows]
    path, wanted = ARTIFACTS / "ingest" / "recordings.csv", {row.recording for row in rows}
    wavs = {
        row.recording: Wav.of(row, ARTIFACTS / "audio")
        for row in tables.scan(path, RecordingRow)
        if row.recording in wanted
    }
    if missing := [row.recording for row in rows if row.recording not in wavs]:
        raise ArtifactError(f"{path} has no {missing[0]!r} of the test split; run `dvc repro`")

    proven = set(np.linspace(0, len(rows) - 1, job.PROVEN).astype(int).tolist())
    recordings = [Recording(row, wavs[row.recording] if number in proven else None) for number, row in enumerate(rows)]
    with cluster.connect(*job.MODULES) as client:
        found = iter(job.run(client, recordings, features, MODEL))
        scores = {name: list(itertools.islice(found, len(rows))) for name, rows in sets.items()}
        lengths, frame_s = store.n_frames, description.frame_s
        spliced = splices.long(sets["test"], lengths, frame_s) + splices.draw(sets["test"], lengths, frame_s, SEED)
        turns = [one for [one] in job.measured(client, spliced, features, MODEL, [description.turns])]
    network = OfflineNetwork(store, runtimes.load(MODEL, "onnx", description.states), description)
    summary = summarise(scores["test"], description)
    shown = metrics.ranked(spoken_in(scores["test"], description), summary["recall"])[: metrics.MANY]
    summary["stream"]["drift_by_minute"] = network.drift(sets["test"], shown)
    summary["timeline"] = splices.summary(turns)
    unknown = [*scores[OPEN], *_sounds([wavs[row.recording] for row in sets["test"]], description)]
    summary["open_set"] = open_set.summary(scores["test"], unknown)
    summary[OTHER] = summarise(scores[OTHER], description) if scores[OTHER] else None

    with building("evaluation") as folder:
        answers = [AnswerRow(scored.row.language, scored.predicted) for scored in scores["test"]]
        tables.write(folder / "confusion.csv", AnswerRow, answers)
        tables.write(folder / "det.csv", DetRow, det(scores["test"], description))
        tables.write(folder / "stream.csv", StreamRow, streams(scores["test"], description))
        chosen = examples.write(folder, examples.choose(scores["test"]), network)
        tables.write(folder / "examples.csv", ExampleRow, chosen)
        evaluation.write_recordings(folder / "recordings.csv", scores["test"], description.classes)
        for name, others in ((OTHER, scores[OTHER]), (OPEN, unknown)):
            evaluation.write_recordings(folder / f"{name}_recordings.csv", others, description.classes)
        checksums.write_json(folder / "metrics.json", summary)
    _show(scores, summary, description)


def _show(scores: dict[str, list[RecordingScore]], summary: dict[str, Any], description: Description) -> None:
    terminal.show_table(*table(scores["test"], description.languages))
    print(sentences(summary))
    print(splices.sentence(summary["timeline"]))
    if summary["open_set"]:
        terminal.show_table(*open_set.table(summary["open_set"]))
    print(open_set.sentence(summary["open_set"]))
    if other := summary[OTHER]:
        terminal.show_table(*table(scores[OTHER], spoken_in(scores[OTHER], description)))
        print(f"held-out sources: {sentences(other)}")
    for sentence in evaluation.proven(list(itertools.chain(*scores.values())), description.tolerance):
        print(sentence)
    unheard = sources.sentence(other and other["by_source"])
    print(f"speakers not heard before: macro recall {summary['macro_recall']:.1%}; {unheard}")


def _sounds(wavs: Sequence[Wav], description: Description) -> list[RecordingScore]:
    """Score synthesised sounds, and babble of evenly chosen recordings; none if the export can't stream."""
    if not description.streaming:
        return []
    chosen = np.unique(np.linspace(0, len(wavs) - 1, BABBLED).astype(int))
    length = round(sounds.SECONDS * description.sample_rate)
    voices = [to_waveform(Reader(wavs[number])(0, length)) for number in chosen]
    return list(open_set.score_sounds(Identifier.load(MODEL, "onnx"), SEED, voices))


if __name__ == "__main__":
    run(main)
