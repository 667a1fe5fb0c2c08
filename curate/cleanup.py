"""Remove from a build folder what its last run did not use: the outputs of other settings, inputs and versions.

What the last run used stays, so that it can be repeated, explained and reported. A release needs nothing of its build.
"""

from __future__ import annotations

from dataclasses import dataclass

from curate import locks, store
from curate.build import RECORD, last_record
from curate.timeline import NAME

_OWN = (RECORD, NAME, "lock")


@dataclass(frozen=True)
class Cleaned:
    """What was removed, or would be."""

    files: int
    bytes: int
    left: int  # bytes


def clean(root: str, *, whole: bool = False, dry_run: bool = False) -> Cleaned:
    """Remove what the last run in this folder did not use; with `whole`, all that any run wrote.

    Raises StorageError where another run works there.
    """
    with locks.hold(root):
        used = set() if whole else set(last_record(root).used)
        found = store.sizes(root)
        gone = [name for name in found if _is_unused(name, used)]
        if not dry_run:
            store.remove(root, gone)
        size = sum(found[name] for name in gone)
        return Cleaned(len(gone), size, sum(found.values()) - size)


def _is_unused(below: str, used: set[str]) -> bool:
    """Whether a file, by its path below the folder, is of a task that is not among `used`, `<label>/<key>`."""
    folder, _, name = below.rpartition("/")
    return below not in _OWN and f"{folder}/{name.partition('.')[0]}" not in used
