"""The quality gate for a site's own pages: what the boilerplate stage of a config keeps of labelled pages, against what
people kept.

Fb is F1 over bags of words (curate/models/scoring.py), a mean over pages. Pages come one at a time, without what the
pages of their site have in common: a run knows more of a site, and keeps less of what it repeats.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from curate.config import Config
from curate.document import undecided
from curate.errors import InputError, UsageError
from curate.models import labelled
from curate.models.labelled import Page
from curate.models.scoring import bag_f1
from curate.stages import boilerplate

_BATCH = 64


@dataclass(frozen=True)
class Scored:
    """Fb of some pages, and how many they are; `site` is empty for all of them."""

    site: str
    fb: float
    pages: int


def score(config: Config, paths: Sequence[str]) -> list[Scored]:
    """Fb of all pages, then of each site, the worst first. Pages with a line that is not known are left out.

    Raises UsageError where the config has no boilerplate section, InputError where no page can be scored.
    """
    if config.boilerplate is None:
        raise UsageError("boilerplate: the config has no such section, so there is nothing to score")
    pages = [page for path in paths for page in _read(path) if page.gold is not None]
    if not pages:
        raise InputError(f"{', '.join(paths)}: no page with every line labelled")
    by_site = defaultdict(list)
    for page, fb in zip(pages, fbs(pages, config.boilerplate), strict=True):
        by_site[page.site].append(fb)
    sites = [Scored(site, sum(each) / len(each), len(each)) for site, each in by_site.items()]
    whole = sum(one.fb * one.pages for one in sites) / len(pages)
    return [Scored("", whole, len(pages)), *sorted(sites, key=lambda one: (one.fb, one.site))]


def fbs(pages: Sequence[Page], config: boilerplate.Config) -> Iterator[float]:
    """Fb of each of these pages, which have a gold text."""
    for start in range(0, len(pages), _BATCH):
        some = pages[start : start + _BATCH]
        batch = pl.DataFrame({"text": [page.text for page in some], "format": "text"})
        bodies = boilerplate.apply(undecided(batch), config)["text"].to_list()
        yield from (bag_f1(body, page.gold or "") for body, page in zip(bodies, some, strict=True))


def _read(path: str) -> list[Page]:
    try:
        return labelled.read(path)
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: {error}" if path not in str(error) else str(error)) from None
