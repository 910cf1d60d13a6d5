"""Every interval of the study is a percentile bootstrap; the resampling lives here, seeded and vectorised."""

import numpy as np
import pandas as pd

TAILS = (0.025, 0.975)  # of a 95 % interval


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


def resampled_means(weights: np.ndarray, values: pd.Series) -> np.ndarray:
    """Means over the targets that are defined, in every draw: (draws,); NaN in a draw without any."""
    known = values.notna().to_numpy()
    total = weights[:, known].sum(axis=1)
    sums = weights[:, known] @ values.to_numpy()[known]
    return np.divide(sums, total, out=np.full(len(weights), np.nan), where=total > 0)


def mean_over_targets(weights: np.ndarray, values: pd.Series) -> dict[str, float]:
    """The mean over targets and its 95 % interval: value, low, high. Arguments as for ``resampled_means``."""
    low, high = interval(resampled_means(weights, values))
    return {"value": values.mean(), "low": low, "high": high}
