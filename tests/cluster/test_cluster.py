"""Work on a cluster of real processes: only items that fail alone are lost, and each is reported."""

import functools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import psutil
import pytest

from pipeline import cluster
from pipeline.cluster import connection, execution, worker
from pipeline.errors import ClusterError
from tests.cluster import tasks
from tests.cluster.clusters import Cluster, family, started
from tests.interrupts import heed_interrupts


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler with two workers."""
    with started(tmp_path_factory.mktemp("two"), 2) as running:
        yield running


ROOT = Path(__file__).parents[2]
HIDE_SOXR = """
import importlib.metadata

version = importlib.metadata.version

def without_soxr(name):
    if name == "soxr":
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)

importlib.metadata.version = without_soxr
"""


@pytest.fixture(params=["by hand", "local"])
def either(request: pytest.FixtureRequest) -> Iterator[None]:
    """The cluster that `two` started, then the one that `connect` starts."""
    if request.param == "by hand":
        request.getfixturevalue("two")
        yield
    else:
        with dask.config.set({"scheduler-address": None}):
            yield


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


def test_a_worker_killed_in_a_task_costs_only_its_task(two: Cluster, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    assert work(functools.partial(tasks.die_once, marks=marks), 9, tmp_path) == squares(9)
    assert len(list(marks.iterdir())) == 3  # each batch did kill a worker


def test_a_worker_killed_with_its_results_costs_only_those(two: Cluster, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    assert work(functools.partial(tasks.die_soon, marks=marks), 8, tmp_path, batch=1) == squares(8)


def test_an_item_that_kills_every_worker_is_failed_alone(either: None, tmp_path: Path) -> None:
    assert work(tasks.die_of_seven, 12, tmp_path, batch=4) == [*squares(7), -1, *squares(12)[8:]]


def test_the_first_task_of_a_worker_may_compile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "TASK_S", 1)
    with dask.config.set({"scheduler-address": None}), cluster.connect() as client:
        found = cluster.run(client, tasks.job(tasks.wait_first), [[1], [2], [3]], shared=tmp_path)
        assert found == [[1], [4], [9]]


def test_without_shared_memory_workers_are_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "has_semaphores", lambda: False)
    with dask.config.set({"scheduler-address": None}):
        assert set(work(tasks.process, 9, tmp_path)) == {os.getpid()}


def test_a_worker_that_cannot_start_says_why_at_once(tmp_path: Path) -> None:
    broken = {"scheduler-address": None, "distributed.worker.preload": ["no_such_module"]}
    with dask.config.set(broken), pytest.raises(ClusterError, match="No module named 'no_such_module'"):
        work(tasks.square, 9, tmp_path)


def test_an_item_whose_task_does_not_end_fails_alone(
    either: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "TASK_S", 2)
    monkeypatch.setattr(execution, "COMPILE_S", 0)
    os.mkfifo(tmp_path / "fifo")
    hang = functools.partial(tasks.hang_of_seven, fifo=tmp_path / "fifo")
    assert work(hang, 12, tmp_path, batch=4) == [*squares(7), -1, *squares(12)[8:]]


def test_an_item_whose_task_hangs_once_does_not_fail(
    two: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "TASK_S", 2)
    monkeypatch.setattr(execution, "COMPILE_S", 0)
    assert work(functools.partial(tasks.hang_once, mark=tmp_path / "mark"), 3, tmp_path, batch=1) == squares(3)


def test_a_task_may_take_what_its_items_are_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "TASK_S", 1)
    monkeypatch.setattr(execution, "COMPILE_S", 0)
    job = tasks.job(tasks.wait_first, seconds=lambda item: 10.0)
    with dask.config.set({"scheduler-address": None}), cluster.connect() as client:
        assert cluster.run(client, job, [[5]], shared=tmp_path) == [[25]]


def test_items_that_fail_only_together_end_the_run(two: Cluster, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="every worker that took '0' to '2' together crashed or did not end"):
        work(tasks.die_of_many, 3, tmp_path)


def test_the_work_of_a_frozen_worker_is_done(either: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FROZEN_S", 5)
    mark = tmp_path / "mark"
    assert work(functools.partial(tasks.stop_once, mark=mark), 30, tmp_path) == squares(30)
    assert not psutil.pid_exists(int(mark.read_text()))


def test_a_worker_that_is_frozen_with_a_result_is_restarted(
    either: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "FROZEN_S", 5)
    hold = functools.partial(tasks.hold_frozen, mark=tmp_path / "mark")
    assert work(hold, 12, tmp_path) == squares(12)
    assert (tmp_path / "mark").exists()


def test_a_worker_that_goes_on_after_it_was_replaced_does_no_harm(tmp_path: Path) -> None:
    with started(tmp_path, 2) as running:
        assert work(tasks.square, 6, tmp_path, batch=1) == squares(6)  # both are up
        asleep = family(running.workers[0].pid)  # the nanny as well, as on a machine that sleeps
        later(lambda: [process.suspend() for process in asleep], 1)
        assert work(tasks.slowly, 12, tmp_path) == squares(12)
        for process in asleep:
            process.resume()
        assert work(tasks.slowly, 12, tmp_path) == squares(12)


def test_the_local_cluster_ends_with_a_worker_that_is_stopped(tmp_path: Path) -> None:
    with dask.config.set({"scheduler-address": None}), cluster.connect() as client:
        [[process]] = cluster.run(client, tasks.job(tasks.process), [[0]], shared=tmp_path)
        os.kill(process, signal.SIGSTOP)
    assert not psutil.pid_exists(process)


def test_a_blas_has_one_thread_in_every_task(either: None, tmp_path: Path) -> None:
    assert set(work(tasks.blas_threads, 30, tmp_path)) == {1}


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


def test_a_worker_that_lacks_a_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(HIDE_SOXR)
    with started(tmp_path, 0) as running:
        running.add(PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
        with pytest.raises(ClusterError, match=r"worker tcp://\S+ has soxr none, not \d+\.\S+; start it in the same"):
            work(tasks.square, 6, tmp_path)


def test_a_package_that_is_missing_here_is_reported(
    two: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def installed(packages: Iterable[str]) -> dict[str, str]:
        return {package: "none" if package == "soxr" else "1.0" for package in packages}

    monkeypatch.setattr(worker, "installed", installed)
    with pytest.raises(ClusterError, match=r"soxr can't be found in \S+; run `make setup` and use its environment"):
        work(tasks.square, 3, tmp_path)


INTERRUPTED = """
import functools, pathlib, sys, time
from pipeline import cluster
from tests.cluster import tasks

