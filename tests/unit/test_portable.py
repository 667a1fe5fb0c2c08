"""What would fail on Windows or macOS alone; file names are checked in test_names_of_files_are_legal_everywhere."""

import ast
from pathlib import Path

import curate

PACKAGE = Path(curate.__file__).parent
TREES = {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}
UNIX_ALONE = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios"}


def test_text_files_say_their_encoding():
    """Windows would take another than UTF-8."""
    for name, tree in TREES.items():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Attribute) and call.func.attr in ("read_text", "write_text"):
                assert len(call.args) + len(call.keywords) == 1 + (call.func.attr == "write_text"), (
                    f"{name}:{call.lineno}"
                )


def test_modules_that_windows_lacks_are_imported_with_care():
    for name, tree in TREES.items():
        cared = {one for node in ast.walk(tree) if isinstance(node, ast.Try) for one in ast.walk(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import) and node not in cared:
                assert not {alias.name for alias in node.names} & UNIX_ALONE, f"{name}:{node.lineno}"
