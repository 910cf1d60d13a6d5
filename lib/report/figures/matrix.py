"""The heat map that figures of several notebooks share."""

import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.report.figures.style import label, panel_row


def matrix_height(rows: int) -> float:
    """Inches that a heat map with so many rows needs."""
    return 1.4 + 0.3 * rows


def plot_matrix(
    matrix: pd.DataFrame,
    title: str,
    colour_label: str,
    centre: float | None = 0.0,
    axes: Axes | None = None,
    sides: tuple[str, str] = ("source task", "target task"),
) -> Figure:
    """A heat map with its numbers written in.

    Args:
        matrix: the numbers; index and columns name rows and columns.
        title: above the map.
        colour_label: what the numbers are, beside the colour bar.
        centre: the value that is white, with blue above and red below; None for a scale from dark to bright.
        axes: where to draw; None for a figure of its own.
        sides: what the rows and what the columns are.

    Returns:
        The figure that holds the map.
    """
    if axes is None:
        _, (axes,) = panel_row(1, matrix_height(len(matrix)))
    named = matrix.rename(index=label, columns=label)
    colours = {"cmap": "viridis"} if centre is None else {"cmap": "RdBu", "center": centre}
    style = {
        "annot": named.round(2) + 0.0,  # without it -0.001 is written as -0.00
        "fmt": ".2f",
        "annot_kws": {"size": 6},
        "linewidths": 0.5,
        "cbar_kws": {"label": colour_label},
    }
    sns.heatmap(named, ax=axes, **style, **colours)
    axes.set(title=title, ylabel=sides[0], xlabel=sides[1])
    axes.tick_params(axis="y", rotation=0)
    plt.setp(axes.get_xticklabels(), rotation=45, ha="right", rotation_mode="anchor")
    return axes.figure
