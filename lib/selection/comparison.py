"""How good selectors are at choosing sources, in the field's metrics, side by side."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from lib.errors import InputError
from lib.selection.contenders import BOUNDS, Scored
from lib.stats.bootstrap import interval, resampled_means, target_weights
from lib.stats.ranks import log_choose, spearman, winning_probability
from lib.stats.significance import discoveries, sign_flip_p, two_sided
from lib.study.sections import Ranking
from lib.transfer.pairs import best_settings

TIE_DRAWS = 200
CHANCE_ORDERS = 10_000  # drawn for the test against random order, which has to tell small p-values apart
REGRETS = (1, 3, 5)
PLANTED = "spearman_with_planted"


def compare(
    scored: Sequence[Scored],
    configurations: pd.DataFrame,
    config: Ranking,
    planted: pd.DataFrame | None = None,
    reference: str = "static_mean",
) -> pd.DataFrame:
    """Table "selector_metrics": every metric of every selector, mean over targets, with 95 % bootstrap intervals.

    random: the expectation of random order; over_random_p: how often random orders of these targets' sources do as well
    or as badly (two-sided, exact but for the number of draws). over_{reference}_p: paired randomisation test, over
    targets, of the difference from the selector called ``reference``; NaN for itself. Targets in which a metric is
    undefined are left out. configurations: from ``pair_configurations``; planted: as in ``selector_metrics``.
    """
    tables = {each.name: selector_metrics(each.scores, configurations, config.seed, planted) for each in scored}
    keys = ["target", "metric"]
    values = {name: table.set_index(keys)["value"].unstack("metric") for name, table in tables.items()}
    expected = next(iter(tables.values())).groupby("metric")["random"].mean()
    chance, rng = random_means(configurations, CHANCE_ORDERS, config.seed, planted), np.random.default_rng(config.seed)
    weights = target_weights(configurations["target"].nunique(), config.bootstrap, rng)
    signs = rng.choice([-1.0, 1.0], size=weights.shape)
    rows = []
    for name, found in values.items():
        for metric, column in found.items():
            mean, differences = column.mean(), column - values[reference][metric]
            low, high = interval(resampled_means(weights, column))
            p = float(two_sided(mean, chance[metric])), sign_flip_p(signs, differences) if name != reference else np.nan
            rows.append((name, metric, mean, low, high, expected[metric], *p))
    names = ["selector", "metric", "value", "low", "high", "random", "over_random_p", f"over_{reference}_p"]
    return pd.DataFrame(rows, columns=names)


def advice(scored: Sequence[Scored], metrics: pd.DataFrame, caveats: pd.Series) -> pd.DataFrame:
    """Who ranks sources best among those that cost alike: kind, selector, of (how many), value, low, high, seconds, and
    whether it differs from random order, false discoveries among all selectors controlled.

    metrics: from ``compare``. caveats: by selector; those with one, and those that learn from pairs, are no candidates.
    """
    ranks = metrics[metrics["metric"] == "spearman"].set_index("selector")
    real = differs_from_random(ranks)
    kinds: dict[str, list[Scored]] = {}
    for each in scored:
        if not each.training_pairs and not caveats.get(each.name):
            kind = "Nothing to compute" if each.own_seconds == 0 else "Single-task models only"
            kinds.setdefault("A part of every pair's training" if each.short_training else kind, []).append(each)
    rows = []
    for kind, members in kinds.items():
        best = max(members, key=lambda each: ranks.loc[each.name, "value"])
        found = ranks.loc[best.name, ["value", "low", "high"]]
        rows.append((kind, best.name, len(members), *found, best.own_seconds, bool(real[best.name])))
    return pd.DataFrame(rows, columns=["kind", "selector", "of", "value", "low", "high", "seconds", "differs"])


def random_means(
    configurations: pd.DataFrame, draws: int, seed: int, planted: pd.DataFrame | None = None
) -> dict[str, np.ndarray]:
    """Each metric's mean over targets where every target's sources are ordered at random: metric -> (draws,)."""
    rng, found = np.random.default_rng(seed), []
    for target, group in best_settings(configurations).groupby("target"):
        orders = rng.random((draws, len(group))).argsort(axis=1)
        found.append(_metrics(group["test_f1"].to_numpy(), orders))
        if planted is not None:
            found[-1][PLANTED] = _metrics(planted.loc[group["source"], target].to_numpy(), orders)["spearman"]
    known = {metric: np.stack([each[metric] for each in found]) for metric in found[0]}
    return {metric: values[~np.isnan(values).any(axis=1)].mean(axis=0) for metric, values in known.items()}


def selector_metrics(
    scores: pd.DataFrame, configurations: pd.DataFrame, seed: int = 0, planted: pd.DataFrame | None = None
) -> pd.DataFrame:
    """How well scores rank each target's sources by test F1: target, metric, value, and random order's expectation.

    scores: source, target, setting, score; configurations: from ``transfer.pair_configurations``. A source counts
    with its largest score and the test F1 of its validation-best setting. Metrics: regret_at_{1,3,5} = (best - best
    of the top k) / best; rank_of_best (1 is right); reciprocal_rank of the best; ndcg_linear, NDCG with gain = test
    F1 and discount 1 / log2(1 + rank); spearman; and spearman_with_planted, where the true relatedness is known:
    planted, (sources x targets). NaN where undefined (best F1 is 0; all F1 equal). Tied scores are ordered at random:
    the mean over seeded draws.
    """
    best = best_settings(configurations)[["source", "target", "test_f1"]]
    largest = scores.groupby(["source", "target"], as_index=False)["score"].max()
    rows = best.merge(largest, on=["source", "target"], how="left", validate="one_to_one")
    if rows["score"].isna().any():
        hole = rows[rows["score"].isna()].iloc[0]
        raise InputError(f"a selector has no score for {hole['source']} -> {hole['target']}")
    table = []
    for target, group in rows.groupby("target"):
        f1, score = group["test_f1"].to_numpy(), group["score"].to_numpy()
        found = {name: values.mean() for name, values in _metrics(f1, _orders(score, seed)).items()}
        found["spearman"] = spearman(score, f1)  # of tied scores by their mean ranks
        table += [(target, metric, found[metric], value) for metric, value in _random_metrics(f1).items()]
        if planted is not None:
            table.append((target, PLANTED, spearman(score, planted.loc[group["source"], target].to_numpy()), 0.0))
    return pd.DataFrame(table, columns=["target", "metric", "value", "random"])


def _orders(score: np.ndarray, seed: int) -> np.ndarray:
    """Places of sources, the largest score first: (draws, sources), one draw where no scores are tied."""
    draws = 1 if len(np.unique(score)) == len(score) else TIE_DRAWS
    tiebreak = np.random.default_rng(seed).random((draws, len(score)))
    return np.lexsort((tiebreak, np.broadcast_to(-score, tiebreak.shape)), axis=1)


def _metrics(f1: np.ndarray, orders: np.ndarray) -> dict[str, np.ndarray]:
    """The metrics of orders (draws, sources), the first choice first: metric -> (draws,)."""
    ranked = f1[orders]
    first = (ranked == f1.max()).argmax(axis=1) + 1
    regret = {f"regret_at_{k}": _relative(f1.max() - ranked[:, :k].max(axis=1), f1.max()) for k in REGRETS}
    discount, ranks = _discount(len(f1)), rankdata(f1) - (len(f1) + 1) / 2
    places = -np.arange(len(f1)) + (len(f1) - 1) / 2
    norm = np.linalg.norm(ranks) * np.linalg.norm(places)
    return regret | {
        "rank_of_best": first.astype(float),
        "reciprocal_rank": 1 / first,
        "ndcg_linear": _relative(ranked @ discount, np.sort(f1)[::-1] @ discount),
        "spearman": _relative(ranks[orders] @ places, norm),
    }


def _random_metrics(f1: np.ndarray) -> dict[str, float]:
    """The exact expectation of the same metrics over all orders."""
    n, ties = len(f1), int((f1 == f1.max()).sum())
    ordered, discount = np.sort(f1)[::-1], _discount(n)
    wins = winning_probability(n, n)  # of the r-th best to be the best of k drawn
    regret = {f"regret_at_{k}": _relative(f1.max() - ordered @ wins[:, min(k, n)], f1.max()) for k in REGRETS}
    # the first of `ties` equal best stands at rank r: it is drawn r-th, the others later
    ranks = np.arange(1, n - ties + 2)
    chance = np.exp(log_choose(n - ranks, ties - 1) - log_choose(n, ties))
    return regret | {
        "rank_of_best": float(ranks @ chance),
        "reciprocal_rank": float((1 / ranks) @ chance),
        "ndcg_linear": _relative(f1.mean() * discount.sum(), ordered @ discount),
        "spearman": 0.0 if np.ptp(f1) > 0 else float("nan"),
    }


def _discount(n: int) -> np.ndarray:
    return 1 / np.log2(np.arange(2, n + 2))


def _relative(part: np.ndarray | float, whole: float) -> np.ndarray | float:
    return part / whole if whole > 0 else part * float("nan")


def differs_from_random(rows: pd.DataFrame) -> pd.Series:
    """Whether selectors differ from random order, false discoveries among all of them controlled; bounds are no
    selectors, and NaN does not differ. rows: "over_random_p" of one metric, by selector."""
    tested = rows["over_random_p"].drop(index=list(BOUNDS), errors="ignore").fillna(1.0)
    return pd.Series(discoveries(tested.to_numpy()), tested.index).reindex(rows.index, fill_value=False)
