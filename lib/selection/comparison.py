"""How well selectors rank sources, in the field's metrics."""

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
from lib.transfer.pairs import PAIR, best_settings

TIE_DRAWS = 200  # random orders of tied scores
RANDOM_ORDERS = 10_000  # drawn for the test against random order; many, so that small p-values can be told apart
REGRETS = (1, 3, 5)  # k of regret_at_k
PLANTED = "spearman_with_planted"
REFERENCE = "static_mean"  # the selector that others are tested against


def compare(
    scored: Sequence[Scored], configurations: pd.DataFrame, config: Ranking, planted: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Every metric of every selector, mean over targets, with 95 % intervals of a bootstrap over targets.

    Targets in which a metric is undefined are left out. over_random_p is the two-sided p-value under RANDOM_ORDERS random
    orders of the same sources; over_static_mean_p that of a paired randomisation test, over targets, of the difference
    from REFERENCE (NaN for REFERENCE itself).

    Args:
        scored: the selectors, REFERENCE among them.
        configurations: from ``pair_configurations``.
        config: bootstrap draws and seed.
        planted: the true relatedness of tasks, as for ``selector_metrics``.

    Returns:
        The table "selector_metrics".
    """
    tables = {
        selector.name: selector_metrics(selector.scores, configurations, config.seed, planted) for selector in scored
    }
    keys = ["target", "metric"]
    values = {name: table.set_index(keys)["value"].unstack("metric") for name, table in tables.items()}
    expected = next(iter(tables.values())).groupby("metric")["random"].mean()
    chance = random_means(configurations, RANDOM_ORDERS, config.seed, planted)
    rng = np.random.default_rng(config.seed)
    weights = target_weights(configurations["target"].nunique(), config.bootstrap, rng)
    signs = rng.choice([-1.0, 1.0], size=weights.shape)
    rows = []
    for name, metrics in values.items():
        for metric, by_target in metrics.items():
            mean, differences = by_target.mean(), by_target - values[REFERENCE][metric]
            low, high = interval(resampled_means(weights, by_target))
            over_random = float(two_sided(mean, chance[metric]))
            over_reference = sign_flip_p(signs, differences) if name != REFERENCE else np.nan
            rows.append((name, metric, mean, low, high, expected[metric], over_random, over_reference))
    names = ["selector", "metric", "value", "low", "high", "random", "over_random_p", f"over_{REFERENCE}_p"]
    return pd.DataFrame(rows, columns=names)


def advice(scored: Sequence[Scored], metrics: pd.DataFrame, caveats: pd.Series) -> pd.DataFrame:
    """The selector that ranks sources best by Spearman's correlation, among those that need the same to be computed.

    metrics: from ``compare``. caveats: by selector. Selectors with a caveat, and those that learn from pairs, do not
    compete. The columns are kind (what must be computed), selector, of (the number of competitors), value, low, high,
    seconds, and differs: whether it differs from random order, with false discoveries among all selectors controlled.
    """
    ranks = metrics[metrics["metric"] == "spearman"].set_index("selector")
    differs = differs_from_random(ranks)
    kinds: dict[str, list[Scored]] = {}
    for selector in scored:
        if not selector.training_pairs and not caveats.get(selector.name):
            kind = "Nothing to compute" if selector.own_seconds == 0 else "Single-task models only"
            kinds.setdefault("A part of every pair's training" if selector.short_training else kind, []).append(
                selector
            )
    rows = []
    for kind, selectors in kinds.items():
        best = max(selectors, key=lambda selector: ranks.loc[selector.name, "value"])
        correlation = ranks.loc[best.name, ["value", "low", "high"]]
        rows.append((kind, best.name, len(selectors), *correlation, best.own_seconds, bool(differs[best.name])))
    return pd.DataFrame(rows, columns=["kind", "selector", "of", "value", "low", "high", "seconds", "differs"])


def random_means(
    configurations: pd.DataFrame, draws: int, seed: int, planted: pd.DataFrame | None = None
) -> dict[str, np.ndarray]:
    """Each metric's mean over targets when the sources of every target are ordered at random.

    Args:
        configurations: from ``pair_configurations``.
        draws: number of random orders.
        seed: of the random orders.
        planted: the true relatedness of tasks, as for ``selector_metrics``.

    Returns:
        Metric -> (draws,).
    """
    rng, by_target = np.random.default_rng(seed), []
    for target, group in best_settings(configurations).groupby("target"):
        orders = rng.random((draws, len(group))).argsort(axis=1)
        by_target.append(_metrics(group["test_f1"].to_numpy(), orders))
        if planted is not None:
            by_target[-1][PLANTED] = _metrics(planted.loc[group["source"], target].to_numpy(), orders)["spearman"]
    stacked = {metric: np.stack([metrics[metric] for metrics in by_target]) for metric in by_target[0]}
    return {metric: values[~np.isnan(values).any(axis=1)].mean(axis=0) for metric, values in stacked.items()}


def selector_metrics(
    scores: pd.DataFrame, configurations: pd.DataFrame, seed: int = 0, planted: pd.DataFrame | None = None
) -> pd.DataFrame:
    """How well scores rank each target's sources by test F1.

    A source counts with its largest score and the test F1 of its validation-best setting. The metrics are
    regret_at_{1,3,5} = (best - best of the top k) / best; rank_of_best (1 is right); reciprocal_rank of the best;
    ndcg_linear, NDCG with gain = test F1 and discount 1 / log2(1 + rank); spearman; and, where the true relatedness is
    known, spearman_with_planted. A metric is NaN where it is undefined: the best F1 is 0, or all F1 are equal. Tied scores
    are ordered at random, and the metrics are means over these orders.

    Args:
        scores: source, target, setting, score.
        configurations: from ``pair_configurations``.
        seed: of the random orders of ties.
        planted: the true relatedness of tasks, (sources x targets).

    Returns:
        target, metric, value, and random: the exact expectation of a random order.

    Raises:
        InputError: for a pair without a score.
    """
    best = best_settings(configurations)[[*PAIR, "test_f1"]]
    largest = scores.groupby(PAIR, as_index=False)["score"].max()
    rows = best.merge(largest, on=PAIR, how="left", validate="one_to_one")
    if rows["score"].isna().any():
        pair = rows[rows["score"].isna()].iloc[0]
        raise InputError(f"a selector has no score for {pair['source']} -> {pair['target']}; score every pair")
    table = []
    for target, group in rows.groupby("target"):
        f1, score = group["test_f1"].to_numpy(), group["score"].to_numpy()
        metrics = {metric: values.mean() for metric, values in _metrics(f1, _orders(score, seed)).items()}
        metrics["spearman"] = spearman(score, f1)  # ties get mean ranks, no random order
        table += [(target, metric, metrics[metric], random) for metric, random in _random_metrics(f1).items()]
        if planted is not None:
            table.append((target, PLANTED, spearman(score, planted.loc[group["source"], target].to_numpy()), 0.0))
    return pd.DataFrame(table, columns=["target", "metric", "value", "random"])


def _orders(score: np.ndarray, seed: int) -> np.ndarray:
    """Sources by falling score: (draws, sources); one draw where no scores are tied."""
    draws = 1 if len(np.unique(score)) == len(score) else TIE_DRAWS
    tiebreak = np.random.default_rng(seed).random((draws, len(score)))
    return np.lexsort((tiebreak, np.broadcast_to(-score, tiebreak.shape)), axis=1)


def _metrics(f1: np.ndarray, orders: np.ndarray) -> dict[str, np.ndarray]:
    """The metrics of orders (draws, sources), the first choice first: metric -> (draws,). f1: (sources,)."""
    ranked = f1[orders]
    rank_of_best = (ranked == f1.max()).argmax(axis=1) + 1
    regret = {f"regret_at_{k}": _relative(f1.max() - ranked[:, :k].max(axis=1), f1.max()) for k in REGRETS}
    discount, ranks = _discount(len(f1)), rankdata(f1) - (len(f1) + 1) / 2
    places = -np.arange(len(f1)) + (len(f1) - 1) / 2
    norm = np.linalg.norm(ranks) * np.linalg.norm(places)
    return regret | {
        "rank_of_best": rank_of_best.astype(float),
        "reciprocal_rank": 1 / rank_of_best,
        "ndcg_linear": _relative(ranked @ discount, np.sort(f1)[::-1] @ discount),
        "spearman": _relative(ranks[orders] @ places, norm),
    }


def _random_metrics(f1: np.ndarray) -> dict[str, float]:
    """The exact expectation of the same metrics over all orders. f1: (sources,)."""
    n, ties = len(f1), int((f1 == f1.max()).sum())
    ordered, discount = np.sort(f1)[::-1], _discount(n)
    wins = winning_probability(n, n)  # that the r-th best is the best of k drawn
    regret = {f"regret_at_{k}": _relative(f1.max() - ordered @ wins[:, min(k, n)], f1.max()) for k in REGRETS}
    # the first of the equally best sources has rank r where it is drawn r-th and the others later
    ranks = np.arange(1, n - ties + 2)
    chance = np.exp(log_choose(n - ranks, ties - 1) - log_choose(n, ties))
    return regret | {
        "rank_of_best": float(ranks @ chance),
        "reciprocal_rank": float((1 / ranks) @ chance),
        "ndcg_linear": _relative(f1.mean() * discount.sum(), ordered @ discount),
        "spearman": 0.0 if np.ptp(f1) > 0 else float("nan"),
    }


def _discount(n: int) -> np.ndarray:
    """NDCG's discount of ranks 1 to n."""
    return 1 / np.log2(np.arange(2, n + 2))


def _relative(part: np.ndarray | float, whole: float) -> np.ndarray | float:
    """part / whole; NaN where the whole is 0."""
    return part / whole if whole > 0 else part * float("nan")


def differs_from_random(rows: pd.DataFrame) -> pd.Series:
    """Which selectors differ from random order, with false discoveries among all of them controlled: bool by selector.

    rows: "over_random_p" of one metric, by selector. Bounds are not tested, and NaN does not differ.
    """
    tested = rows["over_random_p"].drop(index=list(BOUNDS), errors="ignore").fillna(1.0)
    return pd.Series(discoveries(tested.to_numpy()), tested.index).reindex(rows.index, fill_value=False)
