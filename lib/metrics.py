"""The scores of one classifier and of one ranking have a single home, so that every table means the same by F1."""

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

THRESHOLD = 0.5  # a text counts as positive from this probability on (the paper's rule)


def predicted_positive(probabilities: np.ndarray) -> np.ndarray:
    """Decisions (any shape, bool) of positive-class probabilities in [0, 1]."""
    return np.asarray(probabilities) >= THRESHOLD


def scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Positive-class F1, precision and recall at 0.5, and average precision (threshold-free); each in [0, 1].

    labels: (texts,) of 0/1. probabilities: (texts,) of the positive class. A score whose denominator is empty
    (no positive, or none predicted) is 0. Raises ValueError where a probability is not finite.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    if not np.isfinite(probabilities).all():
        raise ValueError("a probability is not finite: the model diverged")
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, predicted_positive(probabilities), average="binary", zero_division=0.0
    )
    average_precision = average_precision_score(labels, probabilities) if labels.any() else 0.0
    named = {"f1": f1, "average_precision": average_precision, "precision": precision, "recall": recall}
    return {name: float(value) for name, value in named.items()}


def collapsed(probabilities: np.ndarray) -> bool:
    """Whether a model predicts no positive at all: it never left the majority class."""
    return not predicted_positive(probabilities).any()


def spearman(scores: np.ndarray, outcomes: np.ndarray) -> float:
    """Spearman's rank correlation (ties get mean ranks) of two (n,) arrays.

    NaN where the outcomes are all equal, for then there is nothing to rank; 0 where only the scores are all equal,
    for then they rank nothing.
    """
    ranks, truth = rankdata(scores), rankdata(outcomes)
    if np.ptp(truth) == 0:
        return float("nan")
    return float(np.corrcoef(ranks, truth)[0, 1]) if np.ptp(ranks) > 0 else 0.0


def rank_agreement(scores: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Spearman's correlation of the sources of each target with a reference's, mean over all but the draws: (draws,).

    scores: (draws, ..., sources, targets), reference: (..., sources, targets), the same tasks in the same order; a
    task is no source of itself. Where one side ranks nothing (all equal), the correlation counts as 0.
    """
    other = ~np.eye(scores.shape[-1], dtype=bool)
    unit = []
    for side in (scores, reference):
        columns = np.stack([side[..., other[:, task], task] for task in range(len(other))], axis=-2)
        ranks = rankdata(columns, axis=-1)
        ranks -= ranks.mean(axis=-1, keepdims=True)
        norm = np.linalg.norm(ranks, axis=-1, keepdims=True)
        unit.append(np.divide(ranks, norm, out=np.zeros_like(ranks), where=norm > 0))
    return (unit[0] * unit[1]).sum(axis=-1).reshape(len(scores), -1).mean(axis=1)
