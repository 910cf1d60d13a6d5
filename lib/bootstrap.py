"""Every interval of the study is a percentile bootstrap; the resampling lives here, seeded and vectorised."""

import numpy as np
from scipy.stats import false_discovery_control

TAILS = (0.025, 0.975)  # of a 95 % interval
ROUNDING = 1e-12  # draws that differ from a value by less are equal to it
FALSE_DISCOVERIES = 0.05  # rate that is controlled where many differences are judged together


def draw_counts(n: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of n items is drawn with replacement: (draws, n) float32, every row sums to n."""
    picks = rng.integers(0, n, size=(draws, n)) + n * np.arange(draws)[:, None]
    return np.bincount(picks.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float32)


def nested_weights(n: int, inner: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Weights of a nested bootstrap: targets with replacement, and anew inside every drawn target its seeds.

    Returns (draws, n, inner) float64; each draw's weights sum to 1, so that a weighted sum is the resampled mean.
    """
    times = rng.multinomial(n, np.full(n, 1 / n), size=draws)
    return rng.multinomial(times * inner, np.full(inner, 1 / inner)) / (n * inner)


def target_weights(n: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Weights of a bootstrap over n targets: (draws, n) float64; each draw's sum to 1."""
    return nested_weights(n, 1, draws, rng)[:, :, 0]


def f1_draws(counts: np.ndarray, labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Positive-class F1 = 2 TP / (2 TP + FP + FN) of m models on every resample of the texts: (draws, m).

    counts: (draws, texts) from ``draw_counts``. labels: (texts,) of 0/1. predicted: (texts, m) bool.
    """
    labels, predicted = labels.astype(np.float32), predicted.astype(np.float32)
    hits = counts @ (predicted * labels[:, None])
    sizes = counts @ predicted + (counts @ labels)[:, None]  # 2 TP + FP + FN
    return np.divide(2 * hits, sizes, out=np.zeros(hits.shape), where=sizes > 0)


def interval(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % percentile interval along the first axis (draws, ...), of draws that are defined (not NaN).

    Uses observed draws only (no interpolation), so that a draw of infinity ("never") stays one; NaN where no draw is
    defined.
    """
    draws = np.asarray(draws, dtype=float)
    if np.isnan(draws).all():
        undefined = np.full(draws.shape[1:], np.nan)[()]  # a plain number where a draw is one
        return undefined, undefined
    quantile = np.nanquantile if np.isnan(draws).any() else np.quantile  # the first is far slower
    low, high = quantile(draws, TAILS, axis=0, method="inverted_cdf")
    return low, high


def two_sided(value: float, draws: np.ndarray) -> np.ndarray:
    """Two-sided p-value of a value under draws (draws, ...) -> (...), at least 2 / (draws + 1); NaN of NaN.

    The draws are of its null distribution; or, with value 0, bootstrap draws of differences that may be 0.
    """
    tail = np.minimum((draws >= value - ROUNDING).sum(axis=0), (draws <= value + ROUNDING).sum(axis=0))
    return np.where(np.isnan(value), np.nan, np.minimum(1.0, 2 * (1 + tail) / (len(draws) + 1)))


def discoveries(p: np.ndarray) -> np.ndarray:
    """Which of a family of differences are real at FALSE_DISCOVERIES (Benjamini and Hochberg 1995): (m,) bool."""
    return false_discovery_control(p) <= FALSE_DISCOVERIES
