"""The heat map that figures of several notebooks share."""

import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.report.figures.style import SMALLEST, WIDTH, label, panel_row

ROOM = 2.9  # inches beside a map, for names and the colour bar
CHARACTER = 0.6 * SMALLEST / 72  # inches that a digit takes


def plot_matrix(
    matrix: pd.DataFrame,
    colour_label: str,
    write: str = "{:.2f}",
    sides: tuple[str, str] = ("source task", "target task"),
    **colours,
) -> Figure:
    """A heat map with its numbers written in, where they fit.

    Args:
        matrix: the numbers; index and columns name rows and columns.
        colour_label: what the numbers are, beside the colour bar.
        write: how a number is written in its cell.
        sides: what the rows and what the columns are.
        colours: cmap, vmin, vmax or center of seaborn's heat map.

    Returns:
        The figure that holds the map.
    """
    figure, (axes,) = panel_row(1, 1.6 + 0.25 * len(matrix))
    named = matrix.rename(index=label, columns=label)
    written = named.map(lambda value: _written(value, write))
    fits = written.map(len).to_numpy().max(initial=0) * CHARACTER < (WIDTH - ROOM) / max(1, matrix.shape[1])
    sns.heatmap(
        named,
        ax=axes,
        annot=written if fits else None,
        fmt="",
        annot_kws={"size": SMALLEST},
        linewidths=0.5,
        cbar_kws={"label": colour_label, "pad": 0.02},
        **colours,
    )
    axes.set(ylabel=sides[0], xlabel=sides[1])
    axes.grid(False)
    axes.tick_params(axis="y", rotation=0)
    if max(len(str(name)) for name in named.columns) > 3:
        plt.setp(axes.get_xticklabels(), rotation=40, ha="right", rotation_mode="anchor")
    return figure


def _written(value: float, write: str) -> str:
    """A number as its cell shows it: no zero has a sign, none starts with "0.", and nothing stands for no number."""
    if pd.isna(value):
        return ""
    text = write.format(value)
    text = text.lstrip("+-") if not text.strip("+-0.") else text
    return text.replace("0.", ".", 1) if text.lstrip("+-").startswith("0.") else text


def frame_cells(axes: Axes, cells: list[tuple[int, int]]) -> None:
    """Frame cells of a heat map, each for itself: the frames of neighbours do not touch. cells: (row, column)."""
    for row, column in cells:
        corner = (column + 0.07, row + 0.07)
        axes.add_patch(plt.Rectangle(corner, 0.86, 0.86, fill=False, edgecolor="black", lw=1.0))
