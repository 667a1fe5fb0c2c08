"""Trees in numpy say what CatBoost's own prediction says; without CatBoost, what their tables say."""

from __future__ import annotations

import numpy as np
import pytest

from curate.models import boost, trees


def test_a_tree_is_a_look_up() -> None:
    column = np.zeros((1, trees.DEPTH))
    column[0, 0] = 1
    leaf = np.arange(2**trees.DEPTH, dtype=float)[None]
    border = np.full((1, trees.DEPTH), 0.5)
    model = {"t.column": column, "t.border": border, "t.leaf": leaf, "t.bias": np.array([100.0])}
    rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    assert trees.run(model, "t", rows).tolist() == [100, 132, 131, 163]


def test_many_trees_and_rows_are_summed() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 4, size=(1200, 5)).astype(np.float32)
    column, border = rng.integers(0, 5, size=(40, trees.DEPTH)), rng.integers(0, 3, size=(40, trees.DEPTH)) + 0.5
    leaf = rng.integers(-9, 9, size=(40, 2**trees.DEPTH)).astype(np.float32)
    model = {"t.column": column, "t.border": border, "t.leaf": leaf, "t.bias": np.array([0.5])}
    powers = 2 ** np.arange(trees.DEPTH)[::-1]
    said = [leaf[i, (values[:, column[i]] > border[i]) @ powers] for i in range(40)]
    assert (trees.run(model, "t", values) == 0.5 + np.sum(said, 0)).all()


def test_trained_trees_are_the_same_again_and_find_the_label() -> None:
    pytest.importorskip("catboost")
    values = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    labels = (values[:, 0] > 0.3).astype(np.float32)
    weights = np.ones(400, np.float32)
    one, two = (boost.train("t", 300, values, labels, weights) for _ in range(2))
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)
    odds = trees.run({name: array.astype(np.float32) for name, array in one.items()}, "t", values)
    assert ((odds > 0) == labels).mean() > 0.98
