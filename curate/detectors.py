"""Language detectors behind one signature: texts in, best label and score in [0, 1] of each out.

langdetect 1.0.9 with seed 0 is the reference: a random walk over character n-grams with a fixed seed. langdetect-rs
computes the same probabilities in Rust, many texts at a time; where its wheel is missing, langdetect itself answers.
Scores are rounded: their last bits depend on the Python version and on the order of files in a folder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from curate.languages import UNKNOWN

Detector = Callable[[Sequence[str]], list[tuple[str, float]]]

DIGITS = 6


def langdetect(texts: Sequence[str]) -> list[tuple[str, float]]:
    """langdetect's answers, from Rust where that is installed; `und` for a text without features."""
    port = _langdetect_rs()
    return _in_rust(port, texts) if port else langdetect_python(texts)


def langdetect_python(texts: Sequence[str]) -> list[tuple[str, float]]:
    """langdetect's answers from the Python package, 150 texts a second."""
    return [_best(_probabilities(text)) for text in texts]


def _in_rust(port: Any, texts: Sequence[str]) -> list[tuple[str, float]]:
    port.DetectorFactory.seed = 0
    return [_best(languages or []) for languages in port.detect_langs_batch(texts)]


def _probabilities(text: str) -> list[Any]:
    from langdetect.lang_detect_exception import LangDetectException

    detector = _python_factory().create()
    detector.append(text)
    try:
        found: list[Any] = detector.get_probabilities()
    except LangDetectException:  # no features in the text
        return []
    return found


def _best(languages: Sequence[Any]) -> tuple[str, float]:
    return (languages[0].lang, round(languages[0].prob, DIGITS)) if languages else (UNKNOWN, 0.0)


@cache
def _langdetect_rs() -> Any:
    try:
        import langdetect_rs
    except ImportError:
        return None
    return langdetect_rs


@cache
def _python_factory() -> Any:
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    factory.set_seed(0)
    return factory
