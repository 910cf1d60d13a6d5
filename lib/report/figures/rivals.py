"""What would you do? The rivals of a single source in one figure (notebook 3)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lib.report.figures.style import BAD, GOOD, NEUTRAL, label, panel_row
from lib.report.headline import duration

PANELS = {"average_precision": "average\nprecision", "f1_tuned": "F1 at the\ntuned threshold", "f1": "F1 at 0.5"}


def rivals_title(scores: pd.DataFrame) -> str:
    """The finding: which ways gain outside the noise by average precision. scores: table "rival_scores"."""
    rows = scores[scores["metric"] == "average_precision"].set_index("rival")
    gaining = rows[rows["gain_low"] > 0].sort_values("gain", ascending=False)
    if len(gaining):
        first = f"{label(gaining.index[0])} gains most, {gaining['gain'].iloc[0]:+.3f}"
        return f"{len(gaining)} of {len(rows)} ways gain outside the noise: {first}"
    return "No way of training gains outside the noise over no transfer"


def plot_rivals(scores: pd.DataFrame) -> Figure:
    """Gain on test of every rival over no transfer with 95 % intervals over targets, a panel per score; price at the left.

    scores: table "rival_scores". Rivals are sorted by their gain in average precision.
    """
    order = scores[scores["metric"] == "average_precision"].sort_values("gain")
    panels = {metric: name for metric, name in PANELS.items() if metric in set(scores["metric"])}
    figure, axes = panel_row(len(panels), 1.1 + 0.3 * len(order), sharex=True, sharey=True)
    places = np.arange(len(order))
    for panel, (metric, name) in zip(axes, panels.items(), strict=True):
        rows = scores[scores["metric"] == metric].set_index("rival").loc[order["rival"]]
        colours = [
            GOOD if low > 0 else BAD if high < 0 else NEUTRAL for low, high in rows[["gain_low", "gain_high"]].values
        ]
        panel.hlines(places, rows["gain_low"], rows["gain_high"], color=colours, lw=1.6)
        panel.scatter(rows["gain"], places, color=colours, s=22, zorder=3)
        panel.axvline(0, color="black", lw=0.8)
        panel.xaxis.set_major_locator(MaxNLocator(3))
        panel.set_xlabel(f"gain in {name}", fontsize=8)
    axes[0].set_yticks(places, [f"{label(row.rival)} ({duration(60 * row.minutes)})" for row in order.itertuples()])
    axes[0].set_ylabel("way of training (time for one target)")
    figure.suptitle(rivals_title(scores), fontsize=9)
    return figure
