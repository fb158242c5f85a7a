"""The demo corpus: three languages spoken by espeak-ng, so that the pipeline can run without a download.

Only the language may tell the languages apart. So each has the same voices and the same distribution of lengths, and
the same parameters always give the same bytes.
"""

import csv
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from pipeline import params, programs
from pipeline.console import terminal
from pipeline.demo import espeak
from pipeline.errors import CorpusError, ParameterError

PARTS = {"english": 1271, "hindi": 347, "mandarin": 893}  # minutes in proportion
PITCHES = (35, 60)  # espeak-ng's -p, of 0 to 99
SPEEDS = (135, 185)  # espeak-ng's -s, words a minute
SHORTEST, MEAN = 5.0, 10.0  # s, of a recording; the longest is below 20, the mean lower in a small corpus
SENTENCES = 60  # a language, at least

Sentences = dict[str, tuple[str, ...]]  # of each language


@dataclass(frozen=True)
class Recording:
    """One recording of the corpus: where it belongs, who speaks and what."""

    path: str  # relative to the corpus, with forward slashes
    speaker: str
    utterance: espeak.Utterance


def read_sentences(folder: Path) -> Sentences:
    """Read the sentences of every language from ``folder/LANGUAGE.txt``: UTF-8, one a line.

    Raises
    ------
    CorpusError
        Where a file is missing, is not UTF-8 or holds fewer than 60 different sentences.
    """
    return {language: _read(folder / f"{language}.txt") for language in PARTS}


