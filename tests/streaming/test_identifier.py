"""Raw audio in chunks of any size gives the frames of the offline stages."""

import doctest
import gc
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from pipeline import checksums, params
from pipeline.arrays import Posteriors
from pipeline.audio.resample import resampled
from pipeline.audio.samples import to_waveform
from pipeline.errors import ArgumentError, ArtifactError, AudioError
from pipeline.mfcc.kernel import make_kernel
from pipeline.streaming import identifier, reference, runtimes
from pipeline.streaming.decision import RunningDecision
from pipeline.streaming.description import Description
from pipeline.streaming.identifier import Identifier, joined
from tests.audio.signals import babble
from tests.export import small

KERNEL = make_kernel(small.MFCC, small.RATE_HZ)


@profile(max_examples=30)
@given(
    seed=st.integers(0, 2**32),
    n_samples=st.one_of(st.sampled_from([0, 1, 160, 5000]), st.integers(0, 25_000)),
    rate=st.sampled_from([8000, 16000, 48000]),
    longest_chunk=st.sampled_from([7, 160, 4000, 1_000_000]),
    strategy=st.sampled_from(small.STRATEGIES),
)
def test_the_stream_equals_the_offline_stages(
    folders: dict[params.SilenceStrategy, Path],
    seed: int,
    n_samples: int,
    rate: int,
    longest_chunk: int,
    strategy: params.SilenceStrategy,
) -> None:
    n_samples = min(n_samples, 500 * longest_chunk)
    audio, rng = to_waveform(babble(seed, n_samples)), np.random.default_rng(seed)
    stream = Identifier.load(folders[strategy] / "streaming", sample_rate=rate)
    cuts = np.cumsum(rng.integers(1, longest_chunk + 1, n_samples))
    found = [stream.accept(chunk) for chunk in np.split(audio, cuts[cuts < n_samples])] + [stream.finish()]

    samples = np.concatenate(list(resampled([audio], rate, small.RATE_HZ)))
    predict = small.trained(folders[strategy])
    wanted = reference.compute(samples, KERNEL, stream.description, predict)
    answers = joined(found)
    np.testing.assert_array_equal(answers.speech, wanted.speech)
    np.testing.assert_allclose(answers.posteriors, wanted.posteriors, atol=1e-4)
    assert [frames.first for frames in found] == np.cumsum([0, *(len(frames.speech) for frames in found)])[:-1].tolist()

    decision = RunningDecision(stream.description.classes, small.LANGUAGES, stream.description.decision)
    decision.accept(wanted.posteriors[wanted.speech], np.flatnonzero(wanted.speech))
    assert stream.decision.frames == decision.frames == int(wanted.speech.sum())
    np.testing.assert_allclose(stream.decision.posteriors, decision.posteriors, atol=1e-3)


def test_a_network_that_sees_no_frame_is_not_asked() -> None:
    features, silent = np.zeros((51, small.N_MFCC), np.float32), np.zeros(51, np.bool_)
    found = reference.posteriors(features, silent, small.described("remove"), lambda _: pytest.fail("asked"))
    assert found.shape == (51, len(small.LANGUAGES))
    assert np.isnan(found).all()


def test_the_example_of_the_docstring_runs(masked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "streaming").symlink_to(masked)
    monkeypatch.chdir(tmp_path)
    (example,) = doctest.DocTestFinder(recurse=False).find(Identifier, "Identifier", globs=vars(identifier).copy())
    assert len(example.examples) > 3
    for line in example.examples:
        line.options.clear()  # skipped elsewhere, because there is no export
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0


def test_half_an_hour_through_one_stream_keeps_memory_flat_and_answers_finite_until_a_reset(masked: Path) -> None:
    minute = to_waveform(babble(11, 60 * 16000))
    stream = Identifier.load(masked)
    first = stream.accept(minute).posteriors
    for _ in range(5):
        stream.accept(minute)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(25):
        assert np.isfinite(stream.accept(minute).posteriors).all()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 5_000  # kB; 25 minutes of frames are 8 MB
    stream.finish()
    stream.reset_states()
    np.testing.assert_array_equal(stream.accept(minute).posteriors, first)


