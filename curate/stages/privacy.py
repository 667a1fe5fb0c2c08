"""Stage privacy: e-mail addresses, phone numbers, IP addresses, bank accounts and cards are masked, each by its kind.

A model learns by heart what stands in its texts, addresses and numbers too ("Extracting Training Data from Large
Language Models", Carlini et al. 2021). Each kind is replaced by a fixed placeholder (`<EMAIL>`, `<PHONE>`, `<IP>`,
`<IBAN>`, `<CARD>`), or drops its document, and is counted. Title, author and metadata are masked as the text is. How
they are found is in curate/privacy.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import AfterValidator, Field

from curate.document import drop
from curate.privacy.find import KINDS, Finding, find, mask
from curate.privacy.phones import check_region
from curate.section import Section

VERSION = 1

Action = Literal["mask", "drop", "keep"]
Region = Annotated[str, AfterValidator(check_region)]

_NAMES = {
    "email": "e-mail address",
    "phone": "phone number",
    "ip": "IP address",
    "iban": "bank account",
    "card": "card number",
}


class Config(Section):
    """What becomes of personal data: `mask` puts a placeholder there, `drop` drops the document, `keep` looks away."""

    email: Action = Field("mask", description="E-mail addresses.")
    phone: Action = Field("mask", description="Phone numbers that are valid in their country.")
    ip: Action = Field("mask", description="Public IPv4 and IPv6 addresses.")
    iban: Action = Field("mask", description="International bank account numbers with a right checksum.")
    card: Action = Field("mask", description="Card numbers of known networks with a right checksum.")
    regions: tuple[Region, ...] = Field(
        (),
        description="Countries, such as `US`, whose phone numbers are found without their country code. Empty: those "
        "where the document's language is spoken.",
    )

    @property
    def wanted(self) -> tuple[str, ...]:
        """The kinds that are looked for."""
        return tuple(kind for kind in KINDS if getattr(self, kind) != "keep")


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Mask what is found, drop what must not hold it; `private` counts what was masked in the text, by kind."""
    languages = batch["language"].to_list() if "language" in batch.columns else [None] * batch.height
    found = find(batch["text"].to_list(), config.wanted, languages, config.regions)
    masked = [one for one in found if getattr(config, one.kind) == "mask"]
    batch = _drop(batch, found, config)
    for column in ("title", "author", "metadata"):
        if column in batch.columns:
            batch = batch.with_columns(_masked_field(batch[column], languages, config))
    texts = pl.Series("text", mask(batch["text"].to_list(), masked), dtype=pl.String)
    return batch.with_columns(texts, _counts(masked, batch.height).to_struct("private"))


def _drop(batch: pl.DataFrame, found: list[Finding], config: Config) -> pl.DataFrame:
    """Drop by kind. The detail says how many, never which."""
    counts = _counts(found, batch.height)
    for kind in KINDS:
        if getattr(config, kind) == "drop":
            said = pl.format("{} found", pl.lit(counts[kind]))
            batch = drop(batch, pl.lit(counts[kind] > 0), _NAMES[kind], said)
    return batch


def _counts(found: list[Finding], documents: int) -> pl.DataFrame:
    """How much of each kind was found in each document."""
    counts = {kind: [0] * documents for kind in KINDS}
    for one in found:
        counts[one.kind][one.text] += 1
    return pl.DataFrame(counts, schema=dict.fromkeys(KINDS, pl.UInt32()))


def _masked_field(values: pl.Series, languages: list[str | None], config: Config) -> pl.Series:
    """Title, author or metadata. Of metadata, which is JSON, the texts in it are masked."""
    given = values.fill_null("").to_list()
    found = find(given, config.wanted, languages, config.regions)
    if not found:
        return values
    if values.name != "metadata":
        return pl.Series(values.name, mask(given, found), dtype=pl.String).set(values.is_null(), None)
    for number in sorted({one.text for one in found}):
        masked = _masked_json(json.loads(given[number]), languages[number], config)
        given[number] = json.dumps(masked, ensure_ascii=False, sort_keys=True)
    return pl.Series(values.name, given, dtype=pl.String).set(values.is_null(), None)


def _masked_json(value: Any, language: str | None, config: Config) -> Any:
    if isinstance(value, dict):
        return {key: _masked_json(inner, language, config) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked_json(inner, language, config) for inner in value]
    if isinstance(value, str):
        return mask([value], find([value], config.wanted, [language], config.regions))[0]
    return value
