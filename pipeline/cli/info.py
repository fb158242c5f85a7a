"""`lid info`: the contents of a feature store in numbers."""

from pathlib import Path

import numpy as np

from pipeline.console.terminal import show_table
from pipeline.console.text import printable
from pipeline.errors import ArtifactError
from pipeline.store.feature_store import FeatureStore


def show(path: Path) -> None:
    """Print the size of a feature store, its recordings by language, and what it was made with.

    Raises
    ------
    ArtifactError
        If it can't be opened or lacks attributes.
    """
    store = FeatureStore.open(path)
    if missing := {"mfcc", "sample_rate", "versions"} - set(store.attributes):
        raise ArtifactError(f"{path} does not state its {min(missing)}; run `dvc repro` to write it again")
    n_frames, n_mfcc = int(store.lengths.sum()), store.mfcc.shape[1]
    size_bytes = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    print(
        f"{printable(path)}: {n_frames:,} frames of {n_mfcc} MFCCs, {n_frames * store.frame_s / 3600:.2f} h, "
        f"{size_bytes / 1e6:,.1f} MB\n"
    )
    languages, speakers = np.array(store.languages), np.array(store.speakers)
    rows = []
    for language in np.unique(languages):
        chosen = languages == language
        minutes = store.lengths[chosen].sum() * store.frame_s / 60
        rows.append([language, chosen.sum(), len(set(speakers[chosen])), f"{minutes:.1f}"])
    show_table(["language", "recordings", "speakers", "minutes"], rows)
    print()
    for name, value in (store.attributes["mfcc"] | store.attributes["versions"]).items():
        print(f"{name:12}  {value}")
