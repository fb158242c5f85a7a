"""Finds Dask workers that are missing or frozen, and restarts those that are frozen or hung."""

import time
from typing import TYPE_CHECKING, Any

from pipeline.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client

NO_WORKER_LIMIT_S = 600  # without a worker: a batch system may have to start one
LOOK_INTERVAL_S = 5  # between looks at the cluster
FROZEN_LOOKS = 6  # looks in a row at a worker without a new heartbeat; Dask has workers send one every 0.5 s or more
RESTART_LIMIT_S = 10  # to end a worker: Dask asks it for 4 s, then kills it
ANSWER_LIMIT_S = 60  # for an answer from the scheduler


class Watch:
    """Looks at the workers of a cluster at intervals."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._next = time.monotonic() + LOOK_INTERVAL_S
        self._without = 0  # looks in a row that found no worker
        self._heard: dict[str, tuple[float, int]] = {}  # a worker's last heartbeat and the looks since

    def due_in(self) -> float:
        """Seconds until the next look."""
        return max(0.0, self._next - time.monotonic())

    def look(self) -> None:
        """Restart and report frozen workers, if a look is due.

        Raises
        ------
        ClusterError
            If the scheduler is unreachable, or there has been no worker for too long.
        """
        if self.due_in():
            return
        self._next = time.monotonic() + LOOK_INTERVAL_S
        workers = _workers(self._client)
        self._wait_for_any(workers)
        before, self._heard = self._heard, {}
        for address, worker in workers.items():
            heard, looks = before.get(address, (0.0, 0))
            self._heard[address] = worker["last_seen"], looks + 1 if heard == worker["last_seen"] else 0
        frozen = [address for address, (_, looks) in self._heard.items() if looks >= FROZEN_LOOKS]
        for address in frozen:
            del self._heard[address]
            print(
                f"the Dask worker {address} has not answered for {FROZEN_LOOKS * LOOK_INTERVAL_S} s; it is restarted, "
                "and other workers take over",
                flush=True,
            )
        if frozen:
            restart(self._client, frozen)

    def _wait_for_any(self, workers: dict[str, Any]) -> None:
        require_started(self._client)
        self._without = 0 if workers else self._without + 1
        if self._without * LOOK_INTERVAL_S > NO_WORKER_LIMIT_S:
            raise ClusterError(
                f"the Dask cluster at {_address(self._client)} has had no worker for {NO_WORKER_LIMIT_S} s; start some "
                "and run again: finished work is reused"
            )
        if self._without == 1:
            print(
                f"waiting up to {NO_WORKER_LIMIT_S} s for a worker of the Dask cluster at {_address(self._client)}",
                flush=True,
            )


def require_started(client: "Client") -> None:
    """Raise the reason, as a ClusterError, if a worker of a local cluster could not start."""
    from distributed.core import Status

    for worker in list(client.cluster.workers.values()) if client.cluster else []:
        if worker.status == Status.failed:
            try:
                client.sync(worker.start)  # raises again what it has raised
            except Exception as error:
                while error.__cause__ is not None and isinstance(error.__cause__, Exception):
                    error = error.__cause__
                reason = f"{type(error).__name__}: {error}"
                raise ClusterError(f"a worker process can't start ({reason}); run `lid doctor`") from error


def _workers(client: "Client") -> dict[str, Any]:
    """The workers by their addresses, as the scheduler describes them."""
    try:
        # Client.scheduler_info would return the previous answer if the scheduler does not reply.
        return dict(client.sync(client.scheduler.identity, n_workers=-1, callback_timeout=ANSWER_LIMIT_S)["workers"])
    except (OSError, RuntimeError, AttributeError) as error:  # AttributeError: the client no longer has a scheduler
        raise gone(client) from error


def restart(client: "Client", workers: list[str], *, leave: bool = False) -> None:
    """Have workers killed and restarted by their nannies; those without a nanny are removed, or left alone.

    All work of such a worker ends with it, except on a machine that is frozen as a whole.
    """
    timeout = RESTART_LIMIT_S

    async def restart(dask_scheduler: Any) -> None:  # sent as code, as in task.portable
        known = [dask_scheduler.workers[address] for address in workers if address in dask_scheduler.workers]
        await dask_scheduler.restart_workers(
            [worker.address for worker in known if worker.nanny or not leave],
            timeout=timeout,
            wait_for_workers=False,
            on_error="return",
            stimulus_id="frozen-or-hung",
        )

    client.run_on_scheduler(restart)


def gone(client: "Client") -> ClusterError:
    """The error for a scheduler that is unreachable."""
    return ClusterError(
        f"the Dask scheduler at {_address(client)} is gone; start it again with its workers and run again: "
        "finished work is reused"
    )


def _address(client: "Client") -> str:
    return str(client.scheduler.address if client.scheduler else "an unknown address")
