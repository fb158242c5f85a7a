"""demo: synthesise the demo corpus, unless corpus.root names another one."""

import os
from pathlib import Path

from pipeline import programs
from pipeline.console.text import printable
from pipeline.demo import synthesis
from stages import ARTIFACTS, read_params, run

SENTENCES = Path("demo") / "sentences"


def main() -> None:
    settings = read_params("demo")
    folder = ARTIFACTS / "data" / "demo"
    roots = [source.root for source in settings.corpus.sources] or [settings.corpus.root]
    if os.path.realpath(folder) not in map(os.path.realpath, roots):  # Path.resolve raises on circular links
        synthesis.write_recordings(folder, [])  # DVC warns about an empty folder
        print(printable(f"not needed: the corpus is in {', '.join(roots)}"))
        return
    for program in programs.PACKAGES:  # later stages need the others: say so before any work
        programs.require(program)
    synthesis.write_corpus(folder, settings.demo, synthesis.read_sentences(SENTENCES))


if __name__ == "__main__":
    run(main)
