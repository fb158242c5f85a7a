"""Share of near-duplicates that are found, false links, and time next to the MFCCs of the same audio.

    python -m benchmarks.duplicates                     # the demo corpus
    python -m benchmarks.duplicates --corpus FOLDER     # every audio file below a folder

All recordings are searched together with a changed copy of each, one kind of change at a time. A false link joins
recordings of different speakers, by the corpus's own speakers.csv or metadata.csv; without these, different recordings.
Links of one voice are no false ones: it may have said the same again.
"""

import argparse
import csv
import io
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
from threadpoolctl import threadpool_limits

from pipeline import params
from pipeline.arrays import Samples
from pipeline.audio.decode import decode
from pipeline.audio.resample import resampled
from pipeline.audio.samples import to_samples, to_waveform
from pipeline.console import terminal
from pipeline.errors import AudioError
from pipeline.fingerprint import matching
from pipeline.fingerprint.landmarks import Landmarker
from pipeline.fingerprint.matching import Landmarks
from pipeline.mfcc.kernel import make_kernel
from pipeline.mfcc.recording import whole

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "artifacts" / "data" / "demo"
RATE_HZ = 16000
SNR_DB = 20
TASK_RECORDINGS = 500
SHORTEST_S = 2.5  # recordings whose copies are searched for
COMMON_S = 1.6  # of speech, from which copies are expected to be found


def quieter(samples: Samples) -> Samples:
    """Return the recording at −6 dB."""
    return to_samples(to_waveform(samples) * np.float32(10 ** (-6 / 20)))


def as_mp3(samples: Samples) -> Samples:
    """Return the recording as MP3 gives it back."""
    file = io.BytesIO()
    soundfile.write(file, to_waveform(samples), RATE_HZ, format="MP3")
    file.seek(0)
    return to_samples(soundfile.read(file, dtype="float32")[0])


def at_8_khz(samples: Samples) -> Samples:
    """Return the recording resampled to 8 kHz and back."""
    return to_samples(soxr.resample(soxr.resample(to_waveform(samples), RATE_HZ, 8000), 8000, RATE_HZ))


def noisy(samples: Samples) -> Samples:
    """Return the recording with white noise, 20 dB below it."""
    waveform = to_waveform(samples)
    level = np.sqrt(np.mean(np.square(waveform)) / 10 ** (SNR_DB / 10))
    seed = zlib.crc32(samples.tobytes())  # recordings of one length would share the noise, and be linked by it
    noise = np.random.default_rng(seed).normal(0, level, len(samples))
    return to_samples(waveform + noise.astype(np.float32))


def later(seconds: float) -> Callable[[Samples], Samples]:
    """Remove the start of a recording."""
    return lambda samples: samples[round(seconds * RATE_HZ) :]


