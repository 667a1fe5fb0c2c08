"""How boosted oblivious trees are trained, by CatBoost. `curate.models.trees` runs what comes out of this in numpy."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.models.html_table import Floats
from curate.models.trees import DEPTH

_OPTIONS = {
    "random_seed": 0,
    "depth": DEPTH,
    "learning_rate": 0.08,
    "l2_leaf_reg": 5,
    "border_count": 63,
    "rsm": 0.3,
    "bootstrap_type": "Bernoulli",
    "subsample": 0.7,
    "leaf_estimation_iterations": 1,
    "score_function": "L2",
    "thread_count": 1,
    "allow_writing_files": False,
    "logging_level": "Silent",
}


def train(name: str, number: int, values: Floats, labels: Floats, weights: Floats) -> dict[str, npt.NDArray[Any]]:
    """The arrays of `trees.run` for the log-odds of labels: so many trees.

    One thread and a seed: the same inputs, the same trees.
    """
    from catboost import CatBoostClassifier, Pool

    fitted = CatBoostClassifier(iterations=number, **_OPTIONS)
    fitted.fit(Pool(values, labels, weight=weights))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trees.json"
        fitted.save_model(str(path), format="json")
        return _arrays(name, json.loads(path.read_text("utf-8")))


def _arrays(name: str, said: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """From CatBoost's JSON, where the first question of a tree is the lowest bit of the leaf. In the precision kept."""
    trees = [_padded(tree) for tree in said["oblivious_trees"]]
    scale, (bias,) = said["scale_and_bias"]
    leaves = scale * np.array([leaves for _, _, leaves in trees])
    return {
        f"{name}.column": np.array([columns for columns, _, _ in trees], np.uint8),
        f"{name}.border": np.array([borders for _, borders, _ in trees], np.float32),
        f"{name}.leaf": leaves.astype(np.float16),
        f"{name}.bias": np.array([bias], np.float32),
    }


def _padded(tree: dict[str, Any]) -> tuple[list[int], list[float], list[float]]:
    """Columns, borders and leaves of a tree; one that asks less asks first what is never true."""
    splits = (tree["splits"] or [])[::-1]
    missing = DEPTH - len(splits)
    columns = [0] * missing + [one["float_feature_index"] for one in splits]
    borders = [np.inf] * missing + [one["border"] for one in splits]
    return columns, borders, tree["leaf_values"] + [0.0] * (2**DEPTH - len(tree["leaf_values"]))
