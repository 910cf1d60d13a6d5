"""Figures of the time that a ranking saves (notebook 7)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.report.figures.style import COLOURS, NEUTRAL, SOURCE, label, panel_grid, panel_row
from lib.time_saving.curves import PAPER_SHARES

ORDER_STYLES = {
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


CARRIED_ORDERS = ("carried_over", "linear_probe", "logme", "ansat", "random")


def plot_anytime(anytime: pd.DataFrame, orders: list[str], band: str) -> Figure:
    """F1 as a share of the grid's against time, one panel per accounting; a band shows the 95 % interval of one order.

    Orders that the study does not have are left out. Dotted: the shares of time that the paper reports.
    """
    accountings = ["paper", "all_inclusive"]
    known = set(anytime["order"])
    figure, panels = panel_row(2, 3.4, sharey=True)
    for axes, accounting in zip(panels, accountings, strict=True):
        axes.axhline(100, color="black", lw=0.8)
        for order in filter(known.__contains__, orders):
            rows = anytime[(anytime["accounting"] == accounting) & (anytime["order"] == order)]
            _draw_order(axes, rows, order, label(order), order == band)
        axes.set(title=f"accounting: {label(accounting)}", xlim=(0, 100))
    panels[0].set(ylabel="mean test F1 of the chosen\nmodels (% of the grid's)")
    panels[0].set(xlabel="share of the pairs' training time (%)")
    panels[1].set(xlabel="share of the whole grid's time (%)")
    for share in PAPER_SHARES:
        panels[0].axvline(100 * share, color=NEUTRAL, lw=0.7, ls=":")
        panels[0].text(100 * share, 0.01, f" {share:.1%}", fontsize=6, transform=panels[0].get_xaxis_transform())
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize=7, ncols=4, loc="outside lower center")
    return figure


def _draw_order(axes: Axes, rows: pd.DataFrame, order: str, name: str, band: bool) -> None:
    """One order's F1, as a share of the grid's, against time, with its 95 % interval if ``band``; rows as in "anytime"."""
    colour, style = ORDER_STYLES[order]
    time, kept = 100 * rows["share_of_time"], 100 * (1 - rows[["loss", "loss_low", "loss_high"]])
    axes.plot(time, kept["loss"], style, color=colour, lw=1.4, label=name)
    if band:
        axes.fill_between(time, kept["loss_high"], kept["loss_low"], color=colour, alpha=0.12, lw=0)


def plot_losses(points: Mapping[str, dict], titles: Mapping[str, str]) -> Figure:
    """What share of the grid's F1 each procedure that a user can follow loses, all-inclusive; bars are 95 % intervals.

    points: ``selectors`` of summary.json. titles: names to show. Procedures that learn from the whole grid are left out,
    as is a moment before the single-task models are trained.
    """
    known = {name: both["all_inclusive"] for name, both in points.items()}
    known = {name: read for name, read in known.items() if read["loss_at_10_percent_of_pairs"]}
    order = sorted(known, key=lambda name: (-known[name]["loss_at_10_percent_of_pairs"]["value"], name))
    moments = {
        "loss_at_10_percent_of_pairs": "after attribution\nand 10 % of the pairs' time",
        "loss_at_0.495": "after\n49.5 % of the grid's time",
    }
    moments = {moment: spoken for moment, spoken in moments.items() if any(read[moment] for read in known.values())}
    figure, panels = panel_row(len(moments), 1.0 + 0.2 * len(order), sharey=True)
    for axes, (moment, spoken) in zip(panels, moments.items(), strict=True):
        for place, name in enumerate(order):
            found = known[name][moment]
            if found is None:  # it has not started by then
                continue
            low, high = (np.nan if found[end] is None else 100 * found[end] for end in ("low", "high"))
            colour = ORDER_STYLES["random"][0] if name in ("random", "no_transfer") else SOURCE
            axes.hlines(place, low, high, color=NEUTRAL, lw=1.4)
            axes.scatter(100 * found["value"], place, color=colour, s=20, zorder=3)
        axes.axvline(0, color="black", lw=0.8)
        axes.axvline(1, color="black", lw=0.8, ls=":")
        axes.set(xlabel=f"the grid's F1 lost (%)\n{spoken}")
    panels[0].set_yticks(range(len(order)), [label(name, titles) for name in order])
    return figure


def plot_time_spent(seconds: pd.Series) -> Figure:
    """Where the study's seconds went, by phase."""
    figure, (axes,) = panel_row(1, 0.8 + 0.26 * len(seconds))
    axes.barh([label(name) for name in seconds.index[::-1]], seconds[::-1] / 60, color=SOURCE)
    axes.set(xlabel="minutes of one worker", ylabel="phase")
    return figure


def plot_carried_anytime(anytime: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """F1 as a share of the grid's against its time, all-inclusive, one panel per new corpus: the regression carried over
    from all other corpora (from the one, where there is but one) with its 95 % interval, and who needs no pair.

    anytime: the table "carried_anytime". titles: names to show.
    """
    studies = list(dict.fromkeys(anytime["study"]))
    figure, panels = panel_grid(len(studies), 1.7, 0.6, sharex=True)
    for axes, study in zip(panels, studies, strict=True):
        rows = anytime[anytime["study"] == study].set_index("order")
        carried = [name for name in dict.fromkeys(rows.index) if name.startswith("carried_over")][-1]
        axes.axhline(100, color="black", lw=0.8)
        for order in CARRIED_ORDERS:
            found = rows.loc[carried if order == "carried_over" else order]
            _draw_order(axes, found, order, label(order, titles), order == "carried_over")
        axes.set(title=f"on {study}", xlim=(0, 100))
    figure.supylabel("mean test F1 of the chosen\nmodels (% of the grid's)", fontsize="medium")
    figure.supxlabel("share of the whole grid's time (%)", fontsize="medium")
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize=7, ncols=5, loc="outside upper center")
    return figure
