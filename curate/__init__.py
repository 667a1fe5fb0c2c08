"""curate: from crawled pages to a versioned Hugging Face dataset of clean article text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curate.neardup.in_memory import cluster
    from curate.pipeline import run
    from curate.release.load import load
    from curate.stages.boilerplate import clean, extract
    from curate.stages.language import detect

__version__ = "0.1.0"
__all__ = ["clean", "cluster", "detect", "extract", "load", "run"]

_HOME = {
    "clean": "curate.stages.boilerplate",
    "cluster": "curate.neardup.in_memory",
    "detect": "curate.stages.language",
    "extract": "curate.stages.boilerplate",
    "load": "curate.release.load",
    "run": "curate.pipeline",
}


def __getattr__(name: str) -> Any:
    """Import a public function when it is first used: `import curate` stays fast."""
    if name not in _HOME:
        raise AttributeError(f"module 'curate' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)
