"""No mutation of a file of any format crashes or stops the process that decodes it, or fills its memory.

`python -m tests.audio.test_fuzz COUNT SEED FOLDER ENDING...` decodes mutations and prints how often each outcome was
met, as JSON. It ends with an error if decoding raises anything but an AudioError, or takes longer or needs more memory
than the limits. With `--hypothesis-profile=thorough`, there are more than 25,000 mutations, others each time.
"""

import faulthandler
import json
import re
import resource
import secrets
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import settings

from pipeline.audio.decode import decode
from pipeline.audio.foreign import Decoder
from pipeline.audio.samples import to_waveform
from pipeline.errors import AudioError, Reason
from tests.audio.test_foreign import FORMATS, write
from tests.programs import python

PEAK_BYTES = 700e6
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


def mutated(content: bytes, rng: np.random.Generator, extremes: Sequence[bytes] = EXTREMES) -> bytes:
    """Some changes, most of them in the header: parts are replaced, removed, added or repeated, or the end is cut."""
    found = bytearray(content)
    for _ in range(int(rng.integers(1, 6))):
        end = max(1, len(found) if rng.random() < 0.3 else min(len(found), 200))
        at, place = int(rng.integers(end)), int(rng.integers(len(found) + 1))
        some, more = int(rng.integers(1, 40)), int(rng.integers(1, 400))
        match int(rng.integers(7)):
            case 0 | 1:
                found[at : at + 1] = rng.bytes(1)
            case 2:
                found[at : at + 4] = extremes[int(rng.integers(len(extremes)))]
            case 3:
                del found[at : at + some]
            case 4:
                found[at:at] = rng.bytes(some)
            case 5:
                found[place:] = b"" if some < 20 else rng.bytes(some)
            case 6:
                found[place:place] = found[at : at + more]
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
    decoder = Decoder()
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


@pytest.mark.slow
@pytest.mark.parametrize("first", range(4))
def test_mutations_are_decoded_or_rejected(tmp_path: Path, first: int) -> None:
    budget: Any = settings.default
    seed = 1 if budget.derandomize else secrets.randbits(32)
    endings = ENDINGS[first::4]
    words = [str(budget.max_examples), str(seed), str(tmp_path), *endings]
    done = python("from tests.audio.test_fuzz import main; main()", *words)
    assert done.returncode == 0, f"{words}: {done.returncode} {done.stderr[-3000:]}"
    [found] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]  # decoders print too
    assert sum(found["met"].values()) == budget.max_examples * len(endings)
    assert set(found["met"]) - {"decoded"} <= set(Reason.__args__)  # type: ignore[attr-defined]
    assert found["peak"] < PEAK_BYTES


if __name__ == "__main__":
    main()
