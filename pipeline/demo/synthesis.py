"""The demo corpus: three languages synthesised with espeak-ng, so that the pipeline runs without a download.

The languages differ in nothing but the language: all have the same voices and the same distribution of lengths. The
same parameters always give the same bytes.
"""

import csv
import itertools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from pipeline import files, params, programs
from pipeline.console import terminal
from pipeline.demo import espeak
from pipeline.errors import CorpusError, ParameterError

HOMEWORK_MINUTES = {"english": 1271, "hindi": 347, "mandarin": 893}  # demo.minutes are shared in this proportion
PITCHES = (35, 60)  # espeak-ng's -p, of 0 to 99
SPEEDS_WPM = (135, 185)  # espeak-ng's -s, words per minute
MIN_LENGTH_S, MEAN_LENGTH_S = 5.0, 10.0  # of a recording; the maximum is below 20, the mean lower in a small corpus
MIN_SENTENCES = 60  # per language
MIN_CHOICE = 9  # sentences: more than the longest recording holds

Sentences = dict[str, tuple[str, ...]]  # by language


def read_sentences(folder: Path) -> Sentences:
    """Read the sentences of every language from ``folder/LANGUAGE.txt``: UTF-8, one per line.

    Raises
    ------
    CorpusError
        If a file is missing, is not UTF-8 or holds fewer than 60 different sentences.
    """
    found = {}
    for language in HOMEWORK_MINUTES:
        path = folder / f"{language}.txt"
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            remedy = f"write {MIN_SENTENCES} sentences there, in UTF-8"
            reason = error.strerror if isinstance(error, OSError) else error.reason
            raise CorpusError(f"{path} can't be read ({reason}); {remedy}") from error
        found[language] = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
        if (count := len(found[language])) < MIN_SENTENCES:
            raise CorpusError(f"{path} holds {count} different sentences; write at least {MIN_SENTENCES}, one per line")
    return found


def plan_recordings(demo: params.Demo, sentences: Sentences) -> list[espeak.Utterance]:
    """Decide the speaker, the length and the seed of every recording.

    Parameters
    ----------
    demo
        Total minutes, voices per language and the seed.
    sentences
        As `read_sentences` returns them.

    Returns
    -------
    list of Utterance
        Language by language. Each lasts 5 to 20 s; together they last ``demo.minutes``, and every language has
        its exact share. Every voice speaks every language at least once and is one speaker in all of them. Otherwise
        a voice that speaks English in training could speak Hindi in the test and mislead the network. No voice reads a
        sentence twice, unless its recordings in a language are too many for that: they would hold the same speech.

    Raises
    ------
    ParameterError
        If the smallest language has less than 5 s for each of its voices.
    """
    total_minutes = sum(HOMEWORK_MINUTES.values())
    totals_s = {language: 60 * demo.minutes * part / total_minutes for language, part in HOMEWORK_MINUTES.items()}
    smallest_s = min(totals_s.values())
    min_minutes = MIN_LENGTH_S * demo.voices / smallest_s * demo.minutes
    if demo.minutes < min_minutes:
        raise ParameterError(
            f"demo.minutes {demo.minutes} leaves some of the {demo.voices} voices less than {MIN_LENGTH_S:g} s of "
            f"speech; raise it to {min_minutes + 0.05:.1f} or lower demo.voices"
        )
    mean_s = min(MEAN_LENGTH_S, smallest_s / demo.voices)  # the same in all languages, so that lengths don't differ
    voices = _voices(demo)
    recordings = []
    for language_number, (language, total_s) in enumerate(totals_s.items(), start=1):  # 0 is the seed of the voices
        lengths_s = _lengths_s(total_s, mean_s, demo.voices)
        assigned = _assign_voices(lengths_s, demo.voices)
        choices = [
            _divided(sentences[language], assigned.count(voice), [demo.seed, language_number, 0, voice + 1])
            for voice in range(demo.voices)
        ]
        order = np.random.default_rng([demo.seed, language_number, 0]).permutation(len(lengths_s))
        for number, index in enumerate(order, start=1):
            utterance = espeak.Utterance(
                language=language,
                voice=voices[assigned[index]],
                seconds=float(lengths_s[index]),
                sentences=choices[assigned[index]].pop(),
                seed=(demo.seed, language_number, number),
                path=f"train_{language}/{language}_{number:04d}.wav",
                speaker=f"voice_{assigned[index] + 1:02d}",
            )
            recordings.append(utterance)
    return recordings


