"""golden.npz: difficult audio and the answers of the offline stages, to verify any copy of an export."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import checksums
from pipeline.arrays import Features, Posteriors, Waveform
from pipeline.audio.resample import Resampler, resampled
from pipeline.errors import ArtifactError, ExportError
from pipeline.mfcc.kernel import Kernel
from pipeline.mfcc.stream import Framer
from pipeline.streaming import reference, runtimes
from pipeline.streaming.description import DESCRIPTION, EXPORT_REMEDY, FRONT_END, GOLDEN, Description
from pipeline.streaming.identifier import Identifier
from pipeline.streaming.reference import Reference
from pipeline.streaming.runtimes import RUNTIMES, Name

if TYPE_CHECKING:
    from keras import Model

CHUNKS_SAMPLES = (1, 159, 160, 161, 7, 1000, 4096)  # sizes, in turn: frames begin and end inside chunks
MFCC_TOLERANCE = 1e-3  # of values up to some hundreds: float32, and BLAS sums blocks of frames in a different order


class Differences(NamedTuple):
    """Between the stream of a runtime and the offline stages, over all frames of all inputs.

    Attributes
    ----------
    flags
        Number of speech flags that differ.
    mfcc, posterior
        Largest difference; infinite if frames are missing.
    """

    flags: float
    mfcc: float
    posterior: float


def inputs() -> Iterator[tuple[str, int, Waveform]]:
    """Name, sample rate and samples of every input, all drawn from one seed."""
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


def record(folder: Path, trained: "Model", kernel: Kernel, description: Description) -> None:
    """Write every input with its MFCCs, flags and posteriors, computed offline, without a stream."""

    def predict(features: Features) -> Posteriors:
        posteriors: Posteriors = trained.predict(features[None], verbose=0)[0]
        return posteriors

    arrays: dict[str, NDArray[Any]] = {}
    for name, rate, audio in inputs():
        samples = np.concatenate(list(resampled([audio], rate, description.sample_rate)))
        wanted = reference.compute(samples, kernel, description, predict)
        arrays |= {
            f"{name}/rate": np.asarray(rate),
            f"{name}/audio": audio,
            f"{name}/mfcc": wanted.features,
            f"{name}/speech": wanted.speech,
            f"{name}/posterior": wanted.posteriors,
        }
    np.savez(folder / GOLDEN, allow_pickle=False, **arrays)


def verify(folder: Path) -> dict[Name, Differences]:
    """Compare all files of a copy of an export with their checksums, then `replay` every runtime that is installed.

    Raises
    ------
    ArtifactError
        If a file is missing or altered, or no runtime is installed.
    """
    files = [runtime.file for runtime in RUNTIMES.values()]
    checksums.check(folder, [DESCRIPTION, FRONT_END, GOLDEN, *files], EXPORT_REMEDY)
    found = {name: replay(folder, name) for name in runtimes.installed()}
    if not found:
        raise ArtifactError("no runtime is installed; install ai-edge-litert, onnxruntime or tensorflow")
    return found


def replay(folder: Path, runtime: Name) -> Differences:
    """Stream every input through a runtime, in chunks of many sizes, and compare it with the recorded answers."""
    checksums.check(folder, [GOLDEN], EXPORT_REMEDY)
    first = Identifier.load(folder, runtime)
    streams: dict[int, Identifier] = {}
    found = []
    with np.load(folder / GOLDEN, allow_pickle=False) as golden:
        for name in dict.fromkeys(key.partition("/")[0] for key in golden.files):
            rate = int(golden[f"{name}/rate"])
            stream = streams.setdefault(rate, first.stream(rate))
            stream.reset_states()  # tested as well: the inputs of one rate share a stream
            wanted = Reference(golden[f"{name}/mfcc"], golden[f"{name}/speech"], golden[f"{name}/posterior"])
            found.append(_compare(_stream(stream, golden[f"{name}/audio"]), wanted))
    flags, mfcc, posterior = zip(*found, strict=True)
    return Differences(sum(flags), max(mfcc), max(posterior))


def check(found: Mapping[Name, Differences], tolerance: float) -> None:
    """Refuse exports that do not answer like the trained network on whole recordings.

    Raises
    ------
    ExportError
        Naming the format, its largest difference, and the largest allowed.
    """
    limits = Differences(0, MFCC_TOLERANCE, tolerance)
    for name, differences in found.items():
        for quantity, limit in limits._asdict().items():
            difference = getattr(differences, quantity)
            if not difference <= limit:  # NaN is a difference as well
                raise ExportError(
                    f"{RUNTIMES[name].file} is off by {difference:.2g} in {quantity}, more than {limit:g} "
                    "(export.tolerance, for posteriors); export again, or raise it if you can accept that"
                )


def table(found: Mapping[Name, Differences]) -> tuple[list[str], list[list[object]]]:
    """The differences of each format, as a header and rows to show."""
    rows: list[list[object]] = [
        [RUNTIMES[name].file, f"{differences.flags:g}", f"{differences.mfcc:.1e}", f"{differences.posterior:.1e}"]
        for name, differences in found.items()
    ]
    return ["format", "flags that differ", "largest MFCC difference", "largest posterior difference"], rows


def _stream(stream: Identifier, audio: Waveform) -> Reference:
    framer, resampler = Framer(stream.kernel), Resampler(stream.sample_rate, stream.description.sample_rate)
    frames, features, at, turn = [], [], 0, 0
    while at < len(audio):
        chunk = audio[at : at + CHUNKS_SAMPLES[turn % len(CHUNKS_SAMPLES)]]
        at, turn = at + len(chunk), turn + 1
        frames.append(stream.accept(chunk))
        features.append(framer.accept(resampler.accept(chunk)))
    frames.append(stream.finish())
    features += [framer.accept(resampler.finish()), framer.finish()]
    return Reference(
        np.concatenate(features),
        np.concatenate([part.speech for part in frames]),
        np.concatenate([part.posteriors for part in frames]),
    )


def _compare(found: Reference, wanted: Reference) -> Differences:
    same_length = found.speech.shape == wanted.speech.shape
    return Differences(
        float(np.sum(found.speech != wanted.speech)) if same_length else np.inf,
        _difference(found.features, wanted.features),
        _difference(found.posteriors, wanted.posteriors),
    )


def _difference(found: Features | Posteriors, wanted: Features | Posteriors) -> float:
    if found.shape != wanted.shape or not np.array_equal(np.isnan(found), np.isnan(wanted)):
        return float("inf")
    return float(np.nanmax(np.abs(found - wanted), initial=0.0)) if found.size else 0.0
