"""Selection: the exact top share, samples by hash order, mixes; as a plain sort chooses, whatever the shards."""

from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.build import Build
from curate.document import undecided
from curate.engines.local import LocalEngine
from curate.errors import InputError
from curate.stages import select
from curate.stages.select import Config, Sample
from curate.tasks import File

SCORES = st.sampled_from([0.0, 0.25, 0.2500001, 0.5, 0.97, 1.0, -3.5, 1e300])
DOCUMENTS = st.lists(st.tuples(SCORES, st.integers(0, 9), st.sampled_from(["en", "ur", "de"])), max_size=25)


def config(keep_top=None, rank_by="classifier_score", sample=None, unit="words"):
    rank = rank_by if keep_top is not None else None
    return Config(keep_top=keep_top, rank_by=rank, sample=Sample(**sample) if sample else None, unit=unit)


def documents(rows):
    return pl.DataFrame(
        {
            "id": [f"d{i}" for i in range(len(rows))],
            "source": "a.jsonl",
            "record": range(len(rows)),
            "text": "text",
            "metadata": [f'{{"topic": "{row[2]}"}}' for row in rows],
            "language": [row[2] for row in rows],
            "words": pl.Series([row[1] for row in rows], dtype=pl.Int64),
            "classifier_score": pl.Series([row[0] for row in rows], dtype=pl.Float64),
            "perplexity": pl.Series([abs(row[0]) for row in rows], dtype=pl.Float64),
        },
        schema_overrides={"id": pl.String, "language": pl.String, "metadata": pl.String, "record": pl.Int64},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("select")


def chosen(folder, frame, asked, shards=1):
    """The ids that are kept, and the drops."""
    size = -(-frame.height // shards) or 1
    files = []
    for i in range(shards):
        path = folder / f"shard-{i}.parquet"
        frame[i * size : (i + 1) * size].write_parquet(path)
        files.append(File(str(path), str(pl.read_parquet(path).rows()), 0))
    with Build(str(folder / "build"), LocalEngine(1)) as build:
        beside = select.prepare(files, asked, build.rounds("select", 1))
    parts = [
        pl.read_parquet(one.url).hstack(pl.read_parquet(more.url)) for one, more in zip(files, beside, strict=True)
    ]
    judged = select.apply(undecided(pl.concat(parts)), asked)
    kept = judged["drop_reason"].is_null()
    return set(judged.filter(kept)["id"]), judged.filter(~kept).select("id", "drop_reason", "drop_detail")


@settings(deadline=None, max_examples=25)
@given(DOCUMENTS, st.sampled_from([0.1, 0.29, 0.3, 0.5, 1.0]), st.integers(1, 3))
def test_the_top_share_is_that_of_a_plain_sort(folder, rows, share, shards):
    frame = documents(rows)
    kept, _ = chosen(folder, frame, config(keep_top=share), shards)
    count = -(-Fraction(str(share)) * len(rows) // 1)
    ordered = frame.sort("classifier_score", descending=True)["classifier_score"]
    assert len(kept) == count
    assert (
        sorted(frame.filter(pl.col("id").is_in(list(kept)))["classifier_score"], reverse=True) == list(ordered)[:count]
    )
    assert kept == chosen(folder, frame, config(keep_top=share), 1)[0], "ties go by hash, not by shard"


def test_low_perplexity_is_top(folder):
    frame = documents([(0.5, 1, "en"), (0.25, 1, "en"), (1.0, 1, "en")])
    kept, dropped = chosen(folder, frame, config(keep_top=0.3, rank_by="perplexity"))
    assert kept == {"d1"}
    assert dropped["drop_reason"].unique().to_list() == ["not in the top share"]
    assert dropped["drop_detail"].to_list() == ["perplexity 0.5", "perplexity 1.0"]


@settings(deadline=None, max_examples=25)
@given(DOCUMENTS, st.integers(1, 60), st.integers(1, 60), st.integers(1, 3))
def test_a_larger_budget_contains_the_smaller(folder, rows, budget, other, shards):
    frame = documents(rows)
    small, large = (
        chosen(folder, frame, config(sample={"words": words}), shards)[0] for words in sorted((budget, other))
    )
    assert small <= large
    weight = dict(frame.select("id", "words").iter_rows())
    assert sum(weight[name] for name in small) <= min(budget, other)
    if sum(weight.values()) <= max(budget, other):
        assert len(large) == frame.height


@settings(deadline=None, max_examples=15)
@given(DOCUMENTS, st.integers(0, 24))
def test_a_document_keeps_its_place_when_the_corpus_grows(folder, rows, before):
    frame = documents(rows)
    asked = config(sample={"share": 0.4})
    early, late = chosen(folder, frame[:before], asked)[0], chosen(folder, frame, asked)[0]
    assert early == late & set(frame[:before]["id"])
    budget = config(sample={"words": 20})
    early, late = chosen(folder, frame[:before], budget)[0], chosen(folder, frame, budget)[0]
    assert late & set(frame[:before]["id"]) <= early, "what leaves a full sample makes room for what comes before it"


@settings(deadline=None, max_examples=20)
@given(DOCUMENTS, st.one_of(st.none(), st.integers(1, 80)), st.integers(1, 3))
def test_a_mix_has_its_proportions(folder, rows, budget, shards):
    frame = documents(rows)
    mix = {"en": 0.5, "ur": 0.3, "de": 0.2}
    asked = config(sample={"by": "language", "mix": mix} | ({"words": budget} if budget else {}))
    totals = {name: frame.filter(language=name)["words"].sum() for name in mix}
    if not set(mix) <= set(frame["language"]):
        return
    kept, _ = chosen(folder, frame, asked, shards)
    largest = min(Fraction(totals[name]) / Fraction(str(share)) for name, share in mix.items())
    whole = min(largest, budget) if budget else largest
    for name, share in mix.items():
        ours = frame.filter(pl.col("id").is_in(list(kept)), language=name)["words"].sum()
        longest = frame.filter(language=name)["words"].max()
        assert whole * Fraction(str(share)) - longest - 1 < ours <= whole * Fraction(str(share))


def test_other_values_are_not_in_the_mix_and_missing_ones_are_told(folder):
    frame = documents([(0.5, 4, "en"), (0.5, 4, "ur"), (0.5, 4, "xx")])
    kept, dropped = chosen(folder, frame, config(sample={"by": "metadata.topic", "mix": {"en": 1, "ur": 1}}))
    assert kept == {"d0", "d1"}
    assert dropped.rows() == [("d2", "not in the mix", "xx")]
    with pytest.raises(InputError, match="no document has the language 'pl'"):
        chosen(folder, frame, config(sample={"by": "language", "mix": {"pl": 1}}))


def test_the_sample_is_of_the_top_share(folder):
    frame = documents([(score / 100, 1, "en") for score in range(60)])
    top, _ = chosen(folder, frame, config(keep_top=0.5))
    both, dropped = chosen(folder, frame, config(keep_top=0.5, sample={"words": 10}))
    assert both < top and len(both) == 10
    assert dropped["drop_reason"].value_counts(sort=True).rows() == [
        ("not in the top share", 30),
        ("not in the sample", 20),
    ]


def test_another_seed_another_sample(folder):
    frame = documents([(0.5, 1, "en")] * 60)
    one, other = (chosen(folder, frame, config(sample={"words": 20, "seed": seed}))[0] for seed in (0, 1))
    assert one != other and len(one) == len(other) == 20


def test_equal_ids_and_no_shards(folder):
    frame = documents([(0.5, 1, "en")] * 20).with_columns(id=pl.lit("same"))
    _, dropped = chosen(folder, frame, config(sample={"words": 7}), 2)
    assert dropped.height == 13, "one id may stand on both sides of a cut"
    with Build(str(folder / "build"), LocalEngine(1)) as build:
        assert select.prepare([], config(keep_top=0.5), build.rounds("select", 1)) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"share": 0}, "greater than 0"),
        ({"share": 0.5, "words": 3}, "share and words: one of them decides"),
        ({"by": "language"}, "need each other"),
        ({"mix": {"en": 1}}, "need each other"),
        ({"by": "title", "mix": {"a": 1}}, "should match pattern"),
        ({"by": "language", "mix": {"en": 0}}, "greater than 0"),
        ({}, "needs share, tokens, words or mix"),
    ],
)
def test_samples_that_say_nothing(wrong, said):
    with pytest.raises(ValidationError, match=said):
        Sample(**wrong)
