"""Whether fine-tuning has collapsed the sources' representations, and whether these sources have less to give."""

import numpy as np
import pandas as pd

from lib.stats.bootstrap import mean_over_targets, target_weights
from lib.stats.ranks import spearman
from lib.study.sections import Ranking

COLLAPSED = 0.1  # share of the pretrained encoder's effective rank below which a source's representation has collapsed


def pretrained_and_sources(representations: pd.DataFrame) -> tuple[pd.Series, pd.DataFrame]:
    """The pretrained encoder's row and those of the source models. representations: the table of this name."""
    pretrained = representations["task"] == ""
    return representations[pretrained].iloc[0], representations[~pretrained]


def collapsed_representations(representations: pd.DataFrame) -> pd.DataFrame:
    """The rows of the source models whose representations have collapsed. representations: the table of this name."""
    pretrained, sources = pretrained_and_sources(representations)
    return sources[sources["effective_rank"] < COLLAPSED * pretrained["effective_rank"]]


def rank_summary(representations: pd.DataFrame) -> dict[str, float]:
    """Effective rank of the pretrained encoder, and of the source models their median and smallest.

    representations: the table of this name.
    """
    pretrained, sources = pretrained_and_sources(representations)
    ranks = sources["effective_rank"]
    return {
        "pretrained": float(pretrained["effective_rank"]),
        "sources_median": float(ranks.median()),
        "sources_min": float(ranks.min()),
    }


def gains_by_rank(matrix: pd.DataFrame, representations: pd.DataFrame) -> pd.DataFrame:
    """Target, source, gain, helps, hurts and the source's effective rank (mean over seeds) of every pair.

    matrix, representations: the tables "transfer_matrix" and "representations".
    """
    ranks = pretrained_and_sources(representations)[1].groupby("task")["effective_rank"].mean()
    return matrix[["target", "source", "gain", "helps", "hurts"]].assign(effective_rank=matrix["source"].map(ranks))


def rank_correlation(gains: pd.DataFrame, config: Ranking, by: str = "effective_rank") -> dict[str, float]:
    """Rank correlation of a target's gains with a property of its sources, mean over targets: value, low, high.

    Args:
        gains: target, gain and the property of every pair, such as from ``gains_by_rank``.
        config: bootstrap draws and seed.
        by: the property's column.

    Returns:
        The mean and its 95 % interval. Targets whose sources all have the same gain or property are left out; NaN where no
        other is left.
    """
    by_target = pd.Series(
        {target: spearman(rows[by].to_numpy(), rows["gain"].to_numpy()) for target, rows in gains.groupby("target")}
    )
    weights = target_weights(len(by_target), config.bootstrap, np.random.default_rng(config.seed))
    return mean_over_targets(weights, by_target)


def gains_by_source(gains: pd.DataFrame, config: Ranking) -> pd.DataFrame:
    """Mean gain over targets of every source with its 95 % interval: value, low, high and effective_rank, by source.

    gains: from ``gains_by_rank``. config: bootstrap draws and seed.
    """
    rows = {}
    for source, own in gains.groupby("source"):
        weights = target_weights(len(own), config.bootstrap, np.random.default_rng(config.seed))
        rows[source] = mean_over_targets(weights, own["gain"]) | {"effective_rank": own["effective_rank"].iloc[0]}
    return pd.DataFrame.from_dict(rows, orient="index")
