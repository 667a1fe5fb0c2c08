"""The parts of the line model: features, words, network, templates, weights, labelled pages, scores, training."""

from __future__ import annotations

import json
import time
from functools import partial

import numpy as np
import polars as pl
import pytest

from curate.errors import InputError
from curate.models import flattened, labelled, lines, network, scoring, templates, weights, words
from curate.models.lines import NAMES


def features(*page):
    found = lines.read(["\n".join(page)])
    return [dict(zip(NAMES, row, strict=True)) for row in found.features.tolist()]


def test_visible_lines_know_their_page_and_number():
    found = lines.read(["a\n\n b ", "", "\n\nc"])
    assert found.page.tolist() == [0, 0, 2]
    assert found.number.tolist() == [0, 2, 2]
    assert found.texts.to_list() == ["a", "b", "c"]


def test_how_a_line_ends():
    sentence, quoted, cut, colon, dots = features("He left.", 'He said: "Go!"', "Read on →", "Tags:", "And so on ...")
    assert sentence["ends_sentence"] == quoted["ends_sentence"] == quoted["ends_quoted"] == 1
    assert sentence["ends_quoted"] == cut["ends_sentence"] == 0
    assert cut["ends_cut"] == dots["ends_cut"] == colon["ends_colon"] == 1


def test_what_a_line_is_made_of():
    prose, menu, number = features("The cat, which was old, sat on the mat in the sun.", "Home | News | Sport", "2019")
    assert prose["function_words"] > 0.5 > menu["function_words"]
    assert prose["commas"] > 0 == menu["commas"]
    assert menu["capitalised"] == 1
    assert menu["separators"] > 0
    assert number["digits"] == number["numbers"] == number["starts_digit"] == 1


def test_scripts_without_spaces_have_words():
    (chinese,) = features("记者从市交通局获悉，三号线预计今年年底可以通车试运营。")
    assert chinese["unspaced"] == 1
    assert chinese["ends_sentence"] == 1
    assert np.expm1(chinese["units"]) > 10


def test_repeats_and_blanks_are_seen():
    first, second, third = features("Same", "", "Same", "Other")
    assert (first["occurrence"], second["occurrence"]) == (0, 1)
    assert first["repeats"] == second["repeats"] > third["repeats"]
    assert (first["blank_after"], second["blank_before"], third["blank_before"]) == (1, 1, 0)


def test_topic_is_what_other_paragraphs_say():
    paragraphs = (
        "The harbour of Wexley will be dredged in the spring, and it is to be done by two ships from the north.",
        "For the dredging of the harbour the council of Wexley has put aside a part of its money in the spring.",
    )
    *_, about, beside = features(*paragraphs, "Harbour Wexley dredged", "Holiday offers")
    assert about["topic"] == 1
    assert beside["topic"] == 0


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        *(("Comments (12)", "of_comments"), ("Ответить", "of_comments"), ("网友评论", "of_comments")),
        *(("Read more", "of_more"), ("Czytaj też", "of_more"), ("相关新闻", "of_more")),
        *(("10:30", "of_time"), ("24.12.2012", "of_time"), ("3 hours ago", "of_time"), ("12 stycznia 2012", "of_time")),
    ],
)
def test_lines_that_say_what_follows_are_marked(line, kind):
    prose = "It was 3.5 percent, said the council, which met again on the 24th to talk of the comments on it."
    found, beside = features(line, prose)
    assert [found[name] for name in ("of_comments", "of_more", "of_time")].count(1) == found[kind] == 1
    assert beside["of_comments"] == beside["of_more"] == beside["of_time"] == 0


def test_every_line_knows_the_last_comments_heading_above_it():
    prose = "The council met on Monday, and it was said that the harbour will be dredged in the spring."
    _, heading, first, *_, last = features(
        prose, "Comments (12)", *["Ann: so it is"] * 60, "I think you are wrong, my friend, and I say so!"
    )
    assert heading["prose_above_comments"] == first["prose_above_comments"] == last["prose_above_comments"] > 2
    assert 0 == heading["since_comments"] < first["since_comments"] < last["since_comments"]
    assert (heading["below_comments"], heading["above_comments"]) == (0, 0)
    assert last["above_comments"] > 0 == first["voice"] < last["voice"]
    (unmarked,) = features(prose)
    assert unmarked["prose_above_comments"] == 0 < unmarked["since_comments"]


def test_digits_do_not_change_what_a_line_says():
    _, keys, _ = lines.read_keys(["12 minutes ago\n34 minutes ago\n34 hours ago"])
    assert keys[0] == keys[1] != keys[2]


