"""From the sample crawl to a dataset, through the command line."""

import json
import re
import subprocess
import sys

import polars as pl
import pytest

from tests.end_to_end.conftest import ENVIRONMENT, curate, read, release_bytes, started

NEWS = "configs/news.yaml"


def stages(folder):
    return json.loads((folder / "data/build/news/run.json").read_text())["stages"]


def size(frame):
    return frame["page"].bin.size().sum() if "page" in frame.columns else frame["text"].str.len_chars().sum()


def test_load_dataset_reads_the_release(built, tmp_path):
    code = (
        "import json\n"
        "from datasets import load_dataset\n"
        "news = load_dataset('data/releases/news')\n"
        "print(json.dumps({split: rows.num_rows for split, rows in news.items()}))\n"
        "print(len(list(load_dataset('data/releases/news', split='train', streaming=True))))\n"
    )
    environment = {**ENVIRONMENT, "HF_HOME": str(tmp_path), "HF_DATASETS_OFFLINE": "1"}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=built, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    counts, streamed = result.stdout.splitlines()[-2:]
    rows = json.loads(counts)
    assert set(rows) == {"train", "validation", "test"}
    assert rows["train"] == int(streamed) > 0


def test_nothing_gets_lost(built):
    """For every task of every stage: documents and characters in = kept (and cut) + dropped, also on disk."""
    kept_before = None
    for stage in stages(built):
        for i, task in enumerate(stage["tasks"]):
            stats = task["stats"]
            kept, dropped = read(task, "kept", built), read(task, "dropped", built)
            assert stats["documents_in"] == kept.height + dropped.height
            assert dropped["drop_reason"].null_count() == 0
            assert stats["reasons"] == dict(sorted(dropped["drop_reason"].value_counts().iter_rows()))
            if kept_before:
                given = read(kept_before[i], "kept", built)
                assert given.height == stats["documents_in"]
                assert sorted(given["id"].to_list()) == sorted(kept["id"].to_list() + dropped["id"].to_list())
                assert size(given) == stats["chars_in"] == stats["chars_kept"] + stats["chars_cut"] + size(dropped)
                assert size(kept) == stats["chars_kept"]
        kept_before = stage["tasks"]


def test_names_of_files_are_legal_everywhere(built):
    """Also on Windows, and short enough for its paths."""
    names = [str(path.relative_to(built)) for path in built.glob("data/[br]*/**/*")]
    assert len(names) > 50 and all(re.fullmatch(r"([\w.-]*[\w-](/|$))+", name) for name in names)
    assert max(map(len, names)) < 100


def test_an_unchanged_rerun_runs_nothing_and_says_so(copy):
    before = release_bytes(copy)
    result = curate("run", NEWS, cwd=copy)
    assert "unchanged" in result.stdout
    planned = json.loads(curate("plan", NEWS, "--json", cwd=copy).stdout)
    assert {row["verdict"] for row in planned} == {"keep"}
    assert release_bytes(copy) == before


def test_a_changed_section_reruns_what_follows(built):
    changed = json.loads(curate("plan", NEWS, "--set", "quality.min_words=60", "--json", cwd=built).stdout)
    verdicts = {row["stage"]: row["verdict"] for row in changed}
    assert {verdicts[name] for name in ("read", "normalize", "boilerplate", "metadata", "language")} == {"keep"}
    assert verdicts["quality"] == "run"
    assert {verdicts[name] for name in ("dedup", "split", "release")} == {"follow"}
    assert next(row["why"] for row in changed if row["stage"] == "quality") == "config changed: min_words 50 -> 60"
    curate("plan", NEWS, "--set", "quality.min_words=60", "--exit-code", cwd=built, expect=1)


