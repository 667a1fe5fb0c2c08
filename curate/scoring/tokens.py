"""Tokens of a tokenizer that the user names, in the format of Hugging Face tokenizers (tokenizer.json)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from curate.scoring.files import GivenFile, needs

SLICE_CHARACTERS = 4_000_000
"""Text that is cut at a time: a token takes some 100 bytes."""


class Tokenizer(GivenFile):
    """A tokenizer.json. `sha256` pins its version."""

    def check(self) -> None:
        """Raise ValueError where it is no tokenizer, or one of another format version."""
        needs("tokenizers", "tokenizers")
        try:
            _tokenizer(self.path, self.sha256)
        except Exception as error:  # tokenizers raises nothing more precise
            raise ValueError(f"{self.path}: is no tokenizer.json of this version of tokenizers: {error}") from None


def count_tokens(texts: Sequence[str], tokenizer: Tokenizer) -> list[int]:
    """How many tokens each text has, special ones aside."""
    return [len(found) for part in _slices(texts) for found in _encoded(part, tokenizer)]


def split(texts: Sequence[str], tokenizer: Tokenizer) -> list[list[str]]:
    """The tokens of each text."""
    return [found.tokens for part in _slices(texts) for found in _encoded(part, tokenizer)]


def _encoded(texts: Sequence[str], tokenizer: Tokenizer) -> list[Any]:
    loaded = _tokenizer(tokenizer.path, tokenizer.sha256)
    encoded: list[Any] = loaded.encode_batch_fast(texts, add_special_tokens=False)
    return encoded


def _slices(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    start = size = 0
    for end, text in enumerate(texts, 1):
        size += len(text)
        if size >= SLICE_CHARACTERS or end == len(texts):
            yield texts[start:end]
            start, size = end, 0


@cache
def _tokenizer(path: str, sha256: str) -> Any:
    """A model's own limit of length must cut nothing here."""
    from tokenizers import Tokenizer as Loaded

    loaded = Loaded.from_file(path)
    loaded.no_truncation()
    loaded.no_padding()
    return loaded
