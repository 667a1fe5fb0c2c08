"""Clusters of texts: what is put together, what is kept apart, and that nothing depends on chance."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from curate.neardup import candidates, representatives, shingles, similarity
from curate.neardup.arrays import Ragged, stacked
from curate.neardup.candidates import Capped, Pairs
from curate.neardup.in_memory import cluster
from curate.neardup.similarity import Verified


def prose(seed: int, sentences: int = 12, vocabulary: int = 4000) -> list[str]:
    """Sentences of made-up words; another seed shares words with it, but no phrases."""
    random_words = random.Random(seed)
    words = [f"{a}{b}" for a in WORDS for b in ENDINGS][:vocabulary]
    return [" ".join(random_words.choices(words, k=random_words.randint(8, 18))) + "." for _ in range(sentences)]


ENDINGS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "lmnrst"]
WORDS = ["ga", "lo", "mi", "ne", "pu", "ra", "so", "ti", "vu", "wa", "ze"]


def test_copies_are_one_cluster_and_the_longest_represents_it() -> None:
    story = prose(1)
    texts = [
        " ".join(story),
        "LONDON (Agency) - " + " ".join(story),
        " ".join(story).upper().replace(".", " !"),
        " ".join(story[:9]),
        "\n".join(story[6:] + story[:6]),
        " ".join(prose(2)),
    ]
    assert cluster(texts) == [1, 1, 1, 1, 1, 5]


def test_no_texts_and_texts_without_tokens() -> None:
    assert cluster([]) == []
    assert cluster(["", "", "!!!", "a", "a", "b"]) == [0, 1, 2, 3, 3, 5]


@pytest.mark.parametrize(
    "text",
    [
        "ข่าว: นายกรัฐมนตรีแถลงผลการประชุมคณะรัฐมนตรีที่กรุงเทพเมื่อวันอังคาร โดยกล่าวว่าเศรษฐกิจจะฟื้นตัวในปีหน้า",
        "首相は火曜日の閣議の後に記者会見を開き、来年には景気が回復するとの見通しを示したが、野党は強く反発している。",
        "أعلن رئيس الوزراء يوم الثلاثاء نتائج اجتماع الحكومة في العاصمة وقال إن الاقتصاد سوف يتعافى في العام المقبل",
        "🎉 The mayor 👩🏽‍🚀 opened the new bridge on Tuesday 🌉 after six years, and called it a gift 🎁🎁",
    ],
)
def test_scripts(text: str) -> None:
    other = "".join(reversed(text))
    assert cluster([text, other, text + " ⏎"]) == [0, 1, 0]


def test_articles_behind_the_same_furniture_stay_apart() -> None:
    """200 articles of one site, each between the same 30 lines."""
    lines = [" ".join(prose(1000 + i, 1)[0].split()[:7]) for i in range(30)]
    pages = ["\n".join(lines[:15] + prose(i, 25) + lines[15:]) for i in range(200)]
    assert cluster(pages) == list(range(200))


def test_copies_among_many_pages_of_one_site_are_found() -> None:
    """More pages share each furniture shingle than are compared all with all."""
    lines = [" ".join(prose(1000 + i, 1)[0].split()[:7]) for i in range(20)]
    pages = ["\n".join(lines + prose(i, 25)) for i in range(2 * candidates.MAX_BUCKET)]
    copies = ["\n".join(lines + prose(i, 25)[:-2]) for i in range(0, 40, 4)]
    assert cluster(pages + copies) == [*range(len(pages)), *range(0, 40, 4)]


def test_a_cluster_larger_than_a_bucket_is_one() -> None:
    story = prose(5, 20)
    texts = [" ".join(story) + f" Page {i} of {i * 7}." for i in range(3 * candidates.MAX_BUCKET)]
    assert len(set(cluster(texts))) == 1


def test_what_is_left_of_a_large_cluster_at_the_threshold_stays() -> None:
    chance, story = random.Random(5), prose(5, 30)
    edited = [
        [other if chance.random() < 0.12 else one for one, other in zip(story, prose(i, 30), strict=True)]
        for i in range(400)
    ]
    texts = [" ".join(sentences) for sentences in edited]
    kept = sorted(set(cluster(texts, threshold=0.7)))
    assert cluster([texts[i] for i in kept], threshold=0.7) == list(range(len(kept)))


def test_clusters_do_not_chain() -> None:
    """Each text shares much with the next one, and nothing with the one after some more."""
    story = prose(7, 120)
    texts = [" ".join(story[i : i + 40]) for i in range(0, 80, 8)]
    labels = cluster(texts, threshold=0.6, containment=1)
    assert len(set(labels)) > 2
    for text, label in zip(texts, labels, strict=True):
        assert jaccard(text, texts[label]) >= similarity.RELAXED * 0.6


def test_a_brief_in_a_digest_is_no_copy_but_a_cut_story_is() -> None:
    story = prose(11, 30)
    assert cluster([" ".join(story), " ".join(story[:3])]) == [0, 1]
    assert cluster([" ".join(story), " ".join(story[:10])]) == [0, 0]


@pytest.mark.parametrize(
    "bounds",
    [{"threshold": 0}, {"threshold": 80}, {"containment": 0}, {"containment": 1.1}, {"shingle": 0}, {"shingle": 17}],
)
def test_bounds_are_checked(bounds: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bounds))):
        cluster(["a"], **bounds)  # type: ignore[arg-type]


def test_threshold_one_keeps_all_but_equal_sets() -> None:
    story = " ".join(prose(3))
    assert cluster([story, story + " More", story.upper()], threshold=1, containment=1) == [1, 1, 1]
    assert cluster([story + " Less", story + " More"], threshold=1, containment=1) == [0, 1]


@pytest.mark.parametrize("at_once", [1, similarity.BATCH_TOKENS])
def test_similarities_are_exact(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of texts that are known by rank, in any order."""
    monkeypatch.setattr(similarity, "BATCH_TOKENS", at_once)
    texts = [" ".join(prose(1)), " ".join(prose(1)[:8] + prose(2)[:3]), "one two", "one two three"]
    ranks = np.array([7, 3, 9, 1])
    one, other = np.array([0, 0, 2, 1]), np.array([1, 2, 3, 1])
    pairs = Pairs(ranks[one], ranks[other], one, one)
    checked = similarity.verify(pairs, shingles.text_sets(texts, 3), ranks)
    assert (checked.first.tolist(), checked.second.tolist()) == ([7, 7, 9, 3], [3, 9, 1, 3])
    for measure, found in ((jaccard, checked.jaccard), (containment, checked.containment)):
        assert found.tolist() == [measure(texts[a], texts[b]) for a, b in zip(one, other, strict=True)]
    assert 0 < checked.jaccard[0] < checked.containment[0] < 1


