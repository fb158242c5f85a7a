"""Chromium without a window, by its debugging protocol: what a page shows, prints on its console and asks for."""

import importlib.resources
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WAIT_S = 60.0
COMMAND = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]


class Tab:
    """A tab of a browser, with the network off.

    Attributes
    ----------
    events
        Everything that the browser has reported.
    """

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read, self._rest, self._number = write, read, b"", 0
        self.events: list[dict[str, Any]] = []
        self._session: dict[str, str] = {}
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        off = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        self.call("Network.emulateNetworkConditions", **off)

    def call(self, method: str, **params: Any) -> Any:
        """Send a command; return its result."""
        self._number += 1
        message = json.dumps({"id": self._number, "method": method, "params": params} | self._session).encode() + b"\0"
        while message:
            message = message[os.write(self._write, message) :]
        while True:
            while b"\0" not in self._rest:
                self._rest += os.read(self._read, 1 << 20)
            content, _, self._rest = self._rest.partition(b"\0")
            answer = json.loads(content)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def open(self, page: Path, width: int = 1280, dark: bool = False) -> None:
        """Open a page in a window of a phone or a desktop."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=page.absolute().as_uri())
        self.wait("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """Return the value of a script, once it is known."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until a script is true."""
        end = time.monotonic() + WAIT_S
        while not self.run(condition):
            if time.monotonic() >= end:
                raise TimeoutError(f"never: {condition}; {self.run('document.body.innerText')}")
            time.sleep(0.02)

    def violations(self) -> list[dict[str, Any]]:
        """Return what axe-core finds, but for minor points."""
        axe = importlib.resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
        self.run(f"{axe}; undefined")
        found = self.run("axe.run(document, {resultTypes: ['violations']}).then((one) => one.violations)")
        return [one for one in found if one["impact"] not in {None, "minor"}]

    @property
    def console(self) -> list[dict[str, Any]]:
        """Words on the console, and uncaught errors."""
        kinds = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}
        return [one for one in self.events if one["method"] in kinds]

    @property
    def requests(self) -> list[str]:
        """Addresses that were asked for."""
        return [one["params"]["request"]["url"] for one in self.events if one["method"] == "Network.requestWillBeSent"]


@contextmanager
def chromium(*options: str) -> Iterator[Tab]:
    """Start a browser; end it afterwards."""
    (their_input, write), (read, their_output) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:

        def connect() -> None:  # Chromium reads commands from descriptor 3 and answers on 4
            inputs, outputs = os.dup(their_input), os.dup(their_output)
            os.dup2(inputs, 3)
            os.dup2(outputs, 4)

        browser = subprocess.Popen(
            [*COMMAND, f"--user-data-dir={profile}", *options, "about:blank"],
            preexec_fn=connect,
            close_fds=False,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield Tab(write, read)
        finally:
            browser.terminate()
            browser.wait()
            for descriptor in (their_input, write, read, their_output):
                os.close(descriptor)
