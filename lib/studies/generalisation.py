"""Whether a regression fitted on the grid of one corpus ranks the pairs of another, of which none was trained.

A regression can only be carried over if its features mean the same on both corpora. Therefore levels (how hard a target
is, how large its corpus) are replaced by ranks within the target: which source has the largest ANSAT, the largest LogME.
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
    """The features in a form that can be carried to another corpus: ranks among the target's pairs, in (-1/2, 1/2).

    features: from ``pair_features`` or ``with_selectors``. The outcome that is learnt, validation_f1, is ranked too; test_f1
    stays. Features that are equal for all pairs of a target are dropped. The logarithm of the source's positives over the
    target's is added as size_ratio.
    """
    ratio = np.log(features["source_positives"] / features["target_positives"])
    columns = [name for name in feature_columns(features) if name != "setting" and not name.startswith("target_")]
    groups = features.groupby(["target", "setting", "seed"])[[*columns, "validation_f1"]]
    ranks = (groups.rank() - 0.5) / groups.transform("size").to_numpy()[:, None] - 0.5
    unranked = features[[*KEYS, "setting", "test_f1"]]
    return pd.concat([unranked, ranks], axis=1).assign(size_ratio=ratio, target_f1=0.0)


def carried_over(known: list[StudyTables], new: StudyTables, config: Regression) -> pd.DataFrame:
    """Scores of the new grid's pairs by a regression tuned and fitted on the known grids: source, target, setting, score.

    Of the new grid it sees single-task models, texts, and training and validation labels, but no trained pair. Features
    that one of the grids lacks are left out.
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
    scores = frames[new.study][CONFIGURATION].assign(score=predicted)
    return scores.groupby(CONFIGURATION, as_index=False)["score"].mean()


def contenders(known: list[StudyTables], new: StudyTables, config: Regression) -> list[Scored]:
    """The regressions carried over from each known grid and from all of them, and the RIVALS, all on the new grid."""
    attribution = attribution_seconds(new["conductance"])
    configurations, costs = pair_configurations(new["pairs"]), new["selector_costs"]
    names = ("singles", "pairs", "ansat", "predictions", "cooccurrence")
    rivals = standard_scores(*(new[name] for name in names), attribution)
    rivals += field_scores(configurations, new["selectors"], costs)
    seconds = attribution + seconds_of(rivals, "consensus")  # the features contain every selector's score
    sets = {f"carried_over_from_{grid.study}": [grid] for grid in known}
    if len(known) > 1:
        sets["carried_over_from_all"] = known
    carried = [Scored(name, carried_over(grids, new, config), seconds) for name, grids in sets.items()]
    return [*carried, *(scores for scores in rivals if scores.name in RIVALS)]


def judge(
    known: list[StudyTables], new: StudyTables, regression: Regression, ranking: Ranking
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How the contenders rank the new grid's pairs, and how fast those that are not learnt from that grid reach its F1.

    The metric "loss_at_10_percent_of_pairs" is the share of the grid's F1 that is missing after the single-task models,
    attribution and 10 % of the pairs' time. It is not tested against random order.

    Args:
        known: the tables of the studies that a regression is carried over from.
        new: the tables of the study whose pairs count as untrained.
        regression: the study's parameters of the regression.
        ranking: its parameters of the ranking.

    Returns:
        The tables "generalisation" and "carried_anytime" of the new study.
    """
    scored = contenders(known, new, regression)
    configurations = pair_configurations(new["pairs"])
    metrics = compare(scored, configurations, ranking)
    orders = [random_order(), *(order_by(scores, new["singles"]) for scores in scored)]
    drawn = curves(orders, new["singles"], new["pairs"], ranking, attribution_seconds(new["conductance"]))
    metric = "loss_at_10_percent_of_pairs"
    losses = {order: accountings["all_inclusive"][metric] for order, accountings in points(drawn).items()}
    random = losses.pop("random")
    rows = [
        {"selector": name, "metric": metric, **loss, "random": random and random["value"]}
        for name, loss in losses.items()
        if loss is not None
    ]
    shown = {"random", *(row["selector"] for row in rows)}
    anytime = anytime_table([curve for curve in drawn if curve.order in shown and curve.accounting == "all_inclusive"])
    table = pd.concat([metrics, pd.DataFrame(rows)], ignore_index=True)
    return table.assign(study=new.study), anytime.drop(columns="accounting").assign(study=new.study)
