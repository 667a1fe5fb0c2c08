"""Where the CPU time of a run goes: MB a second of each stage, and the share of time outside of them.

    python benchmarks/pipeline/stages.py CONFIG

The run is made in this process. A stage's time is what its `apply`, the functions of its rounds, and the reader take;
outside are Parquet, hashing, Arrow to polars and back, the ledger. Beside each stage stands what it costs to read what
it read, and to write that again as a task does: near that nothing is left to gain.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from curate import pipeline, runner, store, tasks
from curate.build import last_record
from curate.section import Section
from curate.stages import STAGES
from curate.tasks import File, Json, Rows, Task


@dataclass
class Clock:
    """CPU seconds by name, of which the innermost that runs gets its own."""

    seconds: Counter[str]
    name: str = "driver"
    since: float = 0.0

    def enter(self, name: str) -> str:
        """Let `name` run from now on; the one that ran before."""
        now = time.process_time()
        self.seconds[self.name] += now - self.since
        before, self.name, self.since = self.name, name, now
        return before

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time under `name`."""

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            before = self.enter(name)
            try:
                return function(*args, **kwargs)
            finally:
                self.enter(before)

        return wrapper

    def drained(self, name: str, rows: Iterator[Any]) -> Any:
        """A generator whose own time goes under `name`, with what it returns."""
        while True:
            before = self.enter(name)
            try:
                item = next(rows)
            except StopIteration as stop:
                return stop.value
            finally:
                self.enter(before)
            yield item


def measure(config: str) -> tuple[Counter[str], float]:
    """CPU seconds by stage, `driver` and `outside`; and their sum."""
    clock = Clock(Counter())
    stages = tuple(replace(stage, apply=clock.timed(stage.name, stage.apply)) for stage in STAGES)
    runner.STAGES = stages  # type: ignore[assignment]
    drain, batches, placed = store._drain, tasks.batches, tasks.placed

    def timed_drain(task: Any, root: str, outputs: Any) -> Any:
        function = task.function
        if not isinstance(function, runner.StageTask):
            name = task.label.split("/")[0]
            task = replace(task, function=lambda inputs, config: clock.drained(name, function(inputs, config)))
        return drain(task, root, outputs)

    store._drain = timed_drain
    store._write = clock.timed("outside", store._write)
    import curate.neardup.files
    import curate.release.order
    import curate.stages.boilerplate

    for module in (runner, curate.release.order, curate.stages.boilerplate, curate.neardup.files):
        module.batches = lambda *args, **kwargs: clock.drained("outside", batches(*args, **kwargs))  # type: ignore
    runner.placed = lambda file: clock.drained("outside", placed(file))
    clock.since = time.process_time()
    pipeline.run(config, workers=1)
    clock.enter("end")
    seconds = clock.seconds.copy()
    return seconds, sum(seconds.values())


def copies(inputs: Sequence[File], config: Section) -> Rows:
    """Task: the rows of a shard, written again."""
    for batch in tasks.batches(inputs[0]):
        yield "kept", batch
    return {}


def copied(stages: Sequence[Json]) -> dict[str, float]:
    """CPU seconds of reading and writing again what each stage was given: the shards of the stage before it."""
    spent = {}
    with tempfile.TemporaryDirectory() as root:
        for before, stage in pairwise(stages):
            shards = [File(**task["files"]["kept"]) for task in before["tasks"]]
            label = stage["stage"]
            done = [store.execute(Task(label, 0, copies, (shard,), Section()), root) for shard in shards]
            spent[label] = sum(one.ran.cpu for one in done if one.ran)
    return spent


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    arguments = parser.parse_args()
    loaded = pipeline.loaded(arguments.config, {})
    for folder in (loaded.build_dir, loaded.releases_dir):
        shutil.rmtree(folder, ignore_errors=True)
    started = time.process_time()
    seconds, total = measure(arguments.config)
    stages = last_record(loaded.build_dir).stages
    copying = copied(stages)
    rows = pipeline.funnel(stages)
    megabytes = rows[0]["chars_in"] / 1e6
    documents = rows[0]["documents_in"]
    print(f"{documents:,} documents, {megabytes:.1f} MB; {documents / total:,.0f} documents a CPU second")
    for name, spent in list(seconds.items()):
        beside = f"   read and write: {megabytes / copying[name]:6.1f} MB/s" if name in copying else ""
        print(f"{name:<12} {spent:7.2f} CPU s {100 * spent / total:5.1f}% {megabytes / spent:8.1f} MB/s{beside}")
    print(f"start        {started:7.2f} CPU s")


if __name__ == "__main__":
    main()
