"""Stage demo: speak the demo corpus. Reads demo/sentences, writes artifacts/data/demo."""

from pathlib import Path

from pipeline import params, programs
from pipeline.corpus import demo
from stages import ARTIFACTS, PARAMS, run

SENTENCES = Path("demo") / "sentences"


def main() -> None:
    """Speak the corpus that section demo of params.yaml describes."""
    for program in programs.PACKAGES:  # later stages need the others: say so before any work
        programs.require(program)
    demo.write(ARTIFACTS / "data" / "demo", params.load(PARAMS).demo, demo.read_sentences(SENTENCES))


if __name__ == "__main__":
    run(main)
