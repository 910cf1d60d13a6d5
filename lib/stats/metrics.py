"""The scores of one classifier: every table means the same by F1."""

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

THRESHOLD = 0.5  # a text counts as positive from this probability on (the paper's rule)


def predicted_positive(probabilities: np.ndarray) -> np.ndarray:
    """Which positive-class probabilities, of any shape, count as a prediction of the positive class."""
    return np.asarray(probabilities) >= THRESHOLD


def scores(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None) -> dict[str, float]:
    """Positive-class F1, precision and recall at 0.5, and average precision (threshold-free); each in [0, 1].

    labels: (texts,) of 0/1. probabilities: (texts,) of the positive class. weights: (texts,) how many texts each stands for;
    None: all alike. A score without a denominator (no positive, or none predicted) is 0. Raises ValueError for a
    probability that is not finite.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    if not np.isfinite(probabilities).all():
        raise ValueError("a probability is not finite: the model diverged")
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, predicted_positive(probabilities), average="binary", zero_division=0.0, sample_weight=weights
    )
    average_precision = average_precision_score(labels, probabilities, sample_weight=weights) if labels.any() else 0.0
    values = {"f1": f1, "average_precision": average_precision, "precision": precision, "recall": recall}
    return {name: float(value) for name, value in values.items()}


def collapsed(probabilities: np.ndarray) -> bool:
    """Whether a model predicts no positive: it never left the majority class."""
    return not predicted_positive(probabilities).any()
