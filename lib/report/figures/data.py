"""Figures of the tasks and their texts (notebook 1)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.report.figures.matrix import plot_matrix
from lib.report.figures.style import SOURCE, label, panel_row


def plot_prevalence(tasks: pd.DataFrame) -> Figure:
    """Share of positives of every task in the training texts, the largest on top, with the number of positives."""
    table = tasks.sort_values("prevalence")
    figure, (axes,) = panel_row(1, 0.9 + 0.24 * len(table))
    axes.barh([label(task) for task in table["task"]], 100 * table["prevalence"], color=SOURCE)
    for row, (share, count) in enumerate(zip(table["prevalence"], table["train_positives"], strict=True)):
        axes.text(100 * share, row, f" {count:,}", va="center", fontsize=7)
    axes.set(xlabel="positives among the training texts (%); beside the bar: how many", ylabel="task")
    axes.margins(x=0.12)
    return figure


def plot_cooccurrence(phi: pd.DataFrame) -> Figure:
    """Correlation of every two labels over the training texts. phi: (tasks, tasks)."""
    return plot_matrix(phi, "co-occurrence of labels in the training texts", "phi", sides=("task", "task"))


def plot_lengths(lengths: np.ndarray) -> Figure:
    """Histogram of text lengths in words; the longest 0.5 % of the texts are in the last bar. lengths: (texts,)."""
    figure, (axes,) = panel_row(1, 2.4)
    top = int(np.quantile(lengths, 0.995))
    axes.hist(np.minimum(lengths, top), bins=np.arange(0, top + 2, max(1, top // 40)), color=SOURCE)
    axes.set(xlabel="length of a text (words; the longest 0.5 % are in the last bar)", ylabel="number of texts")
    return figure
