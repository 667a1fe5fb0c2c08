"""The boilerplate stage: what it adds, what it drops, and how it counts site templates."""

from __future__ import annotations

import polars as pl
import pytest

from curate import clean, extract
from curate.document import LINE, undecided
from curate.models import weights
from curate.models.flattened import KIND, WEIGHTS
from curate.stages.boilerplate import ENOUGH, MAX_CHARS, SURE, Config, _kept, apply, prepare
from tests.support.releases import LocalRounds, shard

ARTICLE = [
    "The weather station on Mount Ellery recorded its warmest night since 1931, the weather institute said.",
    "At no time between sunset and sunrise did it get colder than nineteen degrees, four more than the old record.",
    '"We checked the instruments twice," said Nadia Holm, who has run the station for the past eleven years.',
    "The institute expects cooler air from the north by the end of the week.",
]
MENU = ["Home", "News", "Weather", "Sign in", "Subscribe"]
FOOT = [
    "Related stories",
    "Glacier loses its tongue",
    "About us",
    "Privacy policy",
    "© 2021 Ellery Post. All rights reserved.",
]
PAGE = "\n".join([*MENU, "", "Warmest night on Mount Ellery", "", "\n\n".join(ARTICLE), "", *FOOT])
HTML = (
    "<html><head><title>Warmest night</title></head><body><nav><ul>"
    + "".join(f"<li><a href='/{word}'>{word}</a></li>" for word in MENU)
    + "</ul></nav><main><h1>Warmest night on Mount Ellery</h1>"
    + "".join(f"<p>{line}</p>" for line in ARTICLE)
    + "</main><footer>"
    + "".join(f"<p><a href='/x'>{line}</a></p>" for line in FOOT)
    + "</footer></body></html>"
)


def batch(*texts, form="text", site="example.org"):
    rows = [{"id": str(i), "site": site, "format": form, "text": text} for i, text in enumerate(texts)]
    schema = {"id": pl.String, "site": pl.String, "format": pl.String, "text": pl.String}
    return undecided(pl.DataFrame(rows, schema=schema))


def test_article_is_left():
    assert clean([PAGE]) == ["\n".join(ARTICLE)]


def test_html_goes_through_the_same_door():
    assert extract([HTML.encode()]) == ["\n".join(ARTICLE)]


def test_declared_encoding_of_html_is_read():
    html = HTML.replace("Nadia Holm", "Nadège Holm").replace("<head>", '<head><meta charset="windows-1252">')
    assert "Nadège Holm" in extract([html.encode("windows-1252")])[0]


def test_apply_adds_its_columns():
    out = apply(batch(PAGE), Config())
    assert out["text"].to_list() == ["\n".join(ARTICLE)]
    assert out["html"].to_list() == [None]
    assert out.schema["lines"] == pl.List(LINE)
    lines = out["lines"][0].to_list()
    assert [line["text"] for line in lines] == [line for line in PAGE.split("\n") if line]
    assert [line["text"] for line in lines if line["kept"]] == ARTICLE
    assert all(line["kept"] == (line["score"] >= 0.5) for line in lines)


def test_html_source_is_handed_on():
    out = apply(batch(HTML, form="html"), Config())
    assert out["html"].to_list() == [HTML]
    assert out["text"].to_list() == ["\n".join(ARTICLE)]


def test_rows_keep_their_order():
    mixed = pl.concat([batch(PAGE), batch(HTML, form="html"), batch(""), batch(PAGE)])
    out = apply(mixed, Config())
    assert out["text"].to_list() == ["\n".join(ARTICLE), "\n".join(ARTICLE), "", "\n".join(ARTICLE)]
    assert out["drop_reason"].to_list() == [None, None, "not an article", None]


def test_empty_batch_has_the_same_columns():
    assert apply(batch(), Config()).schema == apply(batch(PAGE), Config()).schema


def test_page_without_article_is_dropped_with_what_was_found():
    out = apply(batch("\n".join(MENU), ""), Config())
    assert out["drop_reason"].to_list() == ["not an article"] * 2
    assert out["drop_detail"][0].startswith("5 lines, the best scores 0.")
    assert "no line" in out["drop_detail"][1]


def test_null_text_is_dropped():
    assert apply(batch(None), Config())["drop_reason"].to_list() == ["not an article"]


