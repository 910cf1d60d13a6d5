"""Figures of the selectors (notebook 8)."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.report.figures.style import NEUTRAL, SOURCE, label, panel_row
from lib.selection.comparison import differs_from_random

SELECTOR_PANELS = (  # metric, label, scale
    ("spearman", "rank correlation with test F1\n(bar: 95 % interval)", 1),
    ("regret_at_1", "regret of the first choice (%)\n(dashed: random order)", 100),
)
PLANTED_PANELS = (
    ("spearman_with_planted", "rank correlation with the\nplanted relatedness", 1),
    ("spearman", "rank correlation with test F1\n(bar: 95 % interval)", 1),
)


def plot_selectors(
    metrics: pd.DataFrame,
    titles: Mapping[str, str],
    panels: Sequence[tuple[str, str, float]] = SELECTOR_PANELS,
    alike: bool = False,
) -> Figure:
    """Metrics of every selector, means over targets with 95 % intervals; the dashed line is random order.

    A dot is filled where its selector differs from random order, with false discoveries among the selectors controlled.
    Bounds are no selectors and stay open.

    Args:
        metrics: the table "selector_metrics".
        titles: selectors' names for readers.
        panels: metric, axis label and scale of each panel; selectors are sorted by the first one.
        alike: whether all panels share one scale.

    Returns:
        The figure, a panel per metric.
    """
    figure, columns = panel_row(len(panels), 1.0 + 0.2 * metrics["selector"].nunique(), sharey=True, sharex=alike)
    order = metrics[metrics["metric"] == panels[0][0]].sort_values("value", na_position="first")["selector"]
    for axes, (metric, description, scale) in zip(columns, panels, strict=True):
        rows = metrics[metrics["metric"] == metric].set_index("selector").loc[order]
        differs = differs_from_random(rows)
        names = [label(name, titles) for name in rows.index]
        axes.hlines(names, scale * rows["low"], scale * rows["high"], color=NEUTRAL, lw=1.4)
        colours = np.where(differs, mpl.colors.to_hex(SOURCE), "white")
        axes.scatter(scale * rows["value"], names, c=colours, edgecolors=[SOURCE], s=20, zorder=3)
        axes.axvline(scale * rows["random"].iloc[0], color="black", lw=0.9, ls="--")
        axes.set(xlabel=description)
    return figure


def plot_price(metrics: pd.DataFrame, seconds: dict[str, float], titles: dict[str, str]) -> Figure:
    """What each selector costs before it can choose, and the regret of the best of its first three choices.

    The cheapest selector is on top. seconds: by selector. titles: selectors' names for readers.
    """
    rows = metrics[metrics["metric"] == "regret_at_3"].set_index("selector")
    names = sorted(seconds, key=lambda name: (-seconds[name], name))
    rows, labels = rows.loc[names], [label(name, titles) for name in names]
    figure, (left, right) = panel_row(2, 1.0 + 0.2 * len(names), sharey=True)
    left.scatter([seconds[name] / 60 for name in names], labels, color=SOURCE, s=20, zorder=3)
    left.set_xscale("symlog", linthresh=0.01)
    left.xaxis.set_major_formatter("{x:g}")
    left.set(xlabel="minutes of one worker before\nit can choose (log scale)", xlim=(-0.003, None))
    right.hlines(labels, 100 * rows["low"], 100 * rows["high"], color=NEUTRAL, lw=1.4)
    right.scatter(100 * rows["value"], labels, color=SOURCE, s=20, zorder=3)
    right.axvline(100 * rows["random"].iloc[0], color="black", lw=0.9, ls="--")
    right.set(xlabel="regret of the best of 3 (%)\n(dashed: random order)")
    return figure
