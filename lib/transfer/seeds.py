"""How much of a grid is luck: how far one seed's tells another's, and what the best of many gains without transfer."""

import numpy as np
import pandas as pd

from lib.stats.bootstrap import mean_over_targets, target_weights
from lib.stats.ranks import spearman
from lib.study.sections import Ranking
from lib.transfer.pairs import CONFIGURATION, among, best_settings, pair_configurations, selected_singles

PARTS = ("test", "validation")  # whose F1 ranks the sources
CHOICES = ("pairs", "reseeded")  # what there is to choose from, beside no transfer


def repeatability(singles: pd.DataFrame, pairs: pd.DataFrame, config: Ranking) -> pd.DataFrame:
    """Table "repeatability": sources ranked by F1 with one seed, judged by test F1 with the same and with another seed.

    spearman: rank correlation within targets. gain: test F1 of the first choice less that of no transfer with the same
    seed. Both are means over targets and (ordered pairs of) seeds, with 95 % intervals of a bootstrap over targets.
    Sources ranked by test F1 with the same seed are a bound that holds all luck. singles, pairs: the tables of these
    names, with two seeds or more; of a pair with several settings its validation-best one (mean over seeds) counts.
    """
    chosen = pairs[among(pairs, best_settings(pair_configurations(pairs)), CONFIGURATION)]
    single = selected_singles(singles, "target").pivot(index="target", columns="seed", values="test_f1")
    by_target = {
        target: _by_target(
            {part: group.pivot(index="source", columns="seed", values=f"{part}_f1") for part in PARTS},
            single.loc[target],
        )
        for target, group in chosen.groupby("target")
    }
    found = pd.DataFrame.from_dict(by_target, orient="index")
    weights = target_weights(len(found), config.bootstrap, np.random.default_rng(config.seed))
    rows = [
        {"ranked_by": f"{part}_f1", "other_seed": other, "metric": metric, **mean_over_targets(weights, values)}
        for (part, other, metric), values in found.items()
    ]
    return pd.DataFrame(rows)


def _by_target(f1: dict[str, pd.DataFrame], single: pd.Series) -> dict[tuple[str, bool, str], float]:
    """One target's numbers, means over pairs of seeds. f1: part -> (sources, seeds); single: (seeds,) without transfer."""
    found = {}
    for part in PARTS:
        for other in (False, True):
            seeds = [(a, b) for a in single.index for b in single.index if (a != b) == other]
            ranks = [spearman(f1[part][a].to_numpy(), f1["test"][b].to_numpy()) for a, b in seeds]
            gains = [f1["test"][b][f1[part][a].idxmax()] - single[b] for a, b in seeds]
            found[part, other, "spearman"] = pd.Series(ranks).mean()
            found[part, other, "gain"] = np.mean(gains)
    return found


def choices(singles: pd.DataFrame, pairs: pd.DataFrame, reseeded: pd.DataFrame) -> pd.DataFrame:
    """Table "choices": what the best validation F1 chooses for each target and seed, among its pairs and its reseeded.

    No transfer, the selected single-task model of the seed, is in both choices and wins ties. Restarts have seeds of
    their own: with every seed of the study the choice is among all of them. Tables by name.
    """
    own = selected_singles(singles, "target")
    again = pd.concat([reseeded.assign(seed=seed) for seed in own["seed"].unique()])
    offered = {"no transfer": own, "pairs": pd.concat([own, pairs]), "reseeded": pd.concat([own, again])}
    key = ["target", "seed"]
    parts = [
        table.sort_values("validation_f1", ascending=False, kind="stable").drop_duplicates(key).assign(among=among)
        for among, table in offered.items()
    ]
    columns = [*key, "among", "run", "validation_f1", "test_f1", "test_average_precision"]
    return pd.concat(parts)[columns].sort_values([*key, "among"], ignore_index=True)


def choice_gains(chosen: pd.DataFrame, metric: str = "test_f1") -> pd.DataFrame:
    """What either choice gains over no transfer, mean over seeds: a row per target, a column for each of CHOICES.

    chosen: the table "choices". metric: one of its scores.
    """
    means = chosen.pivot_table(index="target", columns="among", values=metric, aggfunc="mean")
    return means[list(CHOICES)].sub(means["no transfer"], axis=0)


def mean_choice_gains(chosen: pd.DataFrame, config: Ranking, metric: str = "test_f1") -> pd.DataFrame:
    """``choice_gains`` and how much the first exceeds the second, as means over targets: value, low, high by choice.

    Intervals: 95 %, of a bootstrap over targets.
    """
    gains = choice_gains(chosen, metric)
    gains["difference"] = gains["pairs"] - gains["reseeded"]
    weights = target_weights(len(gains), config.bootstrap, np.random.default_rng(config.seed))
    return pd.DataFrame({name: mean_over_targets(weights, column) for name, column in gains.items()}).T
