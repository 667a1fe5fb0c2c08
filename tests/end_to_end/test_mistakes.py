"""What a newcomer does wrong ends in a message that says what to do."""

import os
import shutil
import sys

import pytest

from tests.end_to_end.conftest import curate

NEWS = "configs/news.yaml"


def edit(project, old, new):
    path = project / NEWS
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_typo_in_the_config(project):
    edit(project, "min_confidence", "min_confidnce")
    result = curate("run", NEWS, cwd=project, expect=2)
    assert "unknown key; did you mean 'min_confidence'?" in result.stderr
    assert result.stderr.startswith("configs/news.yaml:")
    assert not (project / "data/build").exists()


def test_a_config_that_is_not_there(project):
    assert "did you mean 'configs/news.yaml'?" in curate("run", "configs/new.yaml", cwd=project, expect=2).stderr


def test_a_folder_without_pages(project):
    (project / "empty").mkdir()
    edit(project, "data/raw/news", "empty")
    assert "empty" in curate("run", NEWS, cwd=project, expect=1).stderr


def test_a_pattern_without_a_match(project):
    edit(project, "data/raw/news", "data/raw/nwes/*.txt")
    assert "data/raw/nwes" in curate("run", NEWS, cwd=project, expect=1).stderr


def test_a_wrong_option(project):
    assert "--workers must be 1 or more" in curate("run", NEWS, "--workers", "0", cwd=project, expect=2).stderr
    assert "no such stage" in curate("run", NEWS, "--force", "boilerplat", cwd=project, expect=2).stderr
    assert "section.key=value" in curate("run", NEWS, "--set", "threshold", cwd=project, expect=2).stderr


def test_everything_is_dropped(project):
    edit(project, "keep: [en]", "keep: [fi]")
    error = curate("run", NEWS, "--workers", "1", cwd=project, expect=1).stderr
    assert "nothing is left to release" in error
    assert "language: " in error and "\n  such as data/raw/news/" in error


def test_a_column_of_another_name(project):
    (project / "pages.jsonl").write_text('{"story": "The ferry is late.", "link": "https://mill.example/1"}\n')
    edit(project, "data/raw/news]", "pages.jsonl]\n  columns: {text: body}")
    error = curate("run", NEWS, "--workers", "1", cwd=project, expect=1).stderr
    assert "1 missing column" in error and "no `body` among `story`, `link`" in error
    edit(project, "{text: body}", "{story: text}")
    assert "write `ours: the input's`, such as `text: body`" in curate("run", NEWS, cwd=project, expect=2).stderr


def test_a_version_that_is_there_is_told_by_plan(project, built):
    shutil.copytree(built / "data", project / "data", dirs_exist_ok=True)
    changed = curate("plan", NEWS, "--set", "quality.min_words=60", cwd=project).stdout
    assert "v0.1.0 is there; if a document changes, `version` must go up" in changed
    assert "released otherwise" in curate("plan", NEWS, "--set", "split.test=0.2", cwd=project).stdout


def test_a_push_of_what_was_not_built(project):
    edit(project, "license: cc-by-4.0", "license: cc-by-4.0\n  repo: org/news")
    error = curate("push", NEWS, cwd=project, expect=2).stderr
    assert "data/releases/news/v0.1.0: there is no such release; `curate run` makes it" in error


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_folder_that_cannot_be_written(project):
    (project / "data/build").write_text("a file where the folder should be")
    assert "data/build" in curate("run", NEWS, "--workers", "1", cwd=project, expect=1).stderr


def test_two_runs_at_once(project):
    from filelock import FileLock

    folder = project / "data/build/news"
    folder.mkdir(parents=True)
    with FileLock(folder / "lock"):
        assert "another run is working here" in curate("run", NEWS, cwd=project, expect=1).stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs RLIMIT_FSIZE")
def test_an_output_that_cannot_grow(project):
    """A file size limit stands for the full disk: writing fails in the middle, and running again goes on."""
    import resource
    import subprocess

    from tests.end_to_end.conftest import ENVIRONMENT

    def limit():
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    command = [sys.executable, "-m", "curate", "run", NEWS, "--workers", "1"]
    result = subprocess.run(
        command, cwd=project, env=ENVIRONMENT, capture_output=True, text=True, preexec_fn=limit, check=False
    )
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert not (project / "data/releases").exists()
    curate("run", NEWS, "--workers", "1", cwd=project)


def test_explain_after_an_unfinished_run(project):
    """Nothing is said to be in a release that was not made."""
    curate("run", NEWS, "--workers", "1", cwd=project)
    again = curate("run", NEWS, "--workers", "1", "--set", "language.keep=[en, de]", cwd=project, expect=1)
    assert "a release never changes" in again.stderr
    page = "data/raw/news/northgateecho.example/2024-03-12-bus-52.txt"
    assert "the last run made no release" in curate("explain", NEWS, page, cwd=project).stdout


