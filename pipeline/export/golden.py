"""golden.npz: difficult audio and the answers of the offline stages, to verify any copy of an export."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import checksums
from pipeline.arrays import Features, Posteriors, Waveform
from pipeline.audio.resample import Resampler, resampled
from pipeline.backend import Model
from pipeline.errors import ArtifactError, ExportError
from pipeline.mfcc.kernel import Kernel
from pipeline.mfcc.stream import Framer
from pipeline.rows import EqualityRow
from pipeline.streaming import reference, runtimes
from pipeline.streaming.description import DESCRIPTION, EXPORT_REMEDY, FRONT_END, GOLDEN, Description
from pipeline.streaming.identifier import Identifier, joined
from pipeline.streaming.reference import Reference
from pipeline.streaming.runtimes import RUNTIMES, Name

CHUNKS_SAMPLES = (1, 159, 160, 161, 7, 1000, 4096)  # sizes, in turn: frames begin and end inside chunks
ANSWERS = ("mfcc", "speech", "posterior")  # recorded for every input
MFCC_TOLERANCE = 1e-3  # of values up to some hundreds: float32, and BLAS sums blocks of frames in a different order


def inputs() -> Iterator[tuple[str, int, Waveform]]:
    """Yield name, sample rate and samples of every input, all drawn from one seed."""
    rng = np.random.default_rng(0)
    for rate in (8000, 16000, 48000):
        level = np.repeat(10 ** rng.uniform(-3.5, -1, 12), rate // 8)  # noise that goes on and off, 1.5 s
        yield f"bursts_{rate}", rate, (rng.standard_normal(len(level)) * level).clip(-1, 1).astype(np.float32)
    noise = rng.standard_normal(8000)
    yield "clipped", 16000, (3 * noise).clip(-1, 1).astype(np.float32)
    yield "constant", 16000, np.full(8000, 0.3, np.float32)
    yield "silent", 16000, np.zeros(8000, np.float32)
    yield "one_sample", 16000, np.ones(1, np.float32)
    yield "empty", 16000, np.zeros(0, np.float32)


def record(folder: Path, trained: Model, kernel: Kernel, description: Description) -> None:
    """Write every input with its MFCCs, flags and posteriors, computed offline, without a stream."""

    def predict(features: Features) -> Posteriors:
        return np.asarray(trained.predict(features[None], verbose=0)[0])

    arrays: dict[str, NDArray[Any]] = {}
    for name, rate, audio in inputs():
        samples = np.concatenate(list(resampled([audio], rate, description.sample_rate)))
        wanted = reference.compute(samples, kernel, description, predict)
        arrays |= {f"{name}/rate": np.asarray(rate), f"{name}/audio": audio}
        arrays |= {f"{name}/{part}": values for part, values in zip(ANSWERS, wanted, strict=True)}
    np.savez(folder / GOLDEN, allow_pickle=False, **arrays)


def verify(folder: Path) -> list[EqualityRow]:
    """Compare all files of a copy of an export with their checksums, then `replay` every runtime that is installed.

    Raises
    ------
    ArtifactError
        If a file is missing or altered, or no runtime is installed.
    """
    files = [runtime.file for runtime in RUNTIMES.values()]
    checksums.check(folder, [DESCRIPTION, FRONT_END, GOLDEN, *files], EXPORT_REMEDY)
    if not (installed := runtimes.installed()):
        raise ArtifactError("no runtime is installed; install ai-edge-litert, onnxruntime or tensorflow")
    return [replay(folder, name) for name in installed]


def replay(folder: Path, runtime: Name) -> EqualityRow:
    """Stream every input through a runtime, in chunks of many sizes, and compare it with the recorded answers.

    Returns
    -------
    The largest differences over all inputs; infinite if frames are missing.
    """
    checksums.check(folder, [GOLDEN], EXPORT_REMEDY)
    first = Identifier.load(folder, runtime)
    streams: dict[int, Identifier] = {}
    found = []
    with np.load(folder / GOLDEN, allow_pickle=False) as golden:
        for name in dict.fromkeys(key.partition("/")[0] for key in golden.files):
            rate = int(golden[f"{name}/rate"])
            stream = streams.setdefault(rate, first.stream(rate))
            stream.reset_states()  # tested as well: the inputs of one rate share a stream
            answers = zip(_stream(stream, golden[f"{name}/audio"]), ANSWERS, strict=True)
            found.append([_difference(given, golden[f"{name}/{part}"]) for given, part in answers])
    mfcc, flags, posterior = zip(*found, strict=True)
    return EqualityRow(RUNTIMES[runtime].file, sum(flags), max(mfcc), max(posterior))


def check(found: Iterable[EqualityRow], tolerance: float) -> None:
    """Refuse exports that do not answer like the trained network on whole recordings.

    Raises
    ------
    ExportError
        Naming the format, its largest difference, and the largest allowed.
    """
    for row in found:
        for quantity, limit in (("flags", 0), ("mfcc", MFCC_TOLERANCE), ("posterior", tolerance)):
            difference = getattr(row, quantity)
            if not difference <= limit:  # NaN is a difference as well
                off = f"{row.file} is off by {difference:.2g} in {quantity}, more than {limit:g}"
                accept = ", or raise export.tolerance if you can accept that" if quantity == "posterior" else ""
                raise ExportError(f"{off}; export again{accept}")


def table(found: Iterable[EqualityRow]) -> tuple[list[str], list[list[object]]]:
    """Return the differences of each format as a header and rows to show."""
    header = ["format", "flags that differ", "largest MFCC difference", "largest posterior difference"]
    return header, [[row.file, f"{row.flags:g}", f"{row.mfcc:.1e}", f"{row.posterior:.1e}"] for row in found]


def _stream(stream: Identifier, audio: Waveform) -> Reference:
    """Return the answers to audio in chunks of many sizes."""
    framer, resampler = Framer(stream.kernel), Resampler(stream.sample_rate, stream.description.sample_rate)
    ends = np.cumsum(np.resize(CHUNKS_SAMPLES, len(audio)))
    chunks = np.split(audio, ends[ends < len(audio)])
    whole = joined([*map(stream.accept, chunks), stream.finish()])
    features = [framer.accept(resampler.accept(chunk)) for chunk in chunks]
    features += [framer.accept(resampler.finish()), framer.finish()]
    return Reference(np.concatenate(features), whole.speech, whole.posteriors)


def _difference(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    """Return the number of flags that differ, or the largest difference of values; infinite if some are missing."""
    if found.shape != wanted.shape or not np.array_equal(np.isnan(found), np.isnan(wanted)):
        return float("inf")
    apart = np.nan_to_num(np.abs(np.subtract(found, wanted, dtype=np.float32)))
    return float(apart.sum() if found.dtype == np.bool_ else apart.max(initial=0))