def _read(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise CorpusError(f"{path} can't be read ({error.strerror}); write {SENTENCES} sentences there") from None
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from None
    sentences = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if len(sentences) < SENTENCES:
        raise CorpusError(f"{path} holds {len(sentences)} different sentences; write at least {SENTENCES}, one a line")
    return sentences


def plan(demo: params.Demo, sentences: Sentences) -> list[Recording]:
    """Decide who speaks how long in every recording of the corpus.

    Parameters
    ----------
    demo
        Minutes in all, voices a language and the seed.
    sentences
        Those of every language, as `read_sentences` gives them.

    Returns
    -------
    list of Recording
        Language after language. Their seconds, each within 5 to 20, add up to the languages' exact shares of
        ``demo.minutes``. Every voice speaks every language at least once, and is one speaker in all of them: were it
        one a language, a voice heard in English while training could be tested in Hindi, and give the wrong language
        away.

    Raises
    ------
    ParameterError
        Where the smallest language has less than 5 s for each of its voices.
    """
    totals = {language: 60 * demo.minutes * part / sum(PARTS.values()) for language, part in PARTS.items()}
    _check(demo, min(totals.values()))
    mean = min(MEAN, min(totals.values()) / demo.voices)  # the same for all, so that length says nothing of language
    voices = _voices(demo)
    recordings = []
    for index, (language, total) in enumerate(totals.items(), start=1):  # 0 is the seed of the voices
        lengths = _lengths(total, mean, demo.voices)
        dealt = _deal(lengths, demo.voices)
        order = np.random.default_rng([demo.seed, index, 0]).permutation(len(lengths))
        for number, which in enumerate(order, start=1):
            utterance = espeak.Utterance(
                language=language,
                voice=voices[dealt[which]],
                seconds=float(lengths[which]),
                sentences=sentences[language],
                seed=(demo.seed, index, number),
            )
            path = f"train_{language}/{language}_{number:04d}.wav"
            recordings.append(Recording(path, f"voice_{dealt[which] + 1:02d}", utterance))
    return recordings


def _check(demo: params.Demo, smallest: float) -> None:
    """Refuse a corpus whose smallest language, of that many seconds, is too short for its voices."""
    least = SHORTEST * demo.voices / smallest * demo.minutes
    if demo.minutes < least:
        raise ParameterError(
            f"demo.minutes {demo.minutes} leaves some of the {demo.voices} voices less than {SHORTEST:g} s to say;"
            f" raise it to {least + 0.05:.1f} or lower demo.voices"
        )


def _voices(demo: params.Demo) -> list[espeak.Voice]:
    draw = np.random.default_rng([demo.seed, 0])
    variants = draw.permutation(espeak.VARIANTS)
    return [
        espeak.Voice(
            variant=str(variants[index % len(variants)]),  # past the last variant, pitch and speed make the voice
            pitch=int(draw.integers(*PITCHES, endpoint=True)),
            speed=int(draw.integers(*SPEEDS, endpoint=True)),
        )
        for index in range(demo.voices)
    ]


def _lengths(total: float, mean: float, voices: int) -> npt.NDArray[np.float64]:
    """Seconds of the recordings of a language: an even grid of quantiles, shorter ones more often, that sums to total.

    With ``u`` even in 0 to 1 they are ``5 + 3 (mean - 5) u²``, which has that mean and stays below 20 s.
    """
    count = max(voices, int(np.ceil(total / mean - 1e-9)))
    squares = np.square((np.arange(count) + 0.5) / count)
    lengths: npt.NDArray[np.float64] = SHORTEST + (total / count - SHORTEST) * squares / squares.mean()
    return lengths


def _deal(lengths: npt.NDArray[np.float64], voices: int) -> list[int]:
    """Give each recording a voice: the longest first, always to whoever has said least, so that minutes come out even.

    There are at least as many recordings as voices, so nobody goes without.
    """
    said = np.zeros(voices)
    dealt = [0] * len(lengths)
    for which in np.argsort(-lengths, kind="stable"):
        dealt[which] = int(said.argmin())
        said[dealt[which]] += lengths[which]
    return dealt


def write(folder: Path, demo: params.Demo, sentences: Sentences) -> None:
    """Speak the whole corpus into a folder, telling on standard output how far it is and, at the end, what there is.

    Writes ``train_LANGUAGE/LANGUAGE_0001.wav`` and so on (16 kHz, mono, 16 bits), and ``speakers.csv`` with the columns
    path and speaker; replaces the corpus that was there.

    Raises
    ------
    ParameterError, ProgramError, CorpusError
        As `plan` and `espeak.speak` do.
    """
    recordings = plan(demo, sentences)
    programs.require("espeak-ng")  # before anything is removed
    _clear(folder)
    progress = terminal.Progress("demo", len(recordings), "recordings")
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # they wait for espeak-ng, so threads use every core
        for _ in threads.map(partial(_record, folder), recordings):
            progress.update(1)
    _write_speakers(folder / "speakers.csv", recordings)
    terminal.show_table(
        ["language", "recordings", "voices", "minutes"], [_summary(language, recordings) for language in PARTS]
    )


def write_nothing(folder: Path) -> None:
    """Write a corpus without recordings: DVC warns of an empty folder."""
    _clear(folder)
    _write_speakers(folder / "speakers.csv", [])


def _clear(folder: Path) -> None:
    """Make the folders of the languages and remove the recordings in them."""
    for language in PARTS:
        (folder / f"train_{language}").mkdir(parents=True, exist_ok=True)
        for stale in (folder / f"train_{language}").glob(f"{language}_*.wav"):
            stale.unlink()


def _record(folder: Path, recording: Recording) -> None:
    soundfile.write(folder / recording.path, espeak.speak(recording.utterance), espeak.RATE, subtype="PCM_16")


def _write_speakers(path: Path, recordings: Sequence[Recording]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("path", "speaker"))
        table.writerows((recording.path, recording.speaker) for recording in recordings)


def _summary(language: str, recordings: Sequence[Recording]) -> tuple[str, int, int, str]:
    """Language, recordings, voices and minutes."""
    rows = [row for row in recordings if row.utterance.language == language]
    minutes = sum(row.utterance.seconds for row in rows) / 60
    return language, len(rows), len({row.speaker for row in rows}), f"{minutes:.1f}"
