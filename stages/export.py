"""export: the trained network as a step-by-step one in four formats, proved equal to the offline stages."""

from pipeline import params, tables
from pipeline.console import terminal
from pipeline.dataset import views
from pipeline.errors import ArtifactError
from pipeline.export import formats, golden
from pipeline.network.definition import Architecture
from pipeline.streaming import runtimes
from stages import ARTIFACTS, PARAMS, run


def main() -> None:
    settings = params.load(PARAMS)
    trained = formats.load(ARTIFACTS / "model" / "sequence.keras")
    path = ARTIFACTS / "model" / "architecture.json"
    architecture = Architecture.read(path)
    wanted = views.classes(settings.silence.strategy, settings.corpus.languages)
    tables.require_languages(path, architecture.classes, wanted)
    trained_with, asked = (architecture.view, architecture.n_mfcc), (settings.silence.strategy, settings.mfcc.n_mfcc)
    if trained_with != asked:
        raise ArtifactError(
            f"{path} is of a network trained with silence.strategy {trained_with[0]!r} and mfcc.n_mfcc "
            f"{trained_with[1]}, not with {asked[0]!r} and {asked[1]}; run `dvc repro`"
        )
    folder = ARTIFACTS / "streaming"
    formats.export(
        trained,
        architecture,
        folder,
        languages=settings.corpus.languages,
        sample_rate=settings.audio.sample_rate,
        mfcc=settings.mfcc,
        silence=settings.silence,
        tolerance=settings.export.tolerance,
        streams=settings.export.streaming,
    )
    if not settings.export.streaming:
        print("offline only: export.streaming is false")
        return
    worst = {name: golden.replay(folder, name) for name in runtimes.FILES}
    terminal.show_table(*golden.table(worst))
    golden.check(worst, settings.export.tolerance)
    latency = formats.latency(settings.audio.sample_rate, settings.mfcc, settings.silence)
    print(f"an answer is at most {sum(latency.values()):.4g} s behind the middle of its frame")


if __name__ == "__main__":
    run(main)