def test_a_pair_that_is_at_a_bound_reaches_it() -> None:
    """By Jaccard similarity; by containment, where that of a brief in a digest is none; a share of the bounds, too."""
    given = {(0.6, 0.6): True, (0.59, 0.79): False, (0.2, 0.8): True, (0.19, 1.0): False, (0.3, 0.79): False}
    ranks = np.arange(len(given))
    measures = np.array(list(given)).T
    assert similarity.similar(Verified(ranks, ranks, *measures), 0.6, 0.8).tolist() == list(given.values())
    share = similarity.RELAXED
    relaxed = Verified(ranks, ranks, *(share * measures))
    assert similarity.similar(relaxed, 0.6, 0.8, share).tolist() == list(given.values())
    assert similarity.relevant(relaxed, 0.6, 0.8).first.tolist() == [0, 2]


def test_shingles_of_a_batch_are_those_of_each_text() -> None:
    batch = ["one two three four", "", "five", "six seven", "eight nine ten"]
    together = shingles.text_sets(batch, 3)
    alone = [shingles.text_sets([text], 3).values.tolist() for text in batch]
    assert together.lengths.tolist() == [2, 0, 1, 1, 1]
    assert [together.take(np.array([i])).values.tolist() for i in range(5)] == alone


NONE = np.zeros(2000, np.uint64)
"""Sketches of texts without a shingle, which are like none."""


