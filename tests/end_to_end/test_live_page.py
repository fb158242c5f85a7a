"""The page that listens, of a finished run: the answers of the stream, from recordings and from a microphone."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline.page import build
from pipeline.streaming.identifier import Identifier
from tests.end_to_end.conftest import Copy
from tests.page.browser import chromium
from tests.page.engine import Difference, Engine
from tests.page.test_live import READY, STATUS, shown

LIMIT_BYTES = 0.7e6


@pytest.fixture(scope="module")
def recordings(built: Copy) -> list[Path]:
    return sorted((built.folder / "artifacts" / "data" / "demo").glob("train_*/*.wav"))


def test_fifty_recordings_get_every_flag_frame_and_segment_of_the_stream(built: Copy, recordings: list[Path]) -> None:
    folder, found, rng = built.folder / "artifacts" / "streaming", Difference(), np.random.default_rng(0)
    stream = Identifier.load(folder, "onnx")
    sounds = [soundfile.read(path, dtype="int16")[0] for path in recordings]
    with chromium() as tab:
        engine = Engine(tab, build.model(folder))
        for number in range(50):  # the later ones begin in the middle of one recording and end in another
            one, other = sounds[number % len(sounds)], sounds[(number * 7 + 3) % len(sounds)]
            joined = one if number < len(sounds) else np.concatenate([one[len(one) // 2 :], other[: len(other) // 2]])
            found.add(engine.compare(stream, joined, rng, longest=4000))
    assert (found.recordings, found.flags, found.answers) == (50, 0, 0)
    assert found.posterior < 1e-4


def test_the_microphone_gets_the_answer_of_identify(built: Copy, recordings: list[Path]) -> None:
    names = [str(path) for path in recordings]
    answers = [json.loads(line) for line in built.succeed("lid", "identify", "--json", *names).splitlines()]
    wanted = max(answers, key=lambda one: one["confidence"])
    page = built.folder / "artifacts" / "report" / build.NAME
    assert page.stat().st_size < LIMIT_BYTES
    assert f'href="{build.NAME}"' in (page.parent / "index.html").read_text(encoding="utf-8")
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with chromium(*fake, f"--use-file-for-fake-audio-capture={wanted['path']}%noloop") as tab:
        tab.open(page)
        tab.wait(READY)
        tab.run("document.getElementById('listen').click()")
        tab.wait("document.getElementById('listen').textContent === 'Stop'")
        time.sleep(wanted["duration_s"] + 0.5)
        tab.run("document.getElementById('listen').click()")
        tab.wait(READY)
        tab.wait(f"/of it speech/.test({STATUS}) && document.getElementById('whole').innerText !== '–'")
        assert shown(tab, "whole") == wanted["language"].capitalize()
        confidence = float(shown(tab, "whole-sure").partition("%")[0]) / 100
        assert confidence == pytest.approx(wanted["confidence"], abs=0.05)  # a fake device may stutter
        tab.run("document.getElementById('try').click()")  # the example: synthetic voices
        tab.wait(f"/Example.*of it speech/.test({STATUS})")
        assert tab.console == []
        assert {url.partition(":")[0] for url in tab.requests} <= {"file", "blob", "data"}
