"""Why lines score what they do."""

from __future__ import annotations

import numpy as np
import pytest

from curate.models import flattened, html, lines, network, reasons
from curate.models.html_features import columns
from curate.models.reasons import SHOWN, WEIGHTY, Reason
from tests.unit import test_html_model
from tests.unit.test_boilerplate import ARTICLE, FOOT, MENU, PAGE

PARAGRAPHS = test_html_model.ARTICLES["en"]
HTML = test_html_model.PAGE.format(title="The old dock closes", body="".join(f"<p>{text}</p>" for text in PARAGRAPHS))


@pytest.fixture(scope="module")
def why():
    return dict(zip([line for line in PAGE.split("\n") if line], reasons.reasons(PAGE), strict=True))


def test_each_line_has_its_heaviest_reasons_first(why):
    for found in why.values():
        assert len(found) <= SHOWN
        weights = [abs(reason.weight) for reason in found]
        assert weights == sorted(weights, reverse=True)
        assert all(weight >= round(WEIGHTY, 1) for weight in weights)


def test_paragraphs_speak_for_themselves_and_menus_against(why):
    assert all(any(reason.weight > 0 for reason in why[line]) for line in ARTICLE)
    assert all(any(reason.weight < 0 for reason in why[line]) for line in [*MENU[:2], *FOOT[-2:]])


def test_a_reason_is_what_becomes_of_the_score_without_it():
    """Hiding one thing of one line, the plain way: a page of its own."""
    page = "\n".join([*MENU, *ARTICLE, *FOOT] * 5)
    model, found = flattened.Model.load(), lines.read([page])
    values, bounds = model.values(found, None), np.array([0, len(found)])
    line = 40
    hidden = values.copy()
    hidden[line, reasons._COLUMNS["its words"]] = 0
    change = (model.run(values, bounds, found.tokens) - model.run(hidden, bounds, found.tokens))[line]
    told = {reason.what: reason.weight for reason in reasons.reasons(page)[line]}
    assert told["its words"] == pytest.approx(change, abs=0.3)


def test_on_html_a_menu_and_a_paragraph_have_reasons_of_their_own():
    why = dict(zip(html.judge([HTML.encode()])["text"], reasons.html_reasons(HTML), strict=True))
    for text in PARAGRAPHS:
        assert {"its sentences", "its class names", "the page's main element"} & {reason.what for reason in why[text]}
        assert all(reason.weight > 0 for reason in why[text])
    for text in ("News", "Sport", "Weather", "Contact"):
        assert why[text][0].what in {"the lines around it", "its tags"}
        assert all(reason.weight < 0 for reason in why[text])


def test_all_that_the_network_sees_of_html_is_in_one_group():
    seen = sorted(number for group in reasons._HTML_COLUMNS.values() for number in group)
    assert seen == list(range(len(columns()) + network.POSITIONS))


def test_pages_of_nothing_and_without_end():
    assert reasons.reasons("") == reasons.html_reasons("") == []
    assert len(reasons.reasons("word\n" * 3 * reasons.MAX_LINES)) == reasons.MAX_LINES
    assert len(reasons.html_reasons("<p>word</p>" * 2 * reasons.MAX_LINES)) == reasons.MAX_LINES


def test_a_reason_reads_well():
    assert str(Reason("its words", -1.25)) == "its words -1.2"