def pairs_of(
    keys: Any, ranks: Any, sketches: Any = NONE, sides: Any = None, low: Any = None, capped: Capped | None = None
) -> Pairs:
    """All pairs that are told of entries, by default with keys of which each is among the lowest."""
    low = np.ones(len(ranks), bool) if low is None else low
    packed = candidates.pack(keys, ranks, low, len(sketches))
    return candidates.merged(list(candidates.find_pairs(packed, sketches, capped or Capped(), sides)))


def test_of_a_large_bucket_these_are_the_pairs() -> None:
    many, full = 300, np.uint64(0x1111111111111111)
    capped = Capped()
    like = np.where(np.arange(many) % 2 == 0, full, full * np.uint64(2))  # two kinds, of which none is near
    like ^= np.uint64(0xEDCB) * np.arange(many, dtype=np.uint64) % np.uint64(1 << 16) << np.uint64(16)
    found = pairs_of(np.full(many, 42 << 40, np.uint64), np.arange(many), like, capped=capped)
    assert (capped.buckets, capped.largest) == (1, many)
    assert capped.keys(many).tolist() == [1] * many
    expected = {
        (first, second)
        for second in range(many)
        for first in {*range(min(second, 96)), *range(max(96, second - 32), second)}
        if first < 4 or shingles.resemblance(like[[first]], like[[second]])[0] >= 0.4
    }
    assert set(zip(found.first.tolist(), found.second.tolist(), strict=True)) == expected
    assert 0.3 * 128 * many < len(expected) < 0.7 * 128 * many
    assert set(zip(found.shared.tolist(), found.frequent.tolist(), strict=True)) == {(0, 1)}


def test_a_bucket_of_as_many_as_are_compared_is_not_large() -> None:
    for many, told in ((candidates.MAX_BUCKET, candidates.MAX_BUCKET - 1), (candidates.MAX_BUCKET + 1, 4)):
        found = pairs_of(np.full(many, 42 << 40, np.uint64), np.arange(many))
        assert np.bincount(found.first).max() >= told
        assert len(set(found.first.tolist())) == told


def test_in_a_large_bucket_a_key_that_is_low_in_neither_makes_no_pair() -> None:
    many = 200
    low = np.zeros(many, bool)
    low[[1, 150]] = True
    found = pairs_of(np.full(many, 42 << 40, np.uint64), np.arange(many), np.full(many, 7, np.uint64), low=low)
    pairs = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    with_1 = {(0, 1), *((1, second) for second in range(2, many))}
    assert {pair for pair in pairs if 150 not in pair} == {pair for pair in with_1 if 150 not in pair}
    assert {first for first, second in pairs if second == 150} >= {0, 1, 2, 3}


def test_pages_that_differ_in_a_number_are_few_pairs() -> None:
    texts = [" ".join(prose(5, 8)) + f" Page {i} of {i * 7}." for i in range(2000)]
    signed = [shingles.sign(shingles.tokens(texts[start : start + 500])) for start in range(0, 2000, 500)]
    keys = stacked([part.keys for part in signed])
    told = pairs_of(keys.values, keys.owners, shingles.sketch(keys), low=shingles.lowest(keys))
    assert len(told.first) < 20 * len(texts)
    assert len(set(cluster(texts))) == 1


@pytest.mark.parametrize("sentences", [15, 10, 8])
def test_a_piece_of_a_story_that_many_have_is_found(sentences: int) -> None:
    """All that the piece has is in more texts than are compared, and it is like none of them by its sketch."""
    story = prose(101, 30)
    copies = [" ".join(story) + f" Page {i} of {i * 7}." for i in range(150)]
    pieces = [" ".join(story[start : start + sentences]) for start in range(0, 30 - sentences, 2)]
    assert set(cluster(copies + pieces)) == {cluster(copies)[0]}


@pytest.mark.parametrize("shared", [0, 50, 80, 100])
def test_sketches_resemble_each_other_as_the_texts_do(shared: int) -> None:
    chance, alike = np.random.default_rng(3), shared / (200 - shared)
    found = []
    for _ in range(200):
        drawn = chance.integers(0, 1 << 52, 200 - shared).astype(np.uint64)
        keys = Ragged(np.concatenate([np.sort(drawn[:100]), np.sort(drawn[100 - shared :])]), np.array([0, 100, 200]))
        found.append(shingles.resemblance(*np.split(shingles.sketch(keys), 2))[0])
    assert np.mean(found) == pytest.approx(alike + (1 - alike) / 15, abs=0.04)  # of 15 numbers two are equal by chance


