"""What the two training commands share: their options, their clock, where the pages come from, and folds by site."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import polars as pl
import scipy

FOLDS = 4
LICENCES = {
    "waddle": "waddle / DAnIEL corpus, GPL-3",
    "wcxb": "WCXB articles, CC-BY-4.0",
    "andy": "AndyTheFactory article-extraction-dataset, Apache-2.0",
    "fundus": "fundus tests, MIT",
    "scrapinghub": "scrapinghub article-extraction-benchmark, MIT",
    "readability": "mozilla readability test pages, Apache-2.0",
    "newspaper4k": "newspaper4k tests",
    "trafilatura": "trafilatura evaluation, Apache-2.0 (segments)",
}
"""Where the pages of the published weights come from; the texts belong to their publishers."""

Say = Callable[[str], None]


def options(help: str | None, steps: int) -> Callable[[Callable[..., None]], click.Command]:
    """Make a function a training command: PAGES, --out, --steps, --check, --sources."""
    parameters = [
        click.argument("pages", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False)),
        click.option("--out", type=click.Path(file_okay=False), default=".", help="Folder for weights and their card."),
        click.option("--steps", default=steps, show_default=True, help="Steps of 24 pages in training a network."),
        click.option("--check/--no-check", default=True, help="Cross-validate over sites; takes most of the time."),
        click.option("--sources/--no-sources", default=False, help="Leave each source out in turn, too."),
    ]

    def made(function: Callable[..., None]) -> click.Command:
        for parameter in reversed(parameters):
            function = parameter(function)
        return click.command(help=help)(function)

    return made


def clock() -> Say:
    """Say things on stderr, each with the seconds of processor time so far."""
    start = time.process_time()

    def say(text: str) -> None:
        click.echo(f"{time.process_time() - start:6.0f} s  {text}", err=True)

    return say


def need_torch() -> None:
    """Raise ClickException where torch is missing."""
    try:
        import torch  # noqa: F401
    except ImportError:
        raise click.ClickException("training needs torch: pip install 'curate[train]'") from None


def need_several(groups: npt.NDArray[np.str_], said: str) -> None:
    """Raise ClickException where all pages are of one group: who leaves it out has nothing to learn from."""
    if len(np.unique(groups)) < 2:
        raise click.ClickException(said)


def fold_of(site: str) -> int:
    """The same fold for a site always."""
    return int(hashlib.md5(f"f{site}".encode(), usedforsecurity=False).hexdigest(), 16) % FOLDS


def provenance(module: str, files: Sequence[str], steps: int, sources: Iterable[str]) -> dict[str, Any]:
    """What a card says of a training: the command, the versions, the files' sha256, a table row a source."""
    import torch

    counts = pl.Series("source", list(sources)).value_counts().sort("source")
    digests = [f"{Path(file).name} sha256 {hashlib.sha256(Path(file).read_bytes()).hexdigest()}" for file in files]
    return {
        "command": f"python -m {module} {' '.join(Path(file).name for file in files)} --steps {steps}",
        "versions": f"Python {sys.version.split()[0]}, numpy {np.__version__}, scipy {scipy.__version__}, "
        f"torch {torch.__version__}",
        "digests": "\n".join(digests),
        "sources": "\n".join(f"| {LICENCES.get(name, name)} | {count} |" for name, count in counts.iter_rows()),
    }
