"""Seeded, vectorised resampling: every interval of a study is a percentile bootstrap."""

import numpy as np
import pandas as pd

from lib.stats.metrics import predicted_positive

TAILS = (0.025, 0.975)  # of a 95 % interval


def draw_counts(n: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of n items is drawn with replacement: (draws, n) float32, every row sums to n."""
    picks = rng.integers(0, n, size=(draws, n)) + n * np.arange(draws)[:, None]
    return np.bincount(picks.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float32)


def weighted_counts(n: int, weights: np.ndarray | None, draws: int, rng: np.random.Generator) -> np.ndarray:
    """How much each of n texts counts, as it is and in every resample: (1 + draws, n) float32. weights: None: all alike."""
    weights = np.ones(n) if weights is None else weights
    return np.vstack([np.ones((1, n)), draw_counts(n, draws, rng)]).astype(np.float32) * weights.astype(np.float32)


def nested_weights(targets: int, seeds: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Weights of a nested bootstrap: targets are drawn with replacement, and then seeds within every drawn target.

    Args:
        targets: number of targets.
        seeds: number of seeds of a target.
        draws: number of resamples.
        rng: source of randomness.

    Returns:
        (draws, targets, seeds) float64. The weights of a draw sum to 1, so that a weighted sum is the resampled mean.
    """
    times = rng.multinomial(targets, np.full(targets, 1 / targets), size=draws)
    return rng.multinomial(times * seeds, np.full(seeds, 1 / seeds)) / (targets * seeds)


def target_weights(targets: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Weights of a bootstrap over targets: (draws, targets) float64; the weights of a draw sum to 1."""
    return nested_weights(targets, 1, draws, rng)[:, :, 0]


def f1_draws(counts: np.ndarray, labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Positive-class F1 = 2 TP / (2 TP + FP + FN) of m models on every resample of the texts: (draws, m).

    counts: (draws, texts) from ``draw_counts``. labels: (texts,) of 0/1. predicted: (texts, m) bool.
    """
    labels, predicted = labels.astype(np.float32), predicted.astype(np.float32)
    hits = counts @ (predicted * labels[:, None])
    sizes = counts @ predicted + (counts @ labels)[:, None]  # 2 TP + FP + FN
    return np.divide(2 * hits, sizes, out=np.zeros(hits.shape), where=sizes > 0)


def score_draws(
    counts: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, threshold: float
) -> dict[str, np.ndarray]:
    """Scores of one model on every resample of the texts; a score without a denominator is 0, as in ``metrics.scores``.

    Args:
        counts: (draws, texts), how often a text counts: from ``draw_counts``, times the texts' weights.
        labels: (texts,) of 0/1.
        probabilities: (texts,) of the positive class.
        threshold: from which probability on a text is predicted positive; average precision needs none.

    Returns:
        "average_precision", "f1", "precision", "recall": (draws,) each.
    """
    order = np.argsort(-probabilities, kind="stable")
    falling, counts = probabilities[order], counts[:, order].astype(float)
    hits, seen = np.cumsum(counts * labels[order], axis=1), np.cumsum(counts, axis=1)
    positives = hits[:, -1]
    last = np.append(falling[:-1] > falling[1:], True)  # of equal probabilities, which are predicted alike
    steps = np.diff(hits[:, last], prepend=0.0, axis=1)
    predicted = int(predicted_positive(probabilities, threshold).sum())
    right, asked = (hits[:, predicted - 1], seen[:, predicted - 1]) if predicted else (0 * positives, 0 * positives)
    return {
        "average_precision": _ratio((steps * _ratio(hits[:, last], seen[:, last])).sum(axis=1), positives),
        "f1": _ratio(2 * right, asked + positives),
        "precision": _ratio(right, asked),
        "recall": _ratio(right, positives),
    }


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def interval(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % percentile interval along the first axis (draws, ...), of draws that are defined (not NaN).

    The ends are observed draws, not interpolated, so that a draw of infinity ("never") stays infinity. They are NaN
    where no draw is defined.
    """
    draws = np.asarray(draws, dtype=float)
    if np.isnan(draws).all():
        undefined = np.full(draws.shape[1:], np.nan)[()]  # a scalar where every draw is a scalar
        return undefined, undefined
    quantile = np.nanquantile if np.isnan(draws).any() else np.quantile  # nanquantile is far slower
    low, high = quantile(draws, TAILS, axis=0, method="inverted_cdf")
    return low, high


def resampled_means(weights: np.ndarray, values: pd.Series) -> np.ndarray:
    """The mean of the defined values in every draw: (draws,). weights: (draws, targets). NaN in a draw without any."""
    defined = values.notna().to_numpy()
    total = weights[:, defined].sum(axis=1)
    sums = weights[:, defined] @ values.to_numpy()[defined]
    return np.divide(sums, total, out=np.full(len(weights), np.nan), where=total > 0)


def mean_over_targets(weights: np.ndarray, values: pd.Series) -> dict[str, float]:
    """The mean over targets and its 95 % interval: value, low, high. Arguments as for ``resampled_means``."""
    low, high = interval(resampled_means(weights, values))
    return {"value": values.mean(), "low": low, "high": high}


def mean_of_independent(values: pd.DataFrame, low: pd.DataFrame, high: pd.DataFrame) -> pd.DataFrame:
    """The mean of independent estimates with its 95 % interval, from theirs (MOVER: Zou & Donner 2008).

    values, low, high: (quantities, estimates). Returns value, low and high by quantity: the mean minus or plus the root of
    the summed squares of the estimates' distances to their ends, divided by their number.
    """
    below, above = (np.sqrt(((values - end) ** 2).sum(axis=1)) / values.shape[1] for end in (low, high))
    mean = values.mean(axis=1)
    return pd.DataFrame({"value": mean, "low": mean - below, "high": mean + above})
