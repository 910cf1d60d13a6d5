"""Figures of the regression (notebook 6)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.report.figures.style import COLOURS, NEUTRAL, SOURCE, label, panel_row


def plot_predictions(predictions: pd.DataFrame) -> Figure:
    """Measured test F1 of every pair against the F1 predicted with its target left out, one colour and marker per target."""
    rows = predictions[(predictions["protocol"] == "leave_one_target_out") & (predictions["model"] == "regression")]
    figure, (axes,) = panel_row(1, 3.6)
    targets = sorted(rows["target"].unique())
    markers = "os^Dvp"
    for number, target in enumerate(targets):
        group = rows[rows["target"] == target]
        style = {"color": COLOURS[number % len(COLOURS)], "marker": markers[number % len(markers)]}
        axes.scatter(group["predicted"], group["test_f1"], s=16, label=label(target), **style)
    axes.plot([0, 1], [0, 1], color=NEUTRAL, lw=0.8)
    axes.set(
        xlabel="F1 predicted with the target left out",
        ylabel="F1 measured on test",
        xlim=(-0.03, 1),
        ylim=(-0.03, 1),
    )
    axes.legend(fontsize=6, loc="center left", bbox_to_anchor=(1.0, 0.5), title="target")
    return figure


def plot_controls(scores: pd.DataFrame) -> Figure:
    """Rank correlation and error of the regression and of its controls under every protocol, with 95 % intervals."""
    rows = scores[scores["judged_against"] == "test_f1"]
    figure, axes = panel_row(2, 2.8, sharey=True)
    protocols, models = list(rows["protocol"].unique()), list(rows["model"].unique())
    names = {"spearman": "rank correlation\nwithin targets", "mae": "mean absolute error\nof F1"}
    for panel, (score, name) in zip(axes, names.items(), strict=True):
        for number, model in enumerate(models):
            part = rows[(rows["model"] == model) & (rows["score"] == score)].set_index("protocol").loc[protocols]
            y = np.arange(len(protocols)) + 0.2 * (number - 1)
            panel.hlines(y, part["low"], part["high"], color=COLOURS[number], lw=1.5)
            panel.scatter(part["value"], y, color=COLOURS[number], s=18, label=label(model), zorder=3)
        panel.set(xlabel=f"{name} (95 % interval)")
        panel.axvline(0, color="black", lw=0.8)
    axes[0].set_yticks(range(len(protocols)), [label(protocol) for protocol in protocols])
    figure.legend(*axes[1].get_legend_handles_labels(), fontsize=7, ncols=3, loc="outside lower center")
    return figure


def plot_ablations(scores: pd.DataFrame) -> Figure:
    """How well each set of features orders the sources of left-out targets: mean rank correlation, 95 % intervals.

    The dashed line marks the first set, the one without attribution.
    """
    rows = scores[(scores["score"] == "spearman") & (scores["judged_against"] == "test_f1")].iloc[::-1]
    figure, (axes,) = panel_row(1, 0.9 + 0.21 * len(rows))
    axes.axvline(rows["value"].iloc[-1], color=NEUTRAL, lw=0.9, ls="--")
    axes.hlines(rows["model"], rows["low"], rows["high"], color=NEUTRAL, lw=1.4)
    axes.scatter(rows["value"], rows["model"], color=SOURCE, s=18, zorder=3)
    axes.axvline(0, color="black", lw=0.8)
    axes.set(xlabel="rank correlation with test F1 within the left-out\ntarget (bar: 95 % interval)", ylabel="features")
    return figure


def plot_importance(importance: pd.DataFrame) -> Figure:
    """Share of the boosted trees' total gain that each family of features brings."""
    table = importance.sort_values("share")
    figure, (axes,) = panel_row(1, 0.8 + 0.25 * len(table))
    axes.barh([label(name) for name in table["name"]], 100 * table["share"], color=SOURCE)
    axes.set(xlabel="share of the boosted trees' gain (%)", ylabel="features")
    return figure