def test_results_on_stdout_progress_on_stderr(project):
    result = started("--log-level", "debug", "run", NEWS, "--workers", "2", "--json", cwd=project)
    summary = json.loads(result.stdout)
    assert " INFO    boilerplate: 1 tasks, 0 of them done before" in result.stderr
    assert " DEBUG   boilerplate: " in result.stderr
    events = json.loads((project / "data/build/news/timeline.json").read_text())["traceEvents"]
    ran = {event["name"] for event in events if event["ph"] == "X" and event["pid"]}
    assert {stage["stage"] for stage in stages(project)} < ran, "each stage's tasks, and the rounds before them"
    assert summary["funnel"][0]["stage"] == "read"
    assert summary["release"]["version"] == "0.1.0"
    assert "boilerplate" in result.stderr and "documents" in result.stderr


def test_a_run_imports_nothing_dear_that_it_does_not_need(project):
    """pyarrow imports pandas for an empty table, a scalar, an array of numpy's; `push` alone needs the Hub's client."""
    code = (
        "import sys; from curate.cli import main\n"
        "main(['run', 'configs/news.yaml', '--workers', '1'], standalone_mode=False)\n"
        "sys.exit(', '.join({'pandas', 'huggingface_hub', 'datasets', 'httpx2'} & set(sys.modules)) or None)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=project, check=True, capture_output=True)


@pytest.mark.parametrize("workers", ["1", "3"])
def test_same_bytes_from_any_number_of_workers(built, project, workers):
    curate("run", NEWS, "--workers", workers, cwd=project)
    assert release_bytes(project) == release_bytes(built)


def test_a_new_page_reruns_only_its_file_and_what_sees_everything(project):
    curate("run", NEWS, "--workers", "1", cwd=project)
    (project / "data/raw/news/zz-new.txt").write_text("One more page.\n")
    planned = {row["stage"]: row for row in json.loads(curate("plan", NEWS, "--json", cwd=project).stdout)}
    assert planned["read"]["verdict"] == "run"
    assert planned["read"]["missing"] < planned["read"]["tasks"] or planned["read"]["tasks"] == 1
    assert planned["read"]["why"].startswith("input changed: ")


def test_explain_follows_kept_and_dropped_documents(built):
    for stage in stages(built):
        dropped = pl.concat(
            [read(task, "dropped", built).select("id", "source", "record", "drop_reason") for task in stage["tasks"]]
        )
        for id_, _, _, reason in dropped.head(1).iter_rows():
            said = json.loads(curate("explain", NEWS, id_, "--json", cwd=built).stdout)
            assert (stage["stage"], reason) in [
                (one["verdicts"][-1]["stage"], one["verdicts"][-1]["reason"]) for one in said
            ]
    page = "data/raw/news/northgateecho.example/2024-03-12-bus-52.txt"
    shown = curate("explain", NEWS, page, cwd=built).stdout
    assert shown.rstrip().endswith("In the release data/releases/news/v0.1.0.")
    assert any(line.startswith("+ ") for line in shown.splitlines())
    assert any(line.startswith("- ") for line in shown.splitlines())
    assert "its words " in shown


def test_explain_sets_a_near_duplicate_beside_what_is_kept(built):
    dedup = next(stage for stage in stages(built) if stage["stage"] == "dedup")
    rows = pl.concat([read(task, "dropped", built) for task in dedup["tasks"]])
    copy = rows.filter(pl.col("drop_reason") == "near-duplicate").row(0, named=True)
    page = next(
        page
        for page in json.loads(curate("explain", NEWS, copy["id"], "--json", cwd=built).stdout)
        if page["verdicts"][-1]["reason"] == "near-duplicate"
    )
    assert "".join(first for _, first, _ in page["passages"]) == copy["text"]
    assert any(same for same, _, _ in page["passages"]) and not all(same for same, _, _ in page["passages"])
    assert f"kept: {copy['duplicate_of']}" in curate("explain", NEWS, copy["id"], cwd=built).stdout


def test_explain_an_unknown_document(built):
    assert "no document 'nothing-like-it'" in curate("explain", NEWS, "nothing-like-it", cwd=built, expect=1).stderr
