"""Figures of the single-task models (notebook 2)."""

import pandas as pd
from matplotlib.figure import Figure

from lib.report.figures.style import NEUTRAL, SIDES, label, panel_row


def plot_singles(singles: pd.DataFrame) -> Figure:
    """Test F1 and average precision of every single-task model; the models that validation selects are filled."""
    figure, panels = panel_row(2, 1.2 + 0.26 * singles["target"].nunique(), sharey=True)
    order = singles.groupby("target")["test_f1"].max().sort_values().index
    place = {task: row for row, task in enumerate(order)}
    for axes, (score, name) in zip(
        panels, (("test_f1", "F1"), ("test_average_precision", "average precision")), strict=True
    ):
        for shift, (side, rows) in zip((0.15, -0.15, 0), singles.groupby("side", sort=True), strict=False):
            y = rows["target"].map(place) + shift
            colour, trained_on = SIDES[side]
            axes.scatter(rows[score], y, s=14, facecolors="none", edgecolors=colour, linewidths=0.7)
            best = rows["selected"]
            axes.scatter(rows[score][best], y[best], s=18, color=colour, label=f"{trained_on} (filled: selected)")
        axes.set(xlabel=f"test {name} (0 to 1)", xlim=(-0.03, 1.03))
    panels[0].set_yticks(range(len(order)), [label(task) for task in order])
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize=7, ncols=2, loc="outside upper center")
    return figure


def plot_validation_against_test(singles: pd.DataFrame) -> Figure:
    """F1 on test against F1 on validation of every single-task model: how far selection can be trusted."""
    figure, (axes,) = panel_row(1, 3.2)
    for side, rows in singles.groupby("side"):
        colour, trained_on = SIDES[side]
        axes.scatter(rows["validation_f1"], rows["test_f1"], s=16, color=colour, label=trained_on)
    axes.plot([0, 1], [0, 1], color=NEUTRAL, lw=0.8)
    axes.set(xlabel="F1 on validation", ylabel="F1 on test", xlim=(-0.03, 1), ylim=(-0.03, 1), aspect="equal")
    axes.legend(fontsize=7)
    return figure