def test_word_hashes_stay_what_the_weights_were_trained_on():
    """If this fails, the trained weights are worth nothing: train again."""
    found = lines.read(["Share this article with Ελένη 12 times"])
    assert len(found.word_bucket) == 18
    assert found.word_bucket.sum() == 2285907


def test_word_score_is_a_mean_over_the_root_of_words():
    found = lines.read(["alpha beta"])
    one = np.zeros(lines.BUCKETS, np.float32)
    one[found.word_bucket[0]] = 3
    assert words.score(found, one, 0.5)[0] == pytest.approx(3 / np.sqrt(len(found.word_bucket)) + 0.5)


def test_word_weights_learn():
    found = lines.read(["share this page\nthe council said on friday\n" * 20])
    labels = np.tile([0, 1], 20).astype(np.float32)
    matrix = words.matrix(found.word_line, found.word_bucket, len(found))
    fitted, bias = words.fit(matrix, labels, np.ones(40, np.float32), iterations=5)
    assert ((words.score(found, fitted, bias) > 0) == (labels > 0)).all()


def random_network(columns, rng):
    def some(*shape):
        return rng.normal(0, 0.2, shape).astype(np.float32)

    size = 8
    out = {"inp": some(columns, size), "inp.b": some(size), "keep": some(size), "keep.b": some(1)}
    out |= {"out": some(size), "out.b": some(1)}
    for i in range(len(network.POOLED)):
        out |= {f"pool{i}": some(2 * size, size), f"pool{i}.b": some(size)}
    for i in range(len(network.DILATIONS)):
        out |= {f"conv{i}": some(3, size, size), f"conv{i}.b": some(size)}
        out |= {f"mix{i}": some(size, size), f"mix{i}.b": some(size)}
    return out


def test_pages_do_not_see_each_other():
    rng = np.random.default_rng(0)
    model, values, tokens = random_network(6, rng), rng.normal(size=(50, 6)).astype(np.float32), rng.integers(1, 30, 50)
    together = network.run(model, values, np.array([0, 7, 8, 50]), tokens)
    parts = [network.run(model, values[a:b], np.array([0, b - a]), tokens[a:b]) for a, b in ((0, 7), (7, 8), (8, 50))]
    np.testing.assert_allclose(together, np.concatenate(parts), rtol=1e-4, atol=1e-5)


def test_numpy_runs_the_network_that_torch_trained():
    torch = pytest.importorskip("torch")
    from curate.models.fit import CHANNELS, Network

    torch.manual_seed(1)
    trained = Network(9, CHANNELS).eval()
    rng = np.random.default_rng(1)
    values, tokens = rng.normal(size=(40, 9)).astype(np.float32), rng.integers(1, 200, 40)
    found = network.run(trained.export(), values, np.array([0, 40]), tokens)
    counted = torch.from_numpy(np.minimum(tokens, network.MAX_WEIGHT).astype(np.float32))[None]
    with torch.no_grad():
        wanted, _ = trained(torch.from_numpy(values)[None], torch.ones(1, 40), counted)
    np.testing.assert_allclose(found, wanted[0].numpy(), rtol=1e-3, atol=1e-4)


def test_positions_say_where_a_line_stands():
    place = network.positions(np.array([0, 1, 4]), np.array([5, 0, 10, 10]))
    assert place.shape == (4, network.POSITIONS)
    assert place[1:, 2].tolist() == pytest.approx([-1, -1 / 3, 1 / 3])
    assert place[:, 3].tolist() == [1, -1, 0, 1]


def page_lines(text):
    _, keys, counts = lines.read_keys([text])
    return keys, counts


def test_templates_leave_out_copies():
    menu = "Home\nNews\nSport\n"
    body, other = "One long story about a river and the people on it", "Another tale of mountains, goats and some snow"
    sample = templates.Sample([page_lines(menu + body), page_lines(menu + body), page_lines(menu + other)])
    assert sample.count(*page_lines(menu + body)) == ([1, 1, 1, 0], 1)


def test_copies_of_another_article_count_once():
    menu = "Home\nNews\nSport\n"
    copies = [menu + "One long story about a river and the people on it" + dots for dots in ("", ".", "\nAnd more")]
    third = menu + "A third report, of wind and rain in autumn weather"
    other = menu + "Another tale of mountains, goats and some snow"
    sample = templates.Sample([page_lines(page) for page in ("", *copies, third)])
    assert sample.count(*page_lines(other)) == ([2, 2, 2, 0], 3)