def padded(samples: Samples) -> Samples:
    """Return the recording after half a second of zeros."""
    return np.concatenate([np.zeros(RATE_HZ // 2, np.int16), samples])


CHANGES: dict[str, Callable[[Samples], Samples]] = {
    "−6 dB": quieter,
    "MP3": as_mp3,
    "8 kHz": at_8_khz,
    "20 dB noise": noisy,
    "0.31 s removed": later(0.31),
    "0.5 s removed": later(0.5),
    "0.77 s removed": later(0.77),
    "2.3 s removed": later(2.3),
    "0.5 s of zeros before": padded,
    "MP3, 0.31 s removed": lambda samples: later(0.31)(as_mp3(samples)),
    "8 kHz, −6 dB, 0.5 s removed": lambda samples: later(0.5)(quieter(at_8_khz(samples))),
    "20 dB noise, 0.31 s removed": lambda samples: later(0.31)(noisy(samples)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", type=Path, default=DEMO)
    given = parser.parse_args()
    files = load(given.corpus)
    recordings, speakers = [*files.values()], speakers_of(given.corpus, list(files))
    if not recordings:
        sys.exit(f"error: there is no audio below {given.corpus}; run `dvc repro` first or name another folder")
    with threadpool_limits(1):
        found = landmarks(recordings)
        links = matching.find(found)
        false = sum(speakers[link.first] != speakers[link.second] for link in links)
        hours = sum(map(len, recordings)) / RATE_HZ / 3600
        print(f"{len(recordings)} recordings, {hours:.2f} hours, {len(links)} links, {false} of different speakers")
        terminal.show_table(
            ["copy", "pairs", "found", f"found of {COMMON_S} s or more", "fewest matches", "false links"],
            [[name, *detection(recordings, found, speakers, change)] for name, change in CHANGES.items()],
        )
        show_times(recordings, hours)


def load(folder: Path) -> dict[Path, Samples]:
    """Decode every audio file below a folder."""
    recordings = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            decoded = decode(path)
            recordings[path] = np.concatenate([*resampled(decoded.mono, decoded.sample_rate, RATE_HZ)])
        except AudioError:
            continue  # a table, a licence
    return recordings


def speakers_of(folder: Path, paths: Sequence[Path]) -> list[str]:
    """The speaker of each recording, or its path if no table lists it."""
    table: dict[str, str] = {}
    for path in (folder / "speakers.csv", folder / "metadata.csv"):
        if path.is_file():
            with path.open(encoding="utf-8", newline="") as file:
                table |= {row["path"]: row["speaker"] for row in csv.DictReader(file)}
    return [table.get(path.relative_to(folder).as_posix(), str(path)) for path in paths]


def landmarks(recordings: Sequence[Samples]) -> list[Landmarks]:
    landmarker = Landmarker(RATE_HZ)
    for samples in recordings:
        landmarker.start()
        landmarker.accept(samples)
    return landmarker.finish()


def detection(
    recordings: Sequence[Samples],
    originals: Sequence[Landmarks],
    speakers: Sequence[str],
    change: Callable[[Samples], Samples],
) -> list[object]:
    """Search for changed copies of the recordings among all of them: a row of the table."""
    tried = [number for number, samples in enumerate(recordings) if len(samples) >= SHORTEST_S * RATE_HZ]
    copies = [change(recordings[number]) for number in tried]
    of = [*range(len(recordings)), *tried]
    linked = matching.find([*originals, *landmarks(copies)])
    false = sum(speakers[of[link.first]] != speakers[of[link.second]] for link in linked)
    labels = matching.components(len(of), linked)
    found = np.array([labels[len(recordings) + place] == labels[number] for place, number in enumerate(tried)])
    long = np.array([len(samples) >= COMMON_S * RATE_HZ for samples in copies])
    fewest = min((link.matches for link in linked if of[link.first] == of[link.second]), default=0)
    return [len(tried), f"{found.mean():.1%}", f"{found[long].mean():.1%}", fewest, false]


def show_times(recordings: Sequence[Samples], hours: float) -> None:
    kernel = make_kernel(params.load(ROOT / "params.yaml").mfcc, RATE_HZ)
    whole(kernel, recordings[0])
    seconds = {"MFCCs": 0.0, "landmarks": 0.0}
    found = []
    for at in range(0, len(recordings), TASK_RECORDINGS):  # in turns, so that both see the same load of the machine
        task = recordings[at : at + TASK_RECORDINGS]
        began = time.perf_counter()
        for samples in task:
            whole(kernel, samples)
        between = time.perf_counter()
        found += landmarks(task)
        seconds["MFCCs"] += between - began
        seconds["landmarks"] += time.perf_counter() - between
    began = time.perf_counter()
    matching.find(found)
    seconds["matching"] = time.perf_counter() - began
    terminal.show_table(
        ["one core", "ms per hour of audio", "of MFCCs"],
        [[name, f"{1000 * took / hours:.0f}", f"{took / seconds['MFCCs']:.1%}"] for name, took in seconds.items()],
    )


if __name__ == "__main__":
    main()
