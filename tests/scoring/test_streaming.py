"""A stream of a recording is compared with the offline stages frame by frame, and any difference is refused by name."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import pytest

from pipeline.errors import ExportError
from pipeline.scoring import streaming
from pipeline.streaming.identifier import Frames
from tests.scoring.conftest import Case

Offline = Callable[[int, int], Frames]
Change = Callable[[Frames], Frames]


def stream(case: Case, recording: str, offline: Offline, n_frames: int | None = None) -> list[Frames]:
    wanted = case.network().n_frames(recording) if n_frames is None else n_frames
    return list(streaming.frames(case.identifier(), case.wavs[recording], wanted, offline))


@pytest.mark.parametrize("block_samples", [1600, 480_000])
def test_every_frame_of_a_stream_equals_the_offline_one(
    case: Case, monkeypatch: pytest.MonkeyPatch, block_samples: int
) -> None:
    monkeypatch.setattr(streaming, "BLOCK_SAMPLES", block_samples)
    network = case.network()
    for recording in case.wavs:
        (wanted,) = network.blocks(recording)
        found = stream(case, recording, functools.partial(network.frames, recording))
        assert found[0].first == 0
        np.testing.assert_array_equal(np.concatenate([part.speech for part in found]), wanted.speech)
        answers = np.concatenate([part.posteriors for part in found])
        np.testing.assert_allclose(answers, wanted.posteriors, atol=case.description.tolerance)


def with_posterior(frames: Frames, change: float) -> Frames:
    posteriors = frames.posteriors.copy()
    posteriors[np.flatnonzero(frames.speech)[-1:], 0] += change
    return dataclasses.replace(frames, posteriors=posteriors)


def with_flag(frames: Frames) -> Frames:
    speech = frames.speech.copy()
    speech[-1:] = ~speech[-1:]
    return dataclasses.replace(frames, speech=speech)


def shortened(frames: Frames) -> Frames:
    return Frames(frames.first, frames.speech[:-1], frames.posteriors[:-1])


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (functools.partial(with_posterior, change=2e-4), r"a posterior is off by 0\.0002, more than 0\.0001"),
        (functools.partial(with_posterior, change=np.nan), "a posterior is off by nan"),
        (with_flag, "other speech flags"),
        (shortened, "other speech flags"),
    ],
)
def test_a_stream_that_differs_is_refused_by_the_path_of_the_recording(case: Case, change: Change, how: str) -> None:
    network = case.network()
    with pytest.raises(ExportError, match=rf"the stream of corpus/r0\.flac differs from the offline stages \({how}"):
        stream(case, "r0", lambda start, stop: change(network.frames("r0", start, stop)))


def test_a_difference_within_the_tolerance_is_accepted(case: Case) -> None:
    network = case.network()
    assert stream(case, "r0", lambda start, stop: with_posterior(network.frames("r0", start, stop), 5e-5))


def test_a_stream_of_another_length_is_refused(case: Case) -> None:
    offline = functools.partial(case.network().frames, "r0")
    with pytest.raises(ExportError, match=r"corpus/r0\.flac differs .*188 frames instead of 189"):
        stream(case, "r0", offline, n_frames=189)
