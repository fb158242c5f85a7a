"""How fast the MFCC kernel is, against librosa on one core in the same run."""

import time
from pathlib import Path

import librosa
import numpy as np
from threadpoolctl import threadpool_limits

from pipeline import mfcc, params

SECONDS, RATE, ROUNDS = 120, 16000, 5


def main() -> None:
    settings = params.load(Path("params.yaml")).mfcc
    noise = np.random.default_rng(0).normal(0, 0.1, SECONDS * RATE)
    samples = np.clip(noise * 32768, -32768, 32767).astype(np.int16)
    kernel = mfcc.make_kernel(settings, RATE)

    def ours() -> None:
        mfcc.whole(kernel, samples)

    def librosas() -> None:
        librosa.feature.mfcc(
            y=samples.astype(np.float32) / 32768,
            sr=RATE,
            n_mfcc=settings.n_mfcc,
            n_fft=settings.n_fft,
            hop_length=settings.hop_length,
            n_mels=settings.n_mels,
        )

    with threadpool_limits(1):
        times = {name: best(work) for name, work in (("kernel", ours), ("librosa.feature.mfcc", librosas))}
    for name, seconds in times.items():
        ratio = times["librosa.feature.mfcc"] / seconds
        print(f"{name:21} {SECONDS / seconds:8,.0f} x real time   {ratio:5.2f} x librosa")


def best(work) -> float:
    work()
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


if __name__ == "__main__":
    main()
