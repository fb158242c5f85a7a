"""The engine of the page answers as the stream in Python: every flag, frame, decision and segment."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.audio.resample import resampled
from pipeline.export import golden
from pipeline.page import build
from pipeline.streaming.identifier import Identifier
from tests.audio.signals import babble
from tests.export import small
from tests.page import exports
from tests.page.browser import Tab
from tests.page.engine import Difference, Engine

pytestmark = pytest.mark.slow
LENGTHS = (0, 1, 160, 5000, 25_000)


@pytest.mark.parametrize("kind", exports.KINDS)
def test_golden_audio_and_babble_get_the_answers_of_the_stream(written: dict[str, Path], tab: Tab, kind: str) -> None:
    found, rng = Difference(), np.random.default_rng(4)
    sounds = [np.concatenate(list(resampled([audio], rate, small.RATE_HZ))) for _, rate, audio in golden.inputs()]
    sounds += [babble(seed, LENGTHS[seed % len(LENGTHS)]) for seed in range(50)]
    for prior in (None, {"english": 0.2, "hindi": 0.8}):
        engine = Engine(tab, build.model(written[kind], prior))
        stream = Identifier.load(written[kind], "onnx", languages=prior)
        for number, samples in enumerate(sounds):
            longest = (7, 160, 4000)[number % 3] if len(samples) < 9000 else 4000
            found.add(engine.compare(stream, samples, rng, longest))
    assert (found.recordings, found.flags, found.answers) == (2 * len(sounds), 0, 0)
    assert found.posterior < 1e-4
    assert found.confidence < 1e-4