def test_that_no_other_page_says_a_line_is_no_evidence():
    told = templates.features(np.array([0, 3, 0]), np.array([8, 8, 0]))
    assert (told[[0, 2]] == 0).all()
    assert told[1, 0] == pytest.approx(3 / 8)


def test_template_sample_is_bounded_and_does_not_hang_on_the_order():
    pages = pl.DataFrame({"site": ["a"] * 100 + ["b", None], "rank": range(102)})
    sampled = templates.sample(pages.sample(fraction=1, shuffle=True, seed=3))
    assert sampled.filter(site="a")["rank"].to_list() == list(range(templates.MAX_SAMPLE))
    assert sampled["site"].null_count() == 0


def test_weights_come_back_and_are_the_same_bytes(tmp_path):
    arrays = {"b": np.ones((2, 3), np.float16), "a": np.arange(4, dtype=np.float32)}
    for name in ("one.npz", "two.npz"):
        weights.save(tmp_path / name, "kind", arrays)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    back = weights.load(tmp_path / "one.npz", "kind")
    assert {name: array.tolist() for name, array in back.items()} == {"a": [0, 1, 2, 3], "b": [[1, 1, 1], [1, 1, 1]]}


def test_damaged_or_strange_weights_are_refused(tmp_path):
    path = tmp_path / "own.npz"
    with pytest.raises(InputError, match="cannot be read"):
        weights.load(path, "kind")
    weights.save(path, "kind", {"a": np.ones(3, np.float32)})
    with pytest.raises(InputError, match="train it again"):
        weights.load(path, "another kind")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="damaged"):
        weights.load(path, "kind")
    path.with_suffix(".json").write_text("[")
    with pytest.raises(InputError, match="json"):
        weights.load(path, "kind")


def test_pickles_are_refused(tmp_path):
    path = tmp_path / "own.npz"
    weights.save(path, "kind", {"a": np.array([{}], dtype=object)})
    with pytest.raises(ValueError, match="allow_pickle"):
        weights.load(path, "kind")


def test_shipped_weights_are_small_and_quickly_loaded():
    size = flattened.WEIGHTS.stat().st_size
    start = time.process_time()
    flattened.Model(weights.load(flattened.WEIGHTS, flattened.KIND))
    assert size < 3_000_000
    assert time.process_time() - start < 0.1


def test_scores():
    assert scoring.bag_f1("a b c", "a b c") == 1
    assert scoring.bag_f1("a b", "a b c d") == pytest.approx(2 / 3)
    assert scoring.bag_f1("", "") == 1
    assert scoring.bag_f1("", "a") == 0
    assert scoring.shingle_f1("a b c d e", "e a b c d") == 0.5
    assert scoring.tokens("Ça va? 東京 2019") == ["ça", "va", "東", "京", "2019"]


def pages_file(folder, **columns):
    row = {"id": "1", "site": "a.org", "text_wet": "Home\n\nIt rained all day.", "labels_wet": "0_1"} | columns
    pl.DataFrame([row]).write_parquet(folder / "pages.parquet")
    return str(folder / "pages.parquet")


def test_labelled_pages_are_read(tmp_path):
    (page,) = labelled.read(pages_file(tmp_path, gold_text="It rained all day.", source="mine", lang="en"))
    assert page.lines == [("Home", "0"), ("", "_"), ("It rained all day.", "1")]
    assert (page.source, page.lang, page.flattener, page.gold) == ("mine", "en", "wet", "It rained all day.")


def test_json_lines_are_read_the_last_of_an_id(tmp_path):
    row = {"id": "1", "site": "a.org", "text_page": "Home\n\nIt rained all day.", "labels_page": "0_1"}
    rows = [row | {"gold_text": None}, row | {"id": "2", "labels_page": "0_0", "gold_text": ""}]
    rows.append(row | {"gold_text": "It rained all day."})
    path = tmp_path / "pages.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [(page.id, page.gold) for page in labelled.read(str(path))] == [("1", "It rained all day."), ("2", "")]
    path.write_text(json.dumps(row) + "\n{")
    with pytest.raises(ValueError, match=r"pages.jsonl:2: no labelled page"):
        labelled.read(str(path))


def test_segments_label_the_lines_they_are_in(tmp_path):
    text = "Home\nIt rained all day, and nobody came.\nRead also: more rain\nWho knows?"
    columns = {"labels_wet": None, "with": ["rained all day"], "without": ["Read also: more"], "text_wet": text}
    (page,) = labelled.read(pages_file(tmp_path, **columns))
    assert [label for _, label in page.lines] == ["?", "1", "0", "?"]
    (empty,) = labelled.read(pages_file(tmp_path, gold_text="", **columns))
    assert empty == page
    assert page.gold is None


