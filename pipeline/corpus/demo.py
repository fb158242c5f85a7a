"""The demo corpus: espeak-ng reads sentences of three languages, so that the pipeline can run without a download.

Only the language may tell the languages apart. So voices, lengths of recordings, pauses, levels and noise are drawn
from the same distributions for each of them, and the same parameters always give the same bytes.
"""

import csv
import os
import re
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from pipeline import programs
from pipeline.errors import CorpusError, ParameterError, ProgramError
from pipeline.params import Demo

Samples = npt.NDArray[np.float32]

PARTS = {"english": 1271, "hindi": 347, "mandarin": 893}  # minutes in proportion
# espeak-ng 1.51 has two Mandarin voices. "cmn" reads Hanzi as pinyin letters in English phonemes; "cmn-latn-pinyin",
# given the very same Hanzi, reads Mandarin.
ESPEAK_VOICES = {"english": "en-us", "hindi": "hi", "mandarin": "cmn-latn-pinyin"}

# Variants that sound human, differ from each other and set a pitch of their own: those that don't would take the
# language's. Variants that set stress lengths (Andrea, anika, antonio, pedro) hurry Mandarin alone, so they are out.
# espeak-ng silently takes no variant for a name that it doesn't know: a test compares each with none.
# fmt: off
VARIANTS = (
    "m1", "m2", "m3", "m4", "m7", "m8", "Andy", "Denis", "Diogo", "Gene", "Lee", "Nguyen", "norbert", "pablo", "quincy",
    "f1", "f2", "f3", "f4", "f5", "Annie", "linda", "shelby", "steph",
)
# fmt: on
PITCHES = (35, 60)  # espeak-ng's -p, of 0 to 99
SPEEDS = (135, 185)  # espeak-ng's -s, words a minute
AMPLITUDE = 50  # espeak-ng's -a: at its default, 100, some of the variants clip

RATE = 16000  # Hz
SHORTEST, MEAN, LONGEST = 5.0, 10.0, 20.0  # s, of a recording; the mean is lower in a small corpus
PAUSE = (0.2, 1.5)  # s, before, between and after phrases
SPEECH_LEVEL = (-28.0, -18.0)  # dBFS, RMS of the phrases
NOISE_LEVEL = (-66.0, -54.0)  # dBFS, RMS: below the 1 % of full scale (-40 dBFS) where SoX hears speech
NOISE_SLOPE = (0.0, 1.0)  # power falls as 1 / frequency ** slope: white to pink
PEAK = 0.95  # of full scale
EDGE = 0.005  # of a phrase's peak: what is weaker at its ends is espeak-ng's own silence

SENTENCES = 60  # a language, at least
ENDINGS = 3  # sentences tried as the last one of a recording
ATTEMPTS = 50
SECONDS_A_LINE = 2.0  # of progress

# A mark that ends a phrase. Western ones count before a space only, so that 3.5 stays whole.
PHRASE_END = re.compile(r"(?<=[,;:.?!।])\s+|(?<=[，；：。？！])\s*")


@dataclass(frozen=True)
class Voice:
    """How espeak-ng is to sound, whatever the language: a variant, a pitch (0 to 99) and a speed (words a minute)."""

    variant: str
    pitch: int
    speed: int


@dataclass(frozen=True)
class Utterance:
    """One recording to be spoken: who, for how many seconds, from which sentences, and the seed of all its draws."""

    language: str
    number: int
    speaker: str
    voice: Voice
    seconds: float
    sentences: tuple[str, ...]
    seed: tuple[int, int, int]

    @property
    def path(self) -> str:
        """Where it belongs, relative to the corpus, with forward slashes."""
        return f"train_{self.language}/{self.language}_{self.number:04d}.wav"


def read_sentences(folder: Path) -> dict[str, tuple[str, ...]]:
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


