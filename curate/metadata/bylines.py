"""Who wrote a page, from the lines around the start of its body.

A line is read by a few rules: a byline such as "Von Anna Berg", a name after a line "By", a name beside a date, a name
alone under the title, an author box. Each reading has a weight, less the distance from the title and the body; the best
one wins. Names are runs of capitalised words, or two to four Han characters after a cue; words that the body has in
lower case are no names. The weights were set by hand on the development pages (docs/stages/metadata.md).
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

_PART = r"(?:\p{Lu}[\p{L}\p{M}'’.\-]*|dpa|apa|epd|afp)"
_PARTICLE = r"(?:de|da|di|du|del|della|der|den|van|von|vom|zu|la|le|el|al|bin|ibn|ter|ten|dos|das|do|y|e|i|dr\.|af|av)"


def _name(least: int, most: int) -> str:
    return rf"{_PART}(?:\s+(?:{_PARTICLE}\s+){{0,2}}{_PART}){{{least - 1},{most - 1}}}"


_NAMES = rf"{_name(1, 5)}(?:\s*(?:,|&|and|und|et|y|e|i|och|og|en|и)\s+{_name(1, 5)}){{0,3}}"
_CUE = (
    r"(?i:(?:story|article|words|text|report|column|opinion|analysis|review|photos?|interview|written|posted|published|"
    r"created|authored|edited|reviewed|updated|submitted|reported|reporting|blog)?\s*by|authors?|writer|byline|"
    r"(?:(?:ein(?:e)?\s)?(?:kommentar|kolumne|gastbeitrag|interview|analyse|text|reportage|bericht|essay|glosse)\s)?von|"
    r"autor(?:en|in|ka|a|e|es)?|(?:text|tekst|текст)\s?:|par|propos recueillis par|auteur|por|di|a cura di|autore|"
    r"door|av|af|skrevet av|автор(?:ы|и)?|opracowa(?:ł|ła|nie)|napisa(?:ł|ła)|oprac\.|yazar|haber|szerző|του|συντάκτης|"
    r"γράφει (?:ο|η)|de|od)"
)
BYLINE = rf"^{_CUE}\s*:?\s+{_NAMES}$"
"""A line that is a byline and nothing else."""

_ASKED = rf"^\W*(?:{_CUE}|(?i:article authors?|author of the article|about the author))\s*[:：—-]?$"
_HAN_CUE = r"(?:作者|记者|記者|文|撰文|来源|编辑|責任編輯|责任编辑|文/图)\s?[/／|:：]?\s?"
_DATE_WORD = (
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mon|Tue|Wed|Thu|Fri|Sat|Sun|Published|Updated|Posted|on\s)"
)
_FURNITURE = (
    r"(?i)^(?:search|share|menu|log ?in|sign (?:in|up)|subscribe|contact(?: us)?|about(?: us)?|skip to .*|read more|"
    r"more|advertisement|sponsored|follow|print|email|updated|published|staff|by|listen|save|close|table of contents|"
    r".*\b(?:min(?:ute)?s? read|ago))$"
)
_NO_NAME = (
    r"(?i)\b(?:jan(?:uary)?|feb(?:ruary)?|march|apr(?:il)?|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?|mon|tue|wed|thu|fri|sat|sun|\w+day|updated?|published|posted|released|date|news|"
    r"stor(?:y|ies)|articles?|picks?|page|menu|search|share|links?|posts?|related|takeaways?|comments?|us|now|your?|"
    r"our|all|top|best|more|read|sign|log|cookies?|guides?|services?|products?|reviews?|blog|home|video|photos?|image|"
    r"size|credit|advertisement|subscribe|newsletter|follow|facebook|youtube|linkedin|twitter|instagram|trending|"
    r"latest|popular|edition|politics|business|sports?|science|technology|health|culture|opinion|lifestyle|"
    r"entertainment|world|careers?|insights?|reactions|issue|contents?|consent|privacy|policy|terms|marketing|"
    r"industry|shop|buy|get|how|why|what|where|when|the|role|check|noticias?|relacionad[ao]s?)\b"
)
_ROLE = (
    r"(?i)\b(?:reporter|writer|editor|contributor|correspondent|columnist|analyst|staff|fellow|journalist|author|"
    r"redakteur(?:in)?|korrespondent(?:in)?|corresponsal|redactora?|journaliste|redaktor|reporterka?|manager|"
    r"strategist|specialist|consultant|redaksjonen|muhabir|автор|корреспондент|обозреватель|журналист|follow)\b"
)


_OTHERS_WORK = r"(?i)^\W*(?:edited|reviewed|updated)\s+by\b"
_CAPTION = r"(?i)(?:\bgetty|\bimages\b|\bphoto|\bfot[oó]|\breuters/|\bap/|/ap\b|©|\bshutterstock|\bunsplash|фото)"
_OWN_LINE = rf"^(?:By|BY|Von|Por|Par)\s+({_name(2, 4)})(?:,\s|$)"
"""A byline that the line model took for the start of the article."""


class Rule(NamedTuple):
    """One way to read a line. `trusted`: the line says that a name follows, so any name will do."""

    reading: pl.Expr
    weight: float
    max_words: int
    trusted: bool


def find(lines: pl.DataFrame) -> pl.DataFrame:
    """doc, author of the documents that name one.

    `lines` has doc, i (position), text, kept, words, date (or null), after (lines past the start of the body) and
    from_title (lines past the title), in order.
    """
    near = [pl.col("text").shift(k).over("doc").alias(name) for k, name in ((1, "before"), (-1, "below"))]
    candidates = lines.with_columns(_dated(), *near).filter(_may_be_byline() & (pl.col("from_title") != 0))
    candidates = candidates.with_columns(context=_context())
    readings = pl.concat(_read(candidates, rule) for rule in _rules())
    words = _lower_case_words(lines.filter(pl.col("doc").is_in(readings["doc"].implode())))  # dear, and few have one
    named = _scored(readings.join(words, on="doc", how="left", maintain_order="left"))
    named = named.filter(~pl.col("author").str.contains(_FURNITURE) & (pl.col("author").str.len_chars() > 1))
    best = named.sort("doc", "score", "i", descending=[False, True, False]).group_by("doc", maintain_order=True).first()
    return best.filter(pl.col("score") > 0.3).select("doc", "author")


def _may_be_byline() -> pl.Expr:
    """A line that is no part of the body, or one at its start that begins as a byline does."""
    at_start = pl.col("after").is_between(-2, 3) & pl.col("text").str.contains(_OWN_LINE)
    return ~pl.col("kept") | at_start


def _rules() -> list[Rule]:
    text = pl.col("text")
    byline = pl.coalesce(
        text.str.extract(rf"^\W*{_CUE}(?:\s*[:：]\s*|\s+)({_NAMES})"),
        text.str.extract(rf"{_HAN_CUE}(\p{{Han}}{{2,4}})(?:\P{{Han}}|$)"),
        text.str.extract(rf"\b(?:[Ww]ritten|[Pp]ublished|[Pp]osted|[Rr]eported|WRITTEN)\s(?i:by)\s*:?\s*({_NAMES})"),
    )
    asked = pl.when(pl.col("before").str.contains(_ASKED)).then(text.str.extract(rf"^({_NAMES})"))
    dated = pl.coalesce(
        text.str.extract(rf"\b(?:[Bb]y|BY|von|por|di)\s*:?\s+({_NAMES})"),
        text.str.extract(rf"^(?:\d+\s\w+\s[|·]\s)?({_name(2, 4)}?)\s*(?:[,|•·–—@\-/(&]|and\s|und\s|\d|{_DATE_WORD}|$)"),
        text.str.extract(rf"[·|•]\s({_name(2, 4)})$"),
    )
    joined = text.str.extract(
        rf"^({_name(2, 4)})\s?(?:[|•·–—@(/]|,\s|\d+\s(?:min|hour|day|month)|Published|Updated|Posted)"
    )
    with_role = text.str.extract(rf"^({_name(2, 3)}?),?\s{_ROLE}.{{0,60}}$")
    box = text.str.extract(rf"^(?:About\s)?({_name(2, 4)}),?\s(?:is an?|is the|covers|writes|has been)\s")
    return [
        Rule(byline, 3.0, 30, trusted=True),
        Rule(asked, 3.0, 14, trusted=True),
        Rule(pl.when(pl.col("date").is_not_null()).then(dated), 2.2, 20, trusted=False),
        Rule(joined, 1.5, 14, trusted=False),
        Rule(with_role, 1.8, 10, trusted=False),
        Rule(box, 1.5, 200, trusted=False),
        Rule(text.str.extract(rf"^({_name(2, 3)})$"), 1.2, 5, trusted=False),
        Rule(text.str.extract(rf"^({_name(4, 7)})$"), 0.7, 9, trusted=False),
    ]


def _dated() -> pl.Expr:
    """Whether a line beside this one has a date."""
    dated = (pl.col("date").shift(k).over("doc").is_not_null() for k in (1, -1, -2))
    return pl.any_horizontal(dated).alias("dated")


def _context() -> pl.Expr:
    """What speaks for a line: a date or a role beside it, the title above it, the body near; no caption, no editor."""
    below = pl.col("below")
    others = pl.col("text").str.contains(_OTHERS_WORK)
    caption = (
        pl.col("text").str.contains(_CAPTION) | (below.str.contains(_CAPTION) & (below.str.len_chars() < 80))
    ).fill_null(False)
    role = (below.str.contains(_ROLE) & (below.str.len_chars() < 80)).fill_null(False)
    distance = pl.min_horizontal(pl.col("after").abs(), pl.col("from_title").abs()).clip(0, 20)
    beside = 0.6 * pl.col("dated") + 0.8 * role - 0.1 * distance - 0.8 * (pl.col("from_title") <= 0)
    return beside - 0.6 * others - 1.0 * caption


def _read(lines: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """doc, i, author, and the score of the line, of those that a rule can read; whether any name will do."""
    short = lines.filter(pl.col("words") <= rule.max_words).with_columns(author=rule.reading)
    named = short.filter(pl.col("author").is_not_null()).with_columns(
        author=pl.col("author").str.replace(rf"\s{_DATE_WORD}\w*\.?$", "").str.strip_chars(" ,.-–—")
    )
    score = rule.weight + pl.col("context")
    return named.select("doc", "i", "author", score=score, trusted=pl.lit(rule.trusted))


def _scored(readings: pl.DataFrame) -> pl.DataFrame:
    """The readings, what does not look like a name with a lower score."""
    name = pl.col("author")
    doubt = 1.2 * _has_word_of(name, "lower_case") + 9.0 * (name.str.contains(_NO_NAME) | name.str.contains(_ROLE))
    return readings.with_columns(score=pl.col("score") - pl.when("trusted").then(0.0).otherwise(doubt))


def _lower_case_words(lines: pl.DataFrame) -> pl.DataFrame:
    words = pl.col("text").str.extract_all(r"\b\p{Ll}\p{L}+").explode().unique(maintain_order=True)
    return lines.filter("kept").group_by("doc", maintain_order=True).agg(lower_case=words)


def _has_word_of(name: pl.Expr, words: str) -> pl.Expr:
    own = name.str.to_lowercase().str.split(" ")
    return (own.list.set_intersection(words).list.len() > 0).fill_null(False)
