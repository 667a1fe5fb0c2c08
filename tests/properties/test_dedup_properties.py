"""What holds for the clusters of any texts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from curate.neardup.in_memory import cluster
from curate.neardup.similarity import MIN_RATIO, RELAXED
from tests.unit.test_neardup import jaccard, prose

SENTENCES = [sentence for seed in range(6) for sentence in prose(seed, 6)]
"""Six stories of six sentences: texts made of these share much, something or nothing."""

texts = st.lists(st.integers(0, len(SENTENCES) - 1), max_size=9).map(
    lambda chosen: " ".join(SENTENCES[i] for i in chosen)
)
corpora = st.lists(texts, max_size=12)
BOUNDS = {"threshold": 0.6, "containment": 0.8}


def kept(corpus: list[str]) -> list[str]:
    return [text for i, (text, label) in enumerate(zip(corpus, cluster(corpus, **BOUNDS), strict=True)) if i == label]


def alike(one: str, other: str, share: float = 1) -> bool:
    """Near-duplicates by themselves, or as good as it gets with a third text where `share` is below 1."""
    together = jaccard(one, other)
    sizes = [len({*_shingles(text)}) for text in (one, other)]
    shared = together * sum(sizes) / (1 + together)
    contained = shared / min(sizes) >= 0.8 * share - 1e-9 and together >= MIN_RATIO * share - 1e-9
    return together >= 0.6 * share - 1e-9 or contained


def _shingles(text: str) -> list[tuple[str, ...]]:
    words = text.lower().replace(".", " ").split()
    return [tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))]


@given(corpora)
@settings(max_examples=60, deadline=None)
def test_every_member_is_similar_to_what_is_kept(corpus: list[str]) -> None:
    labels = cluster(corpus, **BOUNDS)
    for i, label in enumerate(labels):
        assert labels[label] == label, "the representative of a cluster is in it"
        assert i == label or alike(corpus[i], corpus[label], RELAXED)


@given(corpora)
@settings(max_examples=60, deadline=None)
def test_no_two_kept_texts_are_near_duplicates(corpus: list[str]) -> None:
    left = [text for text in kept(corpus) if text]
    assert not any(alike(one, other) for i, one in enumerate(left) for other in left[:i])


@given(corpora)
@settings(max_examples=40, deadline=None)
def test_deduplicating_twice_is_once(corpus: list[str]) -> None:
    assert kept(kept(corpus)) == kept(corpus)


@given(st.permutations(range(10)), st.lists(texts, min_size=10, max_size=10))
@settings(max_examples=40, deadline=None)
def test_order_changes_nothing(order: list[int], corpus: list[str]) -> None:
    labels, shuffled = cluster(corpus), cluster([corpus[i] for i in order])
    clusters = {frozenset(corpus[i] for i in range(10) if labels[i] == label) for label in labels}
    assert clusters == {frozenset(corpus[order[i]] for i in range(10) if shuffled[i] == label) for label in shuffled}


@given(corpora, texts)
@settings(max_examples=60, deadline=None)
def test_another_text_removes_only_its_near_duplicates_and_those_of_what_it_frees(corpus: list[str], new: str) -> None:
    """A kept text that goes when another comes is similar to one that is kept now."""
    before, after = set(kept(corpus)), kept([*corpus, new])
    for gone in before - set(after):
        assert any(alike(gone, text, RELAXED) for text in after if text)


@given(corpora)
@settings(max_examples=40, deadline=None)
def test_a_text_like_no_other_changes_nothing(corpus: list[str]) -> None:
    assert cluster([*corpus, "wholly unlike all others, this one is alone"]) == [*cluster(corpus), len(corpus)]
