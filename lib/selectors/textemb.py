"""TextEmb (Vu et al., EMNLP 2020, arXiv 2005.00770): how similar the two tasks' texts are to the pretrained encoder."""

import numpy as np

from lib.selectors.registry import selector

SHARED = "tasks of one corpus share their texts"


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Cosine of two vectors; 0 where one of them is all 0."""
    one, other = (np.asarray(side, dtype=np.float32) for side in (one, other))  # sums of halves overflow
    norm = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / norm) if norm > 0 else 0.0


@selector("TextEmb, all texts", caveat=SHARED)
def textemb(source_embeddings, target_embeddings):
    """Cosine of the mean text embeddings of the two training sets."""
    return cosine(source_embeddings.mean(axis=0), target_embeddings.mean(axis=0))


@selector("TextEmb, positives")
def textemb_positives(source_embeddings, source_labels, target_embeddings, labels):
    """Cosine of the mean text embeddings of the two tasks' positives."""
    positives = source_embeddings[source_labels == 1], target_embeddings[labels == 1]
    return cosine(*(embeddings.mean(axis=0) for embeddings in positives))