def plan(demo: Demo, sentences: dict[str, tuple[str, ...]]) -> list[Utterance]:
    """Decide who speaks how long in every recording of the corpus.

    Parameters
    ----------
    demo
        Minutes in all, voices a language and the seed.
    sentences
        Those of every language, as `read_sentences` gives them.

    Returns
    -------
    list of Utterance
        Language after language. Their seconds, each within 5 to 20, add up to the languages' exact shares of
        ``demo.minutes``. Voice n is the same in every language, but another speaker, and each speaks at least once.

    Raises
    ------
    ParameterError
        Where the smallest language has less than 5 s for each of its voices.
    """
    totals = {language: 60 * demo.minutes * part / sum(PARTS.values()) for language, part in PARTS.items()}
    least = SHORTEST * demo.voices / min(totals.values()) * demo.minutes
    if demo.minutes < least:
        raise ParameterError(
            f"demo.minutes {demo.minutes} leaves some of the {demo.voices} voices less than {SHORTEST:g} s to say;"
            f" raise it to {least + 0.05:.1f} or lower demo.voices"
        )
    mean = min(MEAN, min(totals.values()) / demo.voices)  # the same for all, so that length says nothing of language
    voices = _voices(demo)
    utterances = []
    for index, (language, total) in enumerate(totals.items(), start=1):  # 0 is the seed of the voices
        lengths = _lengths(total, mean, demo.voices)
        dealt = _deal(lengths, demo.voices)
        order = np.random.default_rng([demo.seed, index, 0]).permutation(len(lengths))
        for number, which in enumerate(order, start=1):
            utterances.append(
                Utterance(
                    language=language,
                    number=number,
                    speaker=f"{language}_v{dealt[which] + 1:02d}",
                    voice=voices[dealt[which]],
                    seconds=float(lengths[which]),
                    sentences=sentences[language],
                    seed=(demo.seed, index, number),
                )
            )
    return utterances


