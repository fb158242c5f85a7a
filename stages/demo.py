"""demo: synthesise the demo corpus, unless corpus.root names another one."""

import os
from pathlib import Path

from pipeline import programs
from pipeline.console.text import printable
from pipeline.demo import synthesis
from stages import ARTIFACTS, read_params, run

SENTENCES = Path("demo") / "sentences"

READS = (
    "corpus.root",
    "demo.minutes",
    "demo.voices",
    "demo.seed",
)  # leaves of params.yaml


def main() -> None:
    settings = read_params(READS)
    folder = ARTIFACTS / "data" / "demo"
    if os.path.realpath(settings.corpus.root) != os.path.realpath(folder):  # Path.resolve raises on circular links
        synthesis.write_empty(folder)
        print(printable(f"not needed: corpus.root is {settings.corpus.root}"))
        return
    for program in programs.PACKAGES:  # later stages need the others: say so before any work
        programs.require(program)
    synthesis.write_corpus(folder, settings.demo, synthesis.read_sentences(SENTENCES))


if __name__ == "__main__":
    run(main)
