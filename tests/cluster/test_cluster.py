"""Work on a cluster of real processes: only items that fail alone are lost, and each is reported."""

import functools
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
import psutil
import pytest

from pipeline import cluster
from pipeline.cluster import connection, execution, worker
from pipeline.errors import ClusterError
from tests.cluster import tasks
from tests.cluster.clusters import Cluster, started


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler with two workers."""
    with started(tmp_path_factory.mktemp("two"), 2) as running:
        yield running


@pytest.fixture(params=["by hand", "local"])
def either(request: pytest.FixtureRequest) -> None:
    """The cluster that `two` started, then the one that `connect` starts."""
    request.getfixturevalue("two" if request.param == "by hand" else "local")


@pytest.fixture
def local() -> Iterator[None]:
    """The cluster that `connect` starts."""
    with dask.config.set({"scheduler-address": None}):
        yield


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """A folder for the marks of tasks."""
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks may take a second, the first one of a worker as well."""
    monkeypatch.setattr(execution, "TASK_S", 1)
    monkeypatch.setattr(execution, "COMPILE_S", 0)


def work(function: Callable[..., list[int]], numbers: int, folder: Path, batch: int = 3) -> list[int]:
    items = list(range(numbers))
    parts = [items[at : at + batch] for at in range(0, numbers, batch)]
    with cluster.connect() as client:
        return [number for part in cluster.run(client, tasks.job(function), parts, shared=folder) for number in part]


def squares(numbers: int) -> list[int]:
    return [number * number for number in range(numbers)]


def test_results_come_in_the_order_of_the_items(two: Cluster, tmp_path: Path) -> None:
    assert work(tasks.square, 50, tmp_path) == squares(50)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("harm", [tasks.die, tasks.die_soon, tasks.hang])
def test_a_worker_that_is_killed_in_a_task_or_with_its_results_or_hangs_once_costs_only_time(
    two: Cluster, impatient: None, tmp_path: Path, marks: Path, harm: Callable[[], None]
) -> None:
    assert work(functools.partial(tasks.once, marks=marks, harm=harm), 9, tmp_path) == squares(9)
    assert len(list(marks.iterdir())) == 3  # each part did harm a worker


@pytest.mark.parametrize("harm", [tasks.die, tasks.hang])
def test_an_item_that_kills_every_worker_or_does_not_end_fails_alone(
    either: None, impatient: None, tmp_path: Path, harm: Callable[[], None]
) -> None:
    function = functools.partial(tasks.with_seven, harm=harm)
    assert work(function, 12, tmp_path, batch=4) == [*squares(7), -1, *squares(12)[8:]]


def test_the_first_task_of_a_worker_may_compile_and_every_task_take_what_its_items_are_allowed(
    local: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "TASK_S", 1)
    with cluster.connect() as client:
        found = list(cluster.run(client, tasks.job(tasks.wait_first), [[1], [2], [3]], shared=tmp_path))
        assert found == [[1], [4], [9]]
        monkeypatch.setattr(execution, "COMPILE_S", 0)
        job = tasks.job(functools.partial(tasks.slowly, seconds=3), seconds=lambda item: 10.0)
        assert list(cluster.run(client, job, [[5]], shared=tmp_path)) == [[25]]


def test_without_shared_memory_workers_are_threads(
    local: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "has_semaphores", lambda: False)
    assert set(work(tasks.process, 9, tmp_path)) == {os.getpid()}


def test_items_that_fail_only_together_end_the_run(two: Cluster, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="every worker that took '0' to '2' together crashed or did not end"):
        work(tasks.die_of_many, 3, tmp_path)


def test_the_work_and_the_results_of_a_frozen_worker_are_done_by_others(
    local: None, tmp_path: Path, marks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "FROZEN_S", 1)
    assert work(functools.partial(tasks.once, marks=marks, harm=tasks.stop), 3, tmp_path) == squares(3)
    assert not psutil.pid_exists(int((marks / "0").read_text()))
    assert work(functools.partial(tasks.hold_frozen, mark=marks / "held"), 12, tmp_path) == squares(12)
    assert (marks / "held").exists()


