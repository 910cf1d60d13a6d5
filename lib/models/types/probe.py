"""Linear models on what a network's last linear map reads: how a new head can start."""

import numpy as np
from sklearn.linear_model import LogisticRegression

HALVES = (-0.5, 0.5)  # the softmax of (-z / 2, z / 2) is the logistic function of z
INVERSE_PENALTY = 0.01  # of the logistic regression, on standardised features
SMALLEST_SPREAD = 1e-3  # of a feature that counts, as a share of the largest one's


def standardised(features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features (n, d) that vary, standardised: (n, those); with the mean (d,), the spread (d,), and which vary (d,).

    Features that hardly vary get no weight: standardised, they would need weights so large that the norm of the loss's
    gradient, which is clipped, would be theirs alone.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0)
    varies = spread > SMALLEST_SPREAD * spread.max()
    return (features - mean)[:, varies] / spread[varies], mean, spread, varies


def probe(features: np.ndarray, labels: np.ndarray, positive_weight: float = 1.0) -> tuple[np.ndarray, float]:
    """Weights (d,) and bias of a logistic regression of 0/1 labels (n,) on features (n, d), standardised inside."""
    values, mean, spread, varies = standardised(features)
    classifier = LogisticRegression(
        C=INVERSE_PENALTY, class_weight={0: 1.0, 1: positive_weight}, solver="newton-cholesky"
    ).fit(values, labels)
    weights = np.zeros(len(mean))
    weights[varies] = classifier.coef_[0] / spread[varies]
    return weights, float(classifier.intercept_[0] - weights @ mean)
