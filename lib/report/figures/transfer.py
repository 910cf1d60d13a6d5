"""Figures of the transfer grid (notebook 3)."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lib.report.figures.style import BAD, GOOD, NEUTRAL, SOURCE, TARGET, label, panel_row, plot_matrix


def plot_gain_matrix(matrix: pd.DataFrame) -> Figure:
    """Gain in test F1 of every pair over the target's single-task model; framed where outside the noise."""
    wide = matrix.pivot(index="source", columns="target", values="gain")
    figure = plot_matrix(wide, "gain in test F1 over no transfer (framed: outside the noise)", "gain in F1")
    axes, rows, columns = figure.axes[0], list(wide.index), list(wide.columns)
    for pair in matrix[matrix["helps"] | matrix["hurts"]].itertuples():
        corner = (columns.index(pair.target), rows.index(pair.source))
        axes.add_patch(plt.Rectangle(corner, 1, 1, fill=False, edgecolor="black", lw=1.1))
    return figure


def plot_target_gains(targets: pd.DataFrame) -> Figure:
    """Per target, the gain in test F1 of its validation-chosen source with the 95 % interval of the paired bootstrap."""
    table = targets.sort_values("gain").reset_index(drop=True)
    figure, (axes,) = panel_row(1, 1.2 + 0.26 * len(table))
    kinds = {
        "over the single-task model": (~table["helped"] & ~table["hurt"], NEUTRAL),
        "helps, outside the noise": (table["helped"], GOOD),
        "hurts, outside the noise": (table["hurt"], BAD),
    }
    for name, (rows, colour) in kinds.items():
        part = table[rows]
        axes.hlines(part.index, part["gain_low"], part["gain_high"], color=colour, lw=1.6)
        axes.scatter(part["gain"], part.index, color=[colour], s=22, zorder=3, label=name)
    step_matched = {"marker": "D", "facecolors": "none", "edgecolors": "black", "linewidths": 0.7, "s": 16, "zorder": 2}
    axes.scatter(
        table["gain_over_step_matched"],
        table.index,
        **step_matched,
        label="over one trained for as many steps as the pair",
    )
    labels = [f"{label(row.target)}  ←  {label(row.source) or 'no transfer'}" for row in table.itertuples()]
    axes.set_yticks(table.index, labels)
    axes.axvline(0, color="black", lw=0.8)
    axes.set(xlabel="gain in test F1 (bar: 95 % interval)", ylabel="target  ←  chosen source")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    figure.legend(loc="outside upper center", ncols=2, fontsize=7)
    return figure


def plot_gain_against_size(matrix: pd.DataFrame, ratio: pd.Series) -> Figure:
    """Gain of every pair against ``ratio``, how many positives its source has for each of its target."""
    figure, (axes,) = panel_row(1, 2.8)
    kinds = (("helps", GOOD), ("hurts", BAD))
    inside = ~(matrix["helps"] | matrix["hurts"])
    axes.scatter(ratio[inside], matrix["gain"][inside], s=14, color=NEUTRAL, label="within the noise")
    for kind, colour in kinds:
        axes.scatter(ratio[matrix[kind]], matrix["gain"][matrix[kind]], s=16, color=colour, label=kind)
    axes.axhline(0, color="black", lw=0.8)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set(xlabel="positives of the source / positives of the target (log scale)", ylabel="gain in test F1")
    figure.legend(loc="outside upper center", ncols=3, fontsize=7)
    return figure


def plot_choices(gains: pd.DataFrame, means: pd.DataFrame) -> Figure:
    """What the best of many gains, by target: among pairs, among reseeded; at the bottom the means, with intervals.

    gains, means: from ``choice_gains`` and ``mean_choice_gains``.
    """
    gains = gains.sort_values("pairs", ascending=False)
    rows = [label(name) for name in gains.index]
    figure, (axes,) = panel_row(1, 1.1 + 0.2 * len(rows))
    kinds = {"pairs": (SOURCE, "o", -0.12), "reseeded": (TARGET, "D", 0.12)}
    for name, (colour, marker, shift) in kinds.items():
        axes.scatter(gains[name], np.arange(len(rows)) + shift, color=colour, marker=marker, s=16, zorder=3)
        mean = means.loc[name]
        axes.hlines(len(rows) + 0.5 + shift, mean["low"], mean["high"], color=colour, lw=1.6)
        axes.scatter(mean["value"], len(rows) + 0.5 + shift, color=colour, marker=marker, s=30, label=f"among {name}")
    axes.set_yticks([*range(len(rows)), len(rows) + 0.5], [*rows, "mean"])
    axes.invert_yaxis()
    axes.axvline(0, color="black", lw=0.8)
    axes.set(xlabel="gain in test F1 over no transfer of what validation chooses", ylabel="target")
    figure.legend(loc="outside upper center", ncols=2, fontsize=7)
    return figure


def plot_repeatability(table: pd.DataFrame) -> Figure:
    """Sources ranked by one seed's F1: how that ranks test F1 with the same seed and another, and what it gains."""
    keys = [(part, other) for part in ("validation", "test") for other in (True, False)]
    names = [f"{part} F1, {'another' if other else 'same'} seed" for part, other in keys]
    table = table.set_index(["metric", "ranked_by", "other_seed"])
    figure, panels = panel_row(2, 1.9, sharey=True)
    shown = {
        "spearman": "rank correlation with test F1\n(bar: 95 % interval)",
        "gain": "gain of the first choice\n(test F1)",
    }
    for axes, (metric, title) in zip(panels, shown.items(), strict=True):
        rows = table.loc[[(metric, f"{part}_f1", other) for part, other in keys]]
        colours = [TARGET if other else SOURCE for _, other in keys]
        axes.hlines(range(len(rows)), rows["low"], rows["high"], color=colours, lw=1.4)
        axes.scatter(rows["value"], range(len(rows)), color=colours, s=22, zorder=3)
        axes.axvline(0, color="black", lw=0.9, ls="--")
        axes.set(xlabel=title, ylim=(-0.5, len(rows) - 0.5))
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylabel("sources ranked by")
    return figure
