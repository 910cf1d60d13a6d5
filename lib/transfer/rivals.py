"""What one may do instead of choosing a source, beside the validation-best pairs: scores, gains and prices."""

import numpy as np
import pandas as pd

from lib.stats.bootstrap import interval, resampled_means, target_weights
from lib.study.sections import Ranking
from lib.transfer.pairs import of_side, reported, selected_singles

BEST_PAIR = "validation_best_pair"
RIVALS = (BEST_PAIR, "reseeded", "step_matched", "frozen", "fused", "fused_top", "joint", "joint_pair")


def rival_models(chosen: pd.DataFrame, step_matched: pd.DataFrame, rivals: pd.DataFrame | None) -> pd.DataFrame:
    """The model that each rival uses for a target and seed: rival, target, seed, validation F1 and the test scores.

    chosen, step_matched, rivals: the tables "choices", "step_matched" and "rivals" (None where the study has none). Pairs
    and reseeded baselines are a choice, no transfer included; every other rival is used whatever validation says.
    """
    choice = chosen["among"].map({"pairs": BEST_PAIR, "reseeded": "reseeded"})
    parts = [chosen.assign(rival=choice).dropna(subset="rival"), step_matched.assign(rival="step_matched")]
    if rivals is not None:
        parts.append(rivals[rivals["selected"]].assign(rival=rivals["kind"]))
    columns = ["rival", "target", "seed", "validation_f1", *reported(chosen)]
    return pd.concat(parts)[columns].reset_index(drop=True)


def rival_costs(
    singles: pd.DataFrame,
    pairs: pd.DataFrame,
    step_matched: pd.DataFrame,
    reseeded: pd.DataFrame | None,
    rivals: pd.DataFrame | None,
) -> pd.DataFrame:
    """What each rival costs for one target, all seeds together, beside the target's own single-task models.

    Args:
        singles, pairs, step_matched: the tables of these names.
        reseeded, rivals: likewise; None where the study has none.

    Returns:
        By rival and target: train_seconds and total_seconds of what is trained for the target, and source_seconds of the
        source models that this needs; of one worker.
    """
    by_rival = {BEST_PAIR: pairs.assign(source_seconds=0.0), "step_matched": step_matched.assign(source_seconds=0.0)}
    if reseeded is not None:
        by_rival["reseeded"] = reseeded.assign(source_seconds=0.0)
    if rivals is not None:
        by_rival |= dict(list(rivals.groupby("kind")))
    costs = []
    for rival, models in by_rival.items():
        per_seed = models.groupby(["target", "seed"]).agg(
            {"train_seconds": "sum", "total_seconds": "sum", "source_seconds": "max"}
        )  # the sources of a smaller k are among those of a larger one
        costs.append(per_seed.groupby("target").sum().assign(rival=rival).reset_index())
    table = pd.concat(costs).set_index(["rival", "target"])
    sources = of_side(singles, "source").groupby("target")["total_seconds"].sum()
    others = sources.sum() - sources.reindex(table.loc[BEST_PAIR].index, fill_value=0.0)
    table.loc[[BEST_PAIR], "source_seconds"] = others.to_numpy()
    return table


def rival_scores(singles: pd.DataFrame, models: pd.DataFrame, costs: pd.DataFrame, config: Ranking) -> pd.DataFrame:
    """Table "rival_scores": every rival's test scores, its gain over no transfer, and the best pairs' lead over it.

    Args:
        singles: the table of this name.
        models: from ``rival_models``.
        costs: from ``rival_costs``.
        config: bootstrap draws and seed; intervals are 95 %, over targets.

    Returns:
        A row for each rival that the study has, and metric.
    """
    none = selected_singles(singles, "target").groupby("target")[reported(singles)].mean()
    means = models.groupby(["rival", "target"])[reported(models)].mean()
    weights = target_weights(len(none), config.bootstrap, np.random.default_rng(config.seed))
    seconds = costs["total_seconds"] + costs["source_seconds"]
    rows = []
    for rival in (name for name in RIVALS if name in means.index):
        minutes = seconds[rival].mean() / singles["seed"].nunique() / 60
        for score in reported(models):
            own = means.loc[rival, score].reindex(none.index)
            gain, lead = own - none[score], means.loc[BEST_PAIR, score].reindex(none.index) - own
            row = {"rival": rival, "metric": score.removeprefix("test_"), "value": own.mean(), "minutes": minutes}
            row["share_gaining"] = float((gain > 0).mean())
            for name, values in (("gain", gain), ("pair_lead", lead)):
                low, high = interval(resampled_means(weights, values))
                row |= {name: values.mean(), f"{name}_low": low, f"{name}_high": high}
            rows.append(row)
    return pd.DataFrame(rows)


def rivals_summary(scores: pd.DataFrame) -> dict:
    """``rivals`` of summary.json. scores: the table "rival_scores"."""
    summary: dict = {}
    for row in scores.itertuples():
        entry = summary.setdefault(row.rival, {"minutes_for_one_target": row.minutes})
        entry[row.metric] = row.value
        gain = "gain" if row.metric == "f1" else f"{row.metric}_gain"
        entry[gain] = {"value": row.gain, "low": row.gain_low, "high": row.gain_high}
    return summary
