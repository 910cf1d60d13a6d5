"""Pictures of several studies in one, for documents: every selector, and what a recipe leaves of the representation."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.report.figures.selection import name_rows, places_of, shown_selectors
from lib.report.figures.style import entitle, label, panel_row
from lib.report.figures.themes import Theme
from lib.selection.contenders import BOUNDS
from lib.transfer.collapse import COLLAPSED, collapsed_representations, pretrained_and_sources


def plot_forest(
    theme: Theme, pooled: pd.DataFrame, by_study: pd.DataFrame, names: Mapping[str, str], finding: str
) -> Figure:
    """Rank correlation with test F1 of ten selectors and bounds over all studies, grouped by what they must have seen.

    Args:
        theme: of the page.
        pooled: value, low and high of the mean over the studies, by selector.
        by_study: (selectors, studies) rank correlations.
        names: selectors' names for readers.
        finding: the title.

    Returns:
        The picture: a small dot a study, a diamond for the mean, coloured where its interval does not hold 0.
    """
    places, headings = places_of(shown_selectors(pooled["value"]))
    figure, (axes,) = panel_row(1, 1.3 + 0.21 * (len(places) + len(headings)))
    for name, place in places.items():
        row, studies = pooled.loc[name], by_study.loc[name]
        colour = theme.gain if row["low"] > 0 else theme.loss if row["high"] < 0 else theme.neutral
        colour = theme.bound if name in BOUNDS else colour
        axes.scatter(studies, np.full(len(studies), place), s=12, color=theme.plain, alpha=0.6, lw=0, zorder=2)
        axes.hlines(place, row["low"], row["high"], color=colour, lw=2.0, zorder=3)
        face = theme.page if colour == theme.neutral else colour
        axes.scatter(row["value"], place, s=34, marker="D", c=face, edgecolors=colour, zorder=4)
    name_rows([axes], places, headings, names)
    axes.axvline(0, color=theme.ink, lw=0.9, ls="--")
    axes.set(
        xlabel=f"rank correlation with test F1 (dashed: random order)\ndot: a study; diamond: mean of {by_study.shape[1]} "
        "studies, with its 95 % interval"
    )
    return entitle(figure, finding)


def plot_collapse(theme: Theme, studies: Mapping[str, pd.DataFrame], finding: str) -> Figure:
    """What fine-tuning does to every source's features in two studies of the same tasks: a line from before to after.

    Args:
        theme: of the page.
        studies: the table "representations" by study.
        finding: the title.

    Returns:
        The picture: effective rank and the first direction's share of the variance.
    """
    order = pd.concat([pretrained_and_sources(table)[1] for table in studies.values()])
    order = order.groupby("task")["effective_rank"].mean().sort_values().index
    place = {task: row for row, task in enumerate(order)}
    figure, panels = panel_row(2, 1.6 + 0.27 * len(order), sharey=True)
    for (study, table), marker, shift in zip(studies.items(), "os", (0.18, -0.18), strict=False):
        before, sources = pretrained_and_sources(table)
        lost = sources.index.isin(collapsed_representations(table).index)
        y = sources["task"].map(place) + shift
        for axes, measure in zip(panels, ("effective_rank", "first_share"), strict=True):
            axes.hlines(y, before[measure], sources[measure], color=theme.plain, lw=0.8)
            axes.plot(np.full(len(y), before[measure]), y, "|", color=theme.ink, ms=5)
            for rows, colour, name in ((~lost, theme.source, study), (lost, theme.loss, f"{study}, collapsed")):
                if rows.any():
                    style = {"s": 22, "marker": marker, "color": colour, "zorder": 3, "label": name}
                    axes.scatter(sources[measure][rows], y[rows], **style)
        span = {"color": theme.loss, "alpha": 0.05, "lw": 0}
        panels[0].axvspan(1, COLLAPSED * before["effective_rank"], **span)
    panels[0].plot([], [], "|", color=theme.ink, ms=5, label="pretrained encoder")
    panels[0].set_xscale("log", base=2)
    panels[0].xaxis.set_major_formatter("{x:g}")
    panels[0].set(xlabel="effective rank (directions, log scale;\nshaded: collapsed)", xlim=(1, None))
    panels[1].set(xlabel="first direction's share\nof the variance (0 to 1)", xlim=(0, 1.03))
    panels[0].set_yticks(range(len(order)), [label(task) for task in order])
    figure.legend(*panels[0].get_legend_handles_labels(), ncols=4, loc="outside lower center")
    return entitle(figure, finding)
