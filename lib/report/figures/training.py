"""Figures of the single-task models (notebook 2)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.report.figures.style import LOSS, PLAIN, SIDES, SOURCE, entitle, label, panel_row
from lib.report.sentences import titles
from lib.transfer.collapse import COLLAPSED, collapsed_representations, pretrained_and_sources
from lib.transfer.pairs import reported_part


def plot_singles(singles: pd.DataFrame) -> Figure:
    """F1 and average precision of every single-task model on test, or on validation where there are no test texts; the
    models that validation selects are filled.
    """
    part = reported_part(singles)
    figure, panels = panel_row(2, 1.5 + 0.24 * singles["target"].nunique(), sharey=True)
    order = singles[singles["selected"]].groupby("target")[f"{part}_f1"].mean().sort_values().index
    place = {task: row for row, task in enumerate(order)}
    for axes, score in zip(panels, ("f1", "average_precision"), strict=True):
        for shift, (side, rows) in zip((0.15, -0.15, 0), singles.groupby("side", sort=True), strict=False):
            y = rows["target"].map(place) + shift
            colour, marker, trained_on = SIDES[side]
            values, best = rows[f"{part}_{score}"], rows["selected"]
            style = {"edgecolors": colour, "marker": marker}
            axes.scatter(values[~best], y[~best], s=14, facecolors="none", linewidths=0.7, **style)
            suffix = "" if best.all() else " (filled: selected)"
            axes.scatter(values[best], y[best], s=20, color=colour, marker=marker, label=f"{trained_on}{suffix}")
        axes.set(xlabel=f"{part} {label(score)} (0 to 1)", xlim=(-0.03, 1.03))
    panels[0].set_yticks(range(len(order)), [label(task) for task in order])
    figure.legend(*panels[0].get_legend_handles_labels(), ncols=2, loc="outside lower center")
    return entitle(figure, titles.single_scores(singles))


def plot_validation_against_test(singles: pd.DataFrame) -> Figure:
    """F1 on test against F1 on validation of every single-task model: how far selection can be trusted."""
    figure, (axes,) = panel_row(1, 3.2)
    for side, rows in singles.groupby("side"):
        colour, marker, trained_on = SIDES[side]
        axes.scatter(rows["validation_f1"], rows["test_f1"], s=18, color=colour, marker=marker, label=trained_on)
    axes.axline((0, 0), slope=1, color="black", lw=0.8, label="both alike")
    axes.set(xlabel="F1 on validation", ylabel="F1 on test", xlim=(-0.03, 1), ylim=(-0.03, 1))
    figure.legend(loc="outside lower center", ncols=3)
    return entitle(figure, titles.validation_gap(singles))


def plot_representations(representations: pd.DataFrame) -> Figure:
    """What fine-tuning does to the features: effective rank and the first direction's share of the variance, from the
    pretrained encoder (line) to every source model (dot).

    representations: the table of this name. A dot is a seed.
    """
    pretrained, sources = pretrained_and_sources(representations)
    lost = sources.index.isin(collapsed_representations(representations).index)
    order = sources.groupby("task")["effective_rank"].mean().sort_values().index
    place = sources["task"].map({task: row for row, task in enumerate(order)})
    figure, panels = panel_row(2, 1.8 + 0.2 * len(order), sharey=True)
    for axes, measure in zip(panels, ("effective_rank", "first_share"), strict=True):
        axes.hlines(place, pretrained[measure], sources[measure], color=PLAIN, lw=0.8)
        for kind, rows, colour in (("source", ~lost, SOURCE), ("source, representation collapsed", lost, LOSS)):
            if rows.any():
                axes.scatter(sources[measure][rows], place[rows], s=22, color=colour, zorder=3, label=kind)
        axes.axvline(pretrained[measure], color="black", lw=1, ls="--", label="pretrained encoder")
    draw_collapse(panels[0], pretrained["effective_rank"])
    panels[0].set(xlabel="effective rank (directions, log scale)")
    panels[1].set(xlabel="first direction's share\nof the variance (0 to 1)", xlim=(0, 1.03))
    panels[0].set_yticks(range(len(order)), [label(task) for task in order])
    figure.legend(*panels[0].get_legend_handles_labels(), ncols=2, loc="outside lower center")
    return entitle(figure, titles.representations(representations))


def draw_collapse(axes: Axes, pretrained: float) -> None:
    """A logarithmic axis of effective ranks from 1 to beyond the pretrained encoder's, and where collapse begins."""
    axes.axvspan(1, COLLAPSED * pretrained, color=LOSS, alpha=0.12, lw=0, label="collapsed: below a tenth of it")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlim(1, 2 * pretrained)
