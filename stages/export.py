"""export: the trained network as a step-by-step one in four formats, proved equal."""

import numpy as np

from pipeline import export, params, runtimes, sequences, tables, terminal
from pipeline.network import Architecture
from pipeline.store import FeatureStore
from pipeline.tables import Sequence
from stages import ARTIFACTS, PARAMS, run

FRAMES = 500  # compared: five seconds of a validation recording, then as many of noise


def main() -> None:
    settings = params.load(PARAMS)
    trained = export.load(ARTIFACTS / "model" / "sequence.keras")
    architecture = Architecture.read(ARTIFACTS / "model" / "architecture.json")
    folder = ARTIFACTS / "streaming"
    description = export.export(
        trained,
        architecture,
        folder,
        languages=settings.corpus.languages,
        sample_rate=settings.audio.sample_rate,
        mfcc=settings.mfcc,
        silence=settings.silence,
    )

    store = FeatureStore.open(ARTIFACTS / "features.zarr")
    row = tables.read(ARTIFACTS / "manifests" / "val.csv", Sequence)[0]
    view = sequences.view(settings.silence.strategy, store.flags(row.recording), 0, len(settings.corpus.languages))
    heard = store.features(row.recording)[view.rows][:FRAMES]
    noise = np.random.default_rng(settings.seed).normal(heard.mean(axis=0), heard.std(axis=0), heard.shape)
    largest = export.differences(trained, folder, description.states, np.concatenate([heard, noise.astype(np.float32)]))
    terminal.show_table(
        ["format", "largest difference"],
        [[runtimes.FILES[name], f"{difference:.1e}"] for name, difference in largest.items()],
    )
    export.prove(largest, settings.export.tolerance)


if __name__ == "__main__":
    run(main)
