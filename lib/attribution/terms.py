"""From the conductances of wordpieces to those of terms."""

from collections.abc import Sequence

import numpy as np


def terms(
    values: np.ndarray, offsets: np.ndarray, word_ids: Sequence[Sequence[int | None]]
) -> tuple[np.ndarray, np.ndarray]:
    """Sum the conductances of the wordpieces of each word; special tokens are dropped.

    values: (positions, layers). word_ids: per text and position the number of its word, None for [CLS] and [SEP], as
    the tokenizer gives it. Returns term values (terms, layers) in the order of the text and term offsets (texts + 1).
    """
    if [len(ids) for ids in word_ids] != np.diff(offsets).tolist():
        raise ValueError("terms: word_ids must have one entry per position of every text")
    words = np.array([-1 if word is None else word for ids in word_ids for word in ids], dtype=np.int64)
    text = np.repeat(np.arange(len(word_ids)), np.diff(offsets))
    kept = words >= 0
    words, text = words[kept], text[kept]
    new = np.ones(len(words), dtype=bool)
    new[1:] = (words[1:] != words[:-1]) | (text[1:] != text[:-1])
    starts = np.flatnonzero(new)
    counts = np.bincount(text[starts], minlength=len(word_ids))
    return reduce_segments(np.add, values[kept], np.append(starts, len(words))), np.concatenate(
        [[0], np.cumsum(counts)]
    )


def cls_share(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Share of a text's summed |c| that lies in [CLS], mean over the texts whose sum is not 0: (layers,), else NaN."""
    total = reduce_segments(np.add, np.abs(values).astype(np.float64), offsets)
    share = np.divide(np.abs(values[offsets[:-1]]), total, out=np.zeros_like(total), where=total > 0)
    counted = (total > 0).sum(axis=0)
    return np.divide(share.sum(axis=0), counted, out=np.full(len(counted), np.nan), where=counted > 0)


def reduce_segments(reduce: np.ufunc, values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Reduce the rows of each segment: (segments, layers). An empty one gives 0, where reduceat gives its neighbour."""
    filled = np.diff(offsets) > 0
    result = np.zeros((len(filled), values.shape[1]), dtype=values.dtype)
    if filled.any():
        result[filled] = reduce.reduceat(values, offsets[:-1][filled], axis=0)
    return result
