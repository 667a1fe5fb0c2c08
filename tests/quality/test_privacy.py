"""Personal data of our own making, among what only looks like it: precision and recall .95 for each kind.

Numbers are from ranges kept for fiction or are made up, addresses those of examples and of public resolvers. The texts
stand for the ways in which people write such things; what each text holds stands beside it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curate.privacy.find import KINDS, find

GOAL = 0.95

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/privacy.json").read_text("utf-8"))


def cases():
    """(language, text, {kind: what it holds})."""
    sentences = GOLDEN["sentences"]
    values = [
        (kind, one, language) for kind in KINDS if kind != "phone" for one in GOLDEN[kind] for language in sentences
    ]
    values += [("phone", one, language) for language, each in GOLDEN["phone"].items() for one in each]
    for kind, value, language in values:
        for sentence in sentences[language]:
            yield language, sentence.format(value), {kind: value}
    for language, each in GOLDEN["phone after a word"].items():
        for sentence, value in each:
            yield language, sentence.format(value), {"phone": value}
    for value in GOLDEN["nothing"]:
        for language in sentences:
            for sentence in sentences[language]:
                yield language, sentence.format(value), {}


@pytest.fixture(scope="module")
def counts():
    """For each kind: found and right, found, to be found."""
    every = list(cases())
    texts = [text for _, text, _ in every]
    found = find(texts, languages=[language for language, _, _ in every])
    said = {(one.text, one.kind, texts[one.text].encode()[one.start : one.end].decode()) for one in found}
    asked = {(number, kind, value) for number, (*_, held) in enumerate(every) for kind, value in held.items()}
    print("wrong:", sorted((texts[number], kind, value) for number, kind, value in said - asked))
    print("missed:", sorted((texts[number], kind, value) for number, kind, value in asked - said))
    return {kind: [sum(one[1] == kind for one in group) for group in (said & asked, said, asked)] for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_precision_and_recall(counts, kind):
    right, found, asked = counts[kind]
    assert asked >= 100
    assert right / found >= GOAL, "precision"
    assert right / asked >= GOAL, "recall"