def test_a_sketch_of_fewer_shingles_is_that_of_more_but_for_empty_cells() -> None:
    drawn = np.sort(np.random.default_rng(3).integers(0, 1 << 52, 200).astype(np.uint64))
    sketches = shingles.sketch(Ragged(np.concatenate([drawn, drawn[:50]]), np.array([0, 200, 250])))
    more, less = ([int(one) >> 4 * cell & 15 for cell in range(16)] for one in sketches)
    assert sum(less) and all(number in (0, full) for number, full in zip(less, more, strict=True))


@pytest.mark.parametrize(("frequent", "chosen"), [(2, False), (3, True), (8, True)])
def test_a_pair_is_chosen_by_the_lowest_of_its_frequent_shingles(frequent: int, chosen: bool) -> None:
    """However many others it has that no other text shares."""
    pairs = Pairs(*(np.array([value]) for value in (0, 1, 0, frequent)))
    keys, capped = np.array([500, 400]), np.array([450, 350])
    assert len(candidates.promising(pairs, keys, np.array([0.125, 0.125]), capped).first) == chosen


@pytest.mark.parametrize(("keys", "frequent", "chosen"), [(1, 1, True), (4, 1, False), (4, 2, True)])
def test_a_text_of_few_shingles_needs_fewer(keys: int, frequent: int, chosen: bool) -> None:
    pairs = Pairs(*(np.array([value]) for value in (0, 1, 0, frequent)))
    found = candidates.promising(pairs, np.array([50, keys]), np.array([1.0, 1.0]), np.array([0, keys]))
    assert len(found.first) == chosen


def test_strangers_of_few_shingles_are_not_alike() -> None:
    chance = np.random.default_rng(3)
    keys = Ragged(chance.integers(0, 1 << 52, 8000).astype(np.uint64), np.arange(0, 8001, 8))
    one, other = np.split(shingles.sketch(keys), 2)
    assert np.mean(shingles.resemblance(one, other) >= candidates.MIN_RESEMBLANCE) < 0.01


def test_copies_are_found_where_most_of_them_stands_in_all_texts() -> None:
    """Three quarters of each text are in more texts than are compared: what is left tells."""
    furniture = prose(99, 36)
    texts = ["\n".join([*furniture, *prose(1000 + i, 14)]) for i in range(300)]
    texts.append("\n".join([*furniture, *prose(1007, 14)[:12]]))
    assert cluster(texts, threshold=0.7, containment=0.95) == [*range(300), 7]


def test_of_texts_on_sides_only_pairs_across_are_told() -> None:
    chance = np.random.default_rng(3)
    ranks, texts = np.repeat(np.arange(500), 4), 500
    keys = chance.integers(0, 30, len(ranks)).astype(np.uint64) << 40
    keys[:600] = np.uint64(99) << 40  # more texts than a bucket compares
    sides = chance.integers(0, 3, texts).astype(np.uint32)

    every, across = (pairs_of(keys, ranks, NONE[:texts], one) for one in (None, sides))
    apart = sides[every.first] != sides[every.second]
    assert 0 < apart.sum() < len(apart)
    assert [column.tolist() for column in across] == [column[apart].tolist() for column in every]


def test_one_shingle_repeated_in_a_text_makes_no_pair() -> None:
    assert not len(pairs_of(np.full(9, 7 << 40, np.uint64), np.zeros(9, np.int64)).first)


def test_two_loose_texts_need_a_third() -> None:
    """0-2 is just below the bound; 1 is a near-duplicate of both."""
    pairs = np.array([[0, 1], [0, 2], [1, 2]]).T
    checked = Verified(*pairs, np.array([0.9, 0.5, 0.9]), np.array([0.9, 0.5, 0.9]))
    members = representatives.assign(checked, 0.6, 0.95)
    assert list(zip(members.first, members.second, strict=True)) == [(0, 1), (0, 2)]
    alone = representatives.assign(checked.take(np.array([0, 1])), 0.6, 0.95)
    assert list(zip(alone.first, alone.second, strict=True)) == [(0, 1)]


