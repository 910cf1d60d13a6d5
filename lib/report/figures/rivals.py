"""What would you do? The rivals of a single source in one figure (notebook 3)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lib.report.figures.style import draw_intervals, entitle, label, panel_row, verdicts
from lib.report.headline import duration
from lib.report.sentences import titles

PANELS = {"average_precision": "average\nprecision", "f1_tuned": "F1 at the\ntuned threshold", "f1": "F1 at 0.5"}


def plot_rivals(scores: pd.DataFrame) -> Figure:
    """Gain on test of every rival over no transfer with 95 % intervals over targets, a panel per score; price at the left.

    scores: table "rival_scores". Rivals are sorted by their gain in average precision.
    """
    order = scores[scores["metric"] == "average_precision"].sort_values("gain")
    panels = {metric: name for metric, name in PANELS.items() if metric in set(scores["metric"])}
    figure, axes = panel_row(len(panels), 1.2 + 0.27 * len(order), sharex=True, sharey=True)
    places = np.arange(len(order))
    for panel, (metric, name) in zip(axes, panels.items(), strict=True):
        rows = (
            scores[scores["metric"] == metric].set_index("rival").loc[order["rival"], ["gain", "gain_low", "gain_high"]]
        )
        rows = rows.set_axis(["value", "low", "high"], axis=1)
        draw_intervals(panel, places, rows, verdicts(rows))
        panel.axvline(0, color="black", lw=0.8)
        panel.xaxis.set_major_locator(MaxNLocator(3))
        panel.set_xlabel(f"gain in {name}")
    axes[0].set_yticks(places, [f"{label(row.rival)} ({duration(60 * row.minutes)})" for row in order.itertuples()])
    axes[0].set_ylabel("way of training (time for one target)")
    return entitle(figure, titles.rivals(scores))
