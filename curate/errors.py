"""Everything `curate` raises on purpose, and the exit code each ends a command with.

CurateError                  1  failed while running
├── InputError               1  the input cannot be used (changed while it was read, none is left, ...)
├── StorageError             1  an output cannot be written (disk full, read only, locked by another run)
├── TaskError                1  a task failed in a worker; says the stage, the file and the cause
├── ReleaseError             1  a release is refused by its gate, or a release is damaged
├── HubError                 1  the Hub refuses, or cannot be reached
└── UsageError               2  the command was wrong
    └── ConfigError          2  the config is wrong; one `file:line:column: key: what` a line

A document never raises: it is dropped, with a reason.
"""

from __future__ import annotations


class CurateError(Exception):
    """Base of all. `exit_code` is what the command line ends with."""

    exit_code = 1


class InputError(CurateError):
    """The input cannot be used."""


class StorageError(CurateError):
    """An output cannot be written."""


class TaskError(CurateError):
    """A task failed in a worker."""


class ReleaseError(CurateError):
    """A release is refused, or one on disk is damaged."""


class HubError(CurateError):
    """The Hub refuses, or cannot be reached."""


class UsageError(CurateError):
    """The command was wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """The config is wrong. Its text has one line a fault: `file:line:column: key: what`."""
