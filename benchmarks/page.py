"""Size of the report, and time until a browser has first painted it.

    python -m benchmarks.page                    # artifacts/report/index.html
    python -m benchmarks.page PAGE ...           # other pages

The time is that of headless Chromium's entry `first-contentful-paint`, from the start of the navigation; the median of
five starts of the browser at the width of a phone and of a desktop.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from pipeline.console.terminal import show_table

WIDTHS = {"phone": 390, "desktop": 1280}  # pixels
STARTS = 5
WAIT_S = 2.0  # for the paint
SCRIPT = "JSON.stringify(performance.getEntriesByType('paint').map(one => [one.name, one.startTime]))"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pages", nargs="*", type=Path, default=[Path("artifacts/report/index.html")])
    rows: list[list[object]] = []
    for page in parser.parse_args().pages:
        times = [statistics.median(first_paint(page, width) for _ in range(STARTS)) for width in WIDTHS.values()]
        rows.append([str(page), f"{page.stat().st_size / 1e6:.1f} MB", *(f"{time:.0f} ms" for time in times)])
    show_table(["page", "size", *WIDTHS], rows)


def first_paint(page: Path, width: int) -> float:
    """Milliseconds from the navigation to the first contentful paint."""
    (their_input, write), (read, their_output) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},844",
            f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank",
        ]  # fmt: skip

        def connect() -> None:  # Chromium reads commands from descriptor 3 and answers on 4
            inputs, outputs = os.dup(their_input), os.dup(their_output)
            os.dup2(inputs, 3)
            os.dup2(outputs, 4)

        browser = subprocess.Popen(
            command,
            preexec_fn=connect,  # noqa: PLW1509 (there are no threads)
            close_fds=False,
            stderr=subprocess.DEVNULL,
        )
        with os.fdopen(write, "wb", buffering=0) as sent, os.fdopen(read, "rb") as received:
            target = ask(sent, received, "Target.createTarget", url="about:blank")["targetId"]
            session = ask(sent, received, "Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            ask(sent, received, "Page.navigate", session, url=page.absolute().as_uri())
            time.sleep(WAIT_S)
            found = ask(sent, received, "Runtime.evaluate", session, expression=SCRIPT)["result"]["value"]
            browser.terminate()
            browser.wait()
        for descriptor in (their_input, their_output):
            os.close(descriptor)
    return float(dict(json.loads(found))["first-contentful-paint"])


def ask(sent: Any, received: Any, method: str, session: str | None = None, **params: Any) -> Any:
    """Send a command of Chromium's debugging protocol; its result."""
    message = {"id": 1, "method": method, "params": params} | ({"sessionId": session} if session else {})
    sent.write(json.dumps(message).encode() + b"\0")
    while True:
        content = b""
        while not content.endswith(b"\0"):
            content += received.read(1)
        answer = json.loads(content[:-1])
        if answer.get("id") == 1:
            return answer["result"]


if __name__ == "__main__":
    main()
