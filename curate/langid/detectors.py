"""Language detectors behind one face: texts in, code and score in [0, 1] of each out.

langdetect 1.0.9 with seed 0 is the reference: a random walk over character n-grams with a fixed seed. langdetect-rs
computes the same probabilities in Rust, many texts at a time; where its wheel is missing, langdetect itself answers.
Scores are rounded: their last bits depend on the Python version and on the order of files in a folder.

py3langid (naive Bayes over byte n-grams, 97 languages) and fastText (a model file in the layout of lid.176 or GlotLID)
come with the extras `curate[py3langid]` and `curate[fasttext]`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, Literal

from curate.langid.languages import LANGDETECT, UNKNOWN, code

Name = Literal["langdetect", "py3langid", "fasttext"]
Answer = tuple[str, float]

DIGITS = 6

_MODULES = {"py3langid": "py3langid", "fasttext": "fasttext"}
_LID176 = {"als": "gsw", "sh": "hr", "bh": "bho"}  # labels of its own: Alemannic, Serbo-Croatian, Bihari


@dataclass(frozen=True)
class Detector:
    """`detect` gives one answer a text, `und` where it has none; `languages` tells which codes it can answer."""

    detect: Callable[[Sequence[str]], list[Answer]]
    languages: Callable[[], frozenset[str]]


def get(name: Name, model: str | None = None) -> Detector:
    """A detector by name; `model` is the file of a fastText model."""
    if name == "py3langid":
        return Detector(_py3langid, lambda: frozenset(code(label) for label in _py3langid_model().labels))
    if name == "fasttext":
        assert model
        return Detector(lambda texts: _fasttext(model, texts), lambda: _fasttext_languages(model))
    return Detector(langdetect, lambda: LANGDETECT)


def missing(name: Name) -> str | None:
    """What to install where a detector's package is missing."""
    if name in _MODULES and find_spec(_MODULES[name]) is None:
        return f"{name} is not installed: pip install 'curate[{name}]'"
    return None


def langdetect(texts: Sequence[str]) -> list[Answer]:
    """langdetect's answers, from Rust where that is installed."""
    port = _langdetect_rs()
    if port is None:
        return langdetect_python(texts)
    port.DetectorFactory.seed = 0
    return [_best(languages or []) for languages in port.detect_langs_batch(texts)]


def langdetect_python(texts: Sequence[str]) -> list[Answer]:
    """langdetect's answers from the Python package, 150 texts a second."""
    return [_best(_probabilities(text)) for text in texts]


def _probabilities(text: str) -> list[Any]:
    from langdetect.lang_detect_exception import LangDetectException

    detector = _langdetect_factory().create()
    detector.append(text)
    try:
        found: list[Any] = detector.get_probabilities()
    except LangDetectException:  # no features in the text
        return []
    return found


def _best(languages: Sequence[Any]) -> Answer:
    return (code(languages[0].lang), round(languages[0].prob, DIGITS)) if languages else (UNKNOWN, 0.0)


@cache
def _langdetect_rs() -> Any:
    try:
        import langdetect_rs
    except ImportError:
        return None
    return langdetect_rs


@cache
def _langdetect_factory() -> Any:
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    factory.set_seed(0)
    return factory


def _py3langid(texts: Sequence[str]) -> list[Answer]:
    model = _py3langid_model()
    answers = [model.classify(text) for text in texts]
    return [(code(label), round(score, DIGITS)) for label, score in answers]


@cache
def _py3langid_model() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _fasttext(path: str, texts: Sequence[str]) -> list[Answer]:
    lines = [" ".join(text.split()) for text in texts]
    answers = [_fasttext_model(path).predict(line) for line in lines]
    return [
        (_fasttext_code(labels[0]), round(min(scores[0], 1.0), DIGITS)) if labels else (UNKNOWN, 0.0)
        for labels, scores in answers
    ]


def _fasttext_languages(path: str) -> frozenset[str]:
    labels, _ = _fasttext_model(path).predict("a", k=100_000)
    return frozenset(_fasttext_code(label) for label in labels)


def _fasttext_code(label: str) -> str:
    label = label.removeprefix("__label__")
    return code(_LID176.get(label, label))


@cache
def _fasttext_model(path: str) -> Any:
    import fasttext

    return fasttext.load_model(path)
