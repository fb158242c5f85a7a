"""Utterances by espeak-ng: its phrases with pauses between them, over faint noise.

Pauses, levels and noise have the same distributions in every language, and the same utterance always gives the same
samples.
"""

import functools
import itertools
import re
import subprocess
from dataclasses import dataclass

import numpy as np
import soxr

from pipeline import programs
from pipeline.arrays import Samples, Waveform
from pipeline.audio.samples import to_waveform
from pipeline.errors import CorpusError, ProgramError

# espeak-ng 1.51 has two Mandarin voices: "cmn" spells Hanzi as pinyin letters in English, "cmn-latn-pinyin" reads them
# as Mandarin.
LANGUAGES = {"english": "en-us", "hindi": "hi", "mandarin": "cmn-latn-pinyin"}

# Variants that sound human, differ from each other and set their own pitch; without one, pitch would depend on the
# language. Variants that set stress lengths (Andrea, anika, antonio, pedro) are excluded: they speed up Mandarin only.
# espeak-ng silently ignores an unknown variant, so a test compares each with the plain voice.
VARIANTS = {
    "male": (
        "m1", "m2", "m3", "m4", "m7", "m8", "Andy", "Denis", "Diogo", "Gene", "Lee", "Nguyen", "norbert", "pablo",
        "quincy",
    ),
    "female": ("f1", "f2", "f3", "f4", "f5", "Annie", "linda", "shelby", "steph"),
}  # fmt: skip
AMPLITUDE = 50  # espeak-ng's -a: at its default, 100, some of the variants clip

RATE_HZ = 16000
PAUSE_S = (0.2, 1.0)  # before each phrase
SPEECH_LEVEL_DBFS = (-28.0, -18.0)  # RMS of the phrases
NOISE_LEVEL_DBFS = (-66.0, -54.0)  # RMS: below the 1 % of full scale (-40 dBFS) at which SoX finds speech
NOISE_SLOPE = (0.0, 1.0)  # power falls as 1 / frequency ** slope: white to pink
NOISE_FLAT_HZ = 50.0  # below this, noise is as strong as here: pink noise would drift
MAX_PEAK = 0.95  # of full scale
EDGE = 0.005  # of a phrase's peak: espeak-ng's own silence at the ends is weaker

# The mark at the end of a phrase. Western marks count only before a space, so that 3.5 stays whole.
PHRASE_END = re.compile(r"(?<=[,;:.?!।])\s+|(?<=[，；：。？！])\s*")


@dataclass(frozen=True)
class Voice:
    """A voice of espeak-ng in any language: gender, variant, pitch (0 to 99) and speed (words per minute)."""

    gender: str
    variant: str
    pitch: int
    speed: int


@dataclass(frozen=True)
class Utterance:
    """One recording of the corpus: language, voice and length, sentences to choose from, and the seed of all draws."""

    language: str
    voice: Voice
    seconds: float
    sentences: tuple[str, ...]
    seed: tuple[int, ...]
    path: str = ""  # relative to the corpus, with forward slashes
    speaker: str = ""


def synthesise(utterance: Utterance) -> Samples:
    """Synthesise an utterance with espeak-ng.

    Returns
    -------
    ndarray of int16, shape (samples,)
        Mono, 16 kHz, exactly as long as planned: phrases after pauses of 0.2 to 1 s, over faint noise. The last phrase
        is cut off where the recording ends.

    Raises
    ------
    ProgramError
        If espeak-ng is not installed or has no such voice.
    CorpusError
        If a phrase has nothing to say.
    """
    rng = np.random.default_rng(utterance.seed)
    speech_level, noise_level = (10 ** (rng.uniform(*range_) / 20) for range_ in (SPEECH_LEVEL_DBFS, NOISE_LEVEL_DBFS))
    speech = _speech(utterance, rng)
    gain = min(speech_level / _rms(speech[speech.nonzero()]), MAX_PEAK / float(np.abs(speech).max()))
    waveform = noise_level * _noise(len(speech), rng) + gain * speech
    samples: Samples = np.rint(waveform * np.iinfo(np.int16).max).astype(np.int16)
    return samples  # without dither: the noise spans several steps


def _speech(utterance: Utterance, rng: np.random.Generator) -> Waveform:
    """Return phrases and pauses, zeros, of the planned length, which may end within a phrase."""
    speech = np.zeros(round(utterance.seconds * RATE_HZ), np.float32)
    order = itertools.cycle(rng.permutation(len(utterance.sentences)))
    texts = (text for index in order for text in PHRASE_END.split(utterance.sentences[index]) if text)
    start = 0
    while (start := start + round(rng.uniform(*PAUSE_S) * RATE_HZ)) < len(speech):
        phrase = _phrase(next(texts), utterance.language, utterance.voice)
        speech[start : start + len(phrase)] = phrase[: len(speech) - start]
        start += len(phrase)
    return speech


def _phrase(text: str, language: str, voice: Voice) -> Waveform:
    """Synthesise one phrase, at 16 kHz, without the silence around it."""
    name = f"{LANGUAGES[language]}+{voice.variant}"
    options = [*_deterministic(), "-v", name, "-p", str(voice.pitch), "-s", str(voice.speed), "-a", str(AMPLITUDE)]
    command = [programs.require("espeak-ng"), *options, "-b", "1", "-z", "--stdin", "--stdout"]  # -b 1: UTF-8
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    if done.returncode:
        reason = " ".join(done.stderr.decode(errors="replace").split())
        raise ProgramError(f"espeak-ng can't speak {name} ({reason}); install 1.51 or later: apt-get install espeak-ng")
    # The lengths in the header are wrong, because espeak-ng can't seek back in its output to correct them. Everything
    # after the head of the data chunk is 16-bit mono.
    header, _, data = done.stdout.partition(b"data")
    waveform = to_waveform(np.frombuffer(data[4:], dtype="<i2"))
    if not waveform.any():
        raise CorpusError(f"espeak-ng has nothing to say for {text!r}; remove it from {language}.txt")
    level = np.abs(waveform := soxr.resample(waveform, int.from_bytes(header[24:28], "little"), RATE_HZ))
    loud = np.flatnonzero(level > EDGE * level.max())
    return np.asarray(waveform[loud[0] : loud[-1] + 1], np.float32)


@functools.cache
def _deterministic() -> list[str]:
    """Return the option that keeps the time of day out of a voice's breath. 1.51 needs none, and rejects it."""
    done = subprocess.run([programs.require("espeak-ng"), "--help"], capture_output=True, check=False)
    return ["-D"] if b"deterministic" in done.stdout else []


def _noise(n_samples: int, rng: np.random.Generator) -> Waveform:
    """Return noise of RMS 1, between white and pink."""
    size = 1 << n_samples.bit_length()  # of the Fourier transforms: other sizes can take many times as long
    frequencies = np.maximum(np.fft.rfftfreq(size, 1 / RATE_HZ), NOISE_FLAT_HZ)
    gains = frequencies ** (-rng.uniform(*NOISE_SLOPE) / 2)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) * gains)[:n_samples].astype(np.float32)
    return noise / np.float32(_rms(noise))


def _rms(waveform: Waveform) -> float:
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
