"""How many directions features vary in: a representation that has collapsed varies in one."""

import numpy as np

ROUNDING = float(np.finfo(np.float32).eps)  # variation below this share of the features themselves is no variation


def effective_rank(features: np.ndarray) -> float:
    """exp of the entropy of the normalised squared singular values of the centred features (Roy & Vetterli 2007).

    features: (texts, d). n directions of equal variance give n. The least is 1, also for features that do not vary.
    """
    shares = _variance_shares(features)
    return float(np.exp(-(shares * np.log(shares)).sum()))


def first_share(features: np.ndarray) -> float:
    """The share of the variance in the direction that has most of it; 1 for features that do not vary.

    features: (texts, d).
    """
    shares = _variance_shares(features)
    return float(shares[0]) if len(shares) else 1.0


def _variance_shares(features: np.ndarray) -> np.ndarray:
    """The share of the variance in every direction that has any, largest first; none where nothing varies."""
    features = np.asarray(features, dtype=np.float64)
    centred = features - features.mean(axis=0)
    if np.linalg.norm(centred) <= ROUNDING * np.linalg.norm(features):
        return np.empty(0)
    variances = np.linalg.svd(centred, compute_uv=False) ** 2
    return variances[variances > 0] / variances.sum()
