"""Privacy: what is masked, what is dropped, what is counted, and that nothing else changes."""

import json

import polars as pl
import pytest
from pydantic import ValidationError

from curate.document import undecided
from curate.privacy.find import find, mask
from curate.stages import privacy
from curate.stages.privacy import Config

CARD, IBAN = "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"


def applied(texts, config=None, **columns):
    batch = undecided(pl.DataFrame({"text": texts, **columns}, schema_overrides={"text": pl.String}))
    return privacy.apply(batch, config or Config())


def test_each_kind_has_its_placeholder():
    text = f"Mail a@example.org, call +1 415 555 0132, ping 8.8.8.8, pay {IBAN} or {CARD}."
    row = applied([text])
    assert row["text"][0] == "Mail <EMAIL>, call <PHONE>, ping <IP>, pay <IBAN> or <CARD>."
    assert row["private"][0] == {"email": 1, "phone": 1, "ip": 1, "iban": 1, "card": 1}
    assert applied(row["text"]).select("text", "drop_reason").equals(row.select("text", "drop_reason"))


def test_drop_says_how_many_and_never_which():
    row = applied([f"{CARD} and {CARD}", "none"], Config(card="drop"))
    assert row["drop_reason"].to_list() == ["card number", None]
    assert row["drop_detail"].to_list() == ["2 found", None]


def test_keep_looks_away():
    assert applied(["a@example.org 8.8.8.8"], Config(email="keep"))["text"][0] == "a@example.org <IP>"


def test_places_hold_among_wide_characters():
    texts = ["", "请联系abc@example.com谢谢😀 8.8.8.8", "née\n\nЯ: é@example.org" + "é" * 200, "x"]
    found = find(texts)
    assert mask(texts, found) == ["", "请联系<EMAIL>谢谢😀 <IP>", "née\n\nЯ: <EMAIL>" + "é" * 200, "x"]


def test_nothing_crosses_documents_or_lines():
    assert find(["+1 415 555", " 0132", "a@", "example.org", "+1 415\n555 0132"]) == []


def test_national_numbers_are_those_of_the_language_or_of_the_regions():
    texts = ["Das ist 030 23125123.", "It is (415) 555-0132."]
    languages = {"language": ["de", "de"]}
    assert applied(texts, **languages)["text"].to_list() == ["Das ist <PHONE>.", texts[1]]
    assert applied(texts, Config(regions=("US",)), **languages)["text"].to_list() == [texts[0], "It is <PHONE>."]


def test_title_author_and_metadata_are_masked_too():
    given = {"by": "a@example.org", "list": [{"ip": "8.8.8.8"}], "number": 4155550132}
    row = applied(["text"], title=["By a@example.org"], author=[None], metadata=[json.dumps(given)])
    assert row["title"][0] == "By <EMAIL>" and row["author"][0] is None
    assert json.loads(row["metadata"][0]) == {"by": "<EMAIL>", "list": [{"ip": "<IP>"}], "number": 4155550132}
    assert row["private"][0]["email"] == 0


def test_empty_batch():
    assert applied([]).height == 0


@pytest.mark.parametrize("wrong", [{"email": "mask it"}, {"regions": ["XX"]}, {"emails": "mask"}])
def test_config(wrong):
    with pytest.raises(ValidationError):
        Config(**wrong)
