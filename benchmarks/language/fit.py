"""Fit the confidence model: `python benchmarks/language/fit.py DEV_JSONL_GZ [--write]`.

DEV_JSONL_GZ has one text a line: `text`, `lang` (ISO 639), `variant`, `doc`. Prints what five-fold cross-validation
over documents says; with --write, fits on everything and writes curate/models/language.json.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl

from curate.langid.confidence import Floats, features, weigh, words_of
from curate.langid.languages import LANGDETECT, base
from curate.stages.language import detect

WORDS = 150
"""Frequent words of a language, and as many of the texts wrongly taken for it."""
SMOOTHING = 0.5
ALL = 20_000
"""Characters of a text that count when weights are fitted."""
VARIANTS = ("plain", "web-main")
FOLDS = 5
MODEL = Path(__file__).parents[2] / "curate" / "models" / "language.json"


def read(path: str) -> pl.DataFrame:
    """Columns text, gold, found, score, variant, fold. Folds are by document."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    found = detect([row["text"] for row in rows])
    documents = {name: number for number, name in enumerate(sorted({row["doc"] for row in rows}))}
    return pl.DataFrame(
        {
            "text": [row["text"] for row in rows],
            "gold": [row["lang"] for row in rows],
            "variant": [row["variant"] for row in rows],
            "doc": [documents[row["doc"]] for row in rows],
            "found": [base(language) for language, _ in found],
            "score": [score for _, score in found],
        }
    ).with_columns(fold=pl.col("doc") % FOLDS)


def fit_words(train: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Weights of the words of each language, and of all other words."""
    known = sorted({base(language) for language in LANGDETECT})
    words = words_of(train["text"], train["gold"], ALL).join(train.select("doc").with_row_index("row"), on="row")
    counts = words.group_by("language", "word").agg(n=pl.len().cast(pl.Int64), docs=pl.col("doc").n_unique())
    wrong = train.filter((pl.col("gold") != pl.col("found")) & pl.col("found").is_in(known))
    mistaken = words_of(wrong["text"], wrong["found"], ALL).join(wrong.select("doc").with_row_index("row"), on="row")
    mistaken = mistaken.group_by("language", "word").agg(n=pl.len().cast(pl.Int64), docs=pl.col("doc").n_unique())
    chosen = pl.concat([_frequent(counts.filter(pl.col("language").is_in(known))), _frequent(mistaken)]).unique()
    sizes = counts.group_by("language").agg(size=pl.col("n").sum())
    total = int(sizes["size"].sum())
    everywhere = counts.group_by("word").agg(all=pl.col("n").sum())
    table = (
        chosen.join(counts.select("language", "word", "n"), on=["language", "word"], how="left")
        .join(everywhere, on="word")
        .join(sizes, on="language")
        .with_columns(pl.col("n").fill_null(0), elsewhere=total - pl.col("size"))
        .with_columns(other=pl.col("all") - pl.col("n").fill_null(0))
    )
    inside = (pl.col("n") + SMOOTHING) / (pl.col("size") + SMOOTHING * 1000)
    outside = (pl.col("other") + SMOOTHING) / (pl.col("elsewhere") + SMOOTHING * 1000)
    weights = table.select("language", "word", weight=(inside / outside).log().clip(-4, 4).round(2))
    left = table.group_by("language", "size", "elsewhere").agg(pl.col("n", "other").sum())
    inside = (pl.col("size") - pl.col("n") + 1) / pl.col("size")
    outside = (pl.col("elsewhere") - pl.col("other") + 1) / pl.col("elsewhere")
    others = left.select("language", weight=(inside / outside).log().round(2))
    return weights.sort("language", "word"), others.sort("language")


def _frequent(counts: pl.DataFrame) -> pl.DataFrame:
    counts = counts.filter(pl.col("docs") >= 2).sort("language", -pl.col("n"), "word")
    return counts.group_by("language", maintain_order=True).head(WORDS).select("language", "word")


def fit_logistic(x: Floats, y: Floats) -> Floats:
    """Logistic regression by Newton's method, with a little ridge."""
    w = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ w))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-2 * np.eye(len(w))
        w = w + np.linalg.solve(hessian, x.T @ (y - p) - 1e-2 * w)
    return w


