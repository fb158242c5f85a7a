"""speakers: group similar voices as one speaker if corpus.speakers is cluster."""

from pipeline import tables, voices
from pipeline.rows import RecordingRow, VoiceRow
from pipeline.store.feature_store import FeatureStore
from stages import ARTIFACTS, building, run


def main() -> None:
    recordings = tables.read(ARTIFACTS / "ingest" / "recordings.csv", RecordingRow)
    unknown = [row for row in recordings if row.speaker_from == "cluster"]
    found = {}
    if unknown:
        store = FeatureStore.open(ARTIFACTS / "features.zarr")
        found = voices.speakers(unknown, voices.vectors(store, [row.recording for row in unknown]))
    with building("speakers") as folder:
        tables.write(folder / "voices.csv", VoiceRow, [VoiceRow(*pair) for pair in found.items()])
    if unknown:
        print(f"{len(unknown):,} recordings of unknown speakers: {len(set(found.values())):,} similar voices")
    else:
        print("not needed: corpus.speakers is not cluster")


if __name__ == "__main__":
    run(main)
