"""Decode many mutations of files in this process: `python -m tests.audio.fuzz COUNT SEED FOLDER ENDING...`.

Prints how often each outcome was met, as JSON. The process ends with an error if decoding raises anything but an
AudioError, takes longer than the limit, or needs more memory than the limit.
"""

import faulthandler
import json
import re
import resource
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import soundfile

from pipeline.audio.decode import decode
from pipeline.audio.foreign import Decoder
from pipeline.audio.samples import to_waveform
from pipeline.errors import AudioError
from tests.audio.test_foreign import FORMATS, write

LIMIT_S = 30
MEMORY_BYTES = 3 << 30
SOUNDFILE = {
    "wav": {}, "flac": {}, "ogg": {}, "mp3": {}, "aiff": {}, "au": {}, "caf": {}, "w64": {}, "rf64": {}, "voc": {},
    "opus": {"format": "OGG", "subtype": "OPUS"}, "gsm": {"format": "WAV", "subtype": "GSM610"},
    "adpcm": {"format": "WAV", "subtype": "IMA_ADPCM"}, "float": {"format": "WAV", "subtype": "FLOAT"},
    "nist": {"format": "NIST"}, "mat5": {"format": "MAT5"}, "sds": {"format": "SDS", "subtype": "PCM_16"},
    "alac": {"format": "CAF", "subtype": "ALAC_16"}, "avr": {"format": "AVR"}, "paf": {"format": "PAF"},
}  # fmt: skip
EXTREMES = [b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\1", b"\1\0\0\0", b"\x80\0\0\0"]
ENDINGS = [*SOUNDFILE, *FORMATS]


def original(ending: str, folder: Path) -> bytes:
    """A valid file."""
    path = folder / f"whole.{ending}"
    if ending in FORMATS:
        write(path, 1.0)
    else:
        rate = 8000 if ending == "gsm" else 16000
        sound = np.random.default_rng(0).normal(0, 0.1, rate)
        soundfile.write(path, sound, rate, **SOUNDFILE[ending])
    return path.read_bytes()


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Some changes, most of them in the header."""
    found = bytearray(content)
    for _ in range(int(rng.integers(1, 6))):
        end = max(1, len(found) if rng.random() < 0.3 else min(len(found), 200))
        at = int(rng.integers(end))
        match int(rng.integers(8)):
            case 0 | 1:
                found[at : at + 1] = rng.bytes(1)
            case 2:
                found[at : at + 4] = EXTREMES[rng.integers(len(EXTREMES))]
            case 3:
                del found[at : at + int(rng.integers(1, 40))]
            case 4:
                found[at:at] = rng.bytes(int(rng.integers(1, 40)))
            case 5:
                del found[int(rng.integers(len(found) + 1)) :]
            case 6:
                part = found[at : at + int(rng.integers(1, 400))]
                place = int(rng.integers(len(found) + 1))
                found[place:place] = part
            case 7:
                found[at : at + int(rng.integers(1, 40))] = b""
                found += rng.bytes(int(rng.integers(1, 100)))
    return bytes(found)


def peak_bytes() -> int:
    """The most memory this program has held. (`ru_maxrss` would count the memory of the process that started it.)"""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[1])  # type: ignore[index]


def main() -> None:
    count, seed, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    contents = {ending: original(ending, folder) for ending in sys.argv[4:]}
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    rng, met = np.random.default_rng(seed), Counter[str]()
    path = folder / "mutated"
    with Decoder() as decoder:
        for content in [content for content in contents.values() for _ in range(count)]:
            path.write_bytes(mutated(content, rng))
            faulthandler.dump_traceback_later(LIMIT_S, exit=True)
            try:
                for block in map(to_waveform, decode(path, decoder).blocks):
                    assert np.isfinite(block).all()
                    assert np.abs(block).max(initial=0) <= 1
                met["decoded"] += 1
            except AudioError as error:
                assert str(error).isprintable(), repr(str(error))
                met[error.reason] += 1
    faulthandler.cancel_dump_traceback_later()
    print(json.dumps({"met": met, "peak": peak_bytes()}))


if __name__ == "__main__":
    main()
