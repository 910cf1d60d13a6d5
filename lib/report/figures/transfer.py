"""Figures of the transfer grid (notebook 3)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lib.report.figures.matrix import frame_cells, plot_matrix
from lib.report.figures.style import (
    BASELINE,
    GAIN,
    GAINS,
    LOSS,
    NEUTRAL,
    PLAIN,
    SOURCE,
    draw_intervals,
    entitle,
    label,
    panel_row,
)
from lib.report.sentences import titles
from lib.transfer.collapse import COLLAPSED

KINDS = {  # of pairs and targets: colour and legend
    "helps": (GAIN, "helps outside the noise"),
    "hurts": (LOSS, "hurts outside the noise"),
}


def plot_gain_matrix(matrix: pd.DataFrame) -> Figure:
    """Gain in test F1 of every pair over its target's single-task model; a frame marks gains outside the noise.

    Sources that give most are on top, targets that gain most at the left. matrix: the table "transfer_matrix".
    """
    wide = matrix.pivot(index="source", columns="target", values="gain")
    wide = wide.loc[_by_mean(matrix, "source"), _by_mean(matrix, "target")]
    largest = wide.abs().max(axis=None) or 1.0
    colours = {"cmap": GAINS, "vmin": -largest, "vmax": largest}
    figure = plot_matrix(wide, "gain in test F1\n(framed: outside the noise)", "{:+.2f}", **colours)
    rows, columns = list(wide.index), list(wide.columns)
    real = matrix[matrix["helps"] | matrix["hurts"]]
    frame_cells(figure.axes[0], [(rows.index(pair.source), columns.index(pair.target)) for pair in real.itertuples()])
    return entitle(figure, titles.pair_gains(matrix))


def _by_mean(matrix: pd.DataFrame, side: str) -> pd.Index:
    """The tasks of one side by their mean gain, the largest first."""
    return matrix.groupby(side)["gain"].mean().sort_values(ascending=False).index


def plot_helpers(matrix: pd.DataFrame, repeats: pd.Series) -> Figure:
    """Which task helps which: a line from every source to every target that it helps or hurts outside the noise.

    Args:
        matrix: the table "transfer_matrix".
        repeats: whether the gain has one sign with all seeds, from ``same_sign``; a pair's line is dashed where it has not.

    Returns:
        The figure; the wider a line, the larger the gain or loss.
    """
    real = matrix.assign(repeats=repeats)[matrix["helps"] | matrix["hurts"]].sort_values("gain")  # gains on top
    order = {side: _by_mean(matrix, side)[::-1] for side in ("source", "target")}
    places = {side: pd.Series(range(len(names)), names) for side, names in order.items()}
    figure, (axes,) = panel_row(1, 1.5 + 0.24 * len(order["target"]))
    for pair in real.itertuples():
        colour, _ = KINDS["helps" if pair.helps else "hurts"]
        width = 0.8 + 3.2 * abs(pair.gain) / real["gain"].abs().max()
        ends = [places["source"][pair.source], places["target"][pair.target]]
        axes.plot((0, 1), ends, color=colour, lw=width, ls="-" if pair.repeats else (0, (3, 1)), alpha=0.75)
    for x, side, align in ((0, "source", "right"), (1, "target", "left")):
        for name, place in places[side].items():
            involved = name in set(real[side])
            axes.plot(x, place, "o", color="black" if involved else NEUTRAL, ms=4, zorder=3)
            style = {"ha": align, "va": "center", "fontsize": 8, "color": "black" if involved else "0.45"}
            axes.text(x + (0.03 if x else -0.03), place, label(name), **style)
        axes.text(x, len(places[side]) - 0.2, side, ha=align, va="bottom", fontsize=8.5, weight="bold")
    axes.set(xlim=(-0.75, 1.75), ylim=(-0.6, len(order["target"]) + 0.3))
    axes.axis("off")
    _legend_of_lines(figure, real)
    return entitle(figure, titles.helpers(matrix))


def _legend_of_lines(figure: Figure, real: pd.DataFrame) -> None:
    lines = [
        Line2D([], [], color=colour, lw=2.2, label=name) for kind, (colour, name) in KINDS.items() if real[kind].any()
    ]
    if not real["repeats"].all():
        lines.append(Line2D([], [], color="black", lw=1.5, ls=(0, (3, 1)), label="the seeds disagree on the sign"))
    figure.legend(handles=lines, ncols=3, loc="outside lower center")


def plot_target_gains(targets: pd.DataFrame) -> Figure:
    """Gain in test F1 of each target's validation-chosen source over both baselines, with 95 % intervals.

    targets: from ``target_table``.
    """
    table = targets.sort_values("gain").reset_index(drop=True)
    figure, (axes,) = panel_row(1, 1.5 + 0.26 * len(table))
    over = {"gain": "value", "gain_low": "low", "gain_high": "high"}
    kinds = {
        "helps outside the noise": (table["helped"], GAIN),
        "hurts outside the noise": (table["hurt"], LOSS),
        "within the noise": (~table["helped"] & ~table["hurt"], NEUTRAL),
    }
    for name, (rows, colour) in kinds.items():
        if rows.any():
            part = table[rows].rename(columns=over)
            draw_intervals(axes, part.index + 0.12, part, [colour] * len(part), name=f"over no transfer: {name}")
    matched = {
        f"gain_over_step_matched{end}": name for end, name in (("", "value"), ("_low", "low"), ("_high", "high"))
    }
    rows = table.drop(columns=list(over)).rename(columns=matched)
    axes.hlines(table.index - 0.2, rows["low"], rows["high"], color=BASELINE, lw=0.7)
    style = {"marker": "D", "s": 12, "facecolors": "white", "edgecolors": BASELINE, "linewidths": 0.8, "zorder": 2}
    axes.scatter(rows["value"], table.index - 0.2, label="over the step-matched baseline", **style)
    labels = [f"{label(row.target)}  ←  {label(row.source) or 'no transfer'}" for row in table.itertuples()]
    axes.set_yticks(table.index, labels)
    axes.axvline(0, color="black", lw=0.8)
    axes.set(xlabel="gain in test F1 (bar: 95 % interval)", ylabel="target  ←  chosen source")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    figure.legend(loc="outside lower center", ncols=2)
    return entitle(figure, titles.chosen_sources(targets))


def plot_gain_against_size(matrix: pd.DataFrame, ratio: pd.Series, correlation: Mapping[str, float]) -> Figure:
    """Gain of every pair against the ratio of its source's positives to its target's.

    matrix: the table "transfer_matrix". ratio: aligned with it. correlation: of both, from ``rank_correlation``.
    """
    figure, (axes,) = panel_row(1, 3.1)
    draw_pairs(axes, ratio, matrix)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set(xlabel="positives of the source / positives of the target (log scale)", ylabel="gain in test F1")
    figure.legend(loc="outside lower center", ncols=3)
    return entitle(figure, titles.gain_follows(correlation, "the source's number of positives"))


def draw_pairs(axes: Axes, x: pd.Series, pairs: pd.DataFrame) -> None:
    """Draw the gain of every pair as a dot, coloured where it is outside the noise. pairs: gain, helps and hurts."""
    inside = ~(pairs["helps"] | pairs["hurts"])
    open_dots = {"facecolors": "none", "edgecolors": NEUTRAL, "linewidths": 0.9}
    axes.scatter(x[inside], pairs["gain"][inside], s=14, label="within the noise", **open_dots)
    for kind, (colour, name) in KINDS.items():
        if pairs[kind].any():
            axes.scatter(x[pairs[kind]], pairs["gain"][pairs[kind]], s=16, color=colour, label=name)
    axes.axhline(0, color="black", lw=0.8)


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
    figure, (axes,) = panel_row(1, 3.4)
    draw_pairs(axes, gains["effective_rank"], gains)
    axes.vlines(by_source["effective_rank"], by_source["low"], by_source["high"], color=SOURCE, lw=1.6)
    mean = "a source's mean (bar: 95 % interval)"
    axes.scatter(by_source["effective_rank"], by_source["value"], s=24, color=SOURCE, marker="s", zorder=3, label=mean)
    axes.axvline(pretrained, color="black", lw=1, ls="--", label="pretrained encoder")
    collapsed = COLLAPSED * pretrained
    if by_source["effective_rank"].min() < 2 * collapsed:  # else it is far from all dots
        axes.axvline(collapsed, color="black", lw=1, ls=":", label="a tenth of it: collapsed below")
    axes.set(xlabel="effective rank of the source's features (directions)", ylabel="gain in test F1")
    if by_source["effective_rank"].max() > 4 * by_source["effective_rank"].min():
        axes.set(xlabel="effective rank of the source's features (directions, log scale)")
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
    figure.legend(ncols=3, loc="outside lower center")
    return entitle(figure, titles.gain_follows(correlation, "the source's effective rank"))


def plot_choices(gains: pd.DataFrame, means: pd.DataFrame) -> Figure:
    """What validation's choice gains by target, among its pairs and among as many reseeded baselines; means at the bottom.

    gains, means: from ``choice_gains`` and ``mean_choice_gains``.
    """
    gains = gains.sort_values("pairs", ascending=False)
    rows = [label(name) for name in gains.index]
    figure, (axes,) = panel_row(1, 1.4 + 0.2 * len(rows))
    kinds = {
        "pairs": ("the target's pairs", SOURCE, "o", -0.12),
        "reseeded": ("as many reseeded baselines", BASELINE, "D", 0.12),
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
    figure.legend(loc="outside lower center", ncols=2)
    return entitle(figure, titles.choices(means))


def plot_repeatability(table: pd.DataFrame) -> Figure:
    """How an order of sources by one seed's F1 holds on test with the same seed and with another, and what it gains."""
    keys = [(part, other) for part in ("validation", "test") for other in (True, False)]
    names = [f"{part} F1, judged by {'another' if other else 'the same'} seed" for part, other in keys]
    table = table.set_index(["metric", "ranked_by", "other_seed"])
    figure, panels = panel_row(2, 2.1, sharey=True)
    metrics = {
        "spearman": "rank correlation with test F1\n(bar: 95 % interval)",
        "gain": "gain of the first choice\nin test F1",
    }
    for axes, (metric, title) in zip(panels, metrics.items(), strict=True):
        rows = table.loc[[(metric, f"{part}_f1", other) for part, other in keys]]
        draw_intervals(axes, range(len(rows)), rows, [PLAIN] * len(rows))
        axes.axvline(0, color="black", lw=0.9, ls="--")
        axes.set(xlabel=title, ylim=(-0.5, len(rows) - 0.5))
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylabel("sources ranked by")
    return entitle(figure, titles.repeatability(table.reset_index()))
