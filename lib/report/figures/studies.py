"""Figures of several studies, recipes or sizes side by side (notebooks 9, 10, 12 and 13)."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from lib.report.figures.selection import judged, name_rows, places_of
from lib.report.figures.style import (
    BASELINE,
    PLAIN,
    SOURCE,
    draw_intervals,
    entitle,
    panel_grid,
    panel_row,
    verdicts,
)
from lib.report.sentences import titles_of_analyses as titles
from lib.selection.contenders import BOUNDS, PROMISING, needs

CARRIED = ("regression", PROMISING, "label_cooccurrence", "ansat", BOUNDS[0])  # beside the regressions carried over
STARTS = {  # name, colour, marker, line and, so that bars do not hide each other, a factor of the size
    "transfer": ("from the linear probe's first source", SOURCE, "o", "-", 1.05),
    "fused": ("from the mean of all sources", SOURCE, "s", ":", 0.95),
    "frozen": ("frozen encoder, logistic regression", BASELINE, "D", "-", 1.0),
}


def plot_regimes(regimes: pd.DataFrame, quantities: Mapping[str, str]) -> Figure:
    """A panel per quantity that is defined: its mean over targets in every study, with 95 % intervals.

    regimes: the table of this name, of two studies or more. quantities: axis labels by name.
    """
    studies = list(dict.fromkeys(regimes["study"]))[::-1]
    texts = regimes.drop_duplicates("study").set_index("study")
    names = [f"{s}\n{texts.loc[s, 'source_texts']:.0f} → {texts.loc[s, 'target_texts']:.0f} texts" for s in studies]
    defined = set(regimes.loc[regimes["value"].notna(), "quantity"])
    shown = [(quantity, title) for quantity, title in quantities.items() if quantity in defined]
    figure, panels = panel_grid(len(shown), 1.2 + 0.35 * len(studies), 0.3, sharey=True)
    for axes, (quantity, title) in zip(panels, shown, strict=True):
        rows = regimes[regimes["quantity"] == quantity].set_index("study").loc[studies]
        _draw_rows(axes, rows, names, title, verdict=quantity != "share_gaining")
    return entitle(figure, titles.regimes(regimes))


def _draw_rows(axes: Axes, rows: pd.DataFrame, names: list[str], title: str, verdict: bool = True) -> None:
    """Intervals of named rows around 0. verdict: whether 0 divides gains from losses."""
    places = range(len(names))
    draw_intervals(axes, places, rows, verdicts(rows) if verdict else [PLAIN] * len(rows))
    axes.set_yticks(places, names)
    axes.axvline(0, color="black", lw=0.9, ls="--")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set(xlabel=title, ylim=(-0.5, len(names) - 0.5))


def plot_recipes(scores: pd.DataFrame, title: str) -> Figure:
    """What every recipe does to the baseline and what sources add, those whose pairs are best on top: a panel each.

    scores: the table "recipe_scores". title: the finding.
    """
    panels = {
        "baseline_gap": "no transfer,\nminus the best recipe's",
        "pair_gain": "one source adds\nto no transfer",
        "fused_gain": "the mean of all sources\nadds to no transfer",
        "over_best_baseline": "one source, minus the best\nrecipe without transfer",
    }
    values = scores.set_index(["quantity", "recipe"])
    recipes = list(values.loc["over_best_baseline"].sort_values("value").index)
    figure, axes_of = panel_grid(len(panels), 0.7 + 0.2 * len(recipes), 0.5, sharey=True)
    for axes, (quantity, name) in zip(axes_of, panels.items(), strict=True):
        _draw_rows(axes, values.loc[quantity].reindex(recipes), recipes, name)
    figure.supxlabel("average precision on validation (bar: 95 % interval over targets)", fontsize=8.5)
    return entitle(figure, title)


def plot_target_sizes(gains: pd.DataFrame, title: str) -> Figure:
    """What each start adds in average precision to training alone, against the number of texts: a column per part.

    Sources on top; below, on a scale of its own, the frozen encoder. A dot is filled where its interval does not hold 0.

    gains: the table "target_size_gains". title: the finding.
    """
    sizes = sorted(gains["size"].unique())
    figure, panels = panel_grid(4, 1.75, 0.9, sharex=True, sharey="row", height_ratios=(3, 2))
    shown = [(kinds, part) for kinds in (("transfer", "fused"), ("frozen",)) for part in ("validation", "test")]
    for axes, (kinds, part) in zip(panels, shown, strict=True):
        rows = gains[(gains["metric"] == "average_precision") & (gains["part"] == part)]
        for kind in kinds:
            _draw_start(axes, rows[rows["kind"] == kind].sort_values("size"), kind)
        axes.axhline(0, color="black", lw=0.9, ls="--")
        axes.set(xscale="log", title=f"on {part}" if "transfer" in kinds else "")
        axes.xaxis.set_major_locator(FixedLocator(sizes))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
        axes.yaxis.set_major_locator(MaxNLocator(4))
    for axes in panels[2:]:
        axes.set(xlabel="training texts of the target")
    figure.supylabel("gain in average precision over training alone", fontsize=8.5)
    handles = {name: line for axes in panels for line, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, ncols=2, loc="outside lower center")
    return entitle(figure, title)


def _draw_start(axes: Axes, rows: pd.DataFrame, kind: str) -> None:
    name, colour, marker, line, shift = STARTS[kind]
    places = rows["size"] * shift
    axes.vlines(places, rows["low"], rows["high"], color=colour, lw=1.0)
    axes.plot(places, rows["value"], line, color=colour, marker=marker, ms=4, lw=1.2, label=name)
    within = (rows["low"] <= 0) & (rows["high"] >= 0)
    axes.plot(places[within], rows["value"][within], marker, mfc="white", mec=colour, ms=4)


def plot_generalisation(metrics: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """Rank correlation with test F1, a panel per new corpus, of the regressions carried over to it and of CARRIED.

    A dot is filled where it differs from random order. metrics: the table "generalisation". names: selectors' names for
    readers.
    """
    ranks = metrics[metrics["metric"] == "spearman"]
    corpora, found = list(dict.fromkeys(ranks["study"])), list(dict.fromkeys(ranks["selector"]))
    rows = [
        *sorted(name for name in found if name.startswith("carried_over")),
        *(name for name in CARRIED if name in found),
    ]
    groups: dict[str, list[str]] = {}
    for name in rows:
        groups.setdefault(needs(name), []).append(name)
    places, headings = places_of(groups)
    figure, columns = panel_row(len(corpora), 1.3 + 0.2 * (len(places) + len(headings)), sharex=True, sharey=True)
    for axes, corpus in zip(columns, corpora, strict=True):
        own = ranks[ranks["study"] == corpus].set_index("selector")
        colours = pd.Series(judged(own.fillna({"random": 0.0})), own.index)
        shown = [name for name in places if name in own.index]
        draw_intervals(axes, [places[name] for name in shown], own.loc[shown], list(colours[shown]))
        axes.axvline(0, color="black", lw=0.9, ls="--")
        axes.set(title=f"on {corpus}")
    name_rows(columns, places, headings, names)
    figure.supxlabel("rank correlation with test F1 (bar: 95 % interval; dashed: random order)", fontsize=8.5)
    return entitle(figure, titles.generalisation(ranks))
