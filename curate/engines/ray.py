"""The Ray engine: the same tasks as Ray Core tasks, on a cluster or on this machine, with the same bytes.

Every node must see the folders of the config under the same names (shared storage) and have the same version of
curate. A killed worker or a lost node costs the tasks that ran there; they are tried again elsewhere. No data pass
through the driver or Ray's object store: tasks and results are names of files.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import curate
from curate.engines.attempts import Deaths, attempt
from curate.errors import CurateError, TaskError, UsageError
from curate.forkserver import ENVIRONMENT
from curate.machine import keep_freed_memory
from curate.readers.urls import source
from curate.tasks import Done, Task

AHEAD = 4
"""Tasks a core that Ray is given at once: enough to keep it busy, few enough to wait for."""
_ON_THIS_MACHINE = {
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_raylet_start_wait_time_s": "200",
    "RAY_worker_niceness": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""Slow machines start Ray slowly; its workers are as important as we are."""


class RayEngine:
    """Ray tasks of one core each, on the cluster at `address`, or else on `workers` cores of this machine.

    Raises UsageError where Ray is not installed or where a node has another version of curate.
    """

    def __init__(self, workers: int, address: str | None = None) -> None:
        self._ray = _imported()
        settings: dict[str, Any] = {"runtime_env": {"env_vars": ENVIRONMENT}, "log_to_driver": False}
        if address:
            self._ray.init(address=address, logging_level="error", **settings)
        else:
            for name, value in _ON_THIS_MACHINE.items():
                os.environ.setdefault(name, value)
            local = {"num_cpus": workers, "include_dashboard": False, "object_store_memory": 100 << 20}
            self._ray.init(address="local", logging_level="error", **local, **settings)
        self.workers = int(self._ray.cluster_resources().get("CPU", 1))
        self._task = self._ray.remote(num_cpus=1, max_retries=0)(_attempt)
        _refuse_other_versions(self._ray)

    def run(self, tasks: Sequence[Task], root: str) -> Iterator[tuple[int, Done]]:
        """See Engine. A task whose worker dies is tried again, with care; see Deaths."""
        left = deque(range(len(tasks)))
        flying: dict[Any, int] = {}
        deaths = Deaths(tasks, root)
        cwd = str(Path.cwd())
        while left or flying:
            while left and len(flying) < AHEAD * self.workers:
                i = left.popleft()
                flying[self._task.remote(tasks[i], root, cwd, deaths.are_at(i))] = i
            [ready], _ = self._ray.wait(list(flying))
            i = flying.pop(ready)
            try:
                done = self._ray.get(ready)
            except _lost(self._ray):
                deaths.add(i)
                left.appendleft(i)
                continue
            except Exception as error:
                self._ray.wait(list(flying), num_returns=len(flying)) if flying else None  # their results are kept
                raise _failure(error, tasks[i]) from error
            yield i, done

    def close(self) -> None:
        """Leave the cluster, or end the one on this machine."""
        self._ray.shutdown()


def _attempt(task: Task, root: str, cwd: str, careful: bool) -> Done:
    os.chdir(cwd)  # relative paths of the config mean the same everywhere
    keep_freed_memory()
    return attempt(task, root, careful)


def _lost(ray: Any) -> tuple[type[Exception], ...]:
    """What Ray raises where a worker or its node is gone."""
    found = ray.exceptions
    return (found.WorkerCrashedError, found.NodeDiedError, found.OutOfMemoryError, found.ObjectLostError)


def _imported() -> Any:
    try:
        import ray
    except ImportError:
        raise UsageError("--engine ray: Ray is not installed; `pip install 'curate[ray]'`") from None
    return ray


def _refuse_other_versions(ray: Any) -> None:
    """Ask every node for its version of curate; another one would make other bytes under the same keys."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked = ray.remote(num_cpus=0)(_version)
    for node in ray.nodes():
        if not node["Alive"]:
            continue
        here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        try:
            found = ray.get(asked.options(scheduling_strategy=here).remote())
        except ray.exceptions.RayTaskError:
            found = "no curate"
        if found != curate.__version__:
            address = node["NodeManagerAddress"]
            ray.shutdown()
            raise UsageError(
                f"--engine ray: node {address} has {found}, this is {curate.__version__}; install the same"
            )


def _version() -> str:
    return curate.__version__


def _failure(error: Exception, task: Task) -> CurateError:
    """What to raise for a task that failed: what it raised itself."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, CurateError):
        return cause
    names = ", ".join(source(file.url) for file in task.inputs[:3])
    return TaskError(f"{task.label}: {names}: {cause or error}")
