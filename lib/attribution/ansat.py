"""Turns term conductances into active terms and compares what two models look at, so that a pair is judged untrained.

ANSAT, the average number of shared active terms, is the paper's measure (Pugantsov & McCreadie 2022;
the preprint, arXiv 2202.01096, names the first author Hepburn): terms active at a threshold are those whose activity is
not below it, and ANSAT is the number of terms active in both models, mean over the probe texts.
Its signed lose less: Jaccard's share of the active terms, cosine and rank correlation of the signed conductances.
Arrays are ragged: values of all texts on one axis, text t between offsets[t] and offsets[t + 1].
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from lib.attribution.terms import reduce_segments
from lib.stats.ranks import spearman

PROBES = ("all", "positives")


def activity(term_values: np.ndarray, term_offsets: np.ndarray) -> np.ndarray:
    """|c_t| over the largest |c| of its text, per layer: (terms, layers) in [0, 1]; 0 where the whole text is 0."""
    size = np.abs(term_values)
    largest = np.repeat(reduce_segments(np.maximum, size, term_offsets), np.diff(term_offsets), axis=0)
    return np.divide(size, largest, out=np.zeros_like(size), where=largest > 0)


def ansat_table(
    sources: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    term_offsets: np.ndarray,
    thresholds: Sequence[float],
    positives: np.ndarray,
    seed: int,
) -> pd.DataFrame:
    """ANSAT and Jaccard's index of all ordered pairs of different tasks.

    Jaccard's index is the number of terms active in both models over the number active in either, averaged over the
    texts; it is 0 where neither has an active term.

    Args:
        sources, targets: task -> term values (terms, layers) of its single-task model.
        term_offsets: (texts + 1,) where each text's terms begin.
        thresholds: activity from which a term counts as active.
        positives: (texts, targets) bool, the probe texts that are positive for each target, in the order of ``targets``.
        seed: of the models.

    Returns:
        The table "ansat". A target without a positive probe text has no rows of probe "positives".
    """
    parts = []
    for threshold, (both, either) in zip(thresholds, _shared(sources, targets, term_offsets, thresholds), strict=True):
        jaccard = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
        every = np.ones_like(both)
        for probe, chosen in _probes(positives).items():
            scores = {"ansat": _text_mean(both, every, chosen), "jaccard": _text_mean(jaccard, every, chosen)}
            parts.append(_pair_rows(sources, targets, scores).assign(threshold=float(threshold), probe=probe))
    columns = ["source", "target", "seed", "layer", "threshold", "probe", "ansat", "jaccard"]
    return pd.concat(parts, ignore_index=True).assign(seed=seed)[columns]


def shared_terms(
    sources: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    term_offsets: np.ndarray,
    thresholds: Sequence[float],
) -> np.ndarray:
    """Shared active terms of every probe text, averaged over the thresholds.

    Args:
        sources, targets, term_offsets, thresholds: as for ``ansat_table``.

    Returns:
        (texts, layers, sources, targets). Its mean over the texts is the mean ANSAT.
    """
    return np.mean([both for both, _ in _shared(sources, targets, term_offsets, thresholds)], axis=0)


def signed_similarity_table(
    sources: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    term_offsets: np.ndarray,
    positives: np.ndarray,
    seed: int,
) -> pd.DataFrame:
    """Cosine and Spearman's rank correlation of the signed term conductances of all pairs.

    Both are computed per text and averaged over the texts. A text counts only if it has two terms or more and neither
    model gives all of them the same value.

    Args:
        sources, targets, term_offsets, positives, seed: as for ``ansat_table``.

    Returns:
        The table "signed_similarity". A pair without a text that counts has no row.
    """
    values = [_stacked(tasks, term_offsets, _varied) for tasks in (sources, targets)]
    cosine, counted = _dot([_padded(_unit(side, term_offsets), term_offsets) for side in values])
    ranks = [_padded(_unit(_centred_ranks(side, term_offsets), term_offsets), term_offsets) for side in values]
    spearman, _ = _dot(ranks)
    parts = []
    for probe, chosen in _probes(positives).items():
        scores = {"cosine": _text_mean(cosine, counted, chosen), "spearman": _text_mean(spearman, counted, chosen)}
        parts.append(_pair_rows(sources, targets, scores).assign(probe=probe))
    columns = ["source", "target", "seed", "layer", "probe", "cosine", "spearman"]
    return pd.concat(parts, ignore_index=True).assign(seed=seed)[columns]


def _stacked(tasks: Mapping[str, np.ndarray], term_offsets: np.ndarray, prepare) -> np.ndarray:
    """Prepared term values of all tasks side by side: (terms, tasks, layers)."""
    return np.stack([prepare(values, term_offsets) for values in tasks.values()], axis=1)


def _padded(stacked: np.ndarray, term_offsets: np.ndarray) -> np.ndarray:
    """Ragged (terms, tasks, layers) as (texts, layers, tasks, longest text), so that one product serves all pairs."""
    lengths = np.diff(term_offsets)
    text = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(stacked)) - term_offsets[text]
    padded = np.zeros((len(lengths), max(lengths.max(initial=0), 1), *stacked.shape[1:]), dtype=stacked.dtype)
    padded[text, place] = stacked
    return np.ascontiguousarray(padded.transpose(0, 3, 2, 1))


def _shared(
    sources: Mapping[str, np.ndarray], targets: Mapping[str, np.ndarray], term_offsets: np.ndarray, thresholds
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """By threshold, terms active in both and in either of two models: (texts, layers, sources, targets) each."""
    sides = [_padded(_stacked(tasks, term_offsets, activity), term_offsets) for tasks in (sources, targets)]
    for threshold in thresholds:
        first, second = ((side >= threshold).astype(np.float32) for side in sides)
        both = first @ second.swapaxes(-1, -2)
        yield both, first.sum(-1)[..., :, None] + second.sum(-1)[..., None, :] - both


def _probes(positives: np.ndarray) -> dict[str, np.ndarray]:
    """Which texts each probe takes for each target: (texts, targets), 1 or 0."""
    return dict(zip(PROBES, (np.ones(positives.shape), positives.astype(np.float64)), strict=True))


def _text_mean(scores: np.ndarray, counted: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mean over the chosen texts that count: (texts, layers, sources, targets) -> (layers, ...), NaN without a text.

    A sum divided by a count, not a sum of weights, so that a mean of shares never exceeds 1 by rounding.
    """
    total, count = (np.einsum("xlst,xt->lst", part, chosen, optimize=True) for part in (scores, counted))
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _pair_rows(sources: Mapping, targets: Mapping, scores: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Scores (layers, sources, targets) as rows of ordered pairs of different tasks, less those without a score."""
    layers = len(next(iter(scores.values())))
    index = pd.MultiIndex.from_product([range(layers), sources, targets], names=["layer", "source", "target"])
    rows = pd.DataFrame({name: values.ravel() for name, values in scores.items()}, index=index).reset_index()
    return rows[rows["source"] != rows["target"]].dropna()


def _varied(values: np.ndarray, term_offsets: np.ndarray) -> np.ndarray:
    """The values, set to 0 where all terms of the text have the same value at that layer (one term included)."""
    lowest, highest = (reduce_segments(reduce, values, term_offsets) for reduce in (np.minimum, np.maximum))
    return values * np.repeat(highest > lowest, np.diff(term_offsets), axis=0)


def _unit(stacked: np.ndarray, term_offsets: np.ndarray) -> np.ndarray:
    """Each text's vector of term values scaled to length 1 (0 stays 0), for every task and layer: dots are cosines."""
    flat = stacked.reshape(len(stacked), -1).astype(np.float64)
    largest = np.repeat(reduce_segments(np.maximum, np.abs(flat), term_offsets), np.diff(term_offsets), axis=0)
    flat = np.divide(flat, largest, out=np.zeros_like(flat), where=largest > 0)  # squares of tiny values would be 0
    norm = np.sqrt(np.repeat(reduce_segments(np.add, flat**2, term_offsets), np.diff(term_offsets), axis=0))
    return np.divide(flat, norm, out=np.zeros_like(flat), where=norm > 0).reshape(stacked.shape)


def _centred_ranks(stacked: np.ndarray, term_offsets: np.ndarray) -> np.ndarray:
    """Ranks within each text, equal values sharing their mean rank, minus the text's mean rank."""
    ranks = np.zeros(stacked.shape)
    for first, last in zip(term_offsets[:-1], term_offsets[1:], strict=True):
        if last > first:
            ranks[first:last] = rankdata(stacked[first:last], axis=0) - (last - first + 1) / 2
    return ranks


def _dot(sides: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Dot products of all pairs per text and layer, and 1.0 where both sides are not all 0: (texts, layers, S, T)."""
    sources, targets = sides
    known = [side.any(axis=-1).astype(np.float64) for side in sides]
    return sources @ targets.swapaxes(-1, -2), known[0][..., :, None] * known[1][..., None, :]


def rank_correlations(ansat: pd.DataFrame, signed: pd.DataFrame, matrix: pd.DataFrame) -> pd.DataFrame:
    """Mean within-target Spearman correlation with the pairs' *test* F1, per measure and layer: description only.

    ansat, signed, matrix: the tables "ansat", "signed_similarity", "transfer_matrix". Returns measure, layer, spearman.
    """
    rows = ansat[ansat["probe"] == "all"]
    parts = [rows.assign(measure="ANSAT at " + rows["threshold"].map("{:g}".format), score=rows["ansat"])]
    signed = signed[signed["probe"] == "all"]
    parts += [rows.assign(measure="Jaccard at " + rows["threshold"].map("{:g}".format), score=rows["jaccard"])]
    titles = {"cosine": "cosine", "spearman": "rank correlation"}
    parts += [signed.assign(measure=title, score=signed[name]) for name, title in titles.items()]
    keys = ["measure", "layer", "source", "target"]
    means = pd.concat(parts).groupby(keys, as_index=False)["score"].mean()
    means = means.merge(matrix[["source", "target", "test_f1"]], on=["source", "target"], validate="many_to_one")
    correlations = [
        (measure, layer, spearman(group["score"].to_numpy(), group["test_f1"].to_numpy()))
        for (measure, layer, _), group in means.groupby(["measure", "layer", "target"])
    ]
    table = pd.DataFrame(correlations, columns=["measure", "layer", "spearman"])
    return table.groupby(["measure", "layer"], as_index=False)["spearman"].mean()


def ansat_matrix(ansat: pd.DataFrame, threshold: float, layer: int) -> pd.DataFrame:
    """ANSAT on all probe texts, mean over seeds: (sources, targets). ansat: the table of this name."""
    rows = ansat[(ansat["probe"] == "all") & np.isclose(ansat["threshold"], threshold) & (ansat["layer"] == layer)]
    return rows.pivot_table(index="source", columns="target", values="ansat", aggfunc="mean")