def test_bad_chunks_are_refused_and_the_stream_goes_on(masked: Path) -> None:
    audio = to_waveform(babble(5, 20_000))
    wanted = Identifier.load(masked).accept(audio)
    stream = Identifier.load(masked)
    for chunk, reason, said in [
        (np.array([0.1, np.nan], np.float32), "not_finite", "reach nan; give finite numbers"),
        (np.array([0.1, np.inf], np.float32), "not_finite", "reach inf; give finite numbers"),
        (np.array([0.1, -1.5], np.float32), "out_of_range", r"reach 1\.5"),
        (np.zeros(10, np.int16), "not_mono_float", "int16"),
        (np.zeros((10, 2), np.float32), "not_mono_float", r"\(10, 2\)"),
        ([0.1, 0.2], "not_mono_float", "list"),
    ]:
        with pytest.raises(AudioError, match=said) as refused:
            stream.accept(chunk)  # type: ignore[arg-type]
        assert refused.value.reason == reason
    np.testing.assert_array_equal(stream.accept(audio).posteriors, wanted.posteriors)
    stream.finish()
    with pytest.raises(AudioError, match="reset_states"):
        stream.accept(audio)
    stream.reset_states()
    np.testing.assert_array_equal(stream.accept(audio).posteriors, wanted.posteriors)


def test_a_missing_model_one_that_cannot_stream_and_an_unknown_runtime_are_refused(
    masked: Path, tmp_path: Path
) -> None:
    with pytest.raises(ArtifactError, match=r"streaming\.json can't be read"):
        Identifier.load(tmp_path)
    Description.read(masked).model_copy(update={"streaming": False}).write(tmp_path)
    checksums.seal(tmp_path)
    with pytest.raises(ArtifactError, match=r"can't stream .*, only score offline"):
        Identifier.load(tmp_path)
    with pytest.raises(ArgumentError, match="runtime 'LiteRT' is unknown; take one of litert, onnx"):
        Identifier.load(masked, "LiteRT")  # type: ignore[arg-type]


def test_streams_in_several_threads_answer_as_alone(masked: Path) -> None:
    first = Identifier.load(masked)
    audio = [to_waveform(babble(seed, 30_000)) for seed in range(6)]

    def answers(number: int, stream: Identifier) -> Posteriors:
        parts = [stream.accept(audio[number][at : at + 997]) for at in range(0, 30_000, 997)]
        return joined([*parts, stream.finish()]).posteriors

    alone = [answers(number, first.stream()) for number in range(6)]
    with ThreadPoolExecutor(6) as threads:
        loaded = [*threads.map(Identifier.load, [masked] * 3), *(first.stream() for _ in range(3))]
        together = list(threads.map(answers, range(6), loaded))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("runtime", ["litert", "onnx"])
def test_two_thousand_streams_share_one_network(masked: Path, runtime: runtimes.Name) -> None:
    first = Identifier.load(masked, runtime)
    tenth = np.zeros(1600, np.float32)
    first.accept(tenth)
    process = psutil.Process()
    gc.collect()  # of earlier tests
    descriptors, memory = process.num_fds(), process.memory_info().rss
    for _ in range(2):
        streams = [first.stream() for _ in range(2000)]
        for stream in streams[::50]:
            stream.accept(tenth)
        assert process.num_fds() <= descriptors
        assert process.memory_info().rss - memory < 100e6  # 50 kB each, in the second round as well
        del stream, streams
        gc.collect()
    for number in range(2000):
        first.stream(8000 + number)
    assert process.num_fds() <= descriptors


@pytest.mark.parametrize(
    "rate", [3999, 768_001, True, 16000.0, "16000", b"", [16000], np.float32(16000), np.bool_(True), np.array(16000)]
)
def test_a_sample_rate_is_any_integer_the_models_own_by_default_and_anything_else_is_refused(
    masked: Path, rate: Any
) -> None:
    first = Identifier.load(masked, sample_rate=np.int32(8000))
    assert [one.sample_rate for one in (first, first.stream(), first.stream(np.uint32(48000)))] == [8000, 16000, 48000]
    for opens in (first.stream, lambda given: Identifier.load(masked, sample_rate=given)):
        with pytest.raises(ArgumentError, match=r"sample_rate .* from 4,000 to 768,000; [^\n]*$"):
            opens(rate)