def test_signatures_are_those_of_version_2() -> None:
    """Signatures of an earlier release must compare with these: raise shingles.VERSION where this must change."""
    assert shingles.VERSION == 2
    signed = shingles.sign(shingles.tokens(["The quick brown fox jumps over the lazy dog", "世界のニュース", ""]))
    assert signed.keys.values.tolist() == [
        2014810199118813,
        4296311111959542,
        5432695391202596,
        16658765543119120,
        17239810242676837,
        13796259108460676,
        15719407313791482,
        27881112194300866,
    ]
    assert signed.keys.offsets.tolist() == [0, 5, 8, 8]
    assert signed.exact.tolist()[:2] == [518758073842341686, 9443775904659888873]
    assert signed.sizes.tolist() == [9, 7, 0]


def test_many_identical_lines() -> None:
    text = "subscribe now\n" * 100_000
    labels = cluster([text, text + "end", "subscribe now", *prose(1)])
    assert labels[:2] == [1, 1]


def test_a_text_of_many_megabytes() -> None:
    story = " ".join(prose(1, 100_000))
    assert len(story) > 7_000_000
    assert cluster([story, story[: 9 * len(story) // 10], "short"]) == [0, 0, 2]


@pytest.mark.parametrize("blank", [" ", "\n", "\u3000", "。"])
def test_a_long_text_in_pieces_has_the_tokens_of_the_whole(blank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["one two", blank.join(["naïve", "ＡＢ", "世界", "four"] * 40), "", "e\u0301" * 90, "five"]
    whole = shingles.tokens(texts)
    monkeypatch.setattr(shingles, "BATCH_CHARS", 50)
    cut = shingles.tokens(texts)
    assert cut.values.tolist() == whole.values.tolist()
    assert cut.offsets.tolist() == whole.offsets.tolist()


def jaccard(one: str, other: str, size: int = 3) -> float:
    first, second = (_shingles(text, size) for text in (one, other))
    return len(first & second) / len(first | second)


def containment(one: str, other: str, size: int = 3) -> float:
    first, second = (_shingles(text, size) for text in (one, other))
    return len(first & second) / min(len(first), len(second))


def _shingles(text: str, size: int) -> set[tuple[str, ...]]:
    words = text.lower().replace(".", " ").split()
    if len(words) < size:
        return {tuple(words)}
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def test_ragged_take() -> None:
    ragged = Ragged(np.arange(6, dtype=np.uint64), np.array([0, 2, 2, 6]))
    taken = ragged.take(np.array([2, 1, 0]))
    assert taken.values.tolist() == [2, 3, 4, 5, 0, 1]
    assert taken.offsets.tolist() == [0, 4, 4, 6]


@pytest.mark.parametrize("at_once", [1, similarity.HITS_AT_ONCE])
def test_search_finds_every_pair_that_shares_a_shingle(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "HITS_AT_ONCE", at_once)
    texts = [" ".join(prose(i)[:5] + prose(i + 1)[:4]) for i in range(6)] + ["", "one two three"]
    sets = shingles.text_sets(texts, 3)
    wanted = np.array([1, 3, 6])
    found = similarity.search(sets, similarity.index(sets.take(wanted)))
    given = {(int(a), int(wanted[b])): j for a, b, j in zip(found.first, found.second, found.jaccard, strict=True)}
    assert given == {(a, b): share for a in range(6) for b in (1, 3) if (share := jaccard(texts[a], texts[b]))}
    assert len(similarity.search(shingles.text_sets([], 3), similarity.index(sets)).first) == 0
    one = similarity.search(sets, similarity.index(sets.take(np.array([7]))))
    assert (one.first.tolist(), one.second.tolist(), one.jaccard.tolist()) == ([7], [0], [1.0]), "of a single shingle"
    assert len(similarity.search(sets, similarity.index(shingles.text_sets([], 3))).first) == 0
