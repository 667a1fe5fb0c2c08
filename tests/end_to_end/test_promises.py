"""SECURITY.md on a whole run: it writes in its place, and speaks to nobody."""

import os
import subprocess
import sys

WATCHED = """
import sys
from curate.cli import main

def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.bind"):
        raise SystemExit(f"{event} {arguments}")

sys.addaudithook(watch)
main(sys.argv[1:])
"""


def test_a_run_writes_in_its_place_and_speaks_to_nobody(project, tmp_path_factory):
    home, temporary = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("temporary")
    places = {"HOME": str(home), "USERPROFILE": str(home), "TMPDIR": str(temporary), "TEMP": str(temporary)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "XDG_"))} | places
    before = {path: path.stat() for path in project.rglob("*") if path.is_file()}

    def curate(*arguments):
        command = [sys.executable, "-c", WATCHED, *arguments]
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    curate("run", "configs/news.yaml", "--workers", "1")
    curate("plan", "configs/news.yaml", "--sample", "5")
    now = {path: path.stat() for path in project.rglob("*") if path.is_file()}
    places = {path.relative_to(project).parts[:2] for path in set(now) - set(before)}
    assert places == {("data", "build"), ("data", "releases"), ("plan.html",)}
    assert all(now[path].st_mtime_ns == was.st_mtime_ns for path, was in before.items())
    assert list(home.rglob("*")) == list(temporary.rglob("*")) == []
