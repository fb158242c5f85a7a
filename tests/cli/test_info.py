"""`lid info` counts the contents of a feature store."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.cli.info import LanguageSummary, summarise
from pipeline.errors import ArtifactError
from pipeline.store.feature_store import FeatureStore
from tests.stores import build


def test_a_summary_counts_recordings_speakers_and_time_per_language(tmp_path: Path) -> None:
    path = tmp_path / "features.zarr"
    attributes = {"mfcc": {"hop_length": 160}, "sample_rate": 16000, "versions": {"numpy": "1.2.3"}}
    languages, speakers = ["hindi", "english", "hindi"], ["s1", "s2", "s1"]
    mfcc, speech, lengths = np.zeros((18_000, 13), np.float32), np.ones(18_000, bool), [6000, 3000, 9000]
    build(path, ["a", "b", "c"], languages, speakers, lengths, mfcc, speech, attributes, [range(2), range(2, 3)])

    summary = summarise(path)
    assert (summary.n_frames, summary.n_mfcc) == (18_000, 13)
    assert summary.hours == pytest.approx(0.05)
    assert summary.languages == (LanguageSummary("english", 1, 1, 0.5), LanguageSummary("hindi", 2, 1, 2.5))
    assert summary.size_bytes == sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    assert summary.made_with == {"hop_length": 160, "numpy": "1.2.3"}


def test_a_store_without_its_parameters_is_named(noisy: FeatureStore) -> None:
    with pytest.raises(ArtifactError, match=r"features\.zarr does not state its versions; run `dvc repro`"):
        summarise(Path(noisy.source.name))
