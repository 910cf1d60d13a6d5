"""Figures of the tasks and their texts (notebook 1)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.report.figures.matrix import plot_matrix
from lib.report.figures.style import PLAIN, QUANTITIES, entitle, label, panel_row
from lib.report.sentences import titles
from lib.report.sentences.data import INDEPENDENT


def plot_prevalence(tasks: pd.DataFrame) -> Figure:
    """Share of positives of every task in the training texts, the largest on top, with the number of positives."""
    table = tasks.sort_values("prevalence")
    figure, (axes,) = panel_row(1, 1.1 + 0.22 * len(table))
    axes.barh([label(task) for task in table["task"]], 100 * table["prevalence"], color=PLAIN)
    for row, (share, count) in enumerate(zip(table["prevalence"], table["train_positives"], strict=True)):
        axes.text(100 * share, row, f" {count:,}", va="center", fontsize=8)
    axes.set(xlabel="positives among the training texts (%); beside the bar: how many", ylabel="task")
    axes.margins(x=0.12)
    return entitle(figure, titles.prevalence(tasks))


def plot_cooccurrence(phi: pd.DataFrame) -> Figure:
    """Correlation of every two labels over the training texts, the labels that occur with others most first.

    phi: (tasks, tasks). Every two tasks are shown once.
    """
    order = phi.where(~np.eye(len(phi), dtype=bool)).mean().sort_values(ascending=False).index
    ordered = phi.loc[order, order]
    once = ordered.where(np.tril(np.ones(phi.shape, dtype=bool), -1)).iloc[1:, :-1]
    top = max(INDEPENDENT, once.max(axis=None))
    figure = plot_matrix(once, "phi", sides=("task", "task"), cmap=QUANTITIES, vmin=0, vmax=top)
    return entitle(figure, titles.cooccurrence(phi))


def plot_lengths(lengths: np.ndarray) -> Figure:
    """Histogram of text lengths in words; the longest 0.5 % of the texts are in the last bar. lengths: (texts,)."""
    figure, (axes,) = panel_row(1, 2.5)
    top = int(np.quantile(lengths, 0.995))
    axes.hist(np.minimum(lengths, top), bins=np.arange(0, top + 2, max(1, top // 40)), color=PLAIN)
    axes.set(xlabel="length of a text (words; the longest 0.5 % are in the last bar)", ylabel="number of texts")
    return entitle(figure, titles.lengths(lengths))
