"""Work on a cluster of real processes: nothing is lost but what must be, and that is told."""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import pytest

from pipeline import cluster
from pipeline.errors import ClusterError
from tests import tasks
from tests.clusters import Cluster, started


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler with two workers."""
    with started(tmp_path_factory.mktemp("two"), 2) as running:
        yield running


def work(function: Callable[..., list[int]], numbers: int, folder: Path, batch: int = 3) -> list[int]:
    items = list(range(numbers))
    batches = [items[at : at + batch] for at in range(0, numbers, batch)]
    with cluster.connect() as client:
        return cluster.map(
            client, function, batches, folder=folder, lost=lambda item: -item, job="test", unit="numbers"
        )


def squares(numbers: int) -> list[int]:
    return [number * number for number in range(numbers)]


def test_results_come_in_the_order_of_the_items(two: Cluster, tmp_path: Path) -> None:
    assert work(tasks.square, 50, tmp_path) == squares(50)
    assert not list(tmp_path.iterdir())


def test_a_worker_killed_in_a_task_costs_only_its_task(two: Cluster, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    assert work(functools.partial(tasks.die_once, marks=marks), 9, tmp_path) == squares(9)
    assert len(list(marks.iterdir())) == 3  # each batch did kill a worker


def test_an_item_that_kills_every_worker_is_given_up_alone(two: Cluster, tmp_path: Path) -> None:
    wanted = squares(12)
    wanted[7] = -7
    assert work(tasks.die_of_seven, 12, tmp_path, batch=4) == wanted


def test_so_it_is_on_the_local_cluster(tmp_path: Path) -> None:
    with dask.config.set({"scheduler-address": None}):
        assert work(tasks.die_of_seven, 8, tmp_path, batch=4) == [*squares(7), -7]


def test_what_a_task_raises_is_raised_here(two: Cluster, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        work(tasks.fail, 6, tmp_path)


def test_a_worker_of_another_version_is_refused(two: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "versions", lambda: {"numpy": "1.2.3"})
    with pytest.raises(
        ClusterError, match=r"worker tcp://\S+ has numpy \d+\.\S+, this has 1\.2\.3; start it in the sam"
    ):
        work(tasks.square, 6, tmp_path)


def test_a_worker_that_does_not_see_the_files_is_refused(
    two: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def elsewhere(_: Path) -> Iterator[Any]:
        yield "a run", tmp_path / "elsewhere" / "token", cluster.versions()

    monkeypatch.setattr(cluster, "_welcoming", elsewhere)
    with pytest.raises(ClusterError, match=r"does not see the files in .*elsewhere; use a file system that all share"):
        work(tasks.square, 6, tmp_path)


def test_a_worker_without_this_package_is_refused(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden" / "pipeline"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('No module named pipeline')")
    with started(tmp_path, 0) as running:
        running.add(PYTHONPATH=str(hidden.parent))
        with pytest.raises(ClusterError, match=r"can't import this package \(No module named pipeline\); start it"):
            work(tasks.square, 6, tmp_path)


def later(action: Callable[[], Any], seconds: float) -> None:
    threading.Timer(seconds, action).start()


def test_a_killed_scheduler_is_told(tmp_path: Path) -> None:
    with started(tmp_path, 1) as running:
        assert work(tasks.square, 3, tmp_path) == squares(3)  # it is up
        later(running.scheduler.kill, 1)
        with pytest.raises(
            ClusterError, match=r"scheduler at tcp://\S+ is gone; start it again with its workers and run"
        ):
            work(tasks.slowly, 60, tmp_path)


def test_a_cluster_without_workers_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 3)
    with started(tmp_path, 1) as running:
        assert work(tasks.square, 3, tmp_path) == squares(3)
        later(running.kill_workers, 1)
        with pytest.raises(ClusterError, match="has had no worker for 3 s; start some and run again"):
            work(tasks.slowly, 60, tmp_path)


def test_where_no_scheduler_answers_that_is_told(tmp_path: Path) -> None:
    nowhere = {"scheduler-address": "tcp://127.0.0.1:9", "distributed.comm.timeouts.connect": "1s"}
    with (
        dask.config.set(nowhere),
        pytest.raises(ClusterError, match=r"no Dask scheduler answers at 'tcp://127.0.0.1:9'"),
    ):
        work(tasks.square, 3, tmp_path)
