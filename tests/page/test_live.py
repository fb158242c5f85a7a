"""The page in a browser: what it shows and says, for sound of every kind; nothing on the console, no request."""

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline.page import build
from pipeline.streaming.identifier import Identifier
from tests.audio.signals import babble
from tests.page.browser import Tab, chromium

pytestmark = pytest.mark.slow
READY = "!document.getElementById('listen').disabled"
STATUS = "document.getElementById('status').textContent"

DROP = """((text) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([Uint8Array.from(atob(text), (one) => one.charCodeAt(0))], "some.wav"));
  document.dispatchEvent(new DragEvent("drop", {dataTransfer, cancelable: true}));
})"""
HELD_BACK = """globalThis.media = null;
navigator.mediaDevices.getUserMedia = ((ask) => async (options) => {
  await new Promise((resolve) => (globalThis.allowed = resolve));
  return (globalThis.media = await ask(options));
})(navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices))"""


@pytest.fixture(scope="module")
def page(written: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("page") / "live.html"
    content = build.render(
        written["none, GRU"], score="1 of 2 recordings", synthetic=True, example="AAAA", link="a.html"
    )
    target.write_text(content, encoding="utf-8")
    return target


@pytest.fixture
def opened(tab: Tab, page: Path) -> Iterator[Tab]:
    """The page, which says nothing on its console and asks for nothing but itself."""
    tab.events.clear()
    tab.open(page)
    tab.wait(READY)
    yield tab
    assert [one for one in tab.console if "ScriptProcessorNode" not in json.dumps(one)] == []  # of one test
    assert {url.partition(":")[0] for url in tab.requests} <= {"file", "blob", "data"}
    assert [url for url in tab.requests if url.startswith("file")] == [page.as_uri()]


def give(tab: Tab, file: Path) -> str:
    """Open a recording by the button; return what the page says in the end."""
    root = tab.call("DOM.getDocument")["root"]["nodeId"]
    tab.call(
        "DOM.setFileInputFiles",
        files=[str(file)],
        nodeId=tab.call("DOM.querySelector", nodeId=root, selector="#file")["nodeId"],
    )
    tab.wait(f"/{file.stem}.*(speech|decode)/.test({STATUS})")
    tab.run("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    return str(tab.run(STATUS))


def drop(tab: Tab, content: bytes) -> None:
    tab.run(f"{DROP}({json.dumps(base64.b64encode(content).decode())})")


def shown(tab: Tab, name: str) -> str:
    return str(tab.run(f"document.getElementById('{name}').innerText"))


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (16000, 2), (48000, 1)])
def test_a_recording_gets_the_answer_of_the_stream(
    opened: Tab, written: dict[str, Path], tmp_path: Path, rate: int, channels: int
) -> None:
    sound = np.repeat(babble(3, 6 * rate)[:, None], channels, axis=1)
    soundfile.write(tmp_path / "some.wav", sound, rate)
    stream = Identifier.load(written["none, GRU"], "onnx", sample_rate=rate)
    stream.accept(sound[:, 0].astype(np.float32) / 32768)
    stream.finish()
    said = give(opened, tmp_path / "some.wav")
    assert said == f"some.wav: 6.0 s, {stream.decision.frames / 100:.1f} s of it speech."
    assert stream.decision.language is not None
    assert shown(opened, "whole") == stream.decision.language.capitalize()
    confidence = float(shown(opened, "whole-sure").partition("%")[0]) / 100
    assert confidence == pytest.approx(stream.decision.confidence, abs=0.0006 if rate == 16000 else 0.01)
    assert shown(opened, "segments").count("\n") + 1 == len(stream.segments)
    opened.run("document.getElementById('reset').click()")
    opened.wait(f"{STATUS} === 'Ready.'")
    opened.wait("document.getElementById('whole').innerText === '–'")


def test_silence_and_files_of_other_formats_get_words(opened: Tab, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "quiet.wav", np.zeros(16000), 16000)
    assert give(opened, tmp_path / "quiet.wav") == "quiet.wav: no speech was found in 1.0 s."
    (tmp_path / "none.wav").write_bytes(b"RIFF")
    assert give(opened, tmp_path / "none.wav").startswith("none.wav is in a format that this browser can't decode")
    (tmp_path / "empty.mp3").touch()
    assert "can't decode" in give(opened, tmp_path / "empty.mp3")
    soundfile.write(tmp_path / "some.mp3", babble(3, 32000), 16000)
    assert "of it speech" in give(opened, tmp_path / "some.mp3")  # after the others, which left nothing behind


@pytest.mark.parametrize("rate", [1, 4_294_967_291])
def test_an_absurd_sample_rate_gets_words(opened: Tab, tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "some.wav", babble(3, 16000), 16000)
    content = bytearray((tmp_path / "some.wav").read_bytes())
    content[24:28] = rate.to_bytes(4, "little")
    (tmp_path / "some.wav").write_bytes(content)
    words = f"some.wav says that its sample rate is {rate:,} Hz; the page takes 4,000 to 768,000 Hz."
    drop(opened, (tmp_path / "some.wav").read_bytes())
    opened.wait(f"{STATUS} === {json.dumps(words)}")
    assert opened.run(READY)


