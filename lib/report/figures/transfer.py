"""Figures of the transfer grid (notebook 3)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lib.report.figures.matrix import plot_matrix
from lib.report.figures.style import BAD, GOOD, NEUTRAL, SOURCE, TARGET, label, panel_row
from lib.report.sentences.words import side_of_zero, with_interval
from lib.transfer.collapse import COLLAPSED


def plot_gain_matrix(matrix: pd.DataFrame) -> Figure:
    """Gain in test F1 of every pair over its target's single-task model; a frame marks gains outside the noise."""
    wide = matrix.pivot(index="source", columns="target", values="gain")
    figure = plot_matrix(wide, "gain in test F1 over no transfer (framed: outside the noise)", "gain in test F1")
    axes, rows, columns = figure.axes[0], list(wide.index), list(wide.columns)
    for pair in matrix[matrix["helps"] | matrix["hurts"]].itertuples():
        corner = (columns.index(pair.target), rows.index(pair.source))
        axes.add_patch(plt.Rectangle(corner, 1, 1, fill=False, edgecolor="black", lw=1.1))
    return figure


def plot_target_gains(targets: pd.DataFrame) -> Figure:
    """Gain in test F1 of each target's validation-chosen source over both baselines, with the 95 % interval of the first."""
    table = targets.sort_values("gain").reset_index(drop=True)
    figure, (axes,) = panel_row(1, 1.2 + 0.26 * len(table))
    kinds = {
        "within the noise": (~table["helped"] & ~table["hurt"], NEUTRAL),
        "helps outside the noise": (table["helped"], GOOD),
        "hurts outside the noise": (table["hurt"], BAD),
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
        label="gain over the step-matched baseline",
    )
    labels = [f"{label(row.target)}  ←  {label(row.source) or 'no transfer'}" for row in table.itertuples()]
    axes.set_yticks(table.index, labels)
    axes.axvline(0, color="black", lw=0.8)
    axes.set(xlabel="gain in test F1 over no transfer (bar: 95 % interval)", ylabel="target  ←  chosen source")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    figure.legend(loc="outside upper center", ncols=2, fontsize=7)
    return figure


def plot_gain_against_size(matrix: pd.DataFrame, ratio: pd.Series) -> Figure:
    """Gain of every pair against the ratio of its source's positives to its target's. ratio: aligned with ``matrix``."""
    figure, (axes,) = panel_row(1, 2.8)
    kinds = {"helps": ("helps outside the noise", GOOD), "hurts": ("hurts outside the noise", BAD)}
    inside = ~(matrix["helps"] | matrix["hurts"])
    axes.scatter(ratio[inside], matrix["gain"][inside], s=14, color=NEUTRAL, label="within the noise")
    for kind, (name, colour) in kinds.items():
        axes.scatter(ratio[matrix[kind]], matrix["gain"][matrix[kind]], s=16, color=colour, label=name)
    axes.axhline(0, color="black", lw=0.8)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set(xlabel="positives of the source / positives of the target (log scale)", ylabel="gain in test F1")
    figure.legend(loc="outside upper center", ncols=3, fontsize=7)
    return figure


def plot_gain_against_rank(
    gains: pd.DataFrame, by_source: pd.DataFrame, pretrained: float, correlation: Mapping[str, float]
) -> Figure:
    """Gain of every pair against the effective rank of its source, and each source's mean gain with its interval.

    Args:
        gains: from ``gains_by_rank``.
        by_source: from ``gains_by_source``.
        pretrained: effective rank of the pretrained encoder.
        correlation: of gain and rank, from ``rank_correlation``.

    Returns:
        The figure.
    """
    figure, (axes,) = panel_row(1, 3.2)
    axes.scatter(gains["effective_rank"], gains["gain"], s=10, color=NEUTRAL, alpha=0.6, label="a pair")
    axes.vlines(by_source["effective_rank"], by_source["low"], by_source["high"], color=SOURCE, lw=1.6)
    mean = "a source's mean over targets (bar: 95 % interval)"
    axes.scatter(by_source["effective_rank"], by_source["value"], s=24, color=SOURCE, zorder=3, label=mean)
    axes.axvline(pretrained, color="black", lw=1, ls="--", label="pretrained encoder")
    axes.axvline(COLLAPSED * pretrained, color="black", lw=1, ls=":", label="a tenth of it: collapsed below")
    axes.axhline(0, color="black", lw=0.8)
    verdict = {1: "Gain rises with", -1: "Gain falls with", 0: "Gain does not follow"}[side_of_zero(correlation)]
    axes.set(
        title=f"{verdict} the source's effective rank: rank correlation {with_interval(correlation)}",
        xlabel="effective rank of the source's features (directions, log scale)",
        ylabel="gain in test F1",
    )
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    figure.legend(fontsize=7, ncols=2, loc="outside lower center")
    return figure


def plot_choices(gains: pd.DataFrame, means: pd.DataFrame) -> Figure:
    """What validation's choice gains by target, among its pairs and among as many reseeded baselines; means at the bottom.

    gains, means: from ``choice_gains`` and ``mean_choice_gains``.
    """
    gains = gains.sort_values("pairs", ascending=False)
    rows = [label(name) for name in gains.index]
    figure, (axes,) = panel_row(1, 1.1 + 0.2 * len(rows))
    kinds = {
        "pairs": ("the target's pairs", SOURCE, "o", -0.12),
        "reseeded": ("as many reseeded baselines", TARGET, "D", 0.12),
    }
    for name, (models, colour, marker, shift) in kinds.items():
        axes.scatter(gains[name], np.arange(len(rows)) + shift, color=colour, marker=marker, s=16, zorder=3)
        mean = means.loc[name]
        axes.hlines(len(rows) + 0.5 + shift, mean["low"], mean["high"], color=colour, lw=1.6)
        axes.scatter(
            mean["value"], len(rows) + 0.5 + shift, color=colour, marker=marker, s=30, label=f"chosen among {models}"
        )
    axes.set_yticks([*range(len(rows)), len(rows) + 0.5], [*rows, "mean over targets"])
    axes.invert_yaxis()
    axes.axvline(0, color="black", lw=0.8)
    axes.set(xlabel="gain in test F1 over no transfer (bar: 95 % interval)", ylabel="target")
    figure.legend(loc="outside upper center", ncols=2, fontsize=7)
    return figure


def plot_repeatability(table: pd.DataFrame) -> Figure:
    """How an order of sources by one seed's F1 holds on test with the same seed and with another, and what it gains."""
    keys = [(part, other) for part in ("validation", "test") for other in (True, False)]
    names = [f"{part} F1, judged by {'another' if other else 'the same'} seed" for part, other in keys]
    table = table.set_index(["metric", "ranked_by", "other_seed"])
    figure, panels = panel_row(2, 1.9, sharey=True)
    titles = {
        "spearman": "rank correlation with test F1\n(bar: 95 % interval)",
        "gain": "gain of the first choice\nin test F1",
    }
    for axes, (metric, title) in zip(panels, titles.items(), strict=True):
        rows = table.loc[[(metric, f"{part}_f1", other) for part, other in keys]]
        colours = [TARGET if other else SOURCE for _, other in keys]
        axes.hlines(range(len(rows)), rows["low"], rows["high"], color=colours, lw=1.4)
        axes.scatter(rows["value"], range(len(rows)), color=colours, s=22, zorder=3)
        axes.axvline(0, color="black", lw=0.9, ls="--")
        axes.set(xlabel=title, ylim=(-0.5, len(rows) - 0.5))
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylabel("sources ranked by")
    return figure
