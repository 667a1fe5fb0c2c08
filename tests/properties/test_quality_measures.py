"""What the quality rules measure is what a plain loop over one document measures, whatever else is in the batch."""

import re
from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.document import undecided
from curate.prose import measures, rules
from curate.prose.words import find_words
from curate.stages import quality

WORDS = st.sampled_from(["a", "be", "the", "über", "naïve", "42", "--", "#", "wait...", "猫犬", "•", "𝒳y", "ж"])
TEXTS = st.lists(st.tuples(WORDS, st.sampled_from([" ", " ", " ", "\n", "\n\n", "  "])), max_size=60).map(
    lambda pairs: "".join(word + space for word, space in pairs).strip()
)
UNSPACED = re.compile("([猫犬])")


def words_of(text):
    return UNSPACED.sub(r" \1 ", text).split()


def measured(texts):
    batch = undecided(pl.DataFrame({"text": texts}, schema={"text": pl.String}))
    words = find_words(batch["text"])
    every = {rule[4:] for rule in (*rules.WORD_RULES, *rules.LINE_RULES, *rules.GRAM_RULES)}
    frames = [
        of(batch, words, every) for of in (measures.word_measures, measures.line_measures, measures.gram_measures)
    ]
    return pl.concat(frames, how="horizontal"), words


def duplicate(words, n):
    """datatrove's find_all_duplicate, where n-grams that are stepped over are known, too."""
    firsts = {}
    for i in range(len(words) - n + 1):
        firsts.setdefault(tuple(words[i : i + n]), i)
    characters = i = 0
    while i < len(words) - n + 1:
        gram = tuple(words[i : i + n])
        again = firsts[gram] < i
        characters += len("".join(gram)) if again else 0
        i += n if again else 1
    return characters


def top(words, n):
    counts = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    return counts.most_common(1)[0][1] if counts else 0


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_words(texts):
    found, words = measured(texts)
    for i, text in enumerate(texts):
        expected = words_of(text)
        real = [w for w in expected if any(c.isalnum() for c in w)]
        assert words.counts[i] == len(expected)
        assert found["words"][i] == len(real)
        assert found["alphabetic_words"][i] == pytest.approx(
            sum(any(c.isalpha() for c in w) for w in expected) / max(len(expected), 1)
        )
        if (length := found["mean_word_length"][i]) is not None:
            assert length == pytest.approx(sum(map(len, real)) / max(len(real), 1))
    assert len(words.hashes) == sum(map(len, map(words_of, texts)))


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=2, max_size=5))
def test_equal_words_have_equal_hashes(texts):
    _, words = measured(texts)
    flat = [word for text in texts for word in words_of(text)]
    assert len(set(zip(flat, words.hashes.tolist(), strict=True))) == len(set(flat)) == len(set(words.hashes.tolist()))


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_grams(texts):
    found, _ = measured(texts)
    for i, text in enumerate(texts):
        words = words_of(text)
        for n in rules.DUPLICATE:
            assert found[f"duplicate_{n}_grams"][i] * max(len(text), 1) == pytest.approx(duplicate(words, n)), n
        for n in rules.TOP:
            assert (found[f"top_{n}_gram"][i] > 0) == (top(words, n) > 1)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["aa", "b", "ccc", "dd"]), max_size=40))
def test_top_gram(words):
    text = " ".join(words)
    found, _ = measured([text])
    for n in rules.TOP:
        counts = Counter(" ".join(words[i : i + n]) for i in range(len(words) - n + 1))
        gram, count = counts.most_common(1)[0] if counts else ("", 0)
        assert found[f"top_{n}_gram"][0] * max(len(text), 1) == pytest.approx(len(gram) * count if count > 1 else 0)


@settings(deadline=None, max_examples=30)
@given(st.lists(TEXTS, min_size=1, max_size=6), st.sampled_from(["gopher", "c4", "fineweb"]))
def test_verdict_is_the_documents_own(texts, preset):
    config = quality.Config(preset=preset, min_words=5, min_sentences=1)
    frame = pl.DataFrame({"text": texts, "language": ["en"] * len(texts)})
    together = quality.apply(undecided(frame), config)
    alone = pl.concat(quality.apply(undecided(frame[i : i + 1]), config) for i in range(len(texts)))
    assert together.equals(alone)
    assert together.height == len(texts)