def test_a_drop_after_stop_leaves_no_button_disabled(opened: Tab) -> None:
    opened.run("document.getElementById('listen').click()")
    opened.wait(f"/Listening/.test({STATUS})")
    opened.run(f"document.getElementById('listen').click(); {DROP}('AAAA')")
    opened.wait(f"{STATUS}.includes('decode')")
    assert opened.run(READY)


def test_a_drop_while_permission_is_asked_for_is_not_replaced_by_the_microphone(opened: Tab, tmp_path: Path) -> None:
    opened.run(f"{HELD_BACK}; document.getElementById('listen').click()")
    soundfile.write(tmp_path / "some.wav", babble(3, 32000), 16000)
    drop(opened, (tmp_path / "some.wav").read_bytes())
    opened.wait(f"{STATUS}.includes('of it speech')")
    opened.run("allowed()")
    opened.wait("media?.getTracks().every((track) => track.readyState === 'ended')")
    assert opened.run(f"{STATUS}.startsWith('some.wav') && {READY}")
    assert shown(opened, "listen") == "Listen"


def test_a_microphone_that_fails_is_closed(opened: Tab) -> None:
    opened.run(f"{HELD_BACK}; AudioContext.prototype.createMediaStreamSource = () => {{ throw new Error('no'); }};")
    opened.run("document.getElementById('listen').click(); allowed()")
    opened.wait(f"{STATUS}.includes('(no)')")
    assert opened.run("media.getTracks().every((track) => track.readyState === 'ended')")
    assert opened.run(READY)


@pytest.mark.parametrize("worklet", [True, False])
def test_the_microphone_listens_until_it_is_stopped(opened: Tab, worklet: bool) -> None:
    if not worklet:  # as in a browser that refuses it
        opened.run("AudioWorklet.prototype.addModule = () => Promise.reject(new Error('no')); undefined")
    opened.run("document.getElementById('listen').click()")
    opened.wait("document.getElementById('listen').textContent === 'Stop'")
    opened.wait(f"/Listening/.test({STATUS})")
    time.sleep(1)
    opened.run("document.getElementById('listen').click()")
    opened.wait(READY)
    assert float(re.findall(r"([\d.]+) s", shown(opened, "status"))[0]) > 0.7
    assert ("ScriptProcessorNode" in json.dumps(opened.console)) is not worklet


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "No microphone was found"),
        (("--deny-permission-prompts", "--use-fake-device-for-media-stream"), "not allowed"),
    ],
)
def test_a_microphone_that_is_missing_or_not_allowed_gets_words(
    page: Path, options: tuple[str, ...], words: str
) -> None:
    with chromium(*options) as tab:
        tab.open(page)
        tab.wait(READY)
        tab.run("document.getElementById('listen').click()")
        tab.wait(f"{STATUS}.includes({json.dumps(words)})")
        tab.wait(READY)


def test_neither_the_page_nor_a_worker_of_it_can_ask_for_anything(tab: Tab, page: Path) -> None:
    tab.open(page)
    attempt = f"fetch('{page.as_uri()}').then(() => 'got', () => 'refused')"
    assert tab.run(attempt) == "refused"
    worker = f"""new Promise((resolve) => {{
      const code = new Blob(["{attempt}.then(postMessage)"], {{type: "text/javascript"}});
      new Worker(URL.createObjectURL(code)).onmessage = ({{data}}) => resolve(data);
    }})"""
    assert tab.run(worker) == "refused"
    assert any("Content Security Policy" in json.dumps(one) for one in tab.console)


def test_a_damaged_page_answers_nothing(tab: Tab, page: Path, tmp_path: Path) -> None:
    (tmp_path / "live.html").write_text(page.read_text(encoding="utf-8").replace('"seen": true', '"seen": false'))
    tab.open(tmp_path / "live.html")
    tab.wait(f"{STATUS}.includes('damaged')")
    assert tab.run("document.getElementById('open').disabled")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_is_accessible_and_fits(tab: Tab, page: Path, tmp_path: Path, width: int, dark: bool) -> None:
    tab.open(page, width, dark)
    tab.wait(READY)
    soundfile.write(tmp_path / "some.wav", babble(3, 96000), 16000)
    give(tab, tmp_path / "some.wav")
    assert tab.violations() == []
    assert tab.run("document.documentElement.scrollWidth") <= width
    reached = (
        "[...document.querySelectorAll('a, button, audio')].filter((one) => one.offsetParent).map((one) => one.id)"
    )
    assert tab.run(reached) == ["", "listen", "open", "try", "reset", "player"]
