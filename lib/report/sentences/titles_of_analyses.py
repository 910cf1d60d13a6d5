"""What every figure of notebooks 6 to 11 finds, in the words of its title: true whatever the numbers are, and short."""

from collections.abc import Mapping

import pandas as pd

from lib.report.figures.style import label
from lib.report.headline import duration
from lib.report.sentences.regression import feature_sets, primary
from lib.report.sentences.selection import NOTHING_TO_RANK
from lib.report.sentences.studies import SIGNIFICANT
from lib.report.sentences.time_saving import AIM, NO_PROCEDURES
from lib.report.sentences.words import (
    change,
    counted,
    known,
    number,
    percent,
    plural,
    side_of_zero,
    with_interval,
)
from lib.selection.comparison import differs_from_random
from lib.selection.contenders import BOUNDS

# notebook 6


def predictions(scores: pd.DataFrame) -> str:
    """scores: the table "regression_scores"."""
    within, pooled = (primary(scores).loc[("regression", score)] for score in ("spearman", "r2"))
    if not known(within["value"]):
        return f"The regression tells targets apart (R2 {number(pooled['value'])}); their sources do not differ"
    verdict = {1: "better than", -1: "worse than", 0: "no better than"}[side_of_zero(within)]
    return (
        f"Within a target the regression orders sources {verdict} chance, rank correlation {with_interval(within)}; over "
        f"all pairs R2 is {number(pooled['value'])}"
    )


def controls(scores: pd.DataFrame) -> str:
    """scores: the table "regression_scores"."""
    rows = primary(scores).xs("spearman", level="score")
    own, others = rows.loc["regression"], rows.loc[["without_ansat", "shuffled_ansat"]]
    best = others["value"].max()
    if not known(own["value"], best):
        return "What ANSAT adds to the regression is undefined: no target's sources differ"
    told = f"rank correlation {number(own['value'])}, the better control {number(best)}"
    if round(own["value"] - best, 2) <= 0:
        return f"ANSAT adds nothing to the order of a left-out target's sources: {told}"
    apart = own["low"] > others.loc[others["value"].idxmax(), "high"]
    return f"ANSAT improves the order of a left-out target's sources{'' if apart else ' within the noise'}: {told}"


def ablations(scores: pd.DataFrame) -> str:
    """scores: the table "ablations"."""
    rows = feature_sets(scores)
    ranked = rows.dropna(subset="value")
    if ranked.empty:
        return "No set of features can order sources: no target's sources differ"
    above = int((ranked["low"] > 0).sum())
    best, none = ranked.loc[ranked["value"].idxmax()], rows.loc["no attribution", "value"]
    return (
        f"{above or 'None'} of {counted(len(ranked), 'set', 'sets')} of features {plural(above or 1, 'orders', 'order')} "
        f"sources outside the noise; best: {best.name}, {number(best['value'])} against {number(none)} without attribution"
    )


def importance(family: pd.DataFrame) -> str:
    """family: name and share of every family of features."""
    shares = family.set_index("name")["share"]
    if not shares.any():
        return "The trees use no feature: they predict the same F1 for every pair"
    return f"{percent(shares.max(), 0)} of the trees' gain comes from {label(shares.idxmax())}"


# notebook 7


def anytime(losses: pd.DataFrame, titles: Mapping[str, str], order: str) -> str:
    """How much an order has lost at the common moment beside random order. losses: from ``procedure_losses``."""
    if order not in losses.index or "random" not in losses.index:
        return "No order has a loss: the grid's F1 is 0"
    own, chance = losses.loc[order], losses.loc["random"]
    return (
        f"After attribution and 10 % of the pairs' time, the order by {label(order, titles)} has lost "
        f"{with_interval(own, percent)} of the grid's F1, a random order {percent(chance['value'])}"
    )


