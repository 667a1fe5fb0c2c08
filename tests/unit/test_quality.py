"""Quality: each rule drops what it is about, for its reason, and nothing else."""

import json
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from curate.document import undecided
from curate.prose import rules
from curate.prose.stop_words import STOP_WORDS
from curate.stages import quality
from curate.stages.quality import Config

GOLDEN = Path(__file__).parents[1] / "golden/sample_crawl.json"

OFF = dict.fromkeys({**rules.WORD_RULES, **rules.LINE_RULES, **rules.GRAM_RULES})
PROSE = (
    "The harbour master said that the old lighthouse would be painted before winter comes, and nobody in the small "
    "town of Ellis objected. Two painters have been hired from across the bay. They expect to be done with the work "
    "in about nine weeks, unless storms arrive early, as they did last year when half of the scaffolding was lost."
)


def applied(texts, config, **columns):
    batch = undecided(pl.DataFrame({"text": texts, **columns}, schema_overrides={"text": pl.String}))
    return quality.apply(batch, config)


def verdict(text, language="en", **rules):
    """Reason and detail with only the given rules on."""
    row = applied([text], Config(**OFF | rules), language=[language])
    return row["drop_reason"][0], row["drop_detail"][0]


@pytest.mark.parametrize(
    ("rule", "limit", "bad", "reason", "detail"),
    [
        ("min_words", 50, "thirteen words are in this text and so it is far too short", "too few words", "13 < 50"),
        ("min_words", 2, "word -- * --", "too few words", "1 < 2"),
        ("max_words", 3, "one two three four", "too many words", "4 > 3"),
        ("min_mean_word_length", 3, "a bc d ef", "words too short", "1.5 < 3.0"),
        ("max_mean_word_length", 10, "antidisestablishmentarianism now", "words too long", "15.5 > 10.0"),
        ("max_hashes", 0.1, "#one and # two", "too many hash signs", "0.5 > 0.1"),
        ("max_ellipses", 0.1, "well... and so… on", "too many ellipses", "0.5 > 0.1"),
        ("min_alphabetic_words", 0.8, "ten 10 20 30", "too few words with letters", "0.25 < 0.8"),
        ("min_stop_words", 2, "The cat saw the theory, be-all", "too few stop words", "1 < 2"),
        ("max_bullet_lines", 0.5, "• one\n- two\n* three\nfour", "too many lines with bullets", "0.75 > 0.5"),
        ("max_ellipsis_lines", 0.3, "one...\ntwo… \n\nthree", "too many lines end in an ellipsis", "0.6667 > 0.3"),
        ("max_duplicate_lines", 0.3, "same\n\nsame\nother\nsame", "duplicate lines", "0.5 > 0.3"),
        ("max_duplicate_paragraphs", 0.3, "a\nb\n\nc\n\na\nb", "duplicate paragraphs", "0.3333 > 0.3"),
        ("max_duplicate_line_characters", 0.2, "abcd\nabcd\nx", "characters in duplicate lines", "0.3636 > 0.2"),
        (
            "max_duplicate_paragraph_characters",
            0.2,
            "ab\n\nab\n\nc",
            "characters in duplicate paragraphs",
            "0.2222 > 0.2",
        ),
        ("max_top_2_gram", 0.2, "to be or to be so", "frequent 2-gram", "0.5882 > 0.2"),
        ("max_top_3_gram", 0.18, "to be or so to be or", "frequent 3-gram", "0.8 > 0.18"),
        ("max_duplicate_5_grams", 0.15, "a b c d e f a b c d e g", "duplicate 5-grams", "0.2174 > 0.15"),
        ("min_sentences", 3, "One here. Two “there.” Not 3.5 or", "too few sentences", "3 < 4"),
        ("max_placeholders", 0, "if (x) { Lorem Ipsum }", "placeholder text", "2 > 0"),
        ("min_finished_lines", 0.5, "One.\ntwo\n\nthree", "too few lines end a sentence", "0.3333 < 0.5"),
        ("max_short_lines", 0.5, "short\nshort\n" + "long " * 9, "too many short lines", "0.6667 > 0.5"),
        ("max_repeated_line_characters", 0.01, "abcd\nabcd\nx", "characters in repeated lines", "0.4444 > 0.01"),
        ("max_line_ends", 0.3, "one\ntwo\nthree four", "too many line ends", "0.5 > 0.3"),
    ],
)
def test_each_rule_drops(rule, limit, bad, reason, detail):
    if rule == "min_sentences":
        limit = 4
    assert verdict(bad, **{rule: limit}) == (reason, detail)
    assert verdict(bad) == (None, None)
    assert verdict(PROSE, **{rule: 0 if rule.startswith("min_") else limit}) == (None, None) or rule == "max_words"


