"""What notebook 6 finds about the regression, in sentences."""

import pandas as pd

from lib.report.sentences.words import change, code, counted, known, named, number, percent, side_of_zero, with_interval

PRIMARY = "leave_one_target_out"


def prediction_quality(scores: pd.DataFrame) -> str:
    """How well the regression predicts and ranks targets that it has not seen. scores: the table
    "regression_scores"."""
    rows = primary(scores).loc["regression"]
    error, r2, rank = (rows.loc[score] for score in ("mae", "r2", "spearman"))
    absolute = f"The predictions miss test F1 by {number(error['value'], 3)} on average"
    pooled = f"pooled R2 {number(r2['value'])}, which mostly measures how hard the targets are"
    if not known(rank["value"]):
        ranking = "No target's sources differ in test F1, so there is no order to predict"
    else:
        ranking = {
            1: "With the target left out, the regression orders its sources better than chance",
            -1: "With the target left out, the regression orders its sources worse than chance",
            0: "With the target left out, the regression does not order its sources measurably better than chance",
        }[side_of_zero(rank)] + f": the rank correlation with test F1 is {with_interval(rank)}"
    return f"{ranking}. {absolute} ({pooled})."


def ansat_contribution(scores: pd.DataFrame) -> str:
    """What ANSAT adds to the order of sources over both controls. scores: the table "regression_scores"."""
    rows = primary(scores).xs("spearman", level="score")
    own, without, shuffled = (rows.loc[name] for name in ("regression", "without_ansat", "shuffled_ansat"))
    told = (
        f"the rank correlation is {with_interval(own)} with ANSAT, {with_interval(without)} without it and "
        f"{with_interval(shuffled)} with ANSAT shuffled"
    )
    if not known(own["value"], without["value"], shuffled["value"]):
        return f"What ANSAT adds is undefined: {told}."
    better = max((without, shuffled), key=lambda row: row["value"])
    added = change(own["value"] - better["value"], 2)
    if not added.startswith("+"):
        return f"ANSAT adds nothing over the better control ({added}): {told}."
    apart = known(own["low"], better["high"]) and own["low"] > better["high"]
    doubt = "The intervals do not overlap." if apart else "The intervals overlap, so this may be chance."
    return f"ANSAT adds {added} over the better control: {told}. {doubt}"


def best_feature_set(ablations: pd.DataFrame) -> str:
    """Which features order sources best, beside none from attribution. ablations: the table of this name."""
    rows = feature_sets(ablations)
    ranked = rows.dropna(subset="value")
    if ranked.empty:
        return "No target's sources differ in test F1, so no set of features can order them."
    best, none = ranked.loc[ranked["value"].idxmax()], rows.loc["no attribution"]
    sets = counted(len(ranked), "set", "sets")
    if best.name == "no attribution":
        return f"Of {sets} of features, the one without attribution orders sources best: {with_interval(best)}."
    return (
        f"Of {sets} of features, *{best.name}* orders sources best: {with_interval(best)}, against "
        f"{with_interval(none)} without attribution. The best of many looks better than it is."
    )


def tree_gain(importance: pd.DataFrame) -> str:
    """Which family of features the trees use most, and how much is ANSAT's. importance: the table of this name."""
    family = importance[importance["view"] == "family"].set_index("name")["share"]
    if not family.any():
        return "The trees use no feature: they predict the same F1 for every pair."
    first = f"The largest share of the trees' gain, {percent(family.max(), 0)}, comes from {named(family.idxmax())}"
    own = "" if family.idxmax() == "ANSAT" else f"; ANSAT has {percent(family.get('ANSAT', 0.0), 0)}"
    return f"{first}{own}."


def target_errors(errors: pd.DataFrame) -> str:
    """For which targets the regression's mean error is lowest and highest. errors: target and error of every pair."""
    means = errors.groupby("target")["error"].mean()
    low, high = (f"{change(means[name])} ({code(name)})" for name in (means.idxmin(), means.idxmax()))
    if len(means) == 1:
        return f"The mean error is {low}."
    return f"By target, the mean error ranges from {low} to {high}; below 0, test F1 is higher than predicted."


def primary(scores: pd.DataFrame) -> pd.DataFrame:
    """Value, low and high by model and score, under the primary protocol and judged against test F1.

    scores: the table "regression_scores".
    """
    rows = scores[(scores["protocol"] == PRIMARY) & (scores["judged_against"] == "test_f1")]
    return rows.set_index(["model", "score"])[["value", "low", "high"]]


def feature_sets(ablations: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation with test F1 within left-out targets, by set of features. ablations: the table of this name."""
    return ablations[(ablations["score"] == "spearman") & (ablations["judged_against"] == "test_f1")].set_index("model")
