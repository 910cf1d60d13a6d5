"""Which terms of a text a model relies on, and how many of them two models share: ANSAT and its siblings.

A *term* is a word of a text: the conductances of its wordpieces, summed; special tokens are dropped. All texts' terms
stand one after another; text t owns rows offsets[t] to offsets[t + 1].
"""

import html
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

POSITIVE_COLOUR, NEGATIVE_COLOUR = (0, 114, 178), (213, 94, 0)  # blue and vermilion: told apart by colour-blind eyes


def term_conductances(values: np.ndarray, offsets: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum the wordpieces of every word.

    values: (positions, layers) conductances. offsets: (texts + 1,) into them. words: (positions,) number of the word
    in its text, -1 for special tokens. Returns (terms, layers) and the offsets (texts + 1,) of the texts' terms.
    """
    text = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    kept = words >= 0
    key = np.stack([text[kept], words[kept]])
    first = np.flatnonzero(np.any(np.diff(key, axis=1, prepend=-1) != 0, axis=0))
    terms = np.add.reduceat(values[kept], first, axis=0) if len(first) else values[:0]
    counts = np.bincount(key[0, first], minlength=len(offsets) - 1)
    return terms, np.concatenate([[0], np.cumsum(counts)])


def cls_share(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """[CLS]'s share of all absolute conductance, per layer, the mean over texts: (layers,)."""
    total = np.add.reduceat(np.abs(values), offsets[:-1], axis=0)
    first = np.abs(values[offsets[:-1]])
    return np.divide(first, total, out=np.zeros_like(total), where=total > 0).mean(axis=0)


def activity(terms: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """|conductance| over the largest of its text, per layer, in [0, 1]; 0 where a text has none. Shape of ``terms``."""
    magnitude = np.abs(terms)
    largest = _per_text(np.maximum, magnitude, offsets)
    scale = np.repeat(largest, np.diff(offsets), axis=0)
    return np.divide(magnitude, scale, out=np.zeros_like(magnitude), where=scale > 0)


def active_terms(active: np.ndarray, threshold: float) -> np.ndarray:
    """Terms active at a threshold (TAT): activity not below it."""
    return active >= threshold


def _per_text(reduce: np.ufunc, rows: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Reduce the rows of every text: (texts, ...); 0 for a text without terms."""
    result = np.zeros((len(offsets) - 1, *rows.shape[1:]), dtype=rows.dtype)
    filled = np.flatnonzero(np.diff(offsets) > 0)
    if len(filled):
        result[filled] = reduce.reduceat(rows, offsets[filled], axis=0)
    return result


def shared_active_terms(first: np.ndarray, second: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per text, the number of terms active in both models, and their Jaccard index (0 where neither has any).

    first, second: (terms, layers) bool. Returns two (texts, layers) arrays.
    """
    shared = _per_text(np.add, (first & second).astype(np.float64), offsets)
    either = _per_text(np.add, (first | second).astype(np.float64), offsets)
    return shared, np.divide(shared, either, out=np.zeros_like(shared), where=either > 0)


def ansat_table(
    sources: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    offsets: np.ndarray,
    thresholds: Sequence[float],
    positives: Mapping[str, np.ndarray],
    seed: int,
) -> pd.DataFrame:
    """Table "ansat": ANSAT (Pugantsov & McCreadie 2022) and mean Jaccard index of every ordered pair of tasks.

    ANSAT(A, B; tau) = mean over texts of |active_tau(A) intersect active_tau(B)|, on all probe texts and on the
    target's positives. sources, targets: task -> (terms, layers + 1) conductances; the last layer, where only [CLS]
    is not 0, is left out. positives: target -> (texts,) bool.
    """
    levels = {
        name: {task: activity(terms, offsets) for task, terms in side.items()}
        for name, side in _sides(sources, targets)
    }
    rows = []
    for threshold in thresholds:
        on = {name: {task: active_terms(a, threshold) for task, a in side.items()} for name, side in levels.items()}
        for source, target in _pairs(sources, targets):
            found = shared_active_terms(on["source"][source], on["target"][target], offsets)
            for probe, chosen in _probes(positives[target]):
                for layer, (ansat, jaccard) in enumerate(
                    zip(*(value[chosen].mean(axis=0) for value in found), strict=True)
                ):
                    rows.append((source, target, seed, layer, threshold, probe, float(ansat), float(jaccard)))
    return pd.DataFrame(rows, columns=["source", "target", "seed", "layer", "threshold", "probe", "ansat", "jaccard"])


def sibling_table(
    sources: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    offsets: np.ndarray,
    positives: Mapping[str, np.ndarray],
    seed: int,
) -> pd.DataFrame:
    """Table "siblings": cosine and Spearman correlation of the signed term conductances, the mean over texts.

    Arguments as for ``ansat_table``. A text with fewer than two terms, or without any variation, counts as 0.
    """
    ranked = {
        name: {task: _ranks(terms, offsets) for task, terms in side.items()} for name, side in _sides(sources, targets)
    }
    signed = dict(_sides(sources, targets))
    rows = []
    for source, target in _pairs(sources, targets):
        cosine = _cosine(signed["source"][source], signed["target"][target], offsets)
        spearman = _cosine(ranked["source"][source], ranked["target"][target], offsets)
        for probe, chosen in _probes(positives[target]):
            for layer, pair in enumerate(zip(cosine[chosen].mean(axis=0), spearman[chosen].mean(axis=0), strict=True)):
                rows.append((source, target, seed, layer, probe, *map(float, pair)))
    return pd.DataFrame(rows, columns=["source", "target", "seed", "layer", "probe", "cosine", "spearman"])


def _sides(sources: Mapping, targets: Mapping) -> list[tuple[str, dict[str, np.ndarray]]]:
    """Both sides without the last layer, in double precision."""
    return [
        (name, {task: terms[:, :-1].astype(np.float64) for task, terms in side.items()})
        for name, side in (("source", sources), ("target", targets))
    ]


def _pairs(sources: Mapping, targets: Mapping) -> list[tuple[str, str]]:
    return [(source, target) for target in targets for source in sources if source != target]


def _probes(positive: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The probe sets: all texts, and the target's positives where there are any."""
    sets = [("all", np.ones(len(positive), dtype=bool)), ("positives", positive.astype(bool))]
    return [(name, chosen) for name, chosen in sets if chosen.any()]


def _cosine(first: np.ndarray, second: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Cosine of two models' values, per text and layer: (texts, layers); 0 where a norm is 0."""
    product, one, two = (
        _per_text(np.add, x * y, offsets) for x, y in ((first, second), (first, first), (second, second))
    )
    norm = np.sqrt(one * two)
    return np.divide(product, norm, out=np.zeros_like(product), where=norm > 0)


def _ranks(terms: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Ranks within each text and layer, less their mean: the cosine of these is Spearman's correlation."""
    ranks = np.zeros_like(terms)
    for first, last in zip(offsets[:-1], offsets[1:], strict=True):
        if last > first:
            ranks[first:last] = rankdata(terms[first:last], axis=0) - (last - first + 1) / 2
    return ranks


def shaded_table(words: Sequence[str], values: np.ndarray) -> str:
    """An HTML table of one text, a row per layer: words shaded by their share of the layer's largest |value|.

    words: (terms,). values: (terms, layers). Blue speaks for the positive class, orange against it. Words are escaped
    and isolated, so that markup and writing direction in a text do nothing.
    """
    rows = []
    for layer, column in enumerate(values.T):
        scale = np.abs(column).max() or 1.0
        cells = " ".join(_shaded(word, value / scale, value) for word, value in zip(words, column, strict=True))
        rows.append(f"<tr><th style='white-space:nowrap'>layer {layer}</th><td style='text-align:left'>{cells}</td></tr>")
    return f"<table style='line-height:1.7'>{''.join(rows)}</table>"


def _shaded(word: str, share: float, value: float) -> str:
    """share: of the layer's largest, in [-1, 1]; value: shown when pointed at."""
    red, green, blue = POSITIVE_COLOUR if share >= 0 else NEGATIVE_COLOUR
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in word)
    ink = "white" if abs(share) > 0.6 else "black"
    style = f"background:rgba({red},{green},{blue},{abs(share):.2f});color:{ink};padding:1px 2px;border-radius:3px"
    return f"<bdi style='{style}' title='{value:+.3f}'>{html.escape(shown)}</bdi>"
