"""The Ray engine on a cluster of two nodes, a worker killed and then a node lost: the same bytes as local."""

import importlib.util
import shutil
import subprocess
import sys

import pytest

from tests.end_to_end.conftest import ENVIRONMENT, curate, make_project, release_bytes

CLUSTER = """
import os, signal, threading, time
from pathlib import Path
from ray.cluster_utils import Cluster
from curate import pipeline

def nodes():
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if status.read_bytes().startswith(b"ray::_execute"):
                yield int(status.parent.name)
        except OSError:
            pass

def hurt():
    while not list(Path("data/build/news").glob("normalize/*.json")):
        time.sleep(0.05)
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
pipeline.run("configs/news.yaml", engine="ray", ray_address=cluster.address)
thread.join()
"""

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs curate[ray]")


def apart(*command, cwd):
    """Run with a network of its own: nodes on one machine must not meet others."""
    line = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]
    return subprocess.run(line, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=240)


@needs_ray
@pytest.mark.skipif(shutil.which("unshare") is None or shutil.which("ip") is None, reason="needs unshare and ip")
def test_a_killed_worker_and_a_lost_node_change_nothing(built, tmp_path):
    if apart("true", cwd=tmp_path).returncode:
        pytest.skip("needs a network namespace")
    folder = make_project(tmp_path)
    result = apart(sys.executable, "-c", CLUSTER, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "hurt" in result.stdout
    assert release_bytes(folder) == release_bytes(built)


def test_ray_is_named_where_it_is_missing(project):
    (project / "ray.py").write_text("raise ImportError('not here')\n")
    said = curate("run", "configs/news.yaml", "--engine", "ray", cwd=project, expect=2).stderr
    assert "pip install 'curate[ray]'" in said
