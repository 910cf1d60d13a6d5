"""Overlap of the two tasks' vocabularies, a common measure of domain similarity (Ruder & Plank, EMNLP 2017)."""

import numpy as np

from lib.selectors.registry import selector
from lib.selectors.textemb import SHARED


def overlap(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    """Probability that two unigram distributions share: the sum over words of the smaller of the two frequencies."""
    words = np.concatenate(one), np.concatenate(other)
    size = max(side.max() for side in words) + 1
    frequencies = [np.bincount(side, minlength=size) / len(side) for side in words]
    return float(np.minimum(*frequencies).sum())


@selector("vocabulary overlap, all texts", caveat=SHARED)
def vocabulary(source_words, target_words):
    """Overlap of the wordpieces of the two training sets."""
    return overlap(source_words, target_words)


@selector("vocabulary overlap, positives")
def vocabulary_positives(source_words, source_labels, target_words, labels):
    """Overlap of the wordpieces of the two tasks' positives."""
    sides = (source_words, source_labels), (target_words, labels)
    return overlap(*([text for text, label in zip(*side, strict=True) if label == 1] for side in sides))
