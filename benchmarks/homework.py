"""The homework's folder, from two changed lines of params.yaml to the report.

    python -m benchmarks.homework --files 25 --minutes 10 --keep FOLDER

Builds the folder from the demo corpus that `dvc repro` synthesises: flat WAV files of ten minutes with anonymous names,
each of another voice and at another level, and labels.csv with integers, in the homework's proportions of the
languages. Then runs `dvc repro` in a copy of the project, and shows the first sentences of the report. With --keep, the
copy stays.
"""

import argparse
import csv
import html
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from benchmarks import scale
from benchmarks.scale import DEMO, MINUTES
from pipeline.console import terminal

MIN_FILES = 3  # of each language
SENTENCES = 600  # characters of the report that are shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--files", type=int, default=25)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--keep", type=Path, help="folder for the copy of the project")
    given = parser.parse_args()
    if not DEMO.is_dir():
        sys.exit("error: there is no demo corpus; run `dvc repro` first")
    with tempfile.TemporaryDirectory() as folder:
        project = given.keep or Path(folder) / "project"
        counts = build(Path(folder) / "homework" if given.keep is None else project.with_name("homework"), given)
        seconds, changed = run(project)
        page = (project / "artifacts" / "report" / "index.html").read_text()
    terminal.show_table(["language", "files", "minutes"], [[*pair, pair[1] * given.minutes] for pair in counts.items()])
    print(f"{changed} changed lines in params.yaml; dvc repro took {seconds:.0f} s; the report begins:\n")
    text = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page[page.index("<body") :])))
    print(text[:SENTENCES])


def build(root: Path, given: argparse.Namespace) -> dict[str, int]:
    """Write the folder; the number of files of each language."""
    root.mkdir(parents=True)
    rng = np.random.default_rng(0)
    with (DEMO / "speakers.csv").open() as file:
        speakers = {row["path"]: row["speaker"] for row in csv.DictReader(file)}
    voices = sorted(set(speakers.values()))
    names = rng.permutation(9000).tolist()
    counts, labels = dict[str, int](), list[tuple[str, int]]()
    for label, (language, minutes) in enumerate(MINUTES.items()):
        counts[language] = max(MIN_FILES, round(given.files * minutes / sum(MINUTES.values())))
        for _ in range(counts[language]):
            voice = voices[len(labels) % len(voices)]
            takes = [path for path in speakers if speakers[path] == voice and path.startswith(f"train_{language}/")]
            sounds = [soundfile.read(DEMO / take, dtype="int16") for take in takes]
            rate, wanted = sounds[0][1], round(given.minutes * 60 * sounds[0][1])
            whole = np.concatenate([samples for samples, _ in sounds])
            name = f"{1000 + names.pop()}.wav"
            soundfile.write(root / name, (np.resize(whole, wanted) * rng.uniform(0.4, 1)).astype(np.int16), rate)
            labels.append((name, label))
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "label"), *sorted(labels)])
    return counts


def run(project: Path) -> tuple[float, int]:
    """Seconds of `dvc repro` in a copy of the project, and the number of changed lines in its params.yaml."""
    scale.copy_project(project)
    before = (project / "params.yaml").read_text()
    after = re.sub(r"(?m)^(  )root: .*$", r"\1root: ../homework", before, count=1)
    after = re.sub(r"(?m)^(  )layout: .*$", r"\1layout: homework", after, count=1)
    (project / "params.yaml").write_text(after)
    env, began = scale.environment(project), time.monotonic()
    command = ["dvc", "repro"]
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    changed = sum(one != other for one, other in zip(before.splitlines(), after.splitlines(), strict=True))
    return time.monotonic() - began, changed


if __name__ == "__main__":
    main()
