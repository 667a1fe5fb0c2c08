"""What SECURITY.md promises of the code as a whole; what one module promises is tested beside it."""

import ast
import re
from pathlib import Path

import curate

PACKAGE = Path(curate.__file__).parent
ROOT = Path(__file__).parents[2]
TREES = {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}

RUNS_WHAT_IT_READS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "jsonpickle", "runpy"}
RUNS_TEXT = {"eval", "exec", "compile", "__import__", "input"}
RUNS_PROGRAMS = {"os.system", "os.popen", "os.startfile", "os.fork", "os.execv", "os.execvp", "yaml.load", "torch.load"}


def found(kind):
    return ((name, node) for name, tree in TREES.items() for node in ast.walk(tree) if isinstance(node, kind))


def test_no_module_that_runs_what_it_reads_is_imported():
    imported = {(name, alias.name.split(".")[0]) for name, node in found(ast.Import) for alias in node.names}
    imported |= {(name, (node.module or "").split(".")[0]) for name, node in found(ast.ImportFrom)}
    assert {(name, module) for name, module in imported if module in RUNS_WHAT_IT_READS} == set()
    assert ("config.py", "ruamel") in imported


def test_nothing_is_evaluated_and_no_program_is_started():
    calls = [(name, ast.unparse(node.func), node) for name, node in found(ast.Call)]
    assert {(name, called) for name, called, _ in calls if called in RUNS_TEXT | RUNS_PROGRAMS} == set()
    assert {name for name, called, _ in calls if called.startswith("subprocess.")} == set()
    given = [(name, word.arg, ast.unparse(word.value)) for name, _, node in calls for word in node.keywords]
    assert {one for one in given if one[1] in ("trust_remote_code", "shell")} == set()
    assert {value for _, word, value in given if word == "allow_pickle"} == {"False"}


def test_datasets_are_loaded_from_parquet_alone():
    calls = [node for _, node in found(ast.Call) if ast.unparse(node.func).endswith("load_dataset")]
    assert {ast.unparse(node.args[0]) for node in calls} == {"'parquet'"}


def test_no_path_of_one_system():
    """Temporary files lie where the system says: there, they are their owner's alone."""
    texts = [(name, node.value) for name, node in found(ast.Constant) if isinstance(node.value, str)]
    assert {(name, text) for name, text in texts if re.match(r"(/tmp|/var|/dev|/home|[A-Z]:\\)", text)} == set()


def test_every_promise_has_tests():
    said = (ROOT / "SECURITY.md").read_text()
    promises = re.findall(r"^- \*\*(.*?)\.?\*\*", said, re.M)
    rows = dict(re.findall(r"^\| (.*?) \| (`test_.*) \|$", said, re.M))
    assert list(rows) == promises
