"""A hundred languages, from the listing to the report: seconds and memory of each stage, and the size of the page.

    python -m benchmarks.languages --keep FOLDER

The corpus has the layout of VoxLingua107. espeak-ng reads random numbers in each of its own languages, with a few
voices. `dvc repro` runs in a copy of the project; with --keep, the copy stays.
"""

import argparse
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

from benchmarks import scale
from pipeline import programs
from pipeline.console import terminal
from pipeline.demo import espeak
from pipeline.errors import CorpusError

LEFT_OUT = {"jbo", "lfn", "piqd", "qdb", "qya", "sjn", "kl"}  # invented languages; espeak-ng crashes in the last
VOICES, CLIPS = 6, 4  # per language, and of each voice
CLIP_S = 7.0
NUMBERS = 8  # in a phrase


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--languages", type=int, default=100)
    parser.add_argument("--keep", type=Path, help="folder for the copy of the project")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = given.keep or Path(folder)
        codes = spoken()[: given.languages]
        build(place / "corpus", codes)
        project = scale.copy_project(place / "project", place / "corpus")
        scale.set_corpus(project, layout="voxlingua107", languages=codes)
        done = scale.run(project, 2, "report")
        page = (project / "artifacts" / "report" / "index.html").stat().st_size
    rows = [[stage, f"{took:.1f} s", f"{done.memory[stage]:,.0f} MB"] for stage, took in done.seconds.items()]
    terminal.show_table(["stage", "time", "largest process"], rows)
    print(f"{len(codes)} languages, {done.total:.0f} s; index.html {page / 1e6:.1f} MB")


def spoken() -> list[str]:
    """Codes of the languages in which espeak-ng reads numbers."""
    command = [programs.require("espeak-ng"), "--voices"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    codes = {line.split()[1] for line in listed.splitlines()[1:]}
    codes = {code for code in codes - LEFT_OUT if len(code) <= 3}
    espeak.LANGUAGES |= {code: code for code in codes} | {"cmn": espeak.LANGUAGES["mandarin"]}
    return sorted(code for code in codes if _reads_numbers(code))


def _reads_numbers(code: str) -> bool:
    voice = espeak.Voice("male", "m1", 50, 160)
    try:
        espeak.synthesise(espeak.Utterance(code, voice, 3.0, ("123 456",), (0,)))
    except CorpusError:
        return False
    return True


def build(folder: Path, codes: list[str]) -> None:
    """Write the clips of every language."""
    rng = np.random.default_rng(0)
    plain = re.compile(r"[mf]\d")  # others crash in some languages
    variants = [(kind, name) for kind, names in espeak.VARIANTS.items() for name in names if plain.fullmatch(name)]
    clips = []
    for number, code in enumerate(codes):
        (folder / code).mkdir(parents=True)
        for voice in range(VOICES):
            gender, variant = variants[(VOICES * number + voice) % len(variants)]
            speaker = espeak.Voice(gender, variant, int(rng.integers(35, 60)), int(rng.integers(135, 185)))
            for clip in range(CLIPS):
                texts = tuple(" ".join(map(str, rng.integers(1, 1000, NUMBERS))) for _ in range(4))
                name = f"{code:x<5}voice{voice}__U__S{clip}---{clip * CLIP_S:08.3f}-{(clip + 1) * CLIP_S:08.3f}.wav"
                clips.append(espeak.Utterance(code, speaker, CLIP_S, texts, (number, voice, clip), f"{code}/{name}"))
    progress = terminal.Progress("synthesis", len(clips), "clips")
    with ThreadPoolExecutor(2) as threads:
        for utterance, samples in zip(clips, threads.map(espeak.synthesise, clips), strict=True):
            soundfile.write(folder / utterance.path, samples, espeak.RATE_HZ, subtype="PCM_16")
            progress.update(1)


if __name__ == "__main__":
    main()
