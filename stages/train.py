"""train: fit the Keras network to the training manifest."""

import dataclasses

from pipeline import backend, checksums, params, programs, tables
from pipeline.dataset import views
from pipeline.network.definition import make_architecture
from pipeline.network.ensemble import Ensemble
from pipeline.store.feature_store import FeatureStore
from pipeline.tables import EpochRow
from pipeline.training import fitting
from stages import ARTIFACTS, PARAMS, run


def main() -> None:
    settings = params.load(PARAMS)
    programs.require("dot")  # draws the network once it is trained
    store = FeatureStore.open(ARTIFACTS / "features.zarr")
    manifests = ARTIFACTS / "manifests"
    division = Ensemble.read(checksums.read_json(manifests / "summary.json"))

    strategy, languages = settings.silence.strategy, settings.corpus.languages
    train, val = (
        store.select(manifest=manifests / f"{name}.csv").view(strategy, languages) for name in ("train", "val")
    )
    classes = views.classes(strategy, languages)
    design = make_architecture(settings.model, classes, division, *fitting.moments(train))
    design = dataclasses.replace(design, view=strategy)
    model, history = fitting.fit(design, division, train, val, settings.train, settings.seed)

    folder = ARTIFACTS / "model"
    folder.mkdir(parents=True, exist_ok=True)
    design.write(folder / "architecture.json")
    model.save(folder / "sequence.keras")
    tables.write(folder / "history.csv", EpochRow, history)
    backend.keras().utils.plot_model(model, folder / "model.png", show_shapes=True, show_layer_names=True, dpi=120)
    checksums.seal(folder)
    best = min(history, key=lambda row: (-row.member, row.val_loss))
    print(f"{model.count_params():,} weights; best of {len(history)} epochs: {best.epoch}, {best.val_loss:.3f}")


if __name__ == "__main__":
    run(main)
