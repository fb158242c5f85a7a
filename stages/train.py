"""train: fit the Keras network to the training manifest."""

import dataclasses
import hashlib

from pipeline import augment, backend, checksums, programs, tables
from pipeline.cache import Cache
from pipeline.dataset import views
from pipeline.network.definition import Division, make_architecture
from pipeline.rows import EpochRow
from pipeline.store.feature_store import FeatureStore
from pipeline.training import fitting, history
from pipeline.training.checkpoints import Checkpoints
from stages import ARTIFACTS, building, read_params, run


def main() -> None:
    settings = read_params("train")
    programs.require("dot")  # draws the network once it is trained
    store = FeatureStore.open(ARTIFACTS / "features.zarr")
    manifests = ARTIFACTS / "manifests"
    division = Division.read(checksums.read_json(manifests / "summary.json"))

    strategy, languages = settings.silence.strategy, settings.trained_languages
    train, val = (
        store.select(manifest=manifests / f"{name}.csv").view(strategy, languages) for name in ("train", "val")
    )
    classes = views.classes(strategy, languages)
    architecture = make_architecture(settings.model, classes, division, *fitting.moments(train), view=strategy)
    change = augment.chain(
        settings.augment, settings.mfcc, settings.audio.sample_rate, settings.seed, architecture.stride
    )
    content = {
        "features": store.id,
        "manifests": [
            hashlib.sha256((manifests / f"{name}.csv").read_bytes()).hexdigest() for name in ("train", "val")
        ],
        "architecture": dataclasses.asdict(architecture),
        "settings": [dict(section) for section in (settings.train, settings.augment, settings.mfcc)],
        "seed": settings.seed,
    }
    checkpoints = Checkpoints(Cache(), content, ARTIFACTS / "model" / "history.csv")
    with building("model") as folder:
        model, epochs = fitting.fit(
            architecture, division, train, val, settings.train, settings.seed, change, checkpoints
        )
        architecture.write(folder / "architecture.json")
        model.save(folder / "sequence.keras")
        tables.write(folder / "history.csv", EpochRow, epochs)
        backend.keras().utils.plot_model(model, folder / "model.png", show_shapes=True, show_layer_names=True, dpi=120)
    best = history.best_epoch(history.by_network(epochs)[-1])
    print(f"{model.count_params():,} weights; best of {len(epochs)} epochs: {best.epoch}, {best.val_loss:.3f}")


if __name__ == "__main__":
    run(main)