def test_endless_page_is_dropped():
    out = apply(batch("word\n" * (MAX_CHARS // 5 + 1)), Config())
    assert out["drop_reason"].to_list() == ["not an article"]
    assert f"{MAX_CHARS:,} characters" in out["drop_detail"][0]


def test_no_score_is_too_low_for_zero():
    assert clean_with(Config(min_score=0)) == [line for line in PAGE.split("\n") if line]


def test_repeated_paragraph_stays_once():
    page = PAGE.replace(ARTICLE[1], f"{ARTICLE[0]}\n\n{ARTICLE[1]}")
    assert clean([page])[0].count(ARTICLE[0]) == 1
    kept = apply(batch(page), Config(repeats="keep"))["text"][0]
    assert kept.count(ARTICLE[0]) == 2


def test_a_refrain_stays():
    verses = [line for paragraph in ARTICLE[1:] for line in (ARTICLE[0], paragraph)]
    assert clean(["\n\n".join(verses)]) == ["\n".join(verses)]


def test_a_neighbour_in_the_batch_changes_nothing():
    short = "\n".join(MENU)
    alone = apply(batch(PAGE), Config())["lines"][0].to_list()
    beside = apply(batch(short, PAGE, "", short), Config())["lines"][1].to_list()
    assert [line["kept"] for line in alone] == [line["kept"] for line in beside]
    assert [line["score"] for line in alone] == pytest.approx([line["score"] for line in beside], abs=0.002)


def test_templates_are_counted_the_same_in_files_and_in_memory(tmp_path):
    pages = [PAGE, *("\n".join([*MENU, f"Story number {i}", *said(i), *FOOT]) for i in range(5)), "Lone page"]
    frame = batch(*pages).with_columns(site=pl.Series(["a.org"] * 6 + [None], dtype=pl.String))
    files = [shard(tmp_path, frame[:4]), shard(tmp_path, frame[4:])]
    beside = [pl.read_parquet(file.url) for file in prepare(files, Config(), LocalRounds(tmp_path))]
    assert [columns.height for columns in beside] == [4, 3]
    known = pl.concat(beside)
    assert known["site_pages"].to_list() == [5, 5, 5, 5, 5, 5, 0]
    first = dict(zip([line for line in pages[0].split("\n") if line], known["line_repeats"][0], strict=True))
    assert first["Sign in"] == 5
    assert first[ARTICLE[0]] == 0
    judged = apply(frame.hstack(known), Config())
    assert "line_repeats" not in judged.columns
    assert judged["text"].to_list() == clean(pages, sites=["a.org"] * 6 + ["b.org"])


def test_counts_do_not_depend_on_the_shards(tmp_path):
    frame = batch(*("\n".join([*MENU, *said(i), *FOOT]) for i in range(7)))
    one = prepare([shard(tmp_path, frame)], Config(), LocalRounds(tmp_path))
    three = prepare([shard(tmp_path, frame[a:b]) for a, b in ((0, 1), (1, 5), (5, 7))], Config(), LocalRounds(tmp_path))
    assert pl.read_parquet(one[0].url).equals(pl.concat(pl.read_parquet(file.url) for file in three))


def test_copies_of_an_article_do_not_make_it_template():
    pages = [PAGE, PAGE, PAGE + "\n3 minutes ago"]
    assert clean(pages, sites=["a.org"] * 3) == ["\n".join(ARTICLE)] * 3


def test_prepare_of_no_documents(tmp_path):
    (file,) = prepare([shard(tmp_path, batch())], Config(), LocalRounds(tmp_path))
    assert pl.read_parquet(file.url).height == 0


def test_own_weights_are_part_of_the_config(tmp_path):
    own = tmp_path / "own.npz"
    weights.save(own, KIND, weights.load(WEIGHTS, KIND))
    config = Config(weights=str(own))
    assert config.model_dump(mode="json")["weights_sha256"] == weights.checksum(own)
    assert clean_with(config) == ARTICLE


@pytest.mark.parametrize("fault", [{"weights": "nowhere.npz"}, {"min_score": 2}, {"repeats": "sometimes"}])
def test_faulty_config_is_refused(fault):
    with pytest.raises(ValueError, match=next(iter(fault))):
        Config(**fault)


def test_lists_of_nothing():
    assert clean([]) == []
    assert clean([], sites=[]) == []
    assert extract([]) == []


def said(number):
    """Two paragraphs that no other number says."""
    return [
        f"On day {'I' * (number + 1)} of the festival the brass band played in the square of saint {'x' * number}.",
        f"The mayor of town {'y' * number} praised the volunteers, who had worked all night {'z' * number}.",
    ]


def clean_with(config, page=PAGE):
    return apply(batch(page), config)["text"][0].split("\n")


def test_a_page_with_little_that_may_be_an_article_is_none():
    lines = pl.DataFrame({"page": [0, 0, 1, 2], "text": ["A line.", "Of few words.", "A line.", "word " * ENOUGH]})
    lines = lines.with_columns(score=pl.Series([0.6, 0.7, SURE, 0.6], dtype=pl.Float32))
    assert _kept(lines, Config(), SURE).to_list() == [False, False, True, True]
    assert all(_kept(lines, Config(min_score=0), SURE))


def test_a_page_about_itself_is_no_article_and_says_why():
    page = "\n".join(
        [
            "Sorry, the page was not found. It may have been moved or deleted, so please check the address.",
            "If you keep seeing this error in your browser, contact our support team or go back to the home page.",
        ]
    )
    out = apply(batch(page), Config(min_score=0.1))
    assert out["drop_reason"].to_list() == ["not an article"]
    assert "they speak of the site" in out["drop_detail"][0]
    assert clean_with(Config(min_score=0), page) == page.split("\n")


def test_an_article_about_cookies_is_one():
    article = [
        "The council of Wexley has been fined for tracking visitors of its website without asking them first.",
        "Between March and June the site stored cookies on the devices of some 40,000 people, the regulator said.",
        "Nadia Holm, who leads the council, called it a mistake by a supplier and promised to publish a report in May.",
        "Residents who had complained in the spring were glad, they said, but paid the fine by their taxes.",
    ]
    assert clean(["\n".join([*MENU, *article, *FOOT])]) == ["\n".join(article)]


def test_a_site_whose_sampled_pages_are_empty():
    texts = [*([""] * 200), "One line, and no more."]
    assert clean(texts, sites=["a.example"] * 201) == clean(texts)
