"""P-values of differences, and the control of false discoveries among many of them."""

import math

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

ROUNDING = 1e-12  # draws that differ from a value by less count as equal to it
FALSE_DISCOVERIES = 0.05  # the controlled rate among differences that are tested together
FEWEST = 1 - math.floor(
    math.log2(0.05)
)  # texts on which two models must differ, all one way, for a sign test of 5 %: 6


def two_sided(value: float, draws: np.ndarray) -> np.ndarray:
    """Two-sided p-value of a value under draws (draws, ...) -> (...); at least 2 / (draws + 1), NaN for a value of NaN.

    draws: from the null distribution of the value; or, with value 0, bootstrap draws of the difference that is tested.
    """
    tail = np.minimum((draws >= value - ROUNDING).sum(axis=0), (draws <= value + ROUNDING).sum(axis=0))
    return np.where(np.isnan(value), np.nan, np.minimum(1.0, 2 * (1 + tail) / (len(draws) + 1)))


def discoveries(p: np.ndarray) -> np.ndarray:
    """Which of m differences are significant (Benjamini and Hochberg 1995, at FALSE_DISCOVERIES): (m,) bool. p: (m,)."""
    return false_discovery_control(p) <= FALSE_DISCOVERIES


def smallest_difference(positives: int) -> float:
    """The smallest difference in recall that so many positives can show, a share of them; NaN where none can be shown.

    Two models must differ on FEWEST positives, one right on all of them, before a two-sided sign test is below 5 %.
    """
    return FEWEST / positives if positives >= FEWEST else float("nan")


def sign_flip_p(signs: np.ndarray, differences: pd.Series) -> float:
    """P-value of a mean difference over targets, by a paired randomisation test; NaN where no difference is defined.

    signs: (draws, targets) of -1 or 1, the random signs of the differences.
    """
    defined = differences.notna().to_numpy()
    if not defined.any():
        return float("nan")
    values = differences.to_numpy()[defined]
    return float(two_sided(values.mean(), (signs[:, defined] * values).mean(axis=1)))