def _voices(demo: Demo) -> list[Voice]:
    draw = np.random.default_rng([demo.seed, 0])
    variants = draw.permutation(VARIANTS)
    return [
        Voice(
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


def speak(utterance: Utterance) -> npt.NDArray[np.int16]:
    """Have espeak-ng speak a recording.

    Returns
    -------
    ndarray of int16, shape (samples,)
        Mono, 16 kHz, of just the planned length: phrases with pauses of 0.2 to 1.5 s around them, over faint noise.

    Raises
    ------
    ProgramError
        Where espeak-ng is not installed or has no such voice.
    CorpusError
        Where no choice of the sentences fills the planned length, or a phrase has nothing to say.
    """
    draw = np.random.default_rng(utterance.seed)
    speech_level, noise_level = _amplitude(draw.uniform(*SPEECH_LEVEL)), _amplitude(draw.uniform(*NOISE_LEVEL))
    sound = noise_level * _noise(round(utterance.seconds * RATE), draw)
    phrases, pauses = _compose(utterance, draw)
    speech = np.concatenate(phrases)
    gain = min(speech_level / _rms(speech), PEAK / float(np.abs(speech).max()))
    end = 0.0
    for phrase, pause in zip(phrases, pauses, strict=False):  # the last pause follows the last phrase
        start = round((end + pause) * RATE)
        sound[start : start + len(phrase)] += gain * phrase
        end += pause + len(phrase) / RATE
    steps: npt.NDArray[np.int16] = np.rint(sound * np.iinfo(np.int16).max).astype(np.int16)
    return steps  # without dither: the noise already spans several steps


def _compose(utterance: Utterance, draw: np.random.Generator) -> tuple[list[Samples], npt.NDArray[np.float64]]:
    """Phrases, and the seconds of pause before each and after the last, that make up just the planned length."""
    for _ in range(ATTEMPTS):
        texts = [utterance.sentences[which] for which in draw.permutation(len(utterance.sentences))]
        pauses = draw.uniform(*PAUSE, size=int(2 * LONGEST / PAUSE[0]))  # more than a recording can hold
        phrases = _gather(utterance, texts, pauses)
        fitted = _fit(pauses[: len(phrases) + 1], utterance.seconds - sum(map(len, phrases)) / RATE)
        if fitted is not None:
            return phrases, fitted
    raise CorpusError(
        f"the {utterance.language} sentences don't fill a recording of {utterance.seconds:.1f} s;"
        " write sentences of 6 to 16 words"
    )


def _gather(utterance: Utterance, texts: list[str], pauses: npt.NDArray[np.float64]) -> list[Samples]:
    """Speak sentences in turn while they fit; end with that one of the next few (or none) that leaves least to mend."""

    def excess(phrases: list[Samples]) -> float:
        return sum(map(len, phrases)) / RATE + float(pauses[: len(phrases) + 1].sum()) - utterance.seconds

    spoken = (_sentence(text, utterance.language, utterance.voice) for text in texts)  # spoken when asked for
    gathered: list[Samples] = []
    endings: list[list[Samples]] = [[]]
    for sentence in spoken:
        if excess(gathered + sentence) > 0:
            endings.append(sentence)
            break
        gathered += sentence
    endings += islice(spoken, ENDINGS - 1)
    return gathered + min(endings, key=lambda ending: abs(excess(gathered + ending)))


def _fit(pauses: npt.NDArray[np.float64], seconds: float) -> npt.NDArray[np.float64] | None:
    """Bring pauses to ``seconds`` in all, moving those with more room further; None where PAUSE forbids it."""
    missing = seconds - pauses.sum()
    room = (PAUSE[1] if missing > 0 else PAUSE[0]) - pauses
    share = missing / room.sum()
    return pauses + share * room if share <= 1 else None


def _sentence(text: str, language: str, voice: Voice) -> list[Samples]:
    return [_phrase(part, language, voice) for part in PHRASE_END.split(text) if part]


def _phrase(text: str, language: str, voice: Voice) -> Samples:
    """Speak one phrase, at 16 kHz, without the silence around it."""
    name = f"{ESPEAK_VOICES[language]}+{voice.variant}"
    options = ["-v", name, "-p", str(voice.pitch), "-s", str(voice.speed), "-a", str(AMPLITUDE)]
    command = [programs.require("espeak-ng"), *options, "-b", "1", "-z", "--stdin", "--stdout"]  # -b 1: UTF-8
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    if done.returncode:
        reason = " ".join(done.stderr.decode(errors="replace").split())
        raise ProgramError(f"espeak-ng can't speak {name} ({reason}); install 1.51 or later: apt-get install espeak-ng")
    heard = np.abs(sound := _samples(done.stdout))
    if not heard.any():
        raise CorpusError(f"espeak-ng has nothing to say for {text!r}; remove it from {language}.txt")
    loud = np.flatnonzero(heard > EDGE * heard.max())
    return sound[loud[0] : loud[-1] + 1]


def _samples(wav: bytes) -> Samples:
    """Samples of a WAV from espeak-ng's standard output, which can't go back to write the true lengths in the header.

    So the lengths are ignored: what follows the data chunk's head, 16-bit mono, is the sound.
    """
    header, _, data = wav.partition(b"data")
    rate = int.from_bytes(header[24:28], "little")
    sound = np.frombuffer(data[4:], dtype="<i2").astype(np.float32) / np.float32(32768)
    return np.asarray(soxr.resample(sound, rate, RATE), dtype=np.float32) if sound.size else sound


def _noise(count: int, draw: np.random.Generator) -> Samples:
    """Noise of RMS 1, between white and pink; as strong below 50 Hz as there, else pink noise would drift slowly."""
    size = 1 << count.bit_length()  # of the Fourier transforms: other sizes can take many times as long
    falling = np.maximum(np.fft.rfftfreq(size, 1 / RATE), 50) ** (-draw.uniform(*NOISE_SLOPE) / 2)
    noise = np.fft.irfft(np.fft.rfft(draw.standard_normal(size)) * falling)[:count].astype(np.float32)
    return noise / np.float32(_rms(noise))


def _rms(sound: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def _amplitude(level: float) -> float:
    return float(10 ** (level / 20))


def write(folder: Path, demo: Demo, sentences: dict[str, tuple[str, ...]]) -> None:
    """Speak the whole corpus into a folder, telling on standard output how far it is.

    Writes ``train_LANGUAGE/LANGUAGE_0001.wav`` and so on (16 kHz, mono, 16 bits), and ``speakers.csv`` with the columns
    path and speaker; replaces the corpus that was there.

    Raises
    ------
    ParameterError, ProgramError, CorpusError
        As `plan` and `speak` do.
    """
    utterances = plan(demo, sentences)
    programs.require("espeak-ng")  # before anything is removed
    for language in PARTS:
        (folder / f"train_{language}").mkdir(parents=True, exist_ok=True)
        for stale in (folder / f"train_{language}").glob(f"{language}_*.wav"):
            stale.unlink()
    begun = told = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # they wait for espeak-ng, so threads use every core
        for done, _ in enumerate(threads.map(partial(_record, folder), utterances), start=1):
            if (now := time.monotonic()) - told >= SECONDS_A_LINE:
                told = now
                left = (now - begun) / done * (len(utterances) - done)
                print(f"demo  {done} of {len(utterances)} recordings, {left:.0f} s left", flush=True)
    _write_speakers(folder / "speakers.csv", utterances)
    print(_summary(utterances), flush=True)


def _record(folder: Path, utterance: Utterance) -> None:
    soundfile.write(folder / utterance.path, speak(utterance), RATE, subtype="PCM_16")


def _write_speakers(path: Path, utterances: Sequence[Utterance]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("path", "speaker"))
        table.writerows((utterance.path, utterance.speaker) for utterance in utterances)


def _summary(utterances: Sequence[Utterance]) -> str:
    minutes = {name: sum(item.seconds for item in utterances if item.language == name) / 60 for name in PARTS}
    return f"demo  {len(utterances)} recordings: " + ", ".join(f"{name} {m:.1f} min" for name, m in minutes.items())
