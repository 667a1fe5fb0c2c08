"""All personal data in a batch of texts, and the texts without it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from curate.privacy import kinds
from curate.privacy.candidates import Places
from curate.privacy.phones import OTHERWISE, REGIONS, phones
from curate.text import Positions

KINDS = ("email", "phone", "ip", "iban", "card")

_AROUND = 80
"""Bytes on each side of a candidate that are looked at."""

Span = tuple[int, int]
Reader = Callable[[str, int, Sequence[str]], Iterable[Span]]


class Finding(NamedTuple):
    """Personal data: the number of its text, where it stands in the text's UTF-8, its kind."""

    text: int
    start: int
    end: int
    kind: str


def find(
    texts: Sequence[str],
    wanted: Collection[str] = KINDS,
    languages: Sequence[str | None] = (),
    regions: Sequence[str] = (),
) -> list[Finding]:
    """The personal data of the `wanted` kinds, by text and place; no two overlap.

    National phone numbers are looked for in `regions` or, where there are none, in those where the language of the text
    is spoken.

    >>> find(["Write to ann@example.org."])
    [Finding(text=0, start=9, end=24, kind='email')]
    """
    batch = _Batch(texts)
    found: list[Finding] = []
    taken = np.zeros(len(batch.joined), bool)
    for kind in (kind for kind in _READERS if kind in wanted):
        for document, start, end in batch.read(kind, languages, regions):
            if not taken[start:end].any():
                taken[start:end] = True
                offset = int(batch.offsets[document])
                found.append(Finding(document, start - offset, end - offset, kind))
    return sorted(found)


def mask(texts: Sequence[str], found: Iterable[Finding]) -> list[str]:
    """The texts with `<EMAIL>`, `<PHONE>`, `<IP>`, `<IBAN>` and `<CARD>` in the place of what was found.

    >>> texts = ["Write to ann@example.org."]
    >>> mask(texts, find(texts))
    ['Write to <EMAIL>.']
    """
    masked = list(texts)
    for number, findings in groupby(found, key=lambda one: one.text):
        data, pieces, end = texts[number].encode(), [], 0
        for one in findings:
            pieces += [data[end : one.start], f"<{one.kind.upper()}>".encode()]
            end = one.end
        masked[number] = b"".join([*pieces, data[end:]]).decode()
    return masked


class _Batch:
    """Texts as one array of bytes, a line end behind each."""

    def __init__(self, texts: Sequence[str]) -> None:
        encoded = [text.encode() for text in texts]
        self.joined = b"\n".join([*encoded, b""])
        self.offsets = np.cumsum([0, *(len(text) + 1 for text in encoded)])
        self.places = Places(np.frombuffer(self.joined, np.uint8))

    def read(
        self, kind: str, languages: Sequence[str | None], regions: Sequence[str]
    ) -> Iterator[tuple[int, int, int]]:
        """Number of the text, start and end in `joined`, of each finding of a kind; the same more than once, maybe."""
        for candidates, reader in _READERS[kind]:
            places = candidates(self.places)
            documents = np.searchsorted(self.offsets, places, side="right") - 1
            for document, place in zip(documents.tolist(), places.tolist(), strict=True):
                start, text, at = self._window(document, place)
                spoken = regions or _spoken(languages[document] if languages else None)
                for first, last in reader(text, at, spoken):
                    yield document, start + len(text[:first].encode()), start + len(text[:last].encode())

    def _window(self, document: int, place: int) -> tuple[int, str, int]:
        """Where the text around a place begins, that text, and the place in it."""
        start = max(place - _AROUND, int(self.offsets[document]))
        end = min(place + _AROUND, int(self.offsets[document + 1]) - 1)
        while self.joined[start] & 0xC0 == 0x80:  # the middle of a character
            start += 1
        before, after = self.joined[start:place].decode(), self.joined[place:end].decode(errors="ignore")
        return start, before + after, len(before)


def _single(reader: Callable[[str, int], Span | None]) -> Reader:
    return lambda text, at, regions: filter(None, [reader(text, at)])


_READERS: dict[str, list[tuple[Callable[[Places], Positions], Reader]]] = {
    "iban": [(Places.ibans, _single(kinds.iban))],
    "card": [(Places.numbers, _single(kinds.card))],
    "ip": [(Places.ipv4, _single(kinds.ipv4)), (Places.ipv6, _single(kinds.ipv6))],
    "email": [(Places.emails, _single(kinds.email))],
    "phone": [(Places.numbers, phones)],
}
"""Of each kind, in the order in which they count where two are at one place: the one with more of a checksum first."""


def _spoken(language: str | None) -> list[str]:
    """The countries where a language is spoken."""
    return REGIONS.get((language or "").split("-")[0], OTHERWISE).split()
