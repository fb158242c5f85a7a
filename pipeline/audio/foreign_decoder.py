"""The process behind `foreign`: decodes with PyAV, one file after the other. Its argument is a socket's descriptor.

It receives (path, demuxer) and sends {sample_rate, channels, codec}, the bytes of blocks of float32 samples, and None.
After an error, (reason, detail) is the last message instead.
"""

import io
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from multiprocessing.connection import Connection
from typing import Any

MEMORY_BYTES = 4 << 30
ESTIMATED = ("aac", "amr")  # demuxers of formats without a stated length: FFmpeg's is that of the first frames' bitrate
SHORT_S = 0.25  # by which decoded audio may be shorter than stated: priming and padding of encoders


def main() -> None:
    """Decode files until the other side closes the connection."""
    with suppress(ImportError, ValueError, OSError):  # of systems without such a limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    with suppress(EOFError, ConnectionError), Connection(int(sys.argv[1])) as connection:
        while True:
            for message in _messages(*connection.recv()):
                connection.send(message)


def _messages(path: bytes, demuxer: str) -> Iterator[object]:
    try:
        import av

        av.logging.set_level(None)
        with io.FileIO(path) as file, av.open(file, format=demuxer) as container:
            stream = container.streams.audio[0] if container.streams.audio else None
            if stream is None or not stream.rate or not stream.channels:
                yield "unreadable", "holds no sound; take it out of the corpus"
                return
            codec = stream.codec.canonical_name.upper()
            yield {"sample_rate": stream.rate, "channels": stream.channels, "codec": codec}
            n_bytes = 0
            for block in _blocks(container, stream):
                n_bytes += len(block)
                yield block
            decoded = n_bytes / (4 * stream.channels * stream.rate)
            stated = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
            error = "truncated", f"gives {decoded:.2f} of {stated:.2f} s; copy it again"
            yield error if demuxer not in ESTIMATED and decoded < stated - SHORT_S else None
    except Exception as error:  # whatever FFmpeg makes of a strange file is one sentence about it
        why = " ".join(str(error).split())[:100]
        yield "unreadable", f"can't be decoded ({why}); copy it again or convert it to WAV or FLAC"


def _blocks(container: Any, stream: Any) -> Iterator[bytes]:
    import av

    resampler = av.AudioResampler(format="flt", layout=stream.layout, rate=stream.rate)
    for frame in chain(container.decode(stream), [None]):
        for part in resampler.resample(frame):
            if part.samples:  # `to_ndarray` would import NumPy, which takes longer than PyAV
                yield bytes(part.planes[0])[: 4 * part.samples * stream.channels]


if __name__ == "__main__":
    main()
