"""The page that listens, of a finished run, hears a microphone as `lid identify` hears its recording."""

import json
import time

import pytest

from pipeline.page import build
from tests.end_to_end.conftest import Copy
from tests.page.browser import chromium
from tests.page.test_live import READY, STATUS, shown

LIMIT_BYTES = 0.7e6


def test_the_microphone_gets_the_answer_of_identify(built: Copy) -> None:
    names = sorted(str(path) for path in (built.folder / "artifacts" / "data" / "demo").glob("train_*/*.wav"))
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
