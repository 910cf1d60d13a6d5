"""Figures of conductance and ANSAT (notebooks 4 and 5)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from lib.attribution.ansat import ansat_matrix
from lib.report.figures.matrix import plot_matrix
from lib.report.figures.style import GAINS, PAPER, QUANTITIES, SIDES, entitle, label, panel_row
from lib.report.figures.transfer import draw_pairs
from lib.report.sentences import titles
from lib.selection.contenders import middle

NOTICEABLE = 0.05  # share of the conductance at [CLS] from which it is worth a panel
ROWS = 10  # of the heat map of rank correlations


def plot_completeness(conductance: pd.DataFrame) -> Figure:
    """Median relative completeness error of every attributed model; where [CLS] has conductance, its share by layer."""
    shares = conductance.filter(regex=r"^cls_share_l\d+$")
    at_cls = shares.mean().max() > NOTICEABLE
    order = conductance.groupby("task")["completeness_error_relative"].max().sort_values().index
    place = {task: row for row, task in enumerate(order)}
    figure, panels = panel_row(2 if at_cls else 1, 1.5 + 0.2 * len(order))
    for side, rows in conductance.groupby("side"):
        colour, marker, trained_on = SIDES[side]
        errors = 100 * rows["completeness_error_relative"]
        panels[0].scatter(errors, rows["task"].map(place), s=20, color=colour, marker=marker, label=trained_on)
    panels[0].set(xlabel="median completeness error (%)", ylabel="task of the attributed model", xlim=(0, None))
    panels[0].set_yticks(range(len(order)), [label(task) for task in order])
    if at_cls:
        layers = [int(name.removeprefix("cls_share_l")) for name in shares]
        panels[1].plot(layers, 100 * shares.T.to_numpy(), color=PAPER, lw=0.5, alpha=0.4)
        panels[1].plot(layers, 100 * shares.mean().to_numpy(), color=PAPER, lw=2, label="mean over the models")
        panels[1].xaxis.set_major_locator(MaxNLocator(integer=True))
        panels[1].set(xlabel="layer (0: embeddings)", ylabel="share of |conductance| at [CLS] (%)", ylim=(0, 103))
    figure.legend(loc="outside lower center", ncols=3)
    return entitle(figure, titles.completeness(conductance))


def plot_tradeoff(tradeoff: pd.DataFrame) -> Figure:
    """How well ANSAT's order of sources is kept, against its cost: a line per number of steps, a dot per number of texts."""
    figure, (axes,) = panel_row(1, 3.0)
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
        place = (row.seconds, row.agreement)
        axes.annotate(
            f"{row.probe_texts} texts", place, (0, -11), textcoords="offset points", fontsize=7.5, ha="center"
        )
    axes.set(
        xlabel="seconds of one worker to attribute one model (log scale)",
        ylabel="agreement with the reference\norder of sources (Spearman)",
    )
    axes.set(xscale="log", ylim=(None, 1.03))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.legend(*(each[::-1] for each in axes.get_legend_handles_labels()), loc="lower right")
    return entitle(figure, titles.tradeoff(tradeoff))


def plot_ansat_matrix(ansat: pd.DataFrame, layer: int, threshold: float) -> Figure:
    """ANSAT of every pair in one layer at one threshold, the tasks with most shared terms first.

    ansat: the table of this name.
    """
    wide = ansat_matrix(ansat, threshold, layer)
    wide = wide.loc[
        wide.mean(axis=1).sort_values(ascending=False).index, wide.mean().sort_values(ascending=False).index
    ]
    name = f"ANSAT (terms per text)\nlayer {layer}, threshold {threshold:g}"
    return entitle(plot_matrix(wide, name, "{:.1f}", cmap=QUANTITIES), titles.ansat_matrix(wide))


def plot_ansat_curve(ansat: pd.DataFrame) -> Figure:
    """ANSAT against the threshold, mean over pairs: a line per layer, and the middle 90 % of pairs in the middle layer."""
    rows = ansat[ansat["probe"] == "all"]
    figure, (axes,) = panel_row(1, 3.0)
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
    heights = [line.get_ydata()[0] for line in axes.lines]
    handles, names = axes.get_legend_handles_labels()
    order = np.argsort(heights)[::-1]  # as the lines begin, from top to bottom
    axes.legend([handles[place] for place in order], [names[place] for place in order], loc="upper right")
    return entitle(figure, titles.shared_terms(ansat))


def plot_ansat_against_gain(
    pairs: pd.DataFrame, layer: int, threshold: float, correlation: Mapping[str, float]
) -> Figure:
    """ANSAT of every pair against its gain, both less the target's mean: only the order within a target ranks sources.

    Args:
        pairs: target, ansat (at this layer and threshold), gain, helps and hurts of every pair.
        layer: of ANSAT.
        threshold: of ANSAT.
        correlation: of ANSAT and gain, from ``rank_correlation``.

    Returns:
        The figure.
    """
    centred = pairs[["ansat", "gain"]] - pairs.groupby("target")[["ansat", "gain"]].transform("mean")
    figure, (axes,) = panel_row(1, 3.1)
    draw_pairs(axes, centred["ansat"], centred.assign(helps=pairs["helps"], hurts=pairs["hurts"]))
    slope, intercept = np.polyfit(centred["ansat"], centred["gain"], 1) if centred["ansat"].std() > 0 else (0.0, 0.0)
    line = np.array([centred["ansat"].min(), centred["ansat"].max()])
    axes.plot(line, slope * line + intercept, color=PAPER, lw=1.2, label="least squares")
    name = f"ANSAT (layer {layer}, threshold {threshold:g})"
    axes.set(xlabel=f"{name}, less the target's mean", ylabel="gain in test F1,\nless the target's mean")
    figure.legend(loc="outside lower center", ncols=4)
    return entitle(figure, titles.gain_follows(correlation, "the number of shared terms"))


def plot_rank_correlations(table: pd.DataFrame) -> Figure:
    """Mean within-target rank correlation with the pairs' test F1, by measure and layer; colours span -1 to 1.

    table: ``rank_correlations``. Of the thresholds, every second is shown where they would make more than ROWS rows.
    """
    measures = pd.Series(table["measure"].unique())
    if len(measures) > ROWS:
        measures = measures[measures.groupby(measures.str.partition(" at ")[0]).cumcount() % 2 == 0]
    wide = table.pivot(index="measure", columns="layer", values="spearman").loc[measures]
    sides = ("measure at threshold", "layer (0: embeddings)")
    figure = plot_matrix(wide, "rank correlation\nwith test F1", "{:+.2f}", sides, cmap=GAINS, vmin=-1, vmax=1)
    return entitle(figure, titles.measures(table))
