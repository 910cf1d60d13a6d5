"""Figures of conductance and ANSAT (notebooks 4 and 5)."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from lib.report.figures.matrix import matrix_height, plot_matrix
from lib.report.figures.style import BAD, NEUTRAL, SIDES, SOURCE, WIDTH, label, panel_row
from lib.selection.contenders import middle


def plot_completeness(conductance: pd.DataFrame) -> Figure:
    """Median relative completeness error of every attributed model, and [CLS]'s share of the conductance by layer."""
    shares = conductance.filter(regex=r"^cls_share_l\d+$")
    figure, (left, right) = panel_row(2, 2.6)
    for side, rows in conductance.groupby("side"):
        colour, trained_on = SIDES[side]
        errors = 100 * rows["completeness_error_relative"]
        left.scatter(errors, rows["task"].map(label), s=18, color=colour, label=trained_on)
    left.set(xlabel="median completeness error (%)", ylabel="task of the attributed model", xlim=(0, None))
    left.legend(fontsize=7, loc="lower left", bbox_to_anchor=(0, 1))
    layers = [int(name.removeprefix("cls_share_l")) for name in shares]
    right.plot(layers, 100 * shares.T.to_numpy(), color=NEUTRAL, lw=0.7)
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.plot(layers, 100 * shares.mean().to_numpy(), color=SOURCE, lw=2, label="mean over the models")
    right.set(xlabel="layer (0: embeddings)", ylabel="share of |conductance|\nat [CLS] (%)", ylim=(0, 103))
    right.legend(fontsize=7)
    return figure


def plot_tradeoff(tradeoff: pd.DataFrame) -> Figure:
    """How well ANSAT's order of sources is kept, against its cost: a line per number of steps, a dot per number of texts."""
    figure, (axes,) = panel_row(1, 2.8)
    steps = sorted(tradeoff["steps"].unique())
    for colour, count in zip(sns.color_palette("viridis", len(steps)), steps, strict=True):
        rows = tradeoff[tradeoff["steps"] == count]
        redrawn, whole = rows[rows["resampled"]].sort_values("probe_texts"), rows[~rows["resampled"]]
        axes.plot(redrawn["seconds"], redrawn["agreement"], color=colour, marker="o", ms=3, label=f"{count} steps")
        axes.fill_between(
            redrawn["seconds"], redrawn["agreement_low"], redrawn["agreement_high"], color=colour, alpha=0.12, lw=0
        )
        axes.scatter(whole["seconds"], whole["agreement"], color=colour, marker="D", s=22, zorder=3)
    texts = tradeoff[tradeoff["resampled"]].query("steps == @steps[-1]")
    for row in texts.itertuples():
        axes.annotate(
            f"{row.probe_texts}", (row.seconds, row.agreement), (0, -10), textcoords="offset points", fontsize=6
        )
    axes.set(
        xlabel="seconds of one worker to attribute one model (log scale)",
        ylabel="agreement with the reference\norder of sources (Spearman)",
    )
    axes.set(xscale="log", ylim=(None, 1.03))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.legend(fontsize=7, loc="lower right")
    return figure


def plot_ansat_matrices(ansat: pd.DataFrame, thresholds: list[float], layer: int) -> Figure:
    """ANSAT of every pair in one layer: a heat map per threshold."""
    rows = ansat[(ansat["layer"] == layer) & (ansat["probe"] == "all")]
    tasks = rows["target"].nunique()
    figure, axes = plt.subplots(
        len(thresholds), 1, figsize=(WIDTH, len(thresholds) * matrix_height(tasks)), squeeze=False
    )
    for panel, threshold in zip(axes[:, 0], thresholds, strict=True):
        chosen = rows[np.isclose(rows["threshold"], threshold)]
        wide = chosen.pivot_table(index="source", columns="target", values="ansat", aggfunc="mean")
        plot_matrix(wide, f"layer {layer}, threshold {threshold:g}", "ANSAT (terms per text)", None, panel)
    return figure


def plot_ansat_curve(ansat: pd.DataFrame) -> Figure:
    """ANSAT against the threshold, mean over pairs: a line per layer, and the middle 90 % of pairs in the middle layer."""
    rows = ansat[ansat["probe"] == "all"]
    figure, (axes,) = panel_row(1, 2.8)
    layers = sorted(rows["layer"].unique())
    for colour, layer in zip(sns.color_palette("viridis", len(layers)), layers, strict=True):
        grouped = rows[rows["layer"] == layer].groupby("threshold")["ansat"]
        axes.plot(grouped.mean(), color=colour, marker="o", ms=3, label=f"layer {layer}")
        if layer == middle(rows["layer"]):
            low, high = grouped.quantile(0.05), grouped.quantile(0.95)
            axes.fill_between(low.index, low, high, color=colour, alpha=0.2, lw=0)
    axes.set(
        xlabel="activity threshold (share of the text's largest |conductance|)",
        ylabel="ANSAT (shared active terms per text)",
    )
    axes.legend(fontsize=7, loc="upper right")
    return figure


def plot_ansat_against_gain(pairs: pd.DataFrame, layer: int, threshold: float) -> Figure:
    """ANSAT of every pair against its gain, both less the target's mean: only the order within a target ranks sources.

    pairs: target, ansat (at this layer and threshold) and gain of every pair.
    """
    centred = pairs[["ansat", "gain"]] - pairs.groupby("target")[["ansat", "gain"]].transform("mean")
    figure, (axes,) = panel_row(1, 2.8)
    axes.scatter(centred["ansat"], centred["gain"], s=14, color=SOURCE)
    slope, intercept = np.polyfit(centred["ansat"], centred["gain"], 1) if centred["ansat"].std() > 0 else (0.0, 0.0)
    line = np.array([centred["ansat"].min(), centred["ansat"].max()])
    axes.plot(line, slope * line + intercept, color=BAD, lw=1)
    axes.axhline(0, color="black", lw=0.6)
    name = f"ANSAT (layer {layer}, threshold {threshold:g})"
    axes.set(xlabel=f"{name}, less the target's mean", ylabel="gain in test F1,\nless the target's mean")
    return figure


def plot_rank_correlations(table: pd.DataFrame) -> Figure:
    """Mean within-target rank correlation with the pairs' test F1, by measure and layer. table: ``rank_correlations``."""
    wide = table.pivot(index="measure", columns="layer", values="spearman").loc[table["measure"].unique()]
    figure, (axes,) = panel_row(1, 1.0 + 0.26 * len(wide))
    return plot_matrix(
        wide, "", "rank correlation\nwith test F1", axes=axes, sides=("measure", "layer (0: embeddings)")
    )
