"""Figures of several studies, recipes or sizes side by side (notebooks 9, 10, 12 and 13)."""

from collections.abc import Mapping
from textwrap import fill

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from lib.report.figures.selection import plot_selectors
from lib.report.figures.style import COLOURS, NEUTRAL, SOURCE, label, panel_grid
from lib.report.figures.time_saving import draw_order

CARRIED_ORDERS = ("carried_over", "linear_probe", "logme", "ansat", "random")


def plot_regimes(regimes: pd.DataFrame, quantities: Mapping[str, str]) -> Figure:
    """A panel per quantity that is defined: its mean over targets in every study, with 95 % intervals.

    regimes: the table of this name. quantities: axis labels by name.
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


def plot_recipes(scores: pd.DataFrame) -> Figure:
    """Baseline and gains of every recipe, the best baseline first: a panel each. scores: the table "recipe_scores"."""
    panels = {
        "baseline": "average precision without transfer\n(validation; bar: 95 % interval)",
        "pair_gain": "what one source adds to it",
        "fused_gain": "what the mean of all sources adds to it",
        "over_best_baseline": "one source minus the best baseline",
    }
    values = scores.set_index(["quantity", "recipe"])
    recipes = list(values.loc["baseline"].sort_values("value").index)
    figure, axes_of = panel_grid(len(panels), 1.0 + 0.2 * len(recipes), sharey=True)
    places = range(len(recipes))
    for axes, (quantity, title) in zip(axes_of, panels.items(), strict=True):
        rows = values.loc[quantity].reindex(recipes)
        axes.hlines(places, rows["low"], rows["high"], color=NEUTRAL, lw=1.4)
        axes.scatter(rows["value"], places, color=SOURCE, s=20, zorder=3)
        axes.set_yticks(places, recipes)
        if quantity != "baseline":
            axes.axvline(0, color="black", lw=0.9, ls="--")
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set(xlabel=title, ylim=(-0.5, len(recipes) - 0.5))
    return figure


def plot_target_sizes(gains: pd.DataFrame, title: str) -> Figure:
    """What each start adds to training alone against the number of texts: a panel per metric and part.

    gains: the table "target_size_gains". title: the finding.
    """
    sizes = sorted(gains["size"].unique())
    figure, panels = panel_grid(4, 1.9, 0.6, sharex=True, sharey="row")
    shown = [(metric, part) for metric in ("average_precision", "f1") for part in ("validation", "test")]
    for axes, (metric, part) in zip(panels, shown, strict=True):
        rows = gains[(gains["metric"] == metric) & (gains["part"] == part)]
        for kind, (name, colour, marker, shift) in STARTS.items():
            own = rows[rows["kind"] == kind].sort_values("size")
            places = own["size"] * shift
            axes.vlines(places, own["low"], own["high"], color=colour, lw=1.0)
            axes.plot(places, own["value"], color=colour, marker=marker, ms=4, lw=1.2, label=name)
        axes.axhline(0, color="black", lw=0.9, ls="--")
        axes.set(xscale="log", title=f"{label(metric)}, {part}")
        axes.xaxis.set_major_locator(FixedLocator(sizes))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
        axes.yaxis.set_major_locator(MaxNLocator(4))
    for axes in panels[2:]:
        axes.set(xlabel="training texts of the target")
    figure.suptitle(fill(title, 80), fontsize="medium")
    figure.supylabel("gain over training alone", fontsize="medium")
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize=7, ncols=3, loc="outside lower center")
    return figure


STARTS = {  # name, colour, marker and, so that bars do not hide each other, a factor of the size
    "frozen": ("frozen encoder, logistic regression", COLOURS[1], "s", 0.95),
    "fused": ("from the mean of all sources", COLOURS[0], "o", 1.0),
    "transfer": ("from the linear probe's first source", COLOURS[2], "^", 1.05),
}


def plot_generalisation(metrics: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Rank correlation of every way of ranking pairs with test F1, a panel per new corpus; filled: differs from random.

    metrics: the table "generalisation". titles: selectors' names for readers.
    """
    ranks, studies = metrics[metrics["metric"] == "spearman"], list(dict.fromkeys(metrics["study"]))
    ranks = ranks[ranks["selector"] != "oracle"]  # 1 by definition
    everywhere = pd.MultiIndex.from_product([studies, dict.fromkeys(ranks["selector"])], names=["metric", "selector"])
    by_study = ranks.drop(columns="metric").rename(columns={"study": "metric"}).set_index(["metric", "selector"])
    by_study = by_study.reindex(everywhere).reset_index().fillna({"random": 0.0})
    figure = plot_selectors(by_study, titles, [(study, f"on {study}", 1) for study in studies], alike=True)
    figure.supxlabel("rank correlation with test F1 (bar: 95 % interval; dashed: random order)", fontsize="medium")
    return figure


def plot_carried_anytime(anytime: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """F1 as a share of the grid's against time, all-inclusive, a panel per new corpus.

    The regression carried over from all other corpora (from the one, where there is only one) stands with its 95 %
    interval beside scores that need no trained pair. anytime: the table "carried_anytime". titles: selectors' names for
    readers.
    """
    studies = list(dict.fromkeys(anytime["study"]))
    figure, panels = panel_grid(len(studies), 1.7, 0.6, sharex=True)
    for axes, study in zip(panels, studies, strict=True):
        rows = anytime[anytime["study"] == study].set_index("order")
        carried = [name for name in dict.fromkeys(rows.index) if name.startswith("carried_over")][-1]
        axes.axhline(100, color="black", lw=0.8)
        for order in CARRIED_ORDERS:
            curve = rows.loc[carried if order == "carried_over" else order]
            draw_order(axes, curve, order, label(order, titles), order == "carried_over")
        axes.set(title=f"on {study}", xlim=(0, 100))
    figure.supylabel("mean test F1 of the chosen\nmodels (% of the grid's)", fontsize="medium")
    figure.supxlabel("share of the whole grid's time (%)", fontsize="medium")
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize=7, ncols=5, loc="outside upper center")
    return figure
