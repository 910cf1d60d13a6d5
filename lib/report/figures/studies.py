"""Figures of several studies side by side (notebooks 9 and 10)."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lib.report.figures.selection import plot_selectors
from lib.report.figures.style import NEUTRAL, SOURCE, panel_grid


def plot_regimes(regimes: pd.DataFrame, quantities: Mapping[str, str]) -> Figure:
    """One panel per quantity that is defined: its mean over targets in every study, with 95 % intervals.

    regimes: the table of this name; quantities: titles by name.
    """
    studies = list(dict.fromkeys(regimes["study"]))[::-1]
    texts = regimes.drop_duplicates("study").set_index("study")
    names = [f"{s}\n{texts.loc[s, 'source_texts']:.0f} → {texts.loc[s, 'target_texts']:.0f} texts" for s in studies]
    defined = set(regimes.loc[regimes["value"].notna(), "quantity"])
    shown = [(quantity, title) for quantity, title in quantities.items() if quantity in defined]
    figure, panels = panel_grid(len(shown), 1.2 + 0.35 * len(studies), sharey=True)
    for axes, (quantity, title) in zip(panels, shown, strict=True):
        rows = regimes[regimes["quantity"] == quantity].set_index("study").loc[studies]
        places = range(len(names))
        axes.hlines(places, rows["low"], rows["high"], color=NEUTRAL, lw=1.4)
        axes.scatter(rows["value"], places, color=SOURCE, s=20, zorder=3)
        axes.set_yticks(places, names)
        axes.axvline(0, color="black", lw=0.9, ls="--")
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set(xlabel=title, ylim=(-0.5, len(studies) - 0.5))
    return figure


def plot_generalisation(found: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Rank correlation of every contender with test F1, one panel per new corpus; filled: differs from random order."""
    ranks, studies = found[found["metric"] == "spearman"], list(dict.fromkeys(found["study"]))
    ranks = ranks[ranks["selector"] != "oracle"]  # 1 by definition
    everyone = pd.MultiIndex.from_product([studies, dict.fromkeys(ranks["selector"])], names=["metric", "selector"])
    by_study = ranks.drop(columns="metric").rename(columns={"study": "metric"}).set_index(["metric", "selector"])
    by_study = by_study.reindex(everyone).reset_index().fillna({"random": 0.0})
    figure = plot_selectors(by_study, titles, [(study, f"on {study}", 1) for study in studies], alike=True)
    figure.supxlabel("rank correlation with test F1 (bar: 95 % interval)", fontsize="medium")
    return figure
