"""Log messages of a command: on stderr, above a live progress bar, from the level that was asked for on."""

from __future__ import annotations

import logging
import sys

LEVELS = ("debug", "info", "warning", "error")


class _Stderr(logging.Handler):
    """Writes to what is sys.stderr now: a live progress bar puts itself in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr)


def to_stderr(level: str) -> None:
    """Show messages of `curate` from this level on."""
    handler = _Stderr()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    log = logging.getLogger("curate")
    log.handlers = [handler]
    log.setLevel(level.upper())
    log.propagate = False
