"""demo: synthesise the demo corpus, unless corpus.root names another one."""

import os
from pathlib import Path

from pipeline import params, programs
from pipeline.console.text import printable
from pipeline.demo import synthesis
from stages import ARTIFACTS, PARAMS, run

SENTENCES = Path("demo") / "sentences"


def main() -> None:
    settings = params.load(PARAMS)
    folder = ARTIFACTS / "data" / "demo"
    if os.path.realpath(settings.corpus.root) != os.path.realpath(folder):  # Path.resolve raises on circular links
        synthesis.write_nothing(folder)
        print(printable(f"not needed: corpus.root is {settings.corpus.root}"))
        return
    for program in programs.PACKAGES:  # later stages need the others: say so before any work
        programs.require(program)
    synthesis.write(folder, settings.demo, synthesis.read_sentences(SENTENCES))


if __name__ == "__main__":
    run(main)
