"""Imports point one way, as docs/architecture.md draws it."""

import ast
import graphlib
import re
import sys
import tomllib
from pathlib import Path

import curate

PACKAGE = Path(curate.__file__).parent

ROOT = Path(__file__).parents[2]
DRAWN = (ROOT / "docs" / "architecture.md").read_text()
LAYERS = re.findall(r"## Imports\n.*?```\n(.*?)```", DRAWN, re.S)[0].splitlines()
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer.split()}


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts != ("__init__",):
            yield path, parts[0]


def imported(path):
    """First names below `curate` that a module imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "curate":
            below = (node.module or "").split(".")[1:]
            yield from below[:1] or (alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("curate."):
                    yield alias.name.split(".")[1]


def test_every_module_has_a_layer():
    assert {name for _, name in modules()} - set(RANK) == set()


def test_every_module_is_described():
    described = set(re.findall(r"`(\w+)(?:\.py|/)`", DRAWN))
    assert {name for _, name in modules()} - {"__main__"} <= described


def test_imports_point_down():
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {target}"
        for path, name in modules()
        for target in imported(path)
        if target in RANK and target != name and RANK[target] <= RANK[name]
    ]
    assert wrong == []


def test_public_names_are_there():
    assert all(callable(getattr(curate, name)) for name in curate.__all__)


def test_import_is_lazy():
    import subprocess
    import sys

    code = "import sys, curate; sys.exit('polars' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_module_imports_itself_round_about():
    paths = {dotted(path): path for path, _ in modules()}
    graph = {name: set(imports(path, set(paths))) - {name} for name, path in paths.items()}
    graphlib.TopologicalSorter(graph).prepare()  # raises where there is a cycle


def dotted(path):
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def imports(path, names):
    """Which of the modules one imports, also where it is used."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield from {f"{node.module}.{alias.name}"} & names or {node.module} & names
        elif isinstance(node, ast.Import):
            yield from {alias.name for alias in node.names} & names


IMPORTED_AS = {
    "pyyaml": "yaml",
    "ruamel-yaml": "ruamel",
    "curate": "curate",
    "fasttext-predict": "fasttext",
    "kenlm-ex": "kenlm",
}
OTHERS_IMPORT = {"aiohttp"}  # fsspec does, for inputs over http
BROUGHT = {"markupsafe", "hf_xet"}  # jinja2 and huggingface-hub are nothing without
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def needs(lines):
    names = {re.match(r"[\w.-]+", line)[0].lower().replace(".", "-") for line in lines}
    return {IMPORTED_AS.get(name, name.replace("-", "_")) for name in names}


def used(paths):
    found = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names)


def test_every_dependency_is_used_and_every_import_is_a_dependency():
    core, extras = needs(PROJECT["dependencies"]), PROJECT["optional-dependencies"]
    optional = set().union(*(needs(lines) for name, lines in extras.items() if name not in ("dev", "docs")))
    everything = used(path for path, _ in modules())
    assert core - everything == OTHERS_IMPORT
    assert everything <= core | optional | BROUGHT | {"curate"}
    elsewhere = used(path for path, name in modules() if name != "models")  # where weights are trained, too
    assert not elsewhere & needs(extras["train"])


def test_every_dependency_is_described():
    described = re.findall(r"^\| ([\w.-]+) \| .* \| .* \|$", (ROOT / "docs" / "dependencies.md").read_text(), re.M)
    assert needs(PROJECT["dependencies"]) <= needs(described)


def test_functions_are_short():
    lengths = sorted(
        node.end_lineno - node.lineno + 1
        for path, _ in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    )
    assert lengths[len(lengths) // 2] <= 10
    assert lengths[len(lengths) * 9 // 10] <= 30


def test_modules_are_short():
    lengths = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path, _ in modules()}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_what_is_ignored_is_named():
    """No line is taken from the linter or the types as a whole."""
    blanket = re.compile(r"# (?:noqa(?!: [A-Z])|type: ignore(?!\[)|mypy: ignore-errors|ruff: noqa)")
    assert [str(path) for path, _ in modules() if blanket.search(path.read_text())] == []
