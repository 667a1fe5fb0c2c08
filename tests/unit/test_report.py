"""What the report is made of."""

from curate.report.charts import Bars, Histogram, Series
from curate.report.markup import visible


def test_what_cannot_be_seen_is_spelled_out():
    assert visible("a\u202eb\x07\u2066c\ufeff") == "a⟨U+202E⟩b⟨U+0007⟩⟨U+2066⟩c⟨U+FEFF⟩"
    assert visible("tab\tand\nline") == "tab\tand\nline"
    assert visible("x" * 2_000, 10) == "xxxxxxxxxx… (1,990 more characters)"


def test_labels_of_charts_are_escaped():
    chart = Bars("<b>", "documents", ["<script>"], [Series("documents", [1])])
    assert "<script>" not in chart.svg and "<b>" not in chart.svg


def test_a_threshold_stands_at_its_place():
    chart = Histogram("t", "score", "lines", [0, 0.5, 1], [Series("lines", [1, 3])], [("min_score", 0.5)])
    assert chart._at(0.5) == 0.5 and chart._at(-1) == 0 and chart._at(2) == 1
    assert "min_score" in chart.svg


def test_nothing_to_draw():
    assert "<svg" in Bars("t", "documents", [], [Series("documents", [])]).svg
    assert "<svg" in Histogram("t", "score", "lines", [0, 1], [Series("lines", [0])]).svg
