"""How much of a grid is luck: whether seeds agree, and what the best of many reseeded baselines gains without transfer."""

import numpy as np
import pandas as pd

from lib.stats.bootstrap import mean_over_targets, target_weights
from lib.stats.ranks import spearman
from lib.study.sections import Ranking
from lib.transfer.pairs import (
    CONFIGURATION,
    PAIR,
    among,
    best_settings,
    pair_configurations,
    reported,
    selected_singles,
)

PARTS = ("test", "validation")  # texts whose F1 ranks the sources
CHOICES = ("pairs", "reseeded")  # models to choose from, beside no transfer


def repeatability(singles: pd.DataFrame, pairs: pd.DataFrame, config: Ranking) -> pd.DataFrame:
    """Table "repeatability": sources ranked by F1 with one seed, judged by test F1 with the same and with another seed.

    singles, pairs: the tables of these names, with two seeds or more. A pair with several settings counts with its
    validation-best one (mean over seeds). Metrics: spearman, the rank correlation within targets; gain, the test F1 of the
    source ranked first minus that of no transfer with the same seed. Both are means over targets and over ordered pairs of
    seeds, with 95 % intervals of a bootstrap over targets. Sources ranked by test F1 of the same seed are an upper bound,
    luck included.
    """
    chosen = pairs[among(pairs, best_settings(pair_configurations(pairs)), CONFIGURATION)]
    single = selected_singles(singles, "target").pivot(index="target", columns="seed", values="test_f1")
    metrics = {
        target: _metrics(
            {part: group.pivot(index="source", columns="seed", values=f"{part}_f1") for part in PARTS},
            single.loc[target],
        )
        for target, group in chosen.groupby("target")
    }
    by_target = pd.DataFrame.from_dict(metrics, orient="index")
    weights = target_weights(len(by_target), config.bootstrap, np.random.default_rng(config.seed))
    rows = [
        {"ranked_by": f"{part}_f1", "other_seed": other_seed, "metric": metric, **mean_over_targets(weights, values)}
        for (part, other_seed, metric), values in by_target.items()
    ]
    return pd.DataFrame(rows)


def same_sign(matrix: pd.DataFrame, singles: pd.DataFrame, pairs: pd.DataFrame) -> pd.Series:
    """Whether a pair's gain in test F1 has the same sign with every seed: (pairs,) bool, aligned with the matrix.

    matrix, singles, pairs: the tables "transfer_matrix", "singles" and "pairs". With one seed it is true of every pair.
    """
    single = selected_singles(singles, "target").set_index(["target", "seed"])["test_f1"]
    rows = pairs.merge(matrix[CONFIGURATION], on=CONFIGURATION, validate="many_to_one")
    signs = np.sign(rows["test_f1"] - single[pd.MultiIndex.from_frame(rows[["target", "seed"]])].to_numpy())
    agree = signs.groupby([rows[name] for name in PAIR]).nunique() == 1
    return pd.Series(agree[pd.MultiIndex.from_frame(matrix[PAIR])].to_numpy(), matrix.index)


def _metrics(f1: dict[str, pd.DataFrame], single: pd.Series) -> dict[tuple[str, bool, str], float]:
    """One target's metrics, means over pairs of seeds. f1: part -> (sources, seeds); single: (seeds,) without transfer."""
    metrics = {}
    for part in PARTS:
        for other_seed in (False, True):
            seeds = [(a, b) for a in single.index for b in single.index if (a != b) == other_seed]
            correlations = [spearman(f1[part][a].to_numpy(), f1["test"][b].to_numpy()) for a, b in seeds]
            gains = [f1["test"][b][f1[part][a].idxmax()] - single[b] for a, b in seeds]
            metrics[part, other_seed, "spearman"] = pd.Series(correlations).mean()
            metrics[part, other_seed, "gain"] = np.mean(gains)
    return metrics


def choices(singles: pd.DataFrame, pairs: pd.DataFrame, reseeded: pd.DataFrame | None) -> pd.DataFrame:
    """Table "choices": the model with the best validation F1 for each target and seed, among its pairs and its reseeded.

    singles, pairs, reseeded: the tables of these names; None where the study has no reseeded baselines. No transfer, the
    selected single-task model of the seed, is in both choices and wins ties. Reseeded models have seeds of their own, so
    that all of them are offered to every seed.
    """
    single, keys = selected_singles(singles, "target"), ["target", "seed"]
    offers = {"no transfer": single, "pairs": pd.concat([single, pairs])}
    if reseeded is not None:
        offered_to_all = pd.concat([reseeded.assign(seed=seed) for seed in single["seed"].unique()])
        offers["reseeded"] = pd.concat([single, offered_to_all])
    best = [
        models.sort_values("validation_f1", ascending=False, kind="stable").drop_duplicates(keys).assign(among=name)
        for name, models in offers.items()
    ]
    columns = [*keys, "among", "run", "validation_f1", *reported(single)]
    return pd.concat(best)[columns].sort_values([*keys, "among"], ignore_index=True)


def choice_gains(chosen: pd.DataFrame, metric: str = "test_f1") -> pd.DataFrame:
    """What each of CHOICES gains over no transfer, mean over seeds: a row per target, a column per choice.

    chosen: the table "choices". metric: one of its scores.
    """
    means = chosen.pivot_table(index="target", columns="among", values=metric, aggfunc="mean")
    return means[list(CHOICES)].sub(means["no transfer"], axis=0)


def mean_choice_gains(chosen: pd.DataFrame, config: Ranking, metric: str = "test_f1") -> pd.DataFrame:
    """The ``choice_gains`` and their difference, as means over targets: value, low and high by choice.

    Intervals are 95 %, of a bootstrap over targets.
    """
    gains = choice_gains(chosen, metric)
    gains["difference"] = gains["pairs"] - gains["reseeded"]
    weights = target_weights(len(gains), config.bootstrap, np.random.default_rng(config.seed))
    return pd.DataFrame({name: mean_over_targets(weights, column) for name, column in gains.items()}).T
