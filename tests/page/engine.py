"""The page's engine in a browser, next to the stream in Python."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

import pipeline.page
from pipeline.arrays import Samples
from pipeline.audio.samples import to_waveform
from pipeline.streaming.identifier import Identifier, joined
from tests.page.browser import Tab

SOURCE = Path(pipeline.page.__file__).parent / "html" / "engine.js"
STREAM = """((text, sizes) => {
  const samples = new Int16Array(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer);
  const speech = [], posteriors = [];
  const take = (frames) => {
    speech.push(...frames.speech);
    posteriors.push(...frames.posteriors.map((one) => one && [...one]));
  };
  const start = performance.now();
  identifier.reset();
  for (let at = 0, number = 0; at < samples.length; at += sizes[number++]) {
    take(identifier.accept(samples.subarray(at, at + sizes[number])));
  }
  take(identifier.finish());
  const {decision, timeline} = identifier;
  return {speech, posteriors, answer: decision.answer, present: timeline.present, segments: timeline.segments,
    seconds: (performance.now() - start) / 1000};
})"""


@dataclass
class Difference:
    """The largest differences between the engine and the stream, over some recordings."""

    recordings: int = 0
    flags: int = 0  # that differ
    posterior: float = 0.0
    confidence: float = 0.0  # of decisions and segments
    answers: int = 0  # with another language, time or segment
    audio_s: float = 0.0
    engine_s: float = 0.0

    def add(self, other: Self) -> None:
        """Take those of more recordings."""
        for name, value in vars(other).items():
            mine = getattr(self, name)
            setattr(self, name, max(mine, value) if name in {"posterior", "confidence"} else mine + value)


class Engine:
    """The engine in a tab, with a model as `build.model` gives it."""

    def __init__(self, tab: Tab, model: str) -> None:
        self._tab = tab
        tab.call("Page.navigate", url="about:blank")  # forgets an engine
        tab.run(f"{SOURCE.read_text(encoding='utf-8')}; globalThis.Identifier = Identifier; undefined")
        tab.run(f"globalThis.identifier = new Identifier({model}); undefined")

    def stream(self, samples: Samples, sizes: list[int]) -> dict[str, Any]:
        """Return every frame of a recording in chunks of these sizes, which last beyond its end, and the answer."""
        text = base64.b64encode(samples.astype("<i2").tobytes()).decode("ascii")
        found: dict[str, Any] = self._tab.run(f"{STREAM}({json.dumps(text)}, {sizes})")
        return found

    def compare(self, stream: Identifier, samples: Samples, rng: np.random.Generator, longest: int) -> Difference:
        """Compare a recording in chunks of random sizes with the stream in Python, which is then reset."""
        sizes = rng.integers(1, longest + 1, 2 * len(samples) // longest + 100).tolist()
        found = self.stream(samples, [*sizes, max(len(samples), 1)])
        frames = joined([stream.accept(to_waveform(samples)), stream.finish()])
        n_classes = len(stream.description.classes)
        posteriors = np.array([one or [np.nan] * n_classes for one in found["posteriors"]], np.float32)
        np.testing.assert_array_equal(np.isnan(posteriors), np.isnan(frames.posteriors))
        apart = np.nan_to_num(np.abs(posteriors - frames.posteriors))
        answer, decision = found["answer"], stream.decision
        same = [answer[name] for name in ("language", "frames", "since", "changes")] == [
            decision.language, decision.frames, decision.since, decision.changes
        ]  # fmt: skip
        parts = [(one["start_s"], one["end_s"], one["language"], one["closed"]) for one in found["segments"]]
        same = same and parts == [(one.start_s, one.end_s, one.language, one.closed) for one in stream.segments]
        same = same and found["present"]["language"] == stream.timeline.present
        pairs = [(answer["confidence"], decision.confidence)]
        pairs += [
            (one["confidence"], other.confidence)
            for one, other in zip(found["segments"], stream.segments, strict=False)
        ]
        difference = Difference(
            1, int((np.array(found["speech"]) != frames.speech).sum()), float(apart.max(initial=0)),
            max(abs(one - other) for one, other in pairs), int(not same),
            len(samples) / stream.sample_rate, found["seconds"],
        )  # fmt: skip
        stream.reset_states()
        return difference