try:
    with cluster.connect("tests.cluster.tasks") as client:
        if sys.argv[1] == "started":
            pathlib.Path("reached").touch()
            time.sleep(60)
        function = functools.partial(tasks.dawdle, mark=pathlib.Path("reached").resolve())
        parts = [[number] for number in range(1000)]
        cluster.run(client, tasks.job(function), parts, shared=pathlib.Path.cwd())
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("moment", ["started", "working"])
def test_ctrl_c_ends_all_processes_and_none_complains(tmp_path: Path, moment: str) -> None:
    running = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, moment],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("DASK")}
        | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    )
    while not (tmp_path / "reached").exists():
        assert running.poll() is None, running.communicate()
        time.sleep(0.05)
    everyone = family(running.pid)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    _, complaint = running.communicate(timeout=60)
    assert (running.returncode, complaint) == (130, "")
    _, left = psutil.wait_procs(everyone, timeout=10)  # multiprocessing's tracker ends after the process it serves
    assert not [process for process in left if process.status() != psutil.STATUS_ZOMBIE]
    assert [path.name for path in tmp_path.iterdir()] == ["reached"]


def later(action: Callable[[], Any], seconds: float) -> None:
    threading.Timer(seconds, action).start()


def test_a_killed_scheduler_is_reported(tmp_path: Path) -> None:
    with started(tmp_path, 1) as running:
        assert work(tasks.square, 3, tmp_path) == squares(3)  # it is up
        later(running.scheduler.kill, 1)
        with pytest.raises(
            ClusterError, match=r"scheduler at tcp://\S+ is gone; start it again with its workers and run"
        ):
            work(tasks.slowly, 60, tmp_path)


def test_a_cluster_without_workers_is_reported(tmp_path: Path) -> None:
    none = "has had no worker for 1 s; start some and run again"
    with started(tmp_path, 0), pytest.raises(ClusterError, match=none), cluster.connect(wait_s=1):
        pass


def test_a_scheduler_that_does_not_answer_is_reported(tmp_path: Path) -> None:
    nowhere = {"scheduler-address": "tcp://127.0.0.1:9", "distributed.comm.timeouts.connect": "1s"}
    with (
        dask.config.set(nowhere),
        pytest.raises(ClusterError, match=r"no Dask scheduler answers at 'tcp://127.0.0.1:9'"),
    ):
        work(tasks.square, 3, tmp_path)
