"""How far one seed's grid tells another's: what anything that looks at one seed can at best know of the sources."""

import numpy as np
import pandas as pd

from lib.bootstrap import nested_weights
from lib.comparison import mean_over_targets
from lib.metrics import spearman
from lib.study import Ranking
from lib.transfer import UNIT, among, best_settings, pair_units, selected_singles

PARTS = ("test", "validation")  # whose F1 ranks the sources


def repeatability(singles: pd.DataFrame, pairs: pd.DataFrame, config: Ranking) -> pd.DataFrame:
    """Table "repeatability": sources ranked by F1 with one seed, judged by test F1 with the same and with another seed.

    spearman: rank correlation within targets. gain: test F1 of the first choice less that of no transfer with the same
    seed. Both are means over targets and (ordered pairs of) seeds, with 95 % intervals of a bootstrap over targets.
    Sources ranked by test F1 with the same seed are a bound that holds all luck. singles, pairs: the tables of these
    names, with two seeds or more; of a pair with several settings its validation-best one (mean over seeds) counts.
    """
    chosen = pairs[among(pairs, best_settings(pair_units(pairs)), UNIT)]
    single = selected_singles(singles, "target").pivot(index="target", columns="seed", values="test_f1")
    by_target = {
        target: _by_target(
            {part: group.pivot(index="source", columns="seed", values=f"{part}_f1") for part in PARTS},
            single.loc[target],
        )
        for target, group in chosen.groupby("target")
    }
    found = pd.DataFrame.from_dict(by_target, orient="index")
    weights = nested_weights(len(found), 1, config.bootstrap, np.random.default_rng(config.seed))[:, :, 0]
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