def test_a_removal_list_that_is_not_there(project):
    edit(project, "license: cc-by-4.0", "license: cc-by-4.0\n  remove: not-there.txt")
    assert "not-there.txt" in curate("run", NEWS, cwd=project, expect=1).stderr
    assert not list(project.glob("data/build/news/read/*")), "told before any work"


def test_what_curate_wrote_is_not_read(project):
    edit(project, "paths: [data/raw/news]", "paths: [data]")
    curate("run", NEWS, "--workers", "1", cwd=project)
    first = curate("run", NEWS, "--workers", "1", "--json", cwd=project).stdout
    assert curate("run", NEWS, "--workers", "1", "--json", cwd=project).stdout == first


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_keeps_what_was_done(project):
    """The whole process group gets the signal, as from a terminal."""
    import signal
    import subprocess
    import time

    from tests.end_to_end.conftest import ENVIRONMENT

    command = [sys.executable, "-m", "curate", "run", NEWS, "--workers", "2"]
    process = subprocess.Popen(
        command, cwd=project, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not list(project.glob("data/build/news/read/*.json")):
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.endswith("Go on with:\ncurate run configs/news.yaml --workers 2\n") and "Traceback" not in said
    curate("run", NEWS, "--workers", "1", cwd=project)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_while_the_imports_run_is_told_in_a_line(project):
    """The server of the workers imports too, and has nothing to say."""
    import signal
    import subprocess
    import time

    import psutil

    from tests.end_to_end.conftest import ENVIRONMENT

    command = [sys.executable, "-m", "curate", "run", NEWS, "--workers", "2"]
    process = subprocess.Popen(
        command, cwd=project, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    parent = psutil.Process(process.pid)
    while not any("forkserver" in word for child in parent.children() for word in child.cmdline()):
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.lstrip().startswith("curate: interrupted;") and "Traceback" not in said


def test_an_evaluation_set_without_the_column(project):
    (project / "quiz.jsonl").write_text('{"question": "Which harbour freezes last?"}\n')
    edit(project, "\nsplit:", "\ndecontaminate:\n  against: [{path: quiz.jsonl, column: qestion}]\n\nsplit:")
    error = curate("run", NEWS, "--workers", "1", cwd=project, expect=2).stderr
    assert "configs/news.yaml:" in error
    assert ":13: decontaminate.against.0: quiz.jsonl: no record with the column 'qestion'" in error
    assert not list(project.glob("data/build/news/read/*")), "told before any work"


MOUNTED = """
set -e
mkdir -p data/build data/releases
mount -t tmpfs -o size=200k tmpfs data/build
$CURATE && exit 9
mount -o remount,size=200m data/build
find data/build -name '*.json' -path '*read*' > finished
test -s finished
find data/build -name '*.tmp' | (! grep .)
mount -t tmpfs -o ro tmpfs data/releases
$CURATE && exit 8
umount data/releases
$CURATE
find data/build -newer finished -name '*.json' -path '*read*' | (! grep .)
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_a_full_disk_and_a_read_only_output(project, built):
    """File systems of their own: one that is full in the middle, one that is read-only; mended, the run goes on."""
    import subprocess

    from tests.end_to_end.conftest import ENVIRONMENT, release_bytes

    apart = ["unshare", "-rm", "sh", "-c"]
    if subprocess.run([*apart, "mount -t tmpfs tmpfs /mnt"], check=False, capture_output=True).returncode:
        pytest.skip("needs a mount namespace")
    command = f"{sys.executable} -m curate run {NEWS} --workers 2"
    environment = {**ENVIRONMENT, "CURATE": command}
    saved = f"{MOUNTED}\ncp -r data/releases kept-releases"
    result = subprocess.run([*apart, saved], cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "the disk is full; free some space and run again: finished work is kept" in result.stderr
    assert "the disk is read-only" in result.stderr
    assert "Traceback" not in result.stderr
    assert release_bytes(project) == release_bytes(built)


def test_an_input_that_vanished(project):
    """The list of files is made first; what is gone when its turn comes is named, and back again the run goes on."""
    code = (
        "from curate import cli\n"
        "from curate.stages import read\n"
        "found = read.discover\n"
        "def vanish(*args):\n"
        "    groups = found(*args)\n"
        "    import os; os.rename('data/raw/news/crawl-2024-03.warc.gz', 'away')\n"
        "    return groups\n"
        "read.discover = vanish\n"
        f"cli.main(['run', '{NEWS}', '--workers', '1'])\n"
    )
    import subprocess

    from tests.end_to_end.conftest import ENVIRONMENT

    result = subprocess.run(
        [sys.executable, "-c", code], cwd=project, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "data/raw/news/crawl-2024-03.warc.gz" in result.stderr and "Traceback" not in result.stderr
    (project / "away").rename(project / "data/raw/news/crawl-2024-03.warc.gz")
    curate("run", NEWS, "--workers", "1", cwd=project)