def test_wrong_labels_are_refused(tmp_path):
    with pytest.raises(ValueError, match="3 lines in text_wet, 2 labels"):
        labelled.read(pages_file(tmp_path, labels_wet="01"))


def labelled_page(name="1", lines_=None):
    story = [(f"Sentence number {i} of the story, which goes on for a while. And it goes on.", "1") for i in range(8)]
    furniture = [(word, "0") for word in ("Home", "News", "Sport", "Culture", "Contact")]
    return labelled.Page(
        name, "a.org", "mine", "en", "wet", "gold", lines_ or [*furniture, ("", "_"), *story, *furniture]
    )


def test_disguises_keep_words_and_labels():
    page = labelled_page()
    said = [words_of(page, label) for label in "10"]
    for disguise in labelled.disguises(page, None):
        assert disguise.disguised
        assert [sorted(words_of(disguise, "1"))] == [sorted(said[0])]
        assert set(words_of(disguise, "0")) <= set(said[1]) | set("|/·")


def test_disguises_are_the_same_every_time():
    first, second = (list(labelled.disguises(labelled_page(), labelled_page("2"))) for _ in range(2))
    assert first == second


def words_of(page, label):
    return [word for line, kind in page.lines if kind == label for word in line.lower().split()]


@pytest.fixture
def training(tmp_path, monkeypatch):
    """Runs the command on twelve pages; what it said."""
    pytest.importorskip("torch")
    monkeypatch.setattr(words, "fit", partial(words.fit, iterations=5))
    from click.testing import CliRunner

    from curate.models.train import main

    rows = [
        {"id": str(i), "site": f"s{i}.org", "source": "mine", "lang": "en", "gold_text": "\n".join(story(i))}
        | {"text_wet": "\n".join(["Home", "News", *story(i), "Share", "Contact"]), "labels_wet": "001100"}
        for i in range(12)
    ]
    pl.DataFrame(rows).write_parquet(tmp_path / "pages.parquet")
    pl.DataFrame(rows[:1]).write_parquet(tmp_path / "page.parquet")

    def run(out, *options, pages="pages.parquet", expect=0):
        given = [str(tmp_path / pages), "--out", str(tmp_path / out), "--steps", "3", *options]
        done = CliRunner().invoke(main, given)
        assert done.exit_code == expect, done.output
        return done.output

    return run


def test_training_is_deterministic_and_writes_a_card(training, tmp_path):
    training("one")
    training("two", "--no-check")
    assert (tmp_path / "one/text.npz").read_bytes() == (tmp_path / "two/text.npz").read_bytes()
    assert json.loads((tmp_path / "one/text.json").read_text())["kind"] == flattened.KIND
    card = (tmp_path / "one/CARD.md").read_text()
    assert "| sites left out: all | 12 |" in card
    assert "| mine | 12 |" in card
    flattened.judge(["Home\nA line."], path=str(tmp_path / "one/text.npz"))


def test_a_training_goes_on_where_it_was(training, tmp_path):
    assert "step 3 of 3" in training("one", "--no-check")
    before = (tmp_path / "one/text.npz").read_bytes()
    assert "step" not in training("one", "--no-check", "--resume")
    assert (tmp_path / "one/text.npz").read_bytes() == before


def test_what_leaves_nothing_to_learn_from_is_refused(training):
    assert "all pages are of one source" in training("one", "--sources", expect=1)
    assert "too few pages to learn from" in training("one", pages="page.parquet", expect=1)


def test_pages_of_one_site_or_one_fold_give_finite_weights():
    pytest.importorskip("torch")
    from curate.models.train import Examples, train

    pages = [
        labelled.Page(
            id=str(i),
            site="mine.org",
            source="mine",
            lang="en",
            flattener="wet",
            gold="\n".join(story(i)),
            lines=[("Home", "0"), *((line, "1") for line in story(i)), ("Contact", "0")],
        )
        for i in range(8)
    ]
    examples = Examples.of(pages)
    assert len(set(examples.folds)) > 1, "of one site, pages are held out"
    for chosen in (np.ones(len(examples.pages), bool), examples.folds == examples.folds[0]):
        trained = train(examples, chosen, 2, lambda said: None)
        assert all(np.isfinite(array).all() for array in trained.values())


def story(i):
    return [
        f"On day {i} of the journey the travellers came to a river.",
        f"They counted {i} boats and went on, singing.",
    ]
