"""golden.npz: tricky audio and what the offline stages make of it, with which any copy of an export proves itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline import checksums, mfcc
from pipeline.audio.resample import Resampler
from pipeline.dataset import views
from pipeline.errors import ArtifactError, ExportError
from pipeline.mfcc import Features, Framer, Kernel
from pipeline.silence.spans import Flags, frame_flags, kept_spans, tidy
from pipeline.streaming import runtimes
from pipeline.streaming.description import DESCRIPTION, FRONT_END, GOLDEN, Description
from pipeline.streaming.identifier import Identifier
from pipeline.streaming.runtimes import FILES, REMEDY, Name

if TYPE_CHECKING:
    from keras import Model

Audio = NDArray[np.float32]

CHUNKS = (1, 159, 160, 161, 7, 1000, 4096)  # samples, over and over: frames begin and end inside of them
MFCC_TOLERANCE = 1e-3  # of values up to some hundreds: float32, and BLAS sums blocks of frames in another order


def inputs() -> Iterator[tuple[str, int, Audio]]:
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


def record(folder: Path, trained: "Model", kernel: Kernel, about: Description) -> None:
    """Write the audio, MFCCs, flags and posteriors of every input, computed as the stages do, without a stream."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, rate, audio in inputs():
        resampler = Resampler(rate, about.sample_rate)
        heard = np.concatenate([resampler.accept(audio), resampler.finish()])
        features = mfcc.whole(kernel, heard)
        frames = len(features)
        spans = kept_spans([heard], about.sample_rate, about.silence.threshold)
        tidied = tidy(spans, len(heard), about.sample_rate, about.silence)
        flags = frame_flags(tidied, len(heard), kernel.hop_length, 0, frames)
        rows = views.view(about.silence.strategy, flags, 0, len(about.languages)).rows
        posteriors = np.full((frames, len(about.classes)), np.nan, np.float32)
        if len(rows):
            posteriors[rows] = trained.predict(features[rows][None], verbose=0)[0]
        of_one = {"rate": rate, "audio": audio, "mfcc": features, "speech": flags, "posterior": posteriors}
        arrays.update({f"{name}/{key}": np.asarray(value) for key, value in of_one.items()})
    np.savez(folder / GOLDEN, allow_pickle=False, **arrays)


def verify(folder: Path) -> dict[Name, dict[str, float]]:
    """Compare all files of a copy of an export with their checksums, then `replay` every runtime that is installed.

    Raises
    ------
    ArtifactError
        If a file is missing or altered, or no runtime is installed.
    """
    checksums.check(folder, [DESCRIPTION, FRONT_END, GOLDEN, *FILES.values()], REMEDY)
    worst = {name: replay(folder, name) for name in runtimes.installed()}
    if not worst:
        raise ArtifactError("no runtime is installed; install ai-edge-litert, onnxruntime or tensorflow")
    return worst


def replay(folder: Path, runtime: Name) -> dict[str, float]:
    """Stream every input through a runtime in chunks of many sizes.

    Returns
    -------
    Over all frames of all inputs: the number of speech `flags` that differ, and the largest difference of an `mfcc` and
    of a `posterior`; infinite where frames are missing.
    """
    checksums.check(folder, [GOLDEN], REMEDY)
    first = Identifier.load(folder, runtime)
    streams: dict[int, Identifier] = {}
    worst = {"flags": 0.0, "mfcc": 0.0, "posterior": 0.0}
    with np.load(folder / GOLDEN, allow_pickle=False) as golden:
        for name in dict.fromkeys(key.partition("/")[0] for key in golden.files):
            wanted = {key: golden[f"{name}/{key}"] for key in ("audio", "mfcc", "speech", "posterior")}
            rate = int(golden[f"{name}/rate"])
            stream = streams.setdefault(rate, first.stream(rate))
            stream.reset_states()  # proved with the rest: the inputs of a rate share one stream
            speech, features, posteriors = _stream(stream, wanted["audio"])
            worst["flags"] += (
                float(np.sum(speech != wanted["speech"])) if speech.shape == wanted["speech"].shape else np.inf
            )
            worst["mfcc"] = max(worst["mfcc"], _difference(features, wanted["mfcc"]))
            worst["posterior"] = max(worst["posterior"], _difference(posteriors, wanted["posterior"]))
    return worst


def check(worst: Mapping[Name, Mapping[str, float]], tolerance: float) -> None:
    """Refuse exports that answer otherwise than the trained network on whole recordings.

    Raises
    ------
    ExportError
        Naming the format, how far it is off, and what is allowed.
    """
    for name, found in worst.items():
        for what, most in (("flags", 0), ("mfcc", MFCC_TOLERANCE), ("posterior", tolerance)):
            if not found[what] <= most:  # NaN is no agreement
                raise ExportError(
                    f"{FILES[name]} is off by {found[what]:.2g} in {what}, more than {most:g} "
                    "(export.tolerance, for posteriors); export again, or raise it if you can live with that"
                )


def table(worst: Mapping[Name, Mapping[str, float]]) -> tuple[list[str], list[list[object]]]:
    """What `replay` found for each runtime, as a header and rows to show."""
    rows: list[list[object]] = [
        [FILES[name], f"{of_one['flags']:g}", f"{of_one['mfcc']:.1e}", f"{of_one['posterior']:.1e}"]
        for name, of_one in worst.items()
    ]
    return ["format", "flags that differ", "largest MFCC difference", "largest posterior difference"], rows


def _stream(stream: Identifier, audio: Audio) -> tuple[Flags, Features, Features]:
    framer, resampler = Framer(stream.kernel), Resampler(stream.sample_rate, stream.description.sample_rate)
    frames, features, at, turn = [], [], 0, 0
    while at < len(audio):
        chunk = audio[at : at + CHUNKS[turn % len(CHUNKS)]]
        at, turn = at + len(chunk), turn + 1
        frames.append(stream.accept(chunk))
        features.append(framer.accept(resampler.accept(chunk)))
    frames.append(stream.finish())
    features += [framer.accept(resampler.finish()), framer.finish()]
    return (
        np.concatenate([part.speech for part in frames]),
        np.concatenate(features),
        np.concatenate([part.posteriors for part in frames]),
    )


def _difference(found: Features, wanted: Features) -> float:
    if found.shape != wanted.shape or not np.array_equal(np.isnan(found), np.isnan(wanted)):
        return float("inf")
    return float(np.nanmax(np.abs(found - wanted), initial=0.0)) if found.size else 0.0
