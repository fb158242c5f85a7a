"""How one utterance is spoken: espeak-ng says its phrases, which are then set between pauses and over faint noise.

Whatever the language, pauses, levels and noise are drawn from the same distributions, and the same utterance always
gives the same samples.
"""

import re
import subprocess
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
import soxr

from pipeline import programs
from pipeline.errors import CorpusError, ProgramError

Samples = npt.NDArray[np.float32]

# espeak-ng 1.51 has two Mandarin voices. "cmn" reads Hanzi as pinyin letters in English phonemes; "cmn-latn-pinyin",
# given the very same Hanzi, reads Mandarin.
LANGUAGES = {"english": "en-us", "hindi": "hi", "mandarin": "cmn-latn-pinyin"}

# Variants that sound human, differ from each other and set a pitch of their own: those that don't would take the
# language's. Variants that set stress lengths (Andrea, anika, antonio, pedro) hurry Mandarin alone, so they are out.
# espeak-ng silently takes no variant for a name that it doesn't know: a test compares each with none.
# fmt: off
VARIANTS = (
    "m1", "m2", "m3", "m4", "m7", "m8", "Andy", "Denis", "Diogo", "Gene", "Lee", "Nguyen", "norbert", "pablo", "quincy",
    "f1", "f2", "f3", "f4", "f5", "Annie", "linda", "shelby", "steph",
)
# fmt: on
AMPLITUDE = 50  # espeak-ng's -a: at its default, 100, some of the variants clip

RATE = 16000  # Hz
PAUSE = (0.2, 1.5)  # s, before, between and after phrases
PAUSES = 200  # drawn for each attempt: more than half a minute can hold
SPEECH_LEVEL = (-28.0, -18.0)  # dBFS, RMS of the phrases
NOISE_LEVEL = (-66.0, -54.0)  # dBFS, RMS: below the 1 % of full scale (-40 dBFS) where SoX hears speech
NOISE_SLOPE = (0.0, 1.0)  # power falls as 1 / frequency ** slope: white to pink
PEAK = 0.95  # of full scale
EDGE = 0.005  # of a phrase's peak: what is weaker at its ends is espeak-ng's own silence

ATTEMPTS = 50
ENDINGS = 3  # sentences tried as the last one

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
    """What is to be spoken: in which voice, for how many seconds, from which sentences, and the seed of all draws."""

    language: str
    voice: Voice
    seconds: float
    sentences: tuple[str, ...]
    seed: tuple[int, ...]


def speak(utterance: Utterance) -> npt.NDArray[np.int16]:
    """Have espeak-ng speak an utterance.

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
        pauses = draw.uniform(*PAUSE, size=PAUSES)
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
    name = f"{LANGUAGES[language]}+{voice.variant}"
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
