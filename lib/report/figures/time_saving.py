"""Figures of the time that a ranking saves (notebook 7)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.report.figures.style import COLOURS, NEUTRAL, SOURCE, label, panel_row
from lib.time_saving.curves import PAPER_SHARES

ORDER_STYLES = {  # colour and line
    "regression": (COLOURS[0], "-"),
    "regression_sequential": (COLOURS[0], "--"),
    "ansat": (COLOURS[4], "-"),
    "halving": (COLOURS[5], "--"),
    "random": ("0.35", "-"),
    "oracle": (COLOURS[2], ":"),
    "label_cooccurrence": (COLOURS[1], "-"),
    "no_transfer": (COLOURS[3], "-."),
    "carried_over": (COLOURS[0], "-"),
    "linear_probe": (COLOURS[2], "-"),
    "logme": (COLOURS[1], "-"),
}


def plot_anytime(anytime: pd.DataFrame, orders: list[str], band: str) -> Figure:
    """F1 as a share of the grid's against time, a panel per accounting; dotted lines mark the paper's shares of time.

    anytime: the table of this name. orders: those to draw, if the study has them. band: the order whose 95 % interval is
    drawn.
    """
    titles = {"paper": "the paper's accounting", "all_inclusive": "all-inclusive accounting"}
    present = set(anytime["order"])
    figure, panels = panel_row(2, 3.4, sharey=True)
    for axes, accounting in zip(panels, titles, strict=True):
        axes.axhline(100, color="black", lw=0.8)
        for order in filter(present.__contains__, orders):
            rows = anytime[(anytime["accounting"] == accounting) & (anytime["order"] == order)]
            draw_order(axes, rows, order, label(order), order == band)
        axes.set(title=titles[accounting], xlim=(0, 100))
    panels[0].set(ylabel="mean test F1 of the chosen\nmodels (% of the grid's)")
    panels[0].set(xlabel="share of the pairs' training time (%)")
    panels[1].set(xlabel="share of the whole grid's time (%)")
    for share in PAPER_SHARES:
        panels[0].axvline(100 * share, color=NEUTRAL, lw=0.7, ls=":")
        panels[0].text(
            100 * share, 0.01, f" {100 * share:.1f} %", fontsize=6, transform=panels[0].get_xaxis_transform()
        )
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize=7, ncols=4, loc="outside lower center")
    return figure


def draw_order(axes: Axes, rows: pd.DataFrame, order: str, name: str, band: bool) -> None:
    """Draw one order's F1, as a share of the grid's, against time.

    Args:
        axes: where to draw.
        rows: the order's rows of the table "anytime" or "carried_anytime".
        order: its key in ORDER_STYLES.
        name: of the order in the legend.
        band: whether to draw its 95 % interval.
    """
    colour, style = ORDER_STYLES[order]
    time, kept = 100 * rows["share_of_time"], 100 * (1 - rows[["loss", "loss_low", "loss_high"]])
    axes.plot(time, kept["loss"], style, color=colour, lw=1.4, label=name)
    if band:
        axes.fill_between(time, kept["loss_high"], kept["loss_low"], color=colour, alpha=0.12, lw=0)


def plot_losses(points: Mapping[str, dict], titles: Mapping[str, str]) -> Figure:
    """Share of the grid's F1 that each procedure loses, all-inclusive, at one or two moments; bars are 95 % intervals.

    Procedures that learn from the whole grid are left out, as is a moment before the single-task models are trained.
    points: ``selectors`` of summary.json. titles: selectors' names for readers.
    """
    losses = {name: both["all_inclusive"] for name, both in points.items()}
    losses = {name: each for name, each in losses.items() if each["loss_at_10_percent_of_pairs"]}
    order = sorted(losses, key=lambda name: (-losses[name]["loss_at_10_percent_of_pairs"]["value"], name))
    moments = {
        "loss_at_10_percent_of_pairs": "after attribution\nand 10 % of the pairs' time",
        "loss_at_0.495": "after\n49.5 % of the grid's time",
    }
    moments = {moment: title for moment, title in moments.items() if any(each[moment] for each in losses.values())}
    figure, panels = panel_row(len(moments), 1.0 + 0.2 * len(order), sharey=True)
    for axes, (moment, title) in zip(panels, moments.items(), strict=True):
        for place, name in enumerate(order):
            loss = losses[name][moment]
            if loss is None:  # the procedure has not started by then
                continue
            low, high = (np.nan if loss[end] is None else 100 * loss[end] for end in ("low", "high"))
            colour = ORDER_STYLES["random"][0] if name in ("random", "no_transfer") else SOURCE
            axes.hlines(place, low, high, color=NEUTRAL, lw=1.4)
            axes.scatter(100 * loss["value"], place, color=colour, s=20, zorder=3)
        axes.axvline(0, color="black", lw=0.8)
        axes.axvline(1, color="black", lw=0.8, ls=":")
        axes.set(xlabel=f"F1 lost (% of the grid's)\n{title}")
    panels[0].set_yticks(range(len(order)), [label(name, titles) for name in order])
    return figure


def plot_time_spent(seconds: pd.Series) -> Figure:
    """Minutes of one worker that each phase of the study took. seconds: by phase."""
    figure, (axes,) = panel_row(1, 0.8 + 0.26 * len(seconds))
    axes.barh([label(name) for name in seconds.index[::-1]], seconds[::-1] / 60, color=SOURCE)
    axes.set(xlabel="minutes of one worker", ylabel="phase")
    return figure
