"""The features stage and lhotse's compute_and_store_features on the same WAV files, two jobs each, in the same run.

    pip install lhotse
    python -m benchmarks.with_lhotse --hours 3

lhotse computes MFCCs with PyTorch and stores them with lilcom, its defaults. Its time is that of the call alone, in a
process that has imported everything and listed the files; the stage is a whole process.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks import limits, scale
from pipeline.console import terminal

JOBS = 2


def main() -> None:
    given = scale.arguments(__doc__, 3.0)
    try:
        import lhotse  # noqa: F401
    except ImportError:
        print("lhotse is not installed; run `pip install lhotse`")
        return
    os.sched_setaffinity(0, range(JOBS))
    with tempfile.TemporaryDirectory(dir=given.work) as name:
        folder = Path(name)
        scale.build(folder / "corpus", given.hours, 0.0)
        project = scale.copy_project(folder / "project", folder / "corpus")
        scale.in_turn(project)
        shutil.rmtree(project / limits.CACHE)  # the second time, compiled code and the kernel are in the caches
        ours_s = scale.in_turn(project)["features"]
        theirs_s = by_lhotse(project / "artifacts" / "audio", folder / "lhotse")
    rows = [["features", f"{ours_s:.1f}", f"{theirs_s / ours_s:.2f}"], ["lhotse", f"{theirs_s:.1f}", "1.00"]]
    terminal.show_table(["", "s", "x lhotse"], rows)


def by_lhotse(audio: Path, storage: Path) -> float:
    """Seconds for the features of all WAV files."""
    import torch
    from lhotse import CutSet, Mfcc, MfccConfig, RecordingSet

    torch.set_num_threads(1)  # per job, as lhotse advises
    recordings = RecordingSet.from_dir(audio, "*.wav", num_jobs=JOBS)
    extractor = Mfcc(MfccConfig(sampling_rate=16000, num_ceps=64, num_filters=64))
    cuts = CutSet.from_manifests(recordings=recordings)
    began = time.perf_counter()
    cuts.compute_and_store_features(extractor, storage, num_jobs=JOBS)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
