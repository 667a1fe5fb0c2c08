"""`curate browse`: the pages of a whole build in a web browser on this machine, and corrections of their lines.

search.py       documents by text, id, site, stage and reason
corrections.py  what people say of lines, as labelled pages that the line model can be trained on
server.py       HTTP on loopback
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from curate.browse.corrections import Corrections
from curate.config import Config
from curate.errors import UsageError
from curate.report.trail import Trail


def browse(config: Config, labels: Path, port: int, ready: Callable[[str], None]) -> None:
    """Serve the last run of a config until interrupted; `ready` is told the address.

    Raises UsageError where the web library is missing or the port is taken, InputError where nothing was run,
    StorageError where `labels` cannot be written.
    """
    try:
        from curate.browse.server import Browser, serve
    except ModuleNotFoundError as error:
        raise UsageError(f"curate browse: {error.name} is not installed; `pip install 'curate[browse]'`") from None
    trail = Trail.of(config.build_dir)
    with Corrections(labels, config.name) as corrections:
        serve(Browser(trail, config.name, corrections).app(), port, ready)
