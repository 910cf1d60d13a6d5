"""Figures of the selectors (notebook 8)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.report.figures.style import (
    ADDED,
    BOUND,
    GAIN,
    LOSS,
    NEUTRAL,
    PAPER,
    PLAIN,
    draw_intervals,
    entitle,
    label,
    panel_row,
)
from lib.report.sentences import titles_of_analyses as titles
from lib.selection.comparison import PLANTED, differs_from_random
from lib.selection.contenders import BOUNDS, PROMISING, needs

ROWS = 10  # selectors that are shown; the others stand in the tables
COMPARED = (
    BOUNDS[0],
    "ansat",
    "regression",
    PROMISING,
)  # a bound, the paper's, and the one that recommendations follow
MARKED = {"ansat": PAPER, PROMISING: ADDED}  # selectors that the figure of prices names, and their colours
DEAR = 0.2  # share of the largest price from which a selector's name stands at the left of its dot
SELECTOR_PANELS = (  # metric, label, scale
    ("spearman", "rank correlation with test F1\n(bar: 95 % interval)", 1),
    ("regret_at_1", "regret of the first choice (%)\n(dashed: random order)", 100),
)
PLANTED_PANELS = (
    (PLANTED, "rank correlation with the\nplanted relatedness", 1),
    ("spearman", "rank correlation with test F1\n(bar: 95 % interval)", 1),
)
TRUTHS = {"spearman": "test F1", PLANTED: "planted relatedness"}


def shown_selectors(values: pd.Series, rows: int = ROWS) -> dict[str, list[str]]:
    """The selectors that a figure shows, best first, by what they must have seen: COMPARED, and the best of the others.

    values: the larger the better, by selector; those without a value are not shown, nor is the oracle. The groups are in
    the order of how much has to be trained.
    """
    ranked = values.drop(index=BOUNDS[1], errors="ignore").dropna().sort_values(ascending=False, kind="stable")
    always = [name for name in COMPARED if name in ranked.index]
    chosen = ranked.index[ranked.index.isin([*always, *ranked.index.drop(always)[: rows - len(always)]])]
    order = list(dict.fromkeys(map(needs, ("ansat", "regression", "carried_over", "halving", BOUNDS[0]))))
    return {kind: own for kind in order if (own := [name for name in chosen if needs(name) == kind])}


def places_of(groups: Mapping[str, Sequence[str]]) -> tuple[dict[str, int], dict[str, int]]:
    """Heights of the rows and of the groups' headings, the first group on top."""
    lines = [line for kind, names in groups.items() for line in ((kind, ""), *((kind, name) for name in names))]
    height = {line: len(lines) - 1 - place for place, line in enumerate(lines)}
    return (
        {name: place for (_, name), place in height.items() if name},
        {kind: place for (kind, name), place in height.items() if not name},
    )


def name_rows(
    panels: Sequence[Axes], places: Mapping[str, int], headings: Mapping[str, int], names: Mapping[str, str]
) -> None:
    """Write the names of rows and, in bold, of their groups at the first of panels that share them.

    places, headings: as ``places_of`` returns them. names: of rows, for readers.
    """
    panels[0].set_yticks([*places.values(), *headings.values()], [*(label(name, names) for name in places), *headings])
    for tick in panels[0].get_yticklabels()[len(places) :]:
        tick.set_fontweight("bold")
    for axes in panels:
        axes.grid(visible=False, axis="y")
        axes.set_ylim(-0.6, len(places) + len(headings) - 0.4)


def judged(rows: pd.DataFrame, better: int = 1) -> list[str]:
    """The colour of every selector: whether it differs from random order, and to which side; BOUND for a bound.

    rows: of the table "selector_metrics", one metric, by selector. better: 1 where a larger value is better, else -1.
    """
    differs, side = differs_from_random(rows), better * (rows["value"] - rows["random"])
    verdict = np.select([differs & (side > 0), differs], [GAIN, LOSS], NEUTRAL)
    return [BOUND if name in BOUNDS else str(colour) for name, colour in zip(rows.index, verdict, strict=True)]


