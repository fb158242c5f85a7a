"""The pages: how soon they are painted and listen; how far the engine in them is from the stream in Python.

    python -m benchmarks.page                    # artifacts/report/index.html and live.html
    python -m benchmarks.page PAGE ...           # the first paint of other pages alone

Times are those of headless Chromium, medians of five starts of the browser: from the start of the navigation to the
entry `first-contentful-paint`, and from the click to the first sound of a simulated microphone. The engine gets the
test recordings, golden audio, and noise through networks of every kind with random weights, in chunks of random sizes.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipeline import rows, tables
from pipeline.arrays import Samples
from pipeline.audio.resample import resampled
from pipeline.audio.wav import Reader, Wav
from pipeline.console.terminal import show_table
from pipeline.export import golden
from pipeline.page import build
from pipeline.streaming.identifier import Identifier
from tests.audio.signals import babble
from tests.page import exports
from tests.page.browser import chromium
from tests.page.engine import Difference, Engine

ARTIFACTS = Path("artifacts")
WIDTHS = {"phone": 390, "desktop": 1280}  # pixels
STARTS = 5
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
LISTENS = """new Promise((resolve) => {
  const start = performance.now();
  new MutationObserver((_, observer) => {
    if (document.getElementById("status").textContent !== "Listening.") return;
    observer.disconnect();
    resolve(performance.now() - start);
  }).observe(document.getElementById("status"), {childList: true});
  document.getElementById("listen").click();
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pages", nargs="*", type=Path)
    pages = parser.parse_args().pages
    live = ARTIFACTS / "report" / build.NAME
    table: list[list[object]] = []
    for page in pages or [ARTIFACTS / "report" / "index.html", live]:
        times = [statistics.median(first_paint(page, width) for _ in range(STARTS)) for width in WIDTHS.values()]
        table.append([str(page), f"{page.stat().st_size / 1e6:.2f} MB", *(f"{found:.0f} ms" for found in times)])
    show_table(["page", "size", *WIDTHS], table)
    if not pages:
        print(f"\nlistens {statistics.median(until_it_listens(live) for _ in range(STARTS)):.0f} ms after the click\n")
        differences()


def first_paint(page: Path, width: int) -> float:
    """Milliseconds from the navigation to the first contentful paint."""
    with chromium() as tab:
        tab.open(page, width)
        tab.wait(PAINT)
        return float(tab.run(PAINT))


def until_it_listens(page: Path) -> float:
    """Milliseconds from the click to the first sound."""
    with chromium(*MICROPHONE) as tab:
        tab.open(page)
        tab.wait("!document.getElementById('listen').disabled")
        return float(tab.run(LISTENS))


def differences() -> None:
    """Print the largest differences from the stream by model and set of recordings."""
    table: list[list[object]] = []
    with tempfile.TemporaryDirectory() as scratch, chromium() as tab:
        models = {"demo": ARTIFACTS / "streaming"}
        models |= {kind: exports.write(kind, Path(scratch) / str(n)) for n, kind in enumerate(exports.KINDS)}
        for name, folder in models.items():
            engine, stream = Engine(tab, build.model(folder)), Identifier.load(folder, "onnx")
            for of, sounds in (sets(stream) if name == "demo" else {"noise": noise()}).items():
                found, rng = Difference(), np.random.default_rng(0)
                for samples in sounds:
                    found.add(engine.compare(stream, samples, rng, longest=4000))
                numbers = [found.recordings, found.flags, f"{found.posterior:.1e}", found.answers]
                speed = found.audio_s / found.engine_s
                table.append([name, of, *numbers, f"{found.confidence:.1e}", f"{speed:.0f}"])
    header = ["model", "recordings", "number", "flags that differ", "largest difference of a posterior"]
    show_table([*header, "decisions or segments that differ", "of a confidence", "times real time"], table)


def sets(stream: Identifier) -> dict[str, list[Samples]]:
    """Return golden audio and the test recordings."""
    rate, audio = stream.description.sample_rate, ARTIFACTS / "audio"
    test = {row.recording for row in tables.read(ARTIFACTS / "splits" / "test.csv", rows.SplitRow)}
    listed = tables.read(ARTIFACTS / "ingest" / "recordings.csv", rows.RecordingRow)
    return {
        "golden": [np.concatenate(list(resampled([sound], of, rate))) for _, of, sound in golden.inputs()],
        "test": [Reader(Wav.of(row, audio))(0, row.samples) for row in listed if row.recording in test],
    }


def noise() -> list[Samples]:
    """Return noise whose level jumps around the threshold."""
    return [babble(seed, 80_000) for seed in range(50)]


if __name__ == "__main__":
    main()