def test_prose_is_kept_as_it_is():
    row = applied([PROSE], Config(), language=["en"])
    assert row["drop_reason"][0] is None
    assert row["text"][0] == PROSE


def test_the_first_rule_that_is_broken_is_named():
    assert verdict("# # #", min_words=1, max_hashes=0.1)[0] == "too few words"


@pytest.mark.parametrize("text", ["", " ", "\n\n", "….", "\U0001f600"])
def test_text_without_words(text):
    assert applied([text], Config(), language=["en"])["drop_reason"][0] == "too few words"
    for preset in ("gopher", "c4", "fineweb"):
        assert applied([text], Config(preset=preset)).height == 1


def test_empty_batch():
    batch = undecided(pl.DataFrame({"text": []}, schema={"text": pl.String}))
    found = quality.apply(batch, Config())
    assert found.height == 0 and found.schema == applied(["a text"], Config()).schema


def test_stop_words_count_where_the_language_is_known():
    rule = {"min_stop_words": 2}
    assert verdict("Vita brevis, ars longa", language="la", **rule) == (None, None)
    assert verdict("Vita brevis, ars longa", language="en", **rule) == ("too few stop words", "0 < 2")
    assert verdict("The ship, the sea", language="en", **rule) == ("too few stop words", "1 < 2")
    assert applied(["Vita brevis"], Config(**OFF | rule))["drop_reason"][0] is None


def test_stop_words_are_those_of_the_documents_language():
    texts = ["Das Schiff und die Mannschaft", "Das Schiff und die Mannschaft", "Le bateau et les marins", "et und y og"]
    found = applied(texts, Config(**OFF | {"min_stop_words": 2}), language=["de", "fr", "fr", "es"])
    assert found["drop_detail"].to_list() == [None, "0 < 2", None, "1 < 2"]


def test_thirty_languages_have_stop_words():
    assert len(STOP_WORDS) >= 30
    assert STOP_WORDS["en"] == ["the", "be", "to", "of", "and", "that", "have", "with"]
    assert all(len(set(words)) >= 8 for words in STOP_WORDS.values())


def test_limits_are_those_of_the_documents_language():
    text = "järjestelmällistämättömyydellänsä kolmivaihekilowattituntimittari"
    short = "pitkästyttävä kertomus"
    assert verdict(short, language="fi", max_mean_word_length=10) == (None, None)
    assert verdict(short, language="ru", max_mean_word_length=10) == (None, None)
    assert verdict(short, language="en", max_mean_word_length=10) == ("words too long", "10.5 > 10.0")
    assert verdict(text, language="fi", max_mean_word_length=10) == ("words too long", "32.0 > 15.82")
    assert verdict(short, language="fi", max_mean_word_length=10, by_language=False)[1] == "10.5 > 10.0"
    assert verdict(short, language="fi", max_mean_word_length=9)[1] == "10.5 > 9.0", "a limit of one's own is for all"
    assert verdict(short, language="qu", max_mean_word_length=10)[1] == "10.5 > 10.0"


def test_limits_of_forty_languages_and_the_papers():
    assert len(rules.LIMITS) >= 40
    assert all(rules.LIMITS["en"][rule] == getattr(Config(), rule) for rule in rules.LIMITS["en"])
    assert all(table.keys() <= rules.LIMITS["en"].keys() for table in rules.LIMITS.values())


def test_a_character_is_a_word_where_no_spaces_are_written():
    text = "港の古い工場が図書館に生まれ変わる。" * 3
    assert verdict(text, language="ja", min_words=51)[0] is None
    assert verdict(text, language="ja", min_words=55)[0] == "too few words"
    assert verdict(text, language="ja", min_mean_word_length=3) == (None, None)


def test_top_gram_is_the_first_of_the_most_frequent():
    assert verdict("aa bb aa bb cccc dddd cccc dddd", max_top_2_gram=0.3)[1] == "0.3226 > 0.3"


