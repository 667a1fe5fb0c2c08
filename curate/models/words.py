"""A line's words as evidence: the sum of hashed word weights, a logistic regression of its own.

The line network sees this as one number. Its weights are fitted apart, and the network learns from scores of pages
whose site the fit has not seen (stacking, Wolpert 1992), or it would trust words it has learned by heart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from curate.models.lines import BUCKETS, Floats, Ints, Lines

if TYPE_CHECKING:
    import scipy.sparse

PENALTY = 1e-5
"""Ridge penalty, per line of mean weight 1."""
LIMIT = 8.0


def score(lines: Lines, weights: Floats, bias: float) -> Floats:
    """Log-odds of each line to be kept, by its words alone, at most 8 either way."""
    size = np.maximum(np.bincount(lines.word_line, minlength=len(lines)), 1)
    total = np.bincount(lines.word_line, weights=weights[lines.word_bucket], minlength=len(lines))
    return np.clip(total / np.sqrt(size) + bias, -LIMIT, LIMIT).astype(np.float32)


def matrix(line: Ints, bucket: Ints, lines: int) -> scipy.sparse.csr_matrix:
    """[lines, buckets], each word of a line one over the root of their number."""
    import scipy.sparse  # for training alone: importing it takes as long as all the rest

    size = np.maximum(np.bincount(line, minlength=lines), 1)
    values = (1 / np.sqrt(size))[line].astype(np.float32)
    return scipy.sparse.csr_matrix((values, (line, bucket)), shape=(lines, BUCKETS), dtype=np.float32)


def fit(words: scipy.sparse.csr_matrix, labels: Floats, weights: Floats, iterations: int = 60) -> tuple[Floats, float]:
    """Weights of the buckets and the bias, by ridge logistic regression (L-BFGS)."""
    import scipy.optimize

    total = float(weights.sum()) or 1.0  # of no lines nothing is learnt, and all stays 0
    turned = words.T.tocsr()

    def loss(at: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        odds = words @ at[:-1].astype(np.float32) + at[-1]
        entropy = np.logaddexp(0, odds) - labels * odds
        error = weights * (1 / (1 + np.exp(-odds)) - labels) / total
        slope = np.append(turned @ error.astype(np.float32), error.sum()) + PENALTY * np.append(at[:-1], 0)
        return float(entropy @ weights / total + PENALTY / 2 * (at[:-1] @ at[:-1])), slope

    start = np.zeros(words.shape[1] + 1)
    found = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": iterations})
    return found.x[:-1].astype(np.float32), float(found.x[-1])
