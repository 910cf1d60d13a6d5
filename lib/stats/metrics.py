"""The scores of one classifier: every table means the same by F1."""

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, precision_recall_fscore_support

THRESHOLD = 0.5  # a text counts as positive from this probability on (the paper's rule)


def predicted_positive(probabilities: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """Which positive-class probabilities, of any shape, count as a prediction of the positive class."""
    return np.asarray(probabilities) >= threshold


def scores(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None) -> dict[str, float]:
    """Positive-class F1, precision and recall at 0.5, and average precision (threshold-free); each in [0, 1].

    labels: (texts,) of 0/1. probabilities: (texts,) of the positive class. weights: (texts,) how many texts each stands for;
    None: all alike. A score without a denominator (no positive, or none predicted) is 0; without texts all scores are NaN.
    Raises ValueError for a probability that is not finite.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    if not len(labels):
        return dict.fromkeys(("f1", "average_precision", "precision", "recall"), float("nan"))
    if not np.isfinite(probabilities).all():
        raise ValueError("a probability is not finite: the model diverged")
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, predicted_positive(probabilities), average="binary", zero_division=0.0, sample_weight=weights
    )
    average_precision = average_precision_score(labels, probabilities, sample_weight=weights) if labels.any() else 0.0
    values = {"f1": f1, "average_precision": average_precision, "precision": precision, "recall": recall}
    return {name: float(value) for name, value in values.items()}


def best_threshold(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The threshold with the largest F1, halfway between two probabilities; the highest of equally good ones.

    Arguments as for ``scores``. 0.5 where no text is positive.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=float)
    if not labels.any():
        return THRESHOLD
    weights = np.ones(len(labels)) if weights is None else weights
    order = np.argsort(-probabilities, kind="stable")
    falling = probabilities[order]
    hits, predicted = np.cumsum((weights * labels)[order]), np.cumsum(weights[order])
    f1 = 2 * hits / (predicted + hits[-1])
    below = np.append(falling[1:], 0.0)
    last = np.append(falling[:-1] > falling[1:], True)  # of equal probabilities, which are predicted alike
    best = np.where(last, f1, -1.0).argmax()
    return float((falling[best] + below[best]) / 2)


def f1_at(threshold: float, labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Positive-class F1 at a threshold, NaN without texts. The other arguments are those of ``scores``."""
    if not len(labels):
        return float("nan")
    predicted = predicted_positive(probabilities, threshold)
    return float(f1_score(labels, predicted, zero_division=0.0, sample_weight=weights))


def collapsed(probabilities: np.ndarray) -> bool:
    """Whether a model predicts no positive: it never left the majority class."""
    return not predicted_positive(probabilities).any()
