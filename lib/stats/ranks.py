"""Rank correlations, and the probabilities behind the expectation of a random order."""

import numpy as np
from scipy.special import gammaln
from scipy.stats import rankdata


def spearman(scores: np.ndarray, outcomes: np.ndarray) -> float:
    """Spearman's rank correlation (ties get mean ranks) of two (n,) arrays.

    NaN where all outcomes are equal: there is nothing to rank. 0 where only the scores are all equal: they rank nothing.
    """
    ranks, truth = rankdata(scores), rankdata(outcomes)
    if np.ptp(truth) == 0:
        return float("nan")
    return float(np.corrcoef(ranks, truth)[0, 1]) if np.ptp(ranks) > 0 else 0.0


def rank_agreement(scores: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each target's sources with their order in a reference, averaged: (draws,).

    scores: (draws, ..., sources, targets); reference: (..., sources, targets). Both have the same tasks in the same
    order, and a task is no source of itself. The mean is over all axes but the draws. A correlation counts as 0 where all
    scores, or all reference scores, are equal.
    """
    is_source = ~np.eye(scores.shape[-1], dtype=bool)
    normalised = []
    for values in (scores, reference):
        columns = np.stack([values[..., is_source[:, task], task] for task in range(len(is_source))], axis=-2)
        ranks = rankdata(columns, axis=-1)
        ranks -= ranks.mean(axis=-1, keepdims=True)
        norm = np.linalg.norm(ranks, axis=-1, keepdims=True)
        normalised.append(np.divide(ranks, norm, out=np.zeros_like(ranks), where=norm > 0))
    return (normalised[0] * normalised[1]).sum(axis=-1).reshape(len(scores), -1).mean(axis=1)


def winning_probability(total: int, ranks: int) -> np.ndarray:
    """The probability that the best of n items drawn from ``total`` is the one of rank r: (ranks, total + 1).

    C(total - r, n - 1) / C(total, n), for r = 1..ranks (rows) and n = 0..total (columns).
    """
    r, n = np.arange(1, ranks + 1)[:, None], np.arange(total + 1)[None, :]
    possible = (n >= 1) & (n - 1 <= total - r)
    drawn = np.where(possible, n, 1)  # a harmless n where the probability is 0
    logarithm = log_choose(total - r, drawn - 1) - log_choose(total, drawn)
    return np.where(possible, np.exp(logarithm), 0.0)


def log_choose(n: np.ndarray | int, k: np.ndarray | int) -> np.ndarray:
    """The logarithm of the binomial coefficient C(n, k)."""
    return gammaln(np.add(n, 1)) - gammaln(np.add(k, 1)) - gammaln(np.subtract(n, k) + 1)
