"""How transfer depends on how much either side is trained on: full -> full, full -> limited, limited -> limited.

Vu et al. (2020) found gains mostly where the target is small, and also from small sources. Studies of one corpus and
encoder that differ in their regimes are set side by side here.
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
    """The names in ``compare`` whose studies have this one's corpus, tasks, encoder and way of training."""
    others = {name: Study.load(name) for name in study.compare}
    alike = ("corpus", "tasks", "split", "encoder", "training")
    return [name for name, other in others.items() if all(getattr(study, k) == getattr(other, k) for k in alike)]


def gains_by_target(grid: StudyTables) -> pd.DataFrame:
    """Each target's QUANTITIES in one study, indexed by target: test F1 of pairs less that of no transfer.

    Where pairs are trained with all settings, only those with the selected ones count, so that no study has more tries.
    chosen_gain is 0 where validation prefers no transfer; size_correlation is NaN where all sources are of one size.
    """
    pairs = pair_configurations(selected_pairs(grid["singles"], grid["pairs"]))
    single = selected_singles(grid["singles"], "target").groupby("target")["test_f1"].mean()
    positives = grid["tasks"].set_index("task")["source_positives"]
    before, rows = single_validation(grid["singles"]), {}
    for target, group in pairs.groupby("target"):
        gain = (group["test_f1"] - single[target]).to_numpy()
        best = int(group["validation_f1"].to_numpy().argmax())
        transfers = group["validation_f1"].iloc[best] > before[target]
        sizes = positives[group["source"]].to_numpy()
        related = spearman(sizes, gain) if len(set(sizes)) > 1 else np.nan
        rows[target] = (gain.mean(), gain[best] if transfers else 0.0, (gain > 0).mean(), related)
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(QUANTITIES))


def regime_table(grids: Sequence[StudyTables], config: Ranking) -> pd.DataFrame:
    """Table "regimes": each study's QUANTITIES, means over targets with 95 % intervals, and their differences.

    difference: from the first study, over the targets that both have; difference_p: a paired randomisation test; both
    are NaN for the first. source_texts, target_texts: the median over tasks.
    """
    first, rows = gains_by_target(grids[0]), []
    rng = np.random.default_rng(config.seed)
    weights = target_weights(len(first), config.bootstrap, rng)
    signs = rng.choice([-1.0, 1.0], size=weights.shape)
    for position, grid in enumerate(grids):
        found = gains_by_target(grid).reindex(first.index)
        texts = {f"{side}_texts": float(grid["tasks"][f"{side}_texts"].median()) for side in ("source", "target")}
        for quantity, values in found.items():
            apart = values - first[quantity] if position else values * np.nan
            tested = {"difference": apart.mean(), "difference_p": sign_flip_p(signs, apart)}
            keys = {"study": grid.study, **texts, "quantity": quantity}
            rows.append(keys | mean_over_targets(weights, values) | tested)
    return pd.DataFrame(rows)


def rank_correlations_by_regime(metrics: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Every selector's rank correlation with test F1, one column per study and their mean, the best first.

    metrics: the table "selector_metrics" of each study.
    """
    found = {
        name: table[table["metric"] == "spearman"].set_index("selector")["value"] for name, table in metrics.items()
    }
    table = pd.DataFrame(found)
    return table.assign(mean=table.mean(axis=1, skipna=False)).sort_values("mean", ascending=False, kind="stable")