def losses(found: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """found: from ``procedure_losses``."""
    procedures = found.drop(index=list(NO_PROCEDURES), errors="ignore").dropna(subset="value")
    if procedures.empty:
        return "No procedure has a loss: the grid's F1 is 0"
    within, best = int((procedures["value"] <= AIM).sum()), procedures["value"].idxmin()
    chance = f", a random order {percent(found.loc['random', 'value'])}" if "random" in found.index else ""
    return (
        f"{within or 'None'} of {counted(len(procedures), 'procedure')} {plural(within or 1, 'loses', 'lose')} at most "
        f"{percent(AIM, 0)} of the grid's F1 early on; {label(best, titles)} loses "
        f"{percent(procedures.loc[best, 'value'])}{chance}"
    )


def time_spent(seconds: pd.Series) -> str:
    """seconds: by phase."""
    most = seconds.idxmax()
    return (
        f"{label(most).capitalize()} takes most, {percent(seconds[most] / seconds.sum(), 0)} of {duration(seconds.sum())}; "
        f"conductance takes {percent(seconds['conductance'] / seconds.sum())}"
    )


# notebook 8


def selectors(ranks: pd.DataFrame, titles: Mapping[str, str], truth: str) -> str:
    """ranks: rows of one rank correlation, by selector. truth: what it is taken with."""
    rows = ranks.drop(index=list(BOUNDS), errors="ignore").dropna(subset="value")
    if rows.empty:
        return NOTHING_TO_RANK.rstrip(".")
    differs = differs_from_random(rows)
    better, worse = (int((differs & side).sum()) for side in (rows["value"] > 0, rows["value"] < 0))
    best = rows.loc[rows["value"].idxmax()]
    also = f", {worse:,} worse" if worse else ""
    return (
        f"{better or 'None'} of {counted(len(rows), 'selector')} {plural(better or 1, 'orders', 'order')} sources by "
        f"{truth} better than chance{also}; best: {label(best.name, titles)}, {with_interval(best)}"
    )


def price(front: pd.DataFrame, selectors: int, titles: Mapping[str, str]) -> str:
    """front: minutes and value (regret) of the selectors of which no cheaper one has less regret, the cheapest first."""
    if front.empty:
        return NOTHING_TO_RANK.rstrip(".")
    first, last = front.iloc[0], front.iloc[-1]
    told = f"{label(first.name, titles)} ({_minutes(first)}) loses {percent(first['value'])}"
    if len(front) == 1:
        return f"Paying more buys nothing: of {counted(selectors, 'selector')} the cheapest is best, {told}"
    return (
        f"{len(front)} of {counted(selectors, 'selector')} are worth their price: {told}, {label(last.name, titles)} "
        f"({_minutes(last)}) {percent(last['value'])}"
    )


def _minutes(row: pd.Series) -> str:
    return duration(60 * row["minutes"]) if row["minutes"] else "free"


# notebooks 9 and 10


def regimes(table: pd.DataFrame) -> str:
    """table: "regimes", of several studies."""
    means = table[table["quantity"] == "mean_gain"].sort_values(["target_texts", "source_texts"])
    sides = [side_of_zero(row) for row in means.to_dict("records")]
    small, large = means.iloc[0], means.iloc[-1]
    return (
        f"The average source gains in {sides.count(1)} and loses in {sides.count(-1)} of {len(sides)} regimes: "
        f"{change(small['value'])} F1 with {small['target_texts']:,.0f} target texts, {change(large['value'])} with "
        f"{large['target_texts']:,.0f}"
    )


def generalisation(ranks: pd.DataFrame) -> str:
    """ranks: the rank correlations of the table "generalisation"."""
    rows = ranks[ranks["selector"].str.startswith("carried_over")].dropna(subset="value")
    better = int(((rows["over_random_p"] <= SIGNIFICANT) & (rows["value"] > 0)).sum())
    return (
        f"{better or 'None'} of {counted(len(rows), 'regression')} carried over from other corpora "
        f"{plural(better or 1, 'orders', 'order')} a new corpus's sources better than chance"
    )


# notebook 11


def decisions(table: pd.DataFrame) -> str:
    """For how many tasks a source helps beyond doubt. table: "recommendations"."""
    helped = int(table["verdict"].isin(["transfer", "fuse"]).sum())
    unclear = int((table["verdict"] == "cannot_tell").sum())
    first = f"{helped or 'None'} of {len(table)} tasks gain{'s' * (helped < 2)} beyond doubt"
    return f"{first}; for {unclear} it cannot be told" if unclear else first
