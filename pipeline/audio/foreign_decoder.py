"""The process behind `foreign`: reads requests from standard input, decodes with PyAV and writes blocks to its output.

Each message is its length in four bytes and its content: a request [path, demuxer]; the answer {sample_rate, channels,
codec} or {reason, error}; blocks of float32 samples, an empty one, and {} or {reason, error} at last.
"""

import io
import json
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any

MEMORY_BYTES = 4 << 30
SHORT_S = 0.25  # by which decoded audio may be shorter than stated: priming and padding of encoders


def main() -> None:
    """Serve requests until standard input ends."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # FFmpeg prints to it
    with suppress(ImportError, ValueError, OSError):  # of systems without such a limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    requests = sys.stdin.buffer
    while size := requests.read(4):
        path, demuxer = json.loads(requests.read(*struct.unpack("<I", size)))
        _serve(bytes.fromhex(path), demuxer, output)
        output.flush()


def _serve(path: bytes, demuxer: str, output: IO[bytes]) -> None:
    import av

    av.logging.set_level(None)
    begun = False
    try:
        with io.FileIO(path) as file, av.open(file, format=demuxer) as container:
            stream = container.streams.audio[0] if container.streams.audio else None
            if stream is None or not stream.rate or not stream.channels:
                _send_json(output, reason="unreadable", error="holds no sound; take it out of the corpus")
                return
            codec = stream.codec.canonical_name.upper()
            _send_json(output, sample_rate=stream.rate, channels=stream.channels, codec=codec)
            begun = True
            decoded = 0
            for block in _blocks(container, stream):
                decoded += len(block) // (4 * stream.channels)
                _send(output, block)
            _send(output, b"")
            stated = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
            if decoded / stream.rate < stated - SHORT_S:
                error = f"gives {decoded / stream.rate:.2f} of {stated:.2f} s; copy it again"
                _send_json(output, reason="truncated", error=error)
            else:
                _send_json(output)
    except Exception as error:  # whatever FFmpeg makes of a strange file is one sentence about it
        if begun:
            _send(output, b"")
        detail = f"can't be decoded ({' '.join(str(error).split())[:100]}); copy it again or convert it to WAV or FLAC"
        _send_json(output, reason="unreadable", error=detail)


def _blocks(container: Any, stream: Any) -> Iterator[bytes]:
    import av

    resampler = av.AudioResampler(format="flt", layout=stream.layout, rate=stream.rate)
    for frame in container.decode(stream):
        yield from _contents(resampler.resample(frame))
    yield from _contents(resampler.resample(None))


def _contents(frames: list[Any]) -> Iterator[bytes]:
    return (frame.to_ndarray().tobytes() for frame in frames if frame.samples)


def _send(output: IO[bytes], content: bytes) -> None:
    output.write(struct.pack("<I", len(content)) + content)


def _send_json(output: IO[bytes], **content: object) -> None:
    _send(output, json.dumps(content).encode())


if __name__ == "__main__":
    main()
