"""How much disk a run will take, from the size of its input: a rule of thumb, told before the work and checked.

Measured on 15 MB of texts, language and dedup (benchmarks/pipeline/corpus.py): 2.0 bytes of build and .25 of release
for a byte of pages; of flattened pages with boilerplate removal 2.4 and .24. `curate plan --sample` measures it on the
input itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from curate import store
from curate.config import Config
from curate.machine import free_disk
from curate.readers import inputs
from curate.readers.streams import CODECS
from curate.readers.urls import endings

BUILD, RELEASE = 2.5, 0.5
"""Bytes for a byte of pages."""
PACKED = 4
"""Bytes of pages for a byte of compressed input."""


@dataclass(frozen=True)
class Space:
    """Bytes: what the build will have, and how much of it is there; the release; what is free, where that is known."""

    build: int
    there: int
    release: int
    free: int | None

    @property
    def is_short(self) -> bool:
        """Whether the run will not fit."""
        return self.free is not None and self.free < max(self.build - self.there, 0) + self.release

    def __str__(self) -> str:
        build = f"about {_size(self.build)} for the build, of which {_size(self.there)} are there"
        free = f"; {_size(self.free)} are free" if self.free is not None else ""
        return f"{build}, and {_size(self.release)} for the release{free}"


def needed(config: Config) -> Space:
    """What a run of this config will take. Raises InputError where there is no input."""
    found = inputs.find(config.read.paths, (f"{config.data}/build", config.releases_dir))
    pages = sum((file.size or 0) * (PACKED if _is_packed(file.url) else 1) for file in found)
    there = sum(store.sizes(config.build_dir).values())
    return Space(round(BUILD * pages), there, round(RELEASE * pages), free_disk(config.data))


def _is_packed(url: str) -> bool:
    last = "".join(endings(url)[-1:])
    return last in CODECS or last == ".parquet"


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
