"""Raw audio in chunks of any size gives what the offline stages compute, frame by frame."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from pipeline import backend, export, mfcc, network, params, runtimes, sequences, silence
from pipeline.audio import Resampler, Samples
from pipeline.errors import ArtifactError, AudioError
from pipeline.streaming import Decision, Description, Identifier

LANGUAGES = ("english", "hindi", "mandarin")
STRATEGIES = ("none", "remove", "mask", "label")
FEW = params.Mfcc(n_mfcc=13, n_fft=400, hop_length=160, n_mels=20, fmin=0.0, fmax=None, top_db=None)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, defaults: params.Params) -> dict[str, Path]:
    """An exported network with random weights for every silence strategy; LSTM for two of them."""
    backend.keras().utils.set_random_seed(3)
    made = {}
    for strategy in STRATEGIES:
        made[strategy] = tmp_path_factory.mktemp(strategy)
        model = params.Model(
            cell="lstm" if strategy in ("remove", "label") else "gru", units=(8,), dense=(), dropout=0.0, noise=0.0
        )
        classes = sequences.classes(strategy, LANGUAGES)
        architecture = network.design(model, classes, None, np.zeros(13), np.full(13, 400.0))
        trained = network.sequence(architecture)
        trained.save(made[strategy] / "sequence.keras")
        export.export(
            trained,
            architecture,
            made[strategy],
            languages=LANGUAGES,
            sample_rate=16000,
            mfcc=FEW,
            silence=defaults.silence.model_copy(update={"strategy": strategy}),
            tolerance=1e-4,
            streams=True,
        )
    return made


def offline(heard: Samples, strategy: params.Strategy, folder: Path) -> tuple[silence.Flags, mfcc.Features]:
    """Speech flags and posteriors as trim, features, balance and the sequence model have them."""
    frames = mfcc.frame_count(len(heard), 160)
    settings = params.load(Path(__file__).parents[1] / "params.yaml").silence
    spans = silence.tidy(silence.kept_spans([heard], 16000, settings.threshold), len(heard), 16000, settings)
    flags = silence.flags(spans, len(heard), 160, 0, frames)
    features = mfcc.whole(mfcc.kernel(FEW, 16000), heard)
    rows = sequences.view(strategy, flags, 0, len(LANGUAGES)).rows
    posteriors = np.full((frames, len(sequences.classes(strategy, LANGUAGES))), np.nan, np.float32)
    if len(rows):
        posteriors[rows] = export.load(folder / "sequence.keras").predict(features[rows][None], verbose=0)[0]
    return flags, posteriors


@profile(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    samples=st.one_of(st.sampled_from([0, 1, 160, 5000]), st.integers(0, 25_000)),
    rate=st.sampled_from([8000, 16000, 48000]),
    most=st.sampled_from([7, 160, 4000, 1_000_000]),
    strategy=st.sampled_from(STRATEGIES),
)
def test_the_stream_equals_the_offline_stages(
    babble: Callable[[int, int], Samples],
    folders: dict[str, Path],
    seed: int,
    samples: int,
    rate: int,
    most: int,
    strategy: params.Strategy,
) -> None:
    samples = min(samples, 500 * most)
    audio = babble(seed, samples).astype(np.float32) / 32768
    resampler, rng = Resampler(rate, 16000), np.random.default_rng(seed)
    heard = np.concatenate([resampler.accept(audio), resampler.finish()])
    flags, posteriors = offline(heard, strategy, folders[strategy])

    stream, found, at = Identifier.load(folders[strategy], sample_rate=rate), [], 0
    while at < samples:
        chunk = audio[at : at + int(rng.integers(1, most + 1))]
        at += len(chunk)
        found.append(stream.accept(chunk))
    found.append(stream.finish())
    np.testing.assert_array_equal(np.concatenate([frames.speech for frames in found]), flags)
    answers = np.concatenate([frames.posteriors for frames in found])
    np.testing.assert_allclose(answers, posteriors, atol=1e-4)
    assert [frames.first for frames in found] == np.cumsum([0, *(len(frames.speech) for frames in found)])[:-1].tolist()

    decision = Decision(stream.description.classes, LANGUAGES)
    decision.accept(posteriors[flags], np.flatnonzero(flags))
    assert stream.decision.frames == decision.frames == int(flags.sum())
    np.testing.assert_allclose(stream.decision.posteriors, decision.posteriors, atol=1e-3)


def test_two_hours_through_one_stream_keep_memory_flat_and_answers_finite(
    babble: Callable[[int, int], Samples], folders: dict[str, Path]
) -> None:
    import resource

    minute = babble(11, 60 * 16000).astype(np.float32) / 32768
    stream = Identifier.load(folders["label"])
    first = stream.accept(minute).posteriors
    for _ in range(10):
        stream.accept(minute)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(110):
        assert np.isfinite(stream.accept(minute).posteriors).all()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB; two hours of frames are 37 MB
    stream.reset_states()
    np.testing.assert_array_equal(stream.accept(minute).posteriors, first)


def test_after_a_reset_the_answers_are_those_of_a_new_stream(
    babble: Callable[[int, int], Samples], folders: dict[str, Path]
) -> None:
    audio = babble(4, 40_000).astype(np.float32) / 32768
    stream = Identifier.load(folders["mask"])
    first = [stream.accept(audio), stream.finish()]
    stream.reset_states()
    again = [stream.accept(audio), stream.finish()]
    for one, other in zip(first, again, strict=True):
        assert one.first == other.first
        np.testing.assert_array_equal(one.posteriors, other.posteriors)


def test_bad_chunks_are_refused_and_the_stream_goes_on(
    babble: Callable[[int, int], Samples], folders: dict[str, Path]
) -> None:
    audio = babble(5, 20_000).astype(np.float32) / 32768
    wanted = Identifier.load(folders["mask"]).accept(audio)
    stream = Identifier.load(folders["mask"])
    for chunk, said in [
        (np.array([0.1, np.nan], np.float32), "NaN or infinity"),
        (np.array([0.1, np.inf], np.float32), "NaN or infinity"),
        (np.array([0.1, -1.5], np.float32), r"reach 1\.5"),
        (np.zeros(10, np.int16), "int16"),
        (np.zeros((10, 2), np.float32), r"\(10, 2\)"),
        ([0.1, 0.2], "list"),
    ]:
        with pytest.raises(AudioError, match=said):
            stream.accept(chunk)  # type: ignore[arg-type]
    np.testing.assert_array_equal(stream.accept(audio).posteriors, wanted.posteriors)
    stream.finish()
    with pytest.raises(AudioError, match="reset_states"):
        stream.accept(audio)
    stream.reset_states()
    np.testing.assert_array_equal(stream.accept(audio).posteriors, wanted.posteriors)


def test_an_altered_or_missing_file_is_named(folders: dict[str, Path], tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(folders["mask"], copy)
    Identifier.load(copy)
    with (copy / "model.tflite").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ArtifactError, match=r"model\.tflite is not the file that streaming\.json describes"):
        Identifier.load(copy)
    (copy / "frontend.npz").unlink()
    with pytest.raises(ArtifactError, match=r"frontend\.npz is missing"):
        Identifier.load(copy, "onnx")
    with pytest.raises(ArtifactError, match=r"streaming\.json can't be read"):
        Identifier.load(tmp_path)


def test_an_offline_model_does_not_stream(folders: dict[str, Path], tmp_path: Path) -> None:
    Description.read(folders["mask"]).model_copy(update={"streaming": False}).write(tmp_path)
    with pytest.raises(ArtifactError, match="it only scores, offline"):
        Identifier.load(tmp_path)


def test_streams_in_several_threads_answer_as_alone(
    babble: Callable[[int, int], Samples], folders: dict[str, Path]
) -> None:
    first = Identifier.load(folders["mask"])
    audio = [babble(seed, 30_000).astype(np.float32) / 32768 for seed in range(6)]

    def answers(number: int, stream: Identifier) -> mfcc.Features:
        parts = [stream.accept(audio[number][at : at + 997]) for at in range(0, 30_000, 997)]
        return np.concatenate([part.posteriors for part in [*parts, stream.finish()]])

    alone = [answers(number, first.stream()) for number in range(6)]
    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(answers, range(6), [first.stream() for _ in range(6)]))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_decision_is_the_mean_log_posterior_over_the_languages() -> None:
    decision = Decision(("a", "b", "silence"), ("a", "b"))
    assert (decision.language, decision.confidence, decision.frames) == (None, 0.0, 0)
    first = np.array([[0.2, 0.1, 0.7], [0.3, 0.4, 0.3]])
    decision.accept(first, np.array([3, 5]))
    mean = np.exp(np.log(first).mean(axis=0))
    np.testing.assert_allclose(decision.posteriors, mean / mean.sum())
    assert (decision.language, decision.since) == ("a", 3)
    decision.accept(np.array([[0.1, 0.8, 0.1], [0.5, 0.4, 0.1]]), np.array([6, 9]))
    assert (decision.language, decision.since, decision.frames) == ("b", 6, 4)
    assert decision.confidence == pytest.approx(decision.posteriors[1])


@pytest.mark.parametrize("runtime", ["litert", "onnx"])
def test_a_stream_needs_no_tensorflow(folders: dict[str, Path], project: Path, runtime: runtimes.Name) -> None:
    code = (
        "import sys, numpy as np; from pipeline.streaming import Identifier;"
        f"stream = Identifier.load({str(folders['mask'])!r}, {runtime!r});"
        "stream.accept(np.zeros(16000, np.float32)); stream.finish();"
        "print([name for name in ('tensorflow', 'keras', 'librosa', 'numba') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
