"""Figures of the tasks and their texts (notebook 1)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.report.figures.style import SOURCE, label, panel_row


def plot_prevalence(tasks: pd.DataFrame) -> Figure:
    """Share of positives per task in the training part, most frequent first, with the number of positives."""
    table = tasks.sort_values("prevalence")
    figure, (axes,) = panel_row(1, 0.9 + 0.24 * len(table))
    axes.barh([label(task) for task in table["task"]], 100 * table["prevalence"], color=SOURCE)
    for row, (share, count) in enumerate(zip(table["prevalence"], table["train_positives"], strict=True)):
        axes.text(100 * share, row, f" {count:,}", va="center", fontsize=7)
    axes.set(xlabel="positives in the training part (%); the number is their count", ylabel="task")
    axes.margins(x=0.12)
    return figure


def plot_lengths(lengths: np.ndarray) -> Figure:
    """Histogram of text lengths in words; the longest half percent share the last bar."""
    figure, (axes,) = panel_row(1, 2.4)
    top = int(np.quantile(lengths, 0.995))
    axes.hist(np.minimum(lengths, top), bins=np.arange(0, top + 2, max(1, top // 40)), color=SOURCE)
    axes.set(xlabel="length of a text (words; the longest 0.5 % in the last bar)", ylabel="texts")
    return figure
