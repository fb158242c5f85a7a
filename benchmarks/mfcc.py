"""Speed of the MFCC kernel and of librosa, timed on one core in the same run."""

import timeit
from pathlib import Path

import librosa
import numpy as np
from threadpoolctl import threadpool_limits

from pipeline import params
from pipeline.audio.samples import to_samples, to_waveform
from pipeline.mfcc.kernel import make_kernel
from pipeline.mfcc.recording import whole

DURATION_S = 120
RATE_HZ = 16000
ROUNDS = 5


def main() -> None:
    settings = params.load(Path("params.yaml")).mfcc
    noise = np.random.default_rng(0).normal(0, 0.1, DURATION_S * RATE_HZ)
    samples = to_samples(noise.astype(np.float32))
    kernel = make_kernel(settings, RATE_HZ)

    def ours() -> object:
        return whole(kernel, samples)

    def librosas() -> object:
        return librosa.feature.mfcc(
            y=to_waveform(samples),
            sr=RATE_HZ,
            n_mfcc=settings.n_mfcc,
            n_fft=settings.n_fft,
            hop_length=settings.hop_length,
            n_mels=settings.n_mels,
        )

    with threadpool_limits(1):
        times = {  # the first call compiles or imports
            name: min(timeit.repeat(work, number=1, repeat=1 + ROUNDS)[1:])
            for name, work in (("kernel", ours), ("librosa.feature.mfcc", librosas))
        }
    for name, seconds in times.items():
        ratio = times["librosa.feature.mfcc"] / seconds
        print(f"{name:21} {DURATION_S / seconds:8,.0f} x real time   {ratio:5.2f} x librosa")


if __name__ == "__main__":
    main()
