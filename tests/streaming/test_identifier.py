"""Raw audio in chunks of any size gives what the offline stages compute, frame by frame."""

import gc
import importlib.metadata
import os
import re
import resource
import shutil
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

from pipeline import backend, checksums, mfcc, params
from pipeline.audio.resample import Resampler
from pipeline.audio.samples import Samples
from pipeline.dataset import views
from pipeline.errors import ArgumentError, ArtifactError, AudioError
from pipeline.export import formats, golden
from pipeline.network import forms
from pipeline.network.definition import make_architecture
from pipeline.silence.spans import Flags, frame_flags, kept_spans, tidy
from pipeline.streaming import runtimes
from pipeline.streaming.decision import Decision
from pipeline.streaming.description import Description
from pipeline.streaming.identifier import Identifier

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
        classes = views.classes(strategy, LANGUAGES)
        architecture = make_architecture(model, classes, None, np.zeros(13), np.full(13, 400.0))
        trained = forms.sequence(architecture)
        trained.save(made[strategy].with_suffix(".keras"))
        formats.export(
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


def offline(heard: Samples, strategy: params.Strategy, folder: Path) -> tuple[Flags, mfcc.Features]:
    """Speech flags and posteriors as trim, features, balance and the sequence model have them."""
    frames = mfcc.frame_count(len(heard), 160)
    settings = params.load(Path(__file__).parents[2] / "params.yaml").silence
    spans = tidy(kept_spans([heard], 16000, settings.threshold), len(heard), 16000, settings)
    flags = frame_flags(spans, len(heard), 160, 0, frames)
    features = mfcc.whole(mfcc.make_kernel(FEW, 16000), heard)
    rows = views.view(strategy, flags, 0, len(LANGUAGES)).rows
    posteriors = np.full((frames, len(views.classes(strategy, LANGUAGES))), np.nan, np.float32)
    if len(rows):
        posteriors[rows] = formats.load(folder.with_suffix(".keras")).predict(features[rows][None], verbose=0)[0]
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
    copy = tmp_path / "copy"
    shutil.copytree(folders["mask"], copy)
    Identifier.load(copy)
    with (copy / "model.tflite").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ArtifactError, match=r"model\.tflite is not the file that SHA256SUMS describes"):
        Identifier.load(copy)
    (copy / "frontend.npz").unlink()
    with pytest.raises(ArtifactError, match=r"frontend\.npz is missing"):
        Identifier.load(copy, "onnx")
    with pytest.raises(ArtifactError, match=r"streaming\.json can't be read"):
        Identifier.load(tmp_path)


def test_an_offline_model_does_not_stream(folders: dict[str, Path], tmp_path: Path) -> None:
    Description.read(folders["mask"]).model_copy(update={"streaming": False}).write(tmp_path)
    checksums.seal(tmp_path)
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


