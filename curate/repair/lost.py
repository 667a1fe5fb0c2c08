"""What U+FFFD stood for, where its context tells.

A page in windows-1252 that some program read as UTF-8 has U+FFFD for each dash, curly quote and accented letter. A
letter is never put back: too many would fit. Punctuation is, where nothing else would fit:

- inside an English contraction or possessive (`it�s`), after a French or Italian elision (`qu�il`): an apostrophe;
- alone between two words, the second in lower case, in a language without accented words of one letter: a dash;
- between two years: a dash;
- around words, opening and closing in turn all through the line, no letter lost in it: quotes.

Which dash or pair of quotes it was is lost too; the common one of the language is put.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from curate.langid.detectors import langdetect

LOST = "\ufffd"
MIN_SCORE = 0.9
"""langdetect's score of the text around, below which no language is assumed."""
MIN_LETTERS = 60
"""Letters in a line that tell its language, and that it is prose; a shorter one has the language of the text."""
MIN_FREQUENT = 0.1
"""Share of a language's most frequent words in a text of it."""
CONTEXT = 2_000
"""Characters of the text that tell its language."""

_DASH, _APOSTROPHE = "–", "’"
_QUOTES = {"en": "“”", "de": "„“"}
_FREQUENT = {
    "en": re.compile(r"\b(?:the|of|and|to|that|it|for|was|on|with|at)\b", re.IGNORECASE),
    "de": re.compile(r"\b(?:der|die|das|und|in|den|von|zu|mit|ist|nicht|im)\b", re.IGNORECASE),
    "fr": re.compile(r"\b(?:le|la|les|de|des|et|un|une|en|du|que|est)\b", re.IGNORECASE),
    "it": re.compile(r"\b(?:il|la|le|di|che|e|un|una|in|per|del|con)\b", re.IGNORECASE),
}
_PERSONS = {"i", "you", "he", "she", "it", "we", "they", "who", "that", "there", "what"}
_CONTRACTIONS = {
    "m": {"i"},
    "re": {"you", "we", "they", "who", "what", "there"},
    "ve": {"i", "you", "we", "they", "who", "could", "would", "should", "might", "must"},
    "ll": _PERSONS,
    "d": _PERSONS,
    "t": {"don", "doesn", "didn", "isn", "aren", "wasn", "weren", "hasn", "haven", "hadn", "can", "couldn", "won",
          "wouldn", "shouldn", "mustn", "needn", "ain"},
}  # fmt: skip
_PLURALS = {"caf", "clich", "fianc", "expos", "resum", "sum", "pur", "entr", "prot", "touch", "communiqu", "saut"}
_ELISIONS = {
    "fr": {"qu", "jusqu", "lorsqu", "puisqu", "quelqu", "aujourd"},
    "it": {"all", "dall", "dell", "nell", "sull", "un", "quell", "quest", "anch", "tutt"},
}
_IN_WORD = re.compile(rf"(?<![\w{LOST}])(\w+){LOST}(\w+)(?![\w{LOST}])")
_BETWEEN = re.compile(rf"(?<=[^\W\d_] |[,;)”’] ){LOST}(?= [^\W\d_A-Z])")
_YEARS = re.compile(rf"(?<=\b(?:1[5-9]|20)\d\d){LOST}(?=(?:1[5-9]|20)\d\d\b)")
_OPENING = rf"(?:(?<=[\s(\[])|(?<=^)){LOST}(?=[^\W\d_])"
_CLOSING = rf"(?<=[^\W_.,!?…]|[.,!?…]){LOST}(?=[\s.,;:!?)\]]|$)"
_QUOTE = re.compile(f"({_OPENING})|({_CLOSING})")


def restore_lost(texts: Sequence[str]) -> list[str]:
    """The texts with dashes, apostrophes and quotes for U+FFFD where context decides; no letter is put."""
    split = [text.split("\n") for text in texts]
    damaged = [(i, j) for i, lines in enumerate(split) for j, line in enumerate(lines) if LOST in line]
    contexts = [split[i][j] if _letters(split[i][j]) >= MIN_LETTERS else texts[i][:CONTEXT] for i, j in damaged]
    for (i, j), (language, score), context in zip(damaged, langdetect(contexts), contexts, strict=True):
        split[i][j] = _restore(split[i][j], language if score >= MIN_SCORE and _reads_like(context, language) else "")
    return ["\n".join(lines) for lines in split]


def _reads_like(text: str, language: str) -> bool:
    """Whether a language's frequent words are frequent here. langdetect takes Irish for English."""
    if language not in _FREQUENT:
        return False
    return len(_FREQUENT[language].findall(text)) >= MIN_FREQUENT * (text.count(" ") + 1)


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _restore(line: str, language: str) -> str:
    line = _YEARS.sub(_DASH, line)
    line = _IN_WORD.sub(lambda found: _apostrophe(found, language), line)
    if language in _QUOTES and _letters(line) >= MIN_LETTERS:
        line = _BETWEEN.sub(_DASH, line)
    return _quoted(line, _QUOTES[language]) if language in _QUOTES else line


def _apostrophe(found: re.Match[str], language: str) -> str:
    before, after = found[1].lower(), found[2]
    if language == "en":
        fits = before in _CONTRACTIONS.get(after, ()) or (
            after == "s" and len(before) > 1 and before.isascii() and before not in _PLURALS
        )
    else:
        fits = before in _ELISIONS.get(language, ()) and after[0].lower() in "aeiouh"
    return found[1] + _APOSTROPHE + found[2] if fits else found[0]


def _quoted(line: str, quotes: str) -> str:
    """The line with quotes where what could be quotes opens and closes in turn, and nothing else is lost."""
    found = list(_QUOTE.finditer(line))
    turns = [bool(match[1]) for match in found]
    if len(found) % 2 or line.count(LOST) != len(found) or turns != [True, False] * (len(found) // 2):
        return line
    return _QUOTE.sub(lambda match: quotes[0] if match[1] else quotes[1], line)
