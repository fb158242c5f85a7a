"""Recordings are scored in worker processes as they are in this one."""

import pytest

from pipeline import cluster
from pipeline.errors import ArtifactError
from pipeline.scoring import evaluation, job
from pipeline.scoring.job import Recording
from tests.scoring.conftest import Case

pytestmark = pytest.mark.cluster


def test_workers_score_recordings_in_order_and_stream_those_with_audio(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "PART", 2)
    recordings = [
        Recording(row, case.wavs[row.recording] if number % 2 else None) for number, row in enumerate(case.rows)
    ]
    network, identifier = job.load(case.features, case.export.streaming)
    assert identifier
    with cluster.connect(*job.MODULES, processes=2) as client:
        found = list(job.run(client, recordings, case.features, case.export.streaming))
    for (row, wav), scored in zip(recordings, found, strict=True):
        wanted = evaluation.score(row, wav, network, identifier) if wav else evaluation.score_offline(row, network)
        assert scored.row == row
        assert (scored.difference is None) == (wav is None)
        assert scored.decision.posteriors.tolist() == wanted.decision.posteriors.tolist()
        assert (scored.right, scored.weight, scored.stable_frame) == (wanted.right, wanted.weight, wanted.stable_frame)


def test_a_recording_that_ends_every_worker_is_named(case: Case) -> None:
    recordings = [Recording(row) for row in case.rows]
    with pytest.raises(ArtifactError, match="'r1' can't be scored: it ended every worker process"):
        job.score_part(recordings, left_out=frozenset([1]), keep=True, model=())