def test_a_worker_that_goes_on_after_it_was_replaced_does_no_harm(tmp_path: Path) -> None:
    with started(tmp_path, 1) as running:
        running.add("--no-nanny")  # so that the worker is not restarted
        assert work(tasks.square, 6, tmp_path, batch=1) == squares(6)  # both are up
        asleep = psutil.Process(running.workers[1].pid)
        threading.Timer(1, asleep.suspend).start()
        assert work(tasks.slowly, 12, tmp_path) == squares(12)
        asleep.resume()
        assert work(tasks.slowly, 12, tmp_path) == squares(12)


def test_settings_of_other_clusters_do_not_reach_the_local_one(local: None, tmp_path: Path) -> None:
    settings = {
        "distributed.comm.require-encryption": True,
        "distributed.comm.timeouts.connect": "1us",
        "distributed.worker.memory.pause": 0.001,
    }
    with dask.config.set(settings):
        assert work(tasks.square, 4, tmp_path) == squares(4)


def test_the_local_cluster_ends_with_a_worker_that_is_stopped(local: None, tmp_path: Path) -> None:
    with cluster.connect() as client:
        [[process]] = cluster.run(client, tasks.job(tasks.process), [[0]], shared=tmp_path)
        os.kill(process, signal.SIGSTOP)
    assert not psutil.pid_exists(process)


def test_a_blas_has_one_thread_in_every_task_and_costly_memory_settings_are_told(two: Cluster, tmp_path: Path) -> None:
    assert set(work(tasks.blas_threads, 30, tmp_path)) == {1}
    assert "returns memory at once" in two.log.read_text()


def test_an_exception_of_a_task_is_raised_here(two: Cluster, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        work(tasks.fail, 6, tmp_path)


def test_a_worker_of_another_version_is_refused(two: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "installed", lambda packages: dict.fromkeys(packages, "1.2.3"))
    with pytest.raises(ClusterError, match=r"worker tcp://\S+ has numpy \d+\.\S+, not 1\.2\.3; start it in the sam"):
        work(tasks.square, 6, tmp_path)


def test_a_worker_that_does_not_see_the_files_is_refused(
    two: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def elsewhere(_: Path) -> Iterator[Path]:
        yield tmp_path / "elsewhere" / "token"

    monkeypatch.setattr("pipeline.files.scratch", elsewhere)
    with pytest.raises(ClusterError, match=r"does not see the files in .*elsewhere; use a file system that all share"):
        work(tasks.square, 6, tmp_path)


def test_a_worker_without_this_package_is_refused(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden" / "pipeline"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('No module named pipeline')")
    with started(tmp_path, 0) as running:
        running.add(PYTHONPATH=str(hidden.parent))
        with pytest.raises(ClusterError, match=r"can't import this package or .* \(No module named pipeline\); start"):
            work(tasks.square, 6, tmp_path)


def test_a_package_that_is_missing_here_is_reported(
    two: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def installed(packages: Iterable[str]) -> dict[str, str]:
        return {package: "none" if package == "soxr" else "1.0" for package in packages}

    monkeypatch.setattr(worker, "installed", installed)
    with pytest.raises(ClusterError, match=r"soxr can't be found in \S+; run `make setup` and use its environment"):
        work(tasks.square, 3, tmp_path)


def test_code_in_a_folder_that_is_not_utf8_is_refused_before_a_failing_task_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "ROOT", "/a\udcff")
    with pytest.raises(ClusterError, match=r"the code is in '/a\\udcff', .* UTF-8 only; rename"), cluster.connect():
        pass


def test_a_cluster_without_workers_is_reported(tmp_path: Path) -> None:
    none = "has had no worker for 1 s; start some and run again"
    with started(tmp_path, 0), pytest.raises(ClusterError, match=none), cluster.connect(wait_s=1):
        pass
