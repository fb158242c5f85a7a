"""`lid plan`: time, disk and memory of a run, measured on a sample of the corpus."""

from pathlib import Path

from pipeline import params
from pipeline.plan import data, network
from pipeline.plan.figures import Estimate, table

__all__ = ["Estimate", "estimate", "table"]


def estimate(settings: params.Params, workers: int, place: Path) -> list[Estimate]:
    """Estimate the stages of a run on this machine.

    Parameters
    ----------
    workers
        Number of worker processes.
    place
        An empty folder on the disk that the run will use, for the files of the sample.

    Raises
    ------
    CorpusError
        As `layouts.read`, and if no recording of the sample can be used.
    """
    sample = data.measure(settings, workers, place)
    return [*sample.estimates, *network.measure(settings, workers, place, sample)]
