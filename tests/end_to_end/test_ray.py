"""The Ray engine on a cluster of two nodes, its build and releases in an object store, a worker killed and then a node
lost: the same bytes as local."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys

import pytest

from curate import __version__
from tests.end_to_end.conftest import ENVIRONMENT, make_project, release_bytes, started

CLUSTER = """
import os, signal, threading, time
from pathlib import Path
import fsspec
from moto.server import ThreadedMotoServer
from ray.cluster_utils import Cluster
from curate import pipeline
from curate.progress import Bars

server = ThreadedMotoServer(port=5555, verbose=False)
server.start()
os.environ |= {"AWS_ENDPOINT_URL": "http://127.0.0.1:5555", "AWS_DEFAULT_REGION": "us-east-1"}
os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "RAY_worker_niceness": "0"}
store = fsspec.filesystem("s3", use_listings_cache=False)
store.mkdir("corpus")

def nodes():
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if status.read_bytes().startswith(b"ray::_attempt"):
                yield int(status.parent.name)
        except OSError:
            pass

def hurt():
    while not store.glob("corpus/build/news/normalize/*.json"):
        time.sleep(0.2)
    while not (found := list(nodes())):
        time.sleep(0.01)
    os.kill(found[0], signal.SIGKILL)
    time.sleep(1)
    cluster.remove_node(second, allow_graceful=False)
    print("hurt", flush=True)

small = {"num_cpus": 1, "object_store_memory": 100 << 20}
cluster = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
second = cluster.add_node(**small)
thread = threading.Thread(target=hurt)
thread.start()
with Bars() as bars:
    pipeline.run("configs/news.yaml", engine="ray", ray_address=cluster.address, data="s3://corpus", watcher=bars)
thread.join()
store.get("corpus/releases", "data/releases", recursive=True)
store.get_file("corpus/build/news/timeline.json", "timeline.json")
"""

SET_ASIDE = """
import polars as pl
import curate
from curate.engines.ray import RayEngine
from curate.errors import UsageError
from curate.runner import StageTask
from curate.section import Section
from curate.stages import Stage
from curate.tasks import File, Task, read

class Killed(StageTask):
    def __call__(self, inputs, config):
        import curate.runner
        curate.runner.STAGES = (Stage("quality", 1, kill_at),)
        return (yield from StageTask.__call__(self, inputs, config))

def kill_at(batch, config):
    if "doc-7" in batch["id"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return batch

rows = [{"id": f"doc-{i}", "source": "a.txt", "record": i, "text": "One."} for i in range(20)]
pl.DataFrame(rows).write_parquet("shard.parquet")
engine = RayEngine(1, cluster.address)
[(_, done)] = engine.run([Task("quality", 1, Killed("quality"), (File("shard.parquet", "1"),), Section())], "build")
engine.close()
print(read(done.files["dropped"]).select("id", "drop_reason").rows(), done.stats["documents_kept"], flush=True)
curate.__version__ = "0.0.9"
try:
    RayEngine(1, cluster.address)
except UsageError as error:
    print(error, flush=True)
"""

NEEDED = ("ray", "moto", "s3fs")
needs_ray = pytest.mark.skipif(not all(map(importlib.util.find_spec, NEEDED)), reason="needs curate[ray,s3] and moto")


def apart(*command, cwd):
    """Run with a network of its own: nodes on one machine must not meet others."""
    line = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]
    return subprocess.run(line, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=400)


@needs_ray
@pytest.mark.skipif(shutil.which("unshare") is None or shutil.which("ip") is None, reason="needs unshare and ip")
def test_a_killed_worker_and_a_lost_node_change_nothing(built, tmp_path):
    """On the node that is left, a record that kills its worker is set aside, and another version is refused."""
    if apart("true", cwd=tmp_path).returncode:
        pytest.skip("needs a network namespace")
    folder = make_project(tmp_path)
    result = apart(sys.executable, "-c", CLUSTER + SET_ASIDE, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "hurt" in result.stdout
    assert "[('doc-7', 'killed its worker')] 19" in result.stdout
    assert f"has {__version__}, this is 0.0.9; install the same" in result.stdout
    assert release_bytes(folder) == {name: data for name, data in release_bytes(built).items() if ".lock" not in name}
    assert re.search(r"^quality +\d+ documents, \d+ dropped, [\d,]+ MB", result.stderr, re.M), "progress"
    bars = [event for event in json.loads((folder / "timeline.json").read_text())["traceEvents"] if event["ph"] == "X"]
    ran = {event["name"] for event in bars if event["pid"]}
    assert {"read", "boilerplate/templates", "dedup/clusters", "split", "release/check"} <= ran
    assert len({event["tid"] for event in bars if event["pid"]}) > 1, "workers"


def test_ray_is_named_where_it_is_missing(project):
    (project / "ray.py").write_text("raise ImportError('not here')\n")
    said = started("run", "configs/news.yaml", "--engine", "ray", cwd=project, expect=2).stderr
    assert "pip install 'curate[ray]'" in said