def test_sample_crawl_is_kept():
    articles = [page for page in json.loads(GOLDEN.read_text("utf-8")) if page["what"] == "article"]
    texts = ["\n\n".join(page["body"]) for page in articles]
    found = applied(texts, Config(), language=[page["language"] for page in articles])
    assert found["drop_reason"].null_count() == len(texts)


def test_parts_do_not_matter(monkeypatch):
    texts = [PROSE, "", "short", PROSE * 3, "# " * 90, PROSE]
    whole = applied(texts, Config(), language=["en"] * 6)
    monkeypatch.setattr(quality, "PART_CHARACTERS", 100)
    assert applied(texts, Config(), language=["en"] * 6).equals(whole)
    assert whole["text"].to_list() == texts


# --- lines that are taken out ---


def left(text, **rules):
    return applied([text], Config(**OFF | rules))["text"][0]


@pytest.mark.parametrize(
    ("rules", "out"),
    [
        ({"take_out": ["unfinished"]}, ["No stop at the end", "Cut off..."]),
        ({"take_out": ["notices"]}, ["Please enable JavaScript.", "We explain our Privacy Policy here."]),
        ({"take_out": ["uppercase"]}, ["BREAKING NEWS now."]),
        ({"take_out": ["numbers"]}, ["12:30."]),
        ({"take_out": ["counters"]}, ["3 likes"]),
        ({"take_out": ["single words"]}, ["Home.", "12:30."]),
        ({"min_line_words": 3}, ["Home.", "12:30.", "3 likes", "Cut off..."]),
        ({"max_line_word_length": 20}, ["A" + "h" * 30 + "!"]),
    ],
)
def test_lines_taken_out(rules, out):
    lines = ["A whole sentence stands here.", "", *out, "", "“And one more,” she said, “is here.”"]
    expected = "A whole sentence stands here.\n\n“And one more,” she said, “is here.”"
    assert left("\n".join(lines), **rules) == expected


def test_citation_marks_are_taken_out():
    text = "It is so.[12] Is it?[citation needed]\nYes.[3]"
    assert left(text, take_out=["citations", "unfinished"]) == "It is so. Is it?\nYes."


def test_too_much_taken_out():
    text = "Home.\nThis line has eight words, all of them kept."
    assert verdict(text, take_out=["single words"], max_taken_out=0.05) == ("too much taken out", "0.1 > 0.05")
    assert verdict(text, take_out=["single words"], max_taken_out=0.1) == (None, None)


# --- config ---


def test_presets_are_overridden_by_keys():
    assert Config(preset="c4").min_words is None
    assert Config(preset="c4").min_sentences == 3
    assert Config(preset="fineweb").min_sentences == 5
    assert Config(preset="fineweb").min_words == 50
    assert Config(preset="fineweb", min_sentences=2, max_line_ends=None).min_sentences == 2
    assert Config(preset="gopher") == Config()


def test_c4_drops_what_it_is_known_for():
    text = "One sentence is here. And a second is here. The third is the last."
    found = applied([text, text + "\nvar x = { y };", text[:60], text[:44]], Config(preset="c4"))
    assert found["drop_reason"].to_list() == [None, None, "no line left", "too few sentences"]
    assert found["text"][1] == text


@pytest.mark.parametrize(
    "wrong",
    [
        {"preset": "goofer"},
        {"min_words": -1},
        {"max_duplicate_lines": 30},
        {"take_out": ["headlines"]},
        {"max_line_word_length": 0},
        {"preset": "c4", "min_wrods": 3},
        {"min_words": 100, "max_words": 50},
        {"max_hashes": float("nan")},
    ],
)
def test_bounds_are_real(wrong):
    with pytest.raises(ValidationError):
        Config(**wrong)


def test_every_rule_has_a_reason_and_a_source():
    every = {**rules.WORD_RULES, **rules.LINE_RULES, **rules.GRAM_RULES}
    limits = {name for name in Config.model_fields if name.startswith(("min_", "max_"))}
    assert limits - set(every) == {"min_line_words", "max_line_word_length", "max_taken_out"}
    assert len(set(every.values())) == len(every)
    for name in limits:
        text = Config.model_fields[name].description
        assert any(source in text for source in ("Gopher: ", "C4: ", "FineWeb: ", "RefinedWeb: ")), name
