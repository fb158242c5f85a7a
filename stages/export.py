"""export: write the trained network as a frame-by-frame network in four formats, checked against the offline stages."""

from pipeline import checksums, cluster, tables
from pipeline.console import terminal
from pipeline.dataset import views
from pipeline.errors import ArtifactError
from pipeline.export import formats, golden
from pipeline.network.definition import Architecture
from pipeline.rows import EqualityRow, SplitRow
from pipeline.scoring import calibration, job, splices
from pipeline.scoring.job import Recording
from pipeline.store.feature_store import FeatureStore
from pipeline.streaming.runtimes import RUNTIMES
from stages import ARTIFACTS, building, read_params, run


def main() -> None:
    cluster.warm(*job.MODULES)
    settings = read_params("export")
    trained = formats.load(ARTIFACTS / "model" / "sequence.keras")
    path = ARTIFACTS / "model" / "architecture.json"
    architecture = Architecture.read(path)
    strategy, n_mfcc = settings.silence.strategy, settings.mfcc.n_mfcc
    if (architecture.view, architecture.n_mfcc) != (strategy, n_mfcc):
        raise ArtifactError(
            f"{path} belongs to a network trained with silence.strategy {architecture.view!r} and mfcc.n_mfcc "
            f"{architecture.n_mfcc}, not with {strategy!r} and {n_mfcc}; run `dvc repro`"
        )
    tables.require_languages(path, architecture.classes, views.classes(strategy, settings.trained_languages))
    description = formats.describe(settings, architecture, trained.count_params())
    with building("streaming") as folder:
        formats.write(trained, architecture, description, folder)
        features = ARTIFACTS / "features.zarr"
        store = FeatureStore.open(features)
        rows = store.computed(tables.read(ARTIFACTS / "splits" / "val.csv", SplitRow))
        with cluster.connect(*job.MODULES) as client:
            scores = job.run(client, [Recording(row) for row in rows], features, folder, "calibrate")
            rule = calibration.fitted(description, scores, settings.decision.refuse)
            turns = [description.turns.model_copy(update={"temperature": each}) for each in splices.TEMPERATURES]
            streams = splices.draw(rows, store.n_frames, description.frame_s, settings.seed, splices.FITTED)
            fitted = splices.best(turns, job.measured(client, streams, features, folder, turns))
        description = description.model_copy(update={"decision": rule, "turns": fitted})
        description.write(folder)
        checksums.seal(folder)
        if not description.streaming:
            print("offline only: export.streaming is false")
            return
        found = [golden.replay(folder, name) for name in RUNTIMES]
        tables.write(folder / "equality.csv", EqualityRow, found)
        terminal.show_table(*golden.table(found))
        golden.check(found, description.tolerance)
    print(f"latency: at most {sum(description.latency_s.values()):.4g} s after the centre of a frame")


if __name__ == "__main__":
    run(main)