def evidence(rows: pl.DataFrame, weights: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """`rows` with what the words say of the language found: columns mean and count."""
    found = weigh(words_of(rows["text"], rows["found"]), weights, others)
    return (
        rows.with_row_index("row")
        .join(found, on="row", how="inner")
        .with_columns(right=pl.col("gold") == pl.col("found"))
    )


def held_out(rows: pl.DataFrame) -> pl.DataFrame:
    """Every text judged by a model that did not see its document."""
    train = rows.filter(pl.col("variant").is_in(VARIANTS))
    return pl.concat(
        evidence(rows.filter(pl.col("fold") == fold), *fit_words(train.filter(pl.col("fold") != fold)))
        for fold in range(FOLDS)
    )


def calibrated(judged: pl.DataFrame) -> pl.DataFrame:
    """`judged` with its confidence, by regressions on the other folds."""
    parts = []
    for fold in range(FOLDS):
        train = judged.filter((pl.col("fold") != fold) & pl.col("variant").is_in(VARIANTS))
        w = fit_logistic(features(train), train["right"].to_numpy().astype(float))
        test = judged.filter(pl.col("fold") == fold)
        parts.append(test.with_columns(confidence=pl.Series(1 / (1 + np.exp(-features(test) @ w)))))
    return pl.concat(parts)


def calibration_error(judged: pl.DataFrame, column: str = "confidence", bins: int = 10) -> float:
    """Expected calibration error: mean distance of the confidence and the share that is right, over equal bins."""
    binned = judged.with_columns(bin=(pl.col(column) * bins).floor().clip(0, bins - 1))
    gaps = binned.group_by("bin").agg(n=pl.len(), gap=(pl.col(column).mean() - pl.col("right").mean()).abs())
    return float((gaps["n"] * gaps["gap"]).sum() / gaps["n"].sum())


def keep_curve(judged: pl.DataFrame, language: str, column: str, wanted: float) -> tuple[float, float, float]:
    """Threshold, precision and recall of keeping a language at the highest threshold whose recall is as wanted."""
    total = judged.filter(pl.col("gold") == language).height
    found = judged.filter(pl.col("found") == language).sort(column, descending=True)
    table = found.select(column, right=pl.col("right").cum_sum(), kept=pl.int_range(1, pl.len() + 1))
    first = table.filter(pl.col("right") >= wanted * total).row(0)
    return first[0], first[1] / first[2], first[1] / total


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("data")
    arguments.add_argument("--write", action="store_true")
    given = arguments.parse_args()
    rows = read(given.data)
    judged = held_out(rows)
    tested = calibrated(judged)
    plain = tested.filter(pl.col("variant").is_in(VARIANTS))
    print(
        f"calibration error: confidence {calibration_error(plain):.4f}, score {calibration_error(plain, 'score'):.4f}"
    )
    long = tested.filter(pl.col("variant").is_in([*VARIANTS, "web-full"]) & (pl.col("text").str.len_chars() >= 200))
    for column in ("confidence", "score"):
        print("keep en, 200+ characters, by", column, [round(x, 4) for x in keep_curve(long, "en", column, 0.99)])
    if given.write:
        train = judged.filter(pl.col("variant").is_in(VARIANTS))
        write(rows.filter(pl.col("variant").is_in(VARIANTS)), train)


def write(rows: pl.DataFrame, judged: pl.DataFrame) -> None:
    """Words from all texts; the regression from the held-out judgements, which are what a new text gets."""
    weights, others = fit_words(rows)
    words = {
        str(key[0]): dict(part.select("word", "weight").iter_rows())
        for key, part in weights.group_by("language", maintain_order=True)
    }
    logistic = fit_logistic(features(judged), judged["right"].to_numpy().astype(float))
    model = {"logistic": [round(float(w), 4) for w in logistic], "others": dict(others.iter_rows()), "words": words}
    MODEL.write_text(json.dumps(model, ensure_ascii=False, indent=0, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