def plot_selectors(
    metrics: pd.DataFrame, names: Mapping[str, str], panels: Sequence[tuple[str, str, float]] = SELECTOR_PANELS
) -> Figure:
    """Metrics of ROWS selectors, means over targets with 95 % intervals; the dashed line is random order.

    A dot is filled where its selector differs from random order, with false discoveries among all selectors controlled.

    Args:
        metrics: the table "selector_metrics".
        names: selectors' names for readers.
        panels: metric, axis label and scale of each panel; selectors are sorted by the first one.

    Returns:
        The figure, a panel per metric.
    """
    first = metrics[metrics["metric"] == panels[0][0]].set_index("selector")
    places, headings = places_of(shown_selectors(first["value"]))
    figure, columns = panel_row(len(panels), 1.2 + 0.2 * (len(places) + len(headings)), sharey=True)
    for axes, (metric, description, scale) in zip(columns, panels, strict=True):
        rows = metrics[metrics["metric"] == metric].set_index("selector")
        colours = pd.Series(judged(rows, -1 if metric.startswith("regret") else 1), rows.index)[list(places)]
        draw_intervals(axes, list(places.values()), scale * rows.loc[list(places), ["value", "low", "high"]], colours)
        axes.axvline(scale * rows["random"].iloc[0], color="black", lw=0.9, ls="--")
        axes.set(xlabel=description)
    name_rows(columns, places, headings, names)
    return entitle(figure, titles.selectors(first, names, TRUTHS[panels[0][0]]))


def price_front(metrics: pd.DataFrame, seconds: Mapping[str, float]) -> pd.DataFrame:
    """Price and regret of every selector, and which are worth their price.

    metrics: the table "selector_metrics". seconds: by selector. Returns minutes, value, low and high (regret of the best of
    the first three choices), random, and front: no cheaper selector has less regret; the cheapest first.
    """
    rows = metrics[metrics["metric"] == "regret_at_3"].set_index("selector").loc[list(seconds)]
    rows = rows.assign(minutes=pd.Series(seconds) / 60).sort_values(["minutes", "value"], kind="stable")
    return rows.assign(front=rows["value"] < rows["value"].cummin().shift(fill_value=float("inf")))


def plot_price(metrics: pd.DataFrame, seconds: Mapping[str, float], names: Mapping[str, str]) -> Figure:
    """What each selector costs before it can choose, against the regret of the best of its first three choices.

    The line joins the selectors that are worth their price; the bars are their 95 % intervals. seconds: by selector. names:
    selectors' names for readers.
    """
    rows = price_front(metrics, seconds)
    front, others = rows[rows["front"]], rows[~rows["front"]]
    figure, (axes,) = panel_row(1, 3.4)
    axes.vlines(front["minutes"], 100 * front["low"], 100 * front["high"], color=PLAIN, lw=1.2)
    line = pd.concat([front, front.tail(1).assign(minutes=rows["minutes"].max())])
    axes.step(line["minutes"], 100 * line["value"], where="post", color=PLAIN, lw=1.2)
    open_dots = {"facecolors": "white", "edgecolors": PLAIN, "label": "other selectors"}
    axes.scatter(others["minutes"], 100 * others["value"], s=18, **open_dots)
    best = "no cheaper one has less regret (bar: 95 % interval)"
    axes.scatter(front["minutes"], 100 * front["value"], s=26, color=PLAIN, zorder=3, label=best)
    for name in (name for name in MARKED if name in rows.index):
        axes.scatter(rows["minutes"][name], 100 * rows["value"][name], s=26, color=MARKED[name], zorder=4)
    named = dict.fromkeys([*front.index[:1], *front.index[-1:], *(name for name in MARKED if name in rows.index)])
    for number, name in enumerate(named):
        minutes, regret = rows.loc[name, ["minutes", "value"]]
        left = minutes > DEAR * rows["minutes"].max()
        text = {"fontsize": 8, "ha": "right" if left else "left", "textcoords": "offset points"}
        axes.annotate(
            label(name, names), (minutes, 100 * regret), (-5 if left else 5, -11 if number % 2 else 4), **text
        )
    axes.axhline(100 * rows["random"].iloc[0], color="black", lw=0.9, ls="--", label="random order")
    axes.set_xscale("symlog", linthresh=0.01)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set(
        xlabel="minutes of one worker before it can choose (log scale)",
        ylabel="regret of the best of the\nfirst three choices (%)",
        xlim=(-0.003, None),
    )
    figure.legend(loc="outside lower center", ncols=3)
    return entitle(figure, titles.price(front, len(rows), names))
