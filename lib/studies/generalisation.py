"""Does what one corpus's grid teaches rank the pairs of another corpus, of which no pair was trained?

A regression can only be carried over if its features mean the same on both corpora, so levels (how hard a target is, how
large its corpus) give way to ranks within the target: which source has most shared active terms, the largest LogME.
"""

import numpy as np
import pandas as pd

from lib.regression.features import feature_columns
from lib.regression.model import Design, fit_predict, tune
from lib.selection.comparison import compare
from lib.selection.contenders import BOUNDS, Scored, field_scores, seconds_of, standard_scores
from lib.studies.tables import StudyTables
from lib.study.sections import Ranking, Regression
from lib.time_saving.costs import attribution_seconds
from lib.time_saving.curves import anytime_table, curves, points
from lib.time_saving.orders import order_by, random_order
from lib.transfer.pairs import CONFIGURATION, KEYS, pair_configurations

RIVALS = (
    *BOUNDS, "static_mean", "label_cooccurrence", "ansat", "regression", "linear_probe", "logme", "esm_logme",
    "knn", "vocabulary_positives", "consensus",
)  # fmt: skip


def comparable(features: pd.DataFrame) -> pd.DataFrame:
    """The features as they can be carried to another corpus: ranks among the target's pairs, in (-1/2, 1/2).

    features: from ``pair_features`` or ``with_selectors``. The outcome that is learnt, validation_f1, is ranked alike;
    test_f1 stays. What is the same for all pairs of a target says nothing any more and goes; of the sizes stays the
    logarithm of the source's positives over the target's.
    """
    ratio = np.log(features["source_positives"] / features["target_positives"])
    columns = [name for name in feature_columns(features) if name != "setting" and not name.startswith("target_")]
    groups = features.groupby(["target", "setting", "seed"])[[*columns, "validation_f1"]]
    ranks = (groups.rank() - 0.5) / groups.transform("size").to_numpy()[:, None] - 0.5
    kept = features[[*KEYS, "setting", "test_f1"]]
    return pd.concat([kept, ranks], axis=1).assign(size_ratio=ratio, target_f1=0.0)


def carried_over(known: list[StudyTables], new: StudyTables, config: Regression) -> pd.DataFrame:
    """Scores of the new grid's pairs by a regression fitted, and tuned, on the known grids: source, target, setting, score.

    Of the new grid it sees single-task models, texts, training and validation labels, and no trained pair. Features that
    one of the grids lacks are left out.
    """
    frames = {grid.study: comparable(grid.features) for grid in [*known, new]}
    shared = set.intersection(*(set(frame) for frame in frames.values()))
    parts = [
        frame[sorted(shared)].assign(target=study + "/" + frame["target"], known=study != new.study)
        for study, frame in frames.items()
    ]
    rows = pd.concat(parts, ignore_index=True)
    design = Design.of(rows.drop(columns=["known", "setting"]))
    train = rows["known"].to_numpy()
    predicted = fit_predict(design, train, ~train, tune(design, train, config), config)
    return (
        frames[new.study][CONFIGURATION].assign(score=predicted).groupby(CONFIGURATION, as_index=False)["score"].mean()
    )


def contenders(known: list[StudyTables], new: StudyTables, config: Regression) -> list[Scored]:
    """The regressions carried over, from each known grid and from all of them, and the RIVALS on the new grid."""
    attribution = attribution_seconds(new["conductance"])
    configurations, costs = pair_configurations(new["pairs"]), new["selector_costs"]
    names = ("singles", "pairs", "ansat", "predictions", "cooccurrence")
    rivals = standard_scores(*(new[name] for name in names), attribution) + field_scores(
        configurations, new["selectors"], costs
    )
    price = attribution + seconds_of(rivals, "consensus")  # of all selectors
    sets = {f"carried_over_from_{grid.study}": [grid] for grid in known}
    if len(known) > 1:
        sets["carried_over_from_all"] = known
    carried = [Scored(name, carried_over(grids, new, config), price) for name, grids in sets.items()]
    return [*carried, *(each for each in rivals if each.name in RIVALS)]


def judge(
    known: list[StudyTables], new: StudyTables, regression: Regression, ranking: Ranking
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables "generalisation" and "carried_anytime": every metric of every contender on the new grid, and what has been
    reached after how much time, all-inclusive, of those that are not learnt from that grid.

    The metric "loss_at_10_percent_of_pairs" is the share of the grid's F1 that is missing after the single-task models,
    attribution and 10 % of the pairs' time; it has no test against random order.
    """
    scored = contenders(known, new, regression)
    configurations = pair_configurations(new["pairs"])
    metrics = compare(scored, configurations, ranking)
    orders = [random_order(), *(order_by(each, new["singles"]) for each in scored)]
    drawn = curves(orders, new["singles"], new["pairs"], ranking, attribution_seconds(new["conductance"]))
    found = points(drawn)
    losses = {name: both["all_inclusive"]["loss_at_10_percent_of_pairs"] for name, both in found.items()}
    chance = losses.pop("random")
    rows = [
        {"selector": name, "metric": "loss_at_10_percent_of_pairs", **point, "random": chance and chance["value"]}
        for name, point in losses.items()
        if point is not None
    ]
    followed = {"random", *(row["selector"] for row in rows)}
    anytime = anytime_table([each for each in drawn if each.order in followed and each.accounting == "all_inclusive"])
    table = pd.concat([metrics, pd.DataFrame(rows)], ignore_index=True)
    return table.assign(study=new.study), anytime.drop(columns="accounting").assign(study=new.study)