def _voices(demo: params.Demo) -> list[espeak.Voice]:
    rng = np.random.default_rng([demo.seed, 0])
    variants = {gender: rng.permutation(names).tolist() for gender, names in espeak.VARIANTS.items()}
    genders = itertools.islice(itertools.cycle(variants), demo.voices)  # by turns
    return [
        espeak.Voice(
            gender=gender,
            variant=variants[gender][index // len(variants) % len(variants[gender])],
            pitch=int(rng.integers(*PITCHES, endpoint=True)),  # repeated variants differ in pitch and speed
            speed=int(rng.integers(*SPEEDS_WPM, endpoint=True)),
        )
        for index, gender in enumerate(genders)
    ]


def _lengths_s(total_s: float, mean_s: float, n_voices: int) -> NDArray[np.float64]:
    """Return the lengths of a language's recordings in seconds: evenly spaced quantiles, more of them short.

    They add up to the total. With ``u`` even in 0 to 1 they are ``5 + 3 (mean - 5) u²``, which has that mean and stays
    below 20 s.
    """
    count = max(n_voices, int(np.ceil(total_s / mean_s - 1e-9)))
    squares = np.square((np.arange(count) + 0.5) / count)
    lengths_s: NDArray[np.float64] = MIN_LENGTH_S + (total_s / count - MIN_LENGTH_S) * squares / squares.mean()
    return lengths_s


def _assign_voices(lengths_s: NDArray[np.float64], n_voices: int) -> list[int]:
    """Return the index of each recording's voice, so that all voices speak for about the same time.

    Recordings are assigned from the longest to the shortest, each to the voice with the least so far. There are at
    least as many recordings as voices, so every voice has one.
    """
    spoken_s = np.zeros(n_voices)
    assigned = [0] * len(lengths_s)
    for index in np.argsort(-lengths_s, kind="stable"):
        assigned[index] = int(spoken_s.argmin())
        spoken_s[assigned[index]] += lengths_s[index]
    return assigned


def _divided(sentences: tuple[str, ...], count: int, seed: list[int]) -> list[tuple[str, ...]]:
    """Return the sentences to choose from in each of `count` recordings of a voice: different ones if they suffice."""
    if len(sentences) < count * MIN_CHOICE:
        return [sentences] * count
    order = np.random.default_rng(seed).permutation(len(sentences))
    return [tuple(sentences[index] for index in order[number::count]) for number in range(count)]


def write_corpus(folder: Path, demo: params.Demo, sentences: Sentences) -> None:
    """Synthesise the corpus into a folder, and print the progress and a summary on standard output.

    Writes ``train_LANGUAGE/LANGUAGE_0001.wav`` and so on (16 kHz, mono, 16 bits), and ``speakers.csv`` with the columns
    path, speaker and gender; replaces an earlier corpus.

    Raises
    ------
    ParameterError, ProgramError, CorpusError
        As `plan_recordings` and `espeak.synthesise` do.
    """
    recordings = plan_recordings(demo, sentences)
    programs.require("espeak-ng")  # before anything is removed
    write_recordings(folder, recordings)
    table = []
    for language in HOMEWORK_MINUTES:
        mine = [recording for recording in recordings if recording.language == language]
        minutes = sum(recording.seconds for recording in mine) / 60
        table.append([language, len(mine), len({recording.speaker for recording in mine}), f"{minutes:.1f}"])
    terminal.show_table(["language", "recordings", "voices", "minutes"], table)


def write_recordings(folder: Path, recordings: Sequence[espeak.Utterance]) -> None:
    """Synthesise recordings into a folder, with the table of their speakers; print the progress."""
    progress = terminal.Progress("demo", len(recordings), "recordings")
    # The threads wait for espeak-ng, so they use every core.
    with files.building(folder) as target, ThreadPoolExecutor(os.cpu_count()) as threads:
        for language in HOMEWORK_MINUTES:
            (target / f"train_{language}").mkdir()
        for recording, samples in zip(recordings, threads.map(espeak.synthesise, recordings), strict=True):
            soundfile.write(target / recording.path, samples, espeak.RATE_HZ, subtype="PCM_16")
            progress.update(1)
        with (target / "speakers.csv").open("w", encoding="utf-8", newline="") as file:
            rows = ((recording.path, recording.speaker, recording.voice.gender) for recording in recordings)
            csv.writer(file, lineterminator="\n").writerows([("path", "speaker", "gender"), *rows])
