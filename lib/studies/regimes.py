"""How transfer depends on the amount of training data: full -> full, full -> limited, limited -> limited.

Vu et al. (2020) found gains mostly for small targets, and also from small sources. Here studies of one corpus and encoder
that differ in their regimes are compared.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.stats.bootstrap import mean_over_targets, target_weights
from lib.stats.ranks import spearman
from lib.stats.significance import sign_flip_p
from lib.studies.tables import StudyTables
from lib.study.parameters import Study
from lib.study.sections import Ranking
from lib.transfer.pairs import pair_configurations, selected_pairs, selected_singles, single_validation

QUANTITIES = {
    "mean_gain": "mean gain of all sources\n(test F1; bar: 95 % interval)",
    "chosen_gain": "gain of the source that\nvalidation chooses (test F1)",
    "share_gaining": "share of sources\nwith a gain",
    "size_correlation": "rank correlation of gain\nand the source's positives",
}


def same_but_for_regimes(study: Study) -> list[str]:
    """The studies in ``compare`` with the same corpus, tasks, split, encoder and training as this one."""
    others = {name: Study.load(name) for name in study.compare}
    sections = ("corpus", "tasks", "split", "encoder", "training")
    return [name for name, other in others.items() if all(getattr(study, s) == getattr(other, s) for s in sections)]


def gains_by_target(grid: StudyTables) -> pd.DataFrame:
    """The QUANTITIES of every target in one study, indexed by target. A gain is test F1 minus that of no transfer.

    Where pairs are trained with all settings, only those with selected settings count, so that no study has more models to
    choose from. chosen_gain is 0 where validation prefers no transfer; size_correlation is NaN where all sources are of one
    size.
    """
    pairs = pair_configurations(selected_pairs(grid["singles"], grid["pairs"]))
    single = selected_singles(grid["singles"], "target").groupby("target")["test_f1"].mean()
    positives = grid["tasks"].set_index("task")["source_positives"]
    single_f1, rows = single_validation(grid["singles"]), {}
    for target, group in pairs.groupby("target"):
        gain = (group["test_f1"] - single[target]).to_numpy()
        best = int(group["validation_f1"].to_numpy().argmax())
        transfers = group["validation_f1"].iloc[best] > single_f1[target]
        sizes = positives[group["source"]].to_numpy()
        correlation = spearman(sizes, gain) if len(set(sizes)) > 1 else np.nan
        rows[target] = (gain.mean(), gain[best] if transfers else 0.0, (gain > 0).mean(), correlation)
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(QUANTITIES))


def regime_table(grids: Sequence[StudyTables], config: Ranking) -> pd.DataFrame:
    """Table "regimes": the QUANTITIES of each study, means over targets with 95 % intervals, and their differences.

    Differences are from the first study, over the targets that both have, with p-values of a paired randomisation test;
    for the first study they are NaN.
    """
    first, rows = gains_by_target(grids[0]), []
    rng = np.random.default_rng(config.seed)
    weights = target_weights(len(first), config.bootstrap, rng)
    signs = rng.choice([-1.0, 1.0], size=weights.shape)
    for position, grid in enumerate(grids):
        by_target = gains_by_target(grid).reindex(first.index)
        texts = {f"{side}_texts": float(grid["tasks"][f"{side}_texts"].median()) for side in ("source", "target")}
        for quantity, values in by_target.items():
            difference = values - first[quantity] if position else values * np.nan
            tested = {"difference": difference.mean(), "difference_p": sign_flip_p(signs, difference)}
            keys = {"study": grid.study, **texts, "quantity": quantity}
            rows.append(keys | mean_over_targets(weights, values) | tested)
    return pd.DataFrame(rows)


def rank_correlations_by_regime(metrics: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Every selector's rank correlation with test F1: a column per study and their mean, the best selector first.

    metrics: the table "selector_metrics" by study.
    """
    correlations = {
        name: table[table["metric"] == "spearman"].set_index("selector")["value"] for name, table in metrics.items()
    }
    table = pd.DataFrame(correlations)
    return table.assign(mean=table.mean(axis=1, skipna=False)).sort_values("mean", ascending=False, kind="stable")
