"""Stage quality: documents that do not read like prose are dropped, each for one rule and with what was measured.

Lines that a rule takes out go first; what is left is measured. A word is what stands between spaces, or one character
of a script that writes none. Most rules measure a share of the document's words, lines or characters, so that a
threshold means the same for long and short documents. The text changes only where lines are taken out.

Sources: Gopher, Rae et al. 2021, Scaling Language Models, section A1.1 and Table A1; C4, Raffel et al. 2020, section
2.2, and its code; FineWeb, Penedo et al. 2024, section 3.4; RefinedWeb, Penedo et al. 2023, appendix G.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field, model_validator

from curate.blocklists import Blocklist, drop_blocked
from curate.counting import counted
from curate.document import beside, undecided
from curate.prose.measures import gram_measures, line_measures, word_measures
from curate.prose.rules import GRAM_RULES, LINE_RULES, PRESETS, RULES, WORD_RULES, ruled
from curate.prose.taking_out import TakenOut, take_out
from curate.prose.words import find_words
from curate.scoring.classifier import Classifier, classifier_scores
from curate.scoring.perplexity import Perplexity, perplexities
from curate.scoring.tokens import Tokenizer
from curate.section import Count, CountOrZero, Fraction, Section
from curate.stages import select

VERSION = 2

PART_CHARACTERS = 2_000_000
"""How much text is measured at a time: about 30 bytes of memory a character."""

_MEASURED = ((WORD_RULES, word_measures), (LINE_RULES, line_measures), (GRAM_RULES, gram_measures))

Length = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Config(Section):
    """Drop documents that do not read like prose. `null` turns a rule off."""

    preset: Literal["gopher", "c4", "fineweb"] = Field(
        "gopher",
        description="Whose rules apply where no key says otherwise. `c4`: its line rules, `min_sentences` and "
        "`max_placeholders` only. `fineweb`: Gopher's, C4's but for unfinished lines, and FineWeb's own.",
    )
    by_language: bool = Field(
        True,
        description="Where a limit is the paper's, which is for English, take that of the document's language.",
    )
    blocklist: Blocklist | None = Field(
        None, description="Sites, pages and words to drop documents for: `sites`, `words`, `min_count`."
    )
    classifier: Classifier | None = Field(
        None, description="A fastText classifier of your own: column `classifier_score`."
    )
    perplexity: Perplexity | None = Field(None, description="A KenLM model of your own: column `perplexity`.")
    keep_top: Fraction | None = Field(
        None,
        gt=0,
        description="Share of the documents that is kept, those with the highest `classifier_score` or, without a "
        "classifier, the least `perplexity`; exact, of what all later stages leave. DCLM: 0.1.",
    )
    tokenizer: Tokenizer | None = Field(
        None, description="A tokenizer.json: its path, or `path` and `sha256`. Counts tokens: column `tokens`."
    )
    sample: select.Sample | None = Field(None, description="A sample or a mix of what all later stages leave.")
    take_out: tuple[TakenOut, ...] = Field(
        (),
        description="Lines to take out of documents. C4: `unfinished` (no full stop, question or exclamation mark or "
        "quote at the end), `notices` (speak of JavaScript, cookies, terms of use, privacy policies); its `citations` "
        "takes only marks such as `[3]` out. RefinedWeb: `uppercase` (most letters are), `numbers`, `counters` "
        "(`3 likes`), `single words`.",
    )
    min_line_words: CountOrZero | None = Field(
        None, description="Lines with fewer words are taken out. C4: 5; FineWeb: 3."
    )
    max_line_word_length: Count | None = Field(
        None, description="Lines with a longer word, in characters, are taken out. C4: 1,000."
    )
    max_taken_out: Fraction | None = Field(
        None, description="Greatest share of words in lines taken out. RefinedWeb: 0.05."
    )
    min_words: CountOrZero | None = Field(50, description="Fewest words. Gopher: 50.")
    max_words: CountOrZero | None = Field(100_000, description="Most words. Gopher: 100,000.")
    min_mean_word_length: Length | None = Field(3, description="Least mean length of words, in characters. Gopher: 3.")
    max_mean_word_length: Length | None = Field(10, description="Greatest mean length of words. Gopher: 10.")
    max_hashes: Length | None = Field(0.1, description="Most `#` per word. Gopher: 0.1.")
    max_ellipses: Length | None = Field(0.1, description="Most `...` and `…` per word. Gopher: 0.1.")
    max_bullet_lines: Fraction | None = Field(
        0.9, description="Greatest share of lines that begin with a bullet. Gopher: 0.9."
    )
    max_ellipsis_lines: Fraction | None = Field(
        0.3, description="Greatest share of lines that end with an ellipsis. Gopher: 0.3."
    )
    min_alphabetic_words: Fraction | None = Field(
        0.8, description="Least share of words with at least one letter. Gopher: 0.8."
    )
    min_stop_words: CountOrZero | None = Field(
        2,
        description="Fewest different stop words (English: the, be, to, of, and, that, have, with), where the language "
        "stage has found a language with a list. Gopher: 2.",
    )
    max_duplicate_lines: Fraction | None = Field(
        0.3, description="Greatest share of lines seen before in the document. Gopher: 0.30."
    )
    max_duplicate_paragraphs: Fraction | None = Field(
        0.3, description="Greatest share of paragraphs (set off by empty lines) seen before. Gopher: 0.30."
    )
    max_duplicate_line_characters: Fraction | None = Field(
        0.2, description="Greatest share of characters in lines seen before. Gopher: 0.20."
    )
    max_duplicate_paragraph_characters: Fraction | None = Field(
        0.2, description="Greatest share of characters in paragraphs seen before. Gopher: 0.20."
    )
    max_top_2_gram: Fraction | None = Field(
        0.2, description="Greatest share of characters in the most frequent run of 2 words. Gopher: 0.20."
    )
    max_top_3_gram: Fraction | None = Field(0.18, description="The same with 3 words. Gopher: 0.18.")
    max_top_4_gram: Fraction | None = Field(0.16, description="The same with 4 words. Gopher: 0.16.")
    max_duplicate_5_grams: Fraction | None = Field(
        0.15, description="Greatest share of characters in runs of 5 words seen before. Gopher: 0.15."
    )
    max_duplicate_6_grams: Fraction | None = Field(0.14, description="The same with 6 words. Gopher: 0.14.")
    max_duplicate_7_grams: Fraction | None = Field(0.13, description="The same with 7 words. Gopher: 0.13.")
    max_duplicate_8_grams: Fraction | None = Field(0.12, description="The same with 8 words. Gopher: 0.12.")
    max_duplicate_9_grams: Fraction | None = Field(0.11, description="The same with 9 words. Gopher: 0.11.")
    max_duplicate_10_grams: Fraction | None = Field(0.1, description="The same with 10 words. Gopher: 0.10.")
    min_sentences: CountOrZero | None = Field(None, description="Fewest sentences. C4: 3; FineWeb: 5.")
    max_placeholders: CountOrZero | None = Field(None, description="Most `{` and `lorem ipsum`. C4: 0.")
    min_finished_lines: Fraction | None = Field(
        None, description="Least share of lines that end with a full stop, question or exclamation mark. FineWeb: 0.12."
    )
    max_short_lines: Fraction | None = Field(
        None, description="Greatest share of lines of 30 characters or fewer. FineWeb: 0.67."
    )
    max_repeated_line_characters: Fraction | None = Field(
        None, description="As `max_duplicate_line_characters`, of the characters that are not line ends. FineWeb: 0.01."
    )
    max_line_ends: Length | None = Field(None, description="Most line ends per word. FineWeb: 0.3.")

    @model_validator(mode="after")
    def _leave_something(self) -> Config:
        for name in ("words", "mean_word_length"):
            least, most = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if least is not None and most is not None and least > most:
                raise ValueError(f"min_{name} {least} is above max_{name} {most}, so every document would be dropped")
        return self

    @model_validator(mode="after")
    def _can_select(self) -> Config:
        if self.keep_top is not None and not (self.classifier or self.perplexity):
            raise ValueError("keep_top: needs a classifier or perplexity to rank documents by")
        if self.sample and self.sample.tokens and not self.tokenizer:
            raise ValueError("sample.tokens: needs a tokenizer; or give a number of words")
        return self

    @property
    def takes_out(self) -> bool:
        """Whether lines are taken out, so that texts change."""
        return bool(self.take_out or self.min_line_words or self.max_line_word_length)

    @property
    def selection(self) -> select.Config | None:
        """What the stage `select` has to do; None where every document is kept."""
        if self.keep_top is None and self.sample is None:
            return None
        score: select.Score = "classifier_score" if self.classifier else "perplexity"
        return select.Config(
            keep_top=self.keep_top,
            rank_by=score if self.keep_top is not None else None,
            sample=self.sample,
            unit="tokens" if self.tokenizer else "words",
        )

    @model_validator(mode="before")
    @classmethod
    def _fill_in_preset(cls, given: Any) -> Any:
        """What the preset says, where the config says nothing."""
        if not isinstance(given, dict):
            return given
        preset = given.get("preset")
        return {**PRESETS.get(preset, {}), **given} if isinstance(preset, str) else given


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Drop what breaks a rule, for the first rule it breaks."""
    return pl.concat(_judged(part, config) for part in _parts(batch)) if batch.height else _judged(batch, config)


