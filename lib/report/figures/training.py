"""Figures of the single-task models (notebook 2)."""

import pandas as pd
from matplotlib.figure import Figure

from lib.report.figures.style import BAD, NEUTRAL, SIDES, SOURCE, label, panel_row
from lib.transfer.collapse import COLLAPSED, collapsed_representations, pretrained_and_sources, rank_summary
from lib.transfer.pairs import reported_part


def plot_singles(singles: pd.DataFrame) -> Figure:
    """F1 and average precision of every single-task model on test, or on validation where there are no test texts; the
    models that validation selects are filled.
    """
    part = reported_part(singles)
    figure, panels = panel_row(2, 1.2 + 0.26 * singles["target"].nunique(), sharey=True)
    order = singles.groupby("target")[f"{part}_f1"].max().sort_values().index
    place = {task: row for row, task in enumerate(order)}
    for axes, score in zip(panels, ("f1", "average_precision"), strict=True):
        for shift, (side, rows) in zip((0.15, -0.15, 0), singles.groupby("side", sort=True), strict=False):
            y = rows["target"].map(place) + shift
            colour, trained_on = SIDES[side]
            values = rows[f"{part}_{score}"]
            axes.scatter(values, y, s=14, facecolors="none", edgecolors=colour, linewidths=0.7)
            best = rows["selected"]
            axes.scatter(values[best], y[best], s=18, color=colour, label=f"{trained_on} (filled: selected)")
        axes.set(xlabel=f"{part} {label(score)} (0 to 1)", xlim=(-0.03, 1.03))
    panels[0].set_yticks(range(len(order)), [label(task) for task in order])
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize=7, ncols=2, loc="outside upper center")
    return figure


def plot_validation_against_test(singles: pd.DataFrame) -> Figure:
    """F1 on test against F1 on validation of every single-task model: how far selection can be trusted.

    Without test texts it says so in the place of dots.
    """
    figure, (axes,) = panel_row(1, 3.2)
    for side, rows in singles.groupby("side"):
        colour, trained_on = SIDES[side]
        axes.scatter(rows["validation_f1"], rows["test_f1"], s=16, color=colour, label=trained_on)
    axes.plot([0, 1], [0, 1], color=NEUTRAL, lw=0.8)
    axes.set(xlabel="F1 on validation", ylabel="F1 on test", xlim=(-0.03, 1), ylim=(-0.03, 1), aspect="equal")
    axes.legend(fontsize=7)
    if reported_part(singles) != "test":
        axes.text(0.7, 0.3, "no test texts", ha="center", va="center")
    return figure


def plot_representations(representations: pd.DataFrame) -> Figure:
    """Effective rank of every source model's features and the first direction's share, beside the pretrained encoder's.

    representations: the table of this name. A dot is a seed.
    """
    pretrained, sources = pretrained_and_sources(representations)
    lost = sources.index.isin(collapsed_representations(representations).index)
    kinds = {"source": (~lost, SOURCE), "source, representation collapsed": (lost, BAD)}
    order = sources.groupby("task")["effective_rank"].mean().sort_values().index
    place = sources["task"].map({task: row for row, task in enumerate(order)})
    figure, panels = panel_row(2, 1.3 + 0.22 * len(order), sharey=True)
    for axes, measure in zip(panels, ("effective_rank", "first_share"), strict=True):
        for kind, (rows, colour) in kinds.items():
            axes.scatter(sources[measure][rows], place[rows], s=20, color=colour, zorder=3, label=kind)
        axes.axvline(pretrained[measure], color="black", lw=1, ls="--", label="pretrained encoder")
    panels[0].axvline(COLLAPSED * pretrained["effective_rank"], color=NEUTRAL, lw=1, ls=":", label="a tenth of it")
    panels[0].set_xscale("log", base=2)
    panels[0].xaxis.set_major_formatter("{x:g}")
    panels[0].set(xlabel="effective rank (directions, log scale)")
    panels[1].set(xlabel="first direction's share\nof the variance (0 to 1)", xlim=(0, 1.03))
    panels[0].set_yticks(range(len(order)), [label(task) for task in order])
    summary = rank_summary(representations)
    figure.suptitle(
        f"Effective rank: {summary['pretrained']:.1f} before fine-tuning, {summary['sources_median']:.1f} after "
        f"(median); {lost.sum()} of {len(sources)} representations collapsed",
        fontsize=9,
    )
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize=7, ncols=4, loc="outside lower center")
    return figure
