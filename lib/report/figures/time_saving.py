"""Figures of the time that a ranking saves (notebook 7)."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from lib.report.figures.style import ADDED, BASELINE, BOUND, PAPER, PLAIN, draw_intervals, entitle, label, panel_row
from lib.report.sentences import titles_of_analyses as titles
from lib.report.summary import procedure_losses
from lib.selection.contenders import PROMISING
from lib.time_saving.curves import PAPER_SHARES

ORDERS = {  # colour and line
    "oracle": (BOUND, ":"),
    "regression": (PAPER, "-"),
    "regression_sequential": (PAPER, "--"),
    PROMISING: (ADDED, "-"),
    "random": (BASELINE, "-"),
    "no_transfer": (BASELINE, "-."),
}
SHOWN = {  # orders by accounting; all-inclusive, the regression and the oracle have nothing to learn from
    "paper": ("oracle", "regression", PROMISING, "random", "no_transfer"),
    "all_inclusive": ("regression_sequential", PROMISING, "random", "no_transfer"),
}
ROWS = 10  # procedures that are shown
COMPARED = ("regression_sequential", "ansat", PROMISING, "random", "no_transfer")  # procedures that are always shown
MOMENTS = {
    "loss_at_10_percent_of_pairs": "after attribution\nand 10 % of the pairs' time",
    "loss_at_0.495": "after\n49.5 % of the grid's time",
}


def plot_anytime(anytime: pd.DataFrame, losses: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """F1 as a share of the grid's against time, a panel per accounting; dotted lines mark the paper's shares of time.

    Args:
        anytime: the table of this name.
        losses: from ``procedure_losses``.
        names: selectors' names for readers.

    Returns:
        The figure; bands are 95 % intervals of the order by the selector that recommendations follow.
    """
    accountings = {"paper": "the paper's accounting", "all_inclusive": "all-inclusive accounting"}
    figure, panels = panel_row(2, 3.6, sharey=True)
    for axes, accounting in zip(panels, accountings, strict=True):
        axes.axhline(100, color="black", lw=0.8)
        curves = anytime[anytime["accounting"] == accounting].set_index("order")
        for order in filter(set(curves.index).__contains__, SHOWN[accounting]):
            (colour, line), rows = ORDERS[order], curves.loc[order]
            time, kept = 100 * rows["share_of_time"], 100 * (1 - rows[["loss", "loss_low", "loss_high"]])
            axes.plot(time, kept["loss"], line, color=colour, lw=1.4, label=label(order, names))
            if order == PROMISING:
                axes.fill_between(time, kept["loss_high"], kept["loss_low"], color=colour, alpha=0.2, lw=0)
        axes.set(title=accountings[accounting], xlim=(0, 100))
    panels[0].set(ylabel="mean test F1 of the chosen\nmodels (% of the grid's)")
    panels[0].set(xlabel="share of the pairs' training time (%)")
    panels[1].set(xlabel="share of the whole grid's time (%)")
    for share in PAPER_SHARES:
        panels[0].axvline(100 * share, color="black", lw=0.7, ls=":")
        place = {"fontsize": 7.5, "transform": panels[0].get_xaxis_transform()}
        panels[0].text(100 * share, 0.02, f" {100 * share:.1f} %", **place)
    handles = {name: handle for axes in panels for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, ncols=3, loc="outside lower center")
    return entitle(figure, titles.anytime(losses, names, PROMISING))


def plot_losses(summary: Mapping, names: Mapping[str, str]) -> Figure:
    """Share of the grid's F1 that procedures lose, all-inclusive, at one or two moments; bars are 95 % intervals.

    The ROWS procedures that lose least, COMPARED among them. Those that learn from the whole grid are left out, as is a
    moment before the single-task models are trained.

    Args:
        summary: the study's headline.
        names: selectors' names for readers.

    Returns:
        The figure.
    """
    found = {moment: procedure_losses(summary, moment) for moment in MOMENTS}
    first = found["loss_at_10_percent_of_pairs"].sort_values("value", kind="stable")
    always = [name for name in COMPARED if name in first.index]
    shown = first.index[first.index.isin([*always, *first.index.drop(always)[: ROWS - len(always)]])][::-1]
    moments = {moment: title for moment, title in MOMENTS.items() if len(found[moment])}
    figure, panels = panel_row(len(moments), 1.6 + 0.22 * len(shown), sharey=True)
    for axes, (moment, title) in zip(panels, moments.items(), strict=True):
        rows = 100 * found[moment].reindex(shown)  # a procedure may not have started by then
        draw_intervals(axes, range(len(shown)), rows, [_colour(name) for name in shown])
        axes.axvline(0, color="black", lw=0.8)
        axes.axvline(1, color="black", lw=0.8, ls=":")
        axes.set(xlabel=f"F1 lost (% of the grid's)\n{title}")
    panels[0].set_yticks(range(len(shown)), [label(name, names) for name in shown])
    return entitle(figure, titles.losses(first, names))


def _colour(order: str) -> str:
    return ORDERS[order][0] if order in ORDERS else PAPER if "ansat" in order else PLAIN


def plot_time_spent(seconds: pd.Series) -> Figure:
    """Minutes of one worker that each phase of the study took, the longest on top. seconds: by phase."""
    ordered = seconds[seconds > 0].sort_values()
    figure, (axes,) = panel_row(1, 1.0 + 0.22 * len(ordered))
    axes.barh([label(name) for name in ordered.index], ordered / 60, color=PLAIN)
    axes.set(xlabel="minutes of one worker", ylabel="phase")
    return entitle(figure, titles.time_spent(seconds))