def _parts(batch: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The batch in parts of some megabytes of text, in order."""
    number = batch["text"].str.len_chars().cum_sum() // PART_CHARACTERS
    start = 0
    for length in number.rle().struct.field("len"):
        yield batch[start : start + length]
        start += length


def _judged(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """What costs most is measured last, and only where no rule has dropped the document yet."""
    limits = dict(config)
    if config.blocklist:
        batch = drop_blocked(batch, config.blocklist)
    if config.takes_out:
        batch = take_out(batch, config.take_out, config.min_line_words or 0, config.max_line_word_length)
        batch, taken = batch.drop("taken_out"), batch.select("taken_out")
        batch = ruled(batch, taken, {"max_taken_out": "too much taken out"}, limits)
    words = find_words(batch["text"])
    for rules, measure in _MEASURED:
        wanted = {rule[4:] for rule in rules if getattr(config, rule) is not None}
        if wanted:
            batch = ruled(batch, measure(batch, words, wanted), rules, limits)
    return counted(_scored(batch, config), words, config.tokenizer)


def _scored(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """What the models say of the documents that the rules leave; null for the others."""
    if config.classifier:
        left = batch.filter(pl.col("drop_reason").is_null())["text"]
        batch = beside(batch, classifier_scores(left, config.classifier))
        rules = {"min_score": "classifier score too low"}
        batch = ruled(batch, batch.select(score="classifier_score"), rules, dict(config.classifier))
    if config.perplexity:
        left = batch.filter(pl.col("drop_reason").is_null())["text"]
        batch = beside(batch, perplexities(left, config.perplexity))
        rules = {"min_perplexity": "perplexity too low", "max_perplexity": "perplexity too high"}
        batch = ruled(batch, batch.select("perplexity"), rules, dict(config.perplexity))
    return batch


def measured(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """What the rules of a config measure of documents, a column a measure; for the report."""
    return pl.concat(_measured(part, config) for part in _parts(undecided(batch)))


def _measured(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    if config.takes_out:
        batch = take_out(batch, config.take_out, config.min_line_words or 0, config.max_line_word_length)
        batch = undecided(batch)  # measured although no line is left
    words = find_words(batch["text"])
    wanted = {rule[4:] for rule in RULES if getattr(config, rule) is not None}
    return pl.concat((measure(batch, words, wanted) for _, measure in _MEASURED), how="horizontal").select(
        sorted(wanted)
    )
