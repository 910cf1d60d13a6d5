"""Whether a difference is more than noise: p-values, and false discoveries where many are judged together."""

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

ROUNDING = 1e-12  # draws that differ from a value by less are equal to it
FALSE_DISCOVERIES = 0.05  # rate that is controlled where many differences are judged together


def two_sided(value: float, draws: np.ndarray) -> np.ndarray:
    """Two-sided p-value of a value under draws (draws, ...) -> (...), at least 2 / (draws + 1); NaN of NaN.

    The draws are of its null distribution; or, with value 0, bootstrap draws of differences that may be 0.
    """
    tail = np.minimum((draws >= value - ROUNDING).sum(axis=0), (draws <= value + ROUNDING).sum(axis=0))
    return np.where(np.isnan(value), np.nan, np.minimum(1.0, 2 * (1 + tail) / (len(draws) + 1)))


def discoveries(p: np.ndarray) -> np.ndarray:
    """Which of a family of differences are real at FALSE_DISCOVERIES (Benjamini and Hochberg 1995): (m,) bool."""
    return false_discovery_control(p) <= FALSE_DISCOVERIES


def randomised(signs: np.ndarray, differences: pd.Series) -> float:
    """p-value of a mean difference over targets where each target's sign could as well be the other."""
    known = differences.notna().to_numpy()
    values = differences.to_numpy()[known]
    return float(two_sided(values.mean(), (signs[:, known] * values).mean(axis=1))) if known.any() else float("nan")
