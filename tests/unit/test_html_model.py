"""The block model on pages written for it: articles come out whole, furniture goes, nothing crashes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from curate import extract
from curate.errors import InputError
from curate.models import html, weights
from curate.models.flattened import JUDGED

PAGE = """<!doctype html><html><head><title>{title} - The Post</title></head><body>
<header><a href="/" class="logo">The Post</a><nav class="menu"><ul><li><a href="/a">News</a></li>
<li><a href="/b">Sport</a></li><li><a href="/c">Weather</a></li><li><a href="/d">Contact</a></li></ul></nav></header>
<main><article class="post"><h1 class="entry-title">{title}</h1>
<div class="byline">By <a href="/author/1" rel="author">A. Thorne</a> <time>12 March 2021</time></div>
<div class="entry-content">{body}</div>
<div class="share"><a href="#">Facebook</a> <a href="#">Twitter</a></div></article>
<section class="related-posts"><h3>Read also</h3><ul><li><a href="/1">Baker wins county prize</a></li>
<li><a href="/2">Rain expected on Sunday</a></li><li><a href="/3">Library opens late</a></li></ul></section>
<section id="comments"><h3>2 comments</h3><div class="comment"><p>I never liked that dock anyway, good riddance.</p>
</div></section></main><aside class="sidebar widget"><h4>Most read</h4><ol><li><a href="/4">Ferry fares rise again</a>
</li></ol></aside><footer><p>Copyright 2021 The Post. All rights reserved.</p>
<a href="/privacy">Privacy policy</a></footer>
</body></html>"""

ARTICLES = {
    "en": [
        "The council of Varmouth voted on Tuesday to close the old ferry dock before the winter storms arrive.",
        "Harbour master Ines Carrow said that the timber piles had rotted below the waterline since last spring, "
        "and that no boat heavier than a rowing boat should tie up there until they are replaced.",
        "The work will cost four hundred thousand pounds, which the council hopes to borrow from the county.",
        "Fishermen who have used the dock for generations asked for a floating pontoon in the meantime.",
        "A decision on the pontoon is expected in April, when the council meets again.",
    ],
    "el": [
        "Το δημοτικό συμβούλιο αποφάσισε την Τρίτη να κλείσει την παλιά αποβάθρα πριν από τις χειμερινές καταιγίδες.",
        "Η λιμενάρχης είπε ότι οι ξύλινοι πάσσαλοι είχαν σαπίσει κάτω από την επιφάνεια του νερού από την άνοιξη.",
        "Οι εργασίες θα κοστίσουν τετρακόσιες χιλιάδες ευρώ, τα οποία ο δήμος ελπίζει να δανειστεί από την περιφέρεια.",
        "Οι ψαράδες που χρησιμοποιούν την αποβάθρα εδώ και γενιές ζήτησαν μια πλωτή εξέδρα για το ενδιάμεσο διάστημα.",
    ],
    "ar": [
        "قرر المجلس البلدي يوم الثلاثاء إغلاق رصيف العبارات القديم قبل وصول عواصف الشتاء إلى المدينة الساحلية.",
        "وقالت مديرة الميناء إن الدعامات الخشبية تعفنت تحت سطح الماء منذ الربيع الماضي ولم تعد آمنة للسفن الكبيرة.",
        "وستبلغ تكلفة الأعمال أربعمئة ألف دينار يأمل المجلس في اقتراضها من المحافظة خلال الأشهر القليلة المقبلة.",
        "وطالب الصيادون الذين استخدموا الرصيف منذ أجيال بإقامة منصة عائمة مؤقتة إلى حين انتهاء أعمال الترميم.",
    ],
    "zh": [
        "市议会周二投票决定，在冬季风暴到来之前关闭老渡轮码头，以确保往来船只和乘客的安全。",
        "港务主任表示，自去年春天以来，水线以下的木桩已经腐烂，较重的船只在更换木桩之前不应停靠在那里。",
        "这项工程将耗资四十万元，市议会希望能够从省里借到这笔钱，并在明年夏天之前完工。",
        "世代使用这个码头的渔民要求在此期间先建造一个浮动平台，议会将于四月再次开会讨论此事。",
    ],
}


def judge(*pages: str) -> pl.DataFrame:
    return html.judge([page.encode() for page in pages])


def body_of(page: str) -> str:
    judged = judge(page)
    return "\n".join(judged.filter(pl.col("score") >= 0.5)["text"])


@pytest.mark.parametrize("language", ARTICLES)
def test_the_article_comes_out_and_nothing_else(language: str) -> None:
    paragraphs = ARTICLES[language]
    page = PAGE.format(title="Dock", body="".join(f"<p>{text}</p>" for text in paragraphs))
    assert body_of(page).split("\n") == paragraphs


def test_lists_quotations_and_subheadings_inside_stay() -> None:
    one, two, three, four, five = ARTICLES["en"]
    inside = f"<p>{one}</p><p>{two}</p><h2>What the work costs</h2><p>{three}</p><blockquote><p>{four}</p></blockquote>"
    kept = body_of(PAGE.format(title="Dock", body=f"{inside}<p>{five}</p>")).split("\n")
    assert {one, two, three, four, five, "What the work costs"} <= set(kept)


def test_what_is_judged() -> None:
    page = PAGE.format(title="Dock", body="<p>Short.</p>")
    judged = judge("", page, "<div></div>", page)
    assert judged.schema == JUDGED
    assert judged["page"].unique(maintain_order=True).to_list() == [1, 3]
    alone = judge(page)
    assert judged.filter(page=3).drop("page").equals(alone.drop("page"))
    assert judge().is_empty()


@pytest.mark.parametrize(("declared", "really"), [("utf-8", "cp1252"), ("iso-8859-1", "utf-8"), ("shift_jis", "utf-8")])
def test_a_page_whose_encoding_is_not_the_declared_one(declared: str, really: str) -> None:
    paragraphs = [text.replace("harbour", "Hafen für Gäste") for text in ARTICLES["en"]] + ["Ö" + "l läuft aus. " * 9]
    page = PAGE.format(title="Dock", body="".join(f"<p>{text.strip()}</p>" for text in paragraphs))
    source = page.replace("<head>", f'<head><meta charset="{declared}">').encode(really)
    assert extract([source])[0].splitlines()[:3] == paragraphs[:3]


def test_bytes_that_are_no_page_have_no_article() -> None:
    noise = np.random.default_rng(0).integers(0, 256, 200_000, np.uint8).tobytes()
    assert extract([noise, b"<html><body>" + noise, b""]) == ["", "", ""]


def test_a_menu_is_no_article() -> None:
    links = "".join(f'<li><a href="/{i}">Section {i}</a></li>' for i in range(80))
    assert body_of(f"<html><body><nav><ul>{links}</ul></nav></body></html>") == ""


def test_damaged_and_foreign_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "html.npz"
    weights.save(path, html.KIND, {"mean": np.zeros(3, np.float32)})
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match="damaged"):
        html.judge([b"<p>x</p>"], str(path))
    weights.save(path, "another kind", {"mean": np.zeros(3, np.float32)})
    with pytest.raises(InputError, match="kind"):
        html.judge([b"<p>x</p>"], str(path))


def test_the_weights_are_small_and_hold_no_objects() -> None:
    assert html.WEIGHTS.stat().st_size < 3_000_000
    with np.load(html.WEIGHTS, allow_pickle=False) as arrays:
        assert {array.dtype.kind for array in (arrays[name] for name in arrays.files)} <= {"f", "u"}
    assert json.loads(html.WEIGHTS.with_suffix(".json").read_text())["kind"] == html.KIND