def test_threads_open_and_close_streams_with_standard_error_intact(
    folders: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    def work(number: int) -> None:
        first = Identifier.load(folders["mask"])
        for turn in range(20):
            stream = first.stream(8000 + number)
            os.write(2, f"{number} {turn}\n".encode())
            stream.accept(np.zeros(160, np.float32))
            stream.finish()

    before = os.fstat(2)
    with ThreadPoolExecutor(64) as threads:
        list(threads.map(work, range(64)))
    assert os.path.samestat(os.fstat(2), before)
    written = capfd.readouterr().err.splitlines()
    assert sorted(written) == sorted(f"{number} {turn}" for number in range(64) for turn in range(20))


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def resident() -> int:
    """Memory of this process now, kB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1000


@pytest.mark.parametrize("runtime", ["litert", "onnx"])
def test_ten_thousand_streams_share_one_network(folders: dict[str, Path], runtime: runtimes.Name) -> None:
    first = Identifier.load(folders["mask"], runtime)
    tenth = np.zeros(1600, np.float32)
    first.accept(tenth)
    descriptors, memory = open_files(), resident()
    for _ in range(2):
        streams = [first.stream() for _ in range(10_000)]
        for stream in streams[::100]:
            stream.accept(tenth)
        assert open_files() == descriptors
        assert resident() - memory < 400_000  # kB: 40 each, in the second round as well
        del stream, streams
    gc.collect()
    for number in range(10_000):
        first.stream(8000 + number)
    assert open_files() == descriptors
    assert resident() - memory < 400_000


@given(
    rate=st.one_of(
        st.floats(),
        st.integers(max_value=3999),
        st.integers(min_value=768_001),
        st.booleans(),
        st.text(),
        st.binary(),
        st.lists(st.integers(4000, 768_000), max_size=2),
        st.sampled_from([np.int64(0), np.float32(16000), np.bool_(True), np.array(16000), "16000"]),
    )
)
def test_what_is_no_sample_rate_is_refused_in_one_sentence(folders: dict[str, Path], rate: object) -> None:
    first = Identifier.load(folders["mask"])
    for opens in (first.stream, lambda given: Identifier.load(folders["mask"], sample_rate=given)):
        with pytest.raises(ArgumentError, match=r"sample_rate .* from 4,000 to 768,000; [^\n]*$") as raised:
            opens(rate)
        assert len(str(raised.value)) < 250


def test_a_sample_rate_may_be_of_numpy_and_is_the_models_own_if_it_is_not_given(folders: dict[str, Path]) -> None:
    first = Identifier.load(folders["mask"], sample_rate=np.int32(8000))
    assert (first.sample_rate, first.stream().sample_rate, first.stream(np.uint32(48000)).sample_rate) == (
        8000,
        16000,
        48000,
    )


def test_an_unknown_runtime_is_refused_in_one_sentence(folders: dict[str, Path]) -> None:
    with pytest.raises(ArgumentError, match="runtime 'LiteRT' is unknown; take one of litert, onnx"):
        Identifier.load(folders["mask"], "LiteRT")  # type: ignore[arg-type]


def test_every_damage_of_a_copy_is_named(folders: dict[str, Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folders["mask"], copy)
    files = [file for file in copy.rglob("*") if file.is_file()]
    assert len(files) > 9
    rng = np.random.default_rng(0)

    def refused() -> None:
        with pytest.raises(ArtifactError, match=rf"^{re.escape(str(copy))}/[^\n]*$"):
            golden.verify(copy)

    for file in files:
        content = file.read_bytes()
        for _ in range(50 if content else 0):
            damaged = bytearray(content)
            damaged[rng.integers(len(content))] ^= 1 << rng.integers(8)
            file.write_bytes(damaged)
            refused()
        file.write_bytes(content[: len(content) // 2] if content else b"x")
        refused()
        file.unlink()
        refused()
        file.write_bytes(content)
    checksums.check(copy, [file.relative_to(copy).as_posix() for file in files if file.name != checksums.SUMS])


INFERENCE = {  # of third parties, that a machine which only runs an exported model has
    *("numpy", "soxr", "soundfile", "_soundfile", "_soundfile_data", "cffi", "_cffi_backend", "click"),
    *("pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"),
    *("ai_edge_litert", "flatbuffers"),
}


def test_identify_and_verify_need_only_the_inference_packages(
    babble: Callable[[int, int], Samples], folders: dict[str, Path], project: Path, tmp_path: Path
) -> None:
    import soundfile

    soundfile.write(tmp_path / "a.wav", babble(1, 16000), 16000)
    refused = {*importlib.metadata.packages_distributions()} - INFERENCE - {"pipeline"}
    assert {"tensorflow", "onnxruntime", "yaml", "scipy", "google_crc32c", "platformdirs"} < refused
    code = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
from pipeline.cli.commands import main
main(["identify", {str(tmp_path / "a.wav")!r}, "--model", {str(folders["mask"])!r}], standalone_mode=False)
main(["verify", {str(folders["mask"])!r}], standalone_mode=False)
"""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "a.wav" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[-2:]] == ["format", "model.tflite"]
