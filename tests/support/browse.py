"""`curate browse` as a process of its own, and plain HTTP to talk to it."""

import http.client
import json
import signal
import subprocess
import sys
from contextlib import contextmanager

from tests.end_to_end.conftest import ENVIRONMENT


@contextmanager
def browsing(folder, *args):
    """The port of the process. Ctrl-C ends it well."""
    command = [sys.executable, "-m", "curate", "browse", "configs/news.yaml", "--port", "0", *args]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, **pipes) as process:
        try:
            said = process.stdout.readline()
            assert said.startswith("http://127.0.0.1:"), process.stderr.read()
            yield int(said.split("/ ")[0].rsplit(":", 1)[1])
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0, process.stderr.read()


def ask(port, path, method="GET", body=None, **headers):
    """Status and text of an answer. The path goes out as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def correct(port, place, letters, **headers):
    """Save letters as the page does."""
    own = {"Origin": f"http://127.0.0.1:{port}", "Content-Type": "application/json"} | headers
    return ask(port, f"/labels/{place}", "POST", json.dumps({"letters": letters}), **own)
