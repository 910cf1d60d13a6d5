"""The figures of notebook 14: transfer between tasks of several types."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lib.datasets.examples import METRICS
from lib.report.figures.selection import name_rows, places_of
from lib.report.figures.style import (
    GAINS,
    NEUTRAL,
    PLAIN,
    SOURCE,
    WIDTH,
    draw_intervals,
    entitle,
    label,
    panel_row,
    verdicts,
)
from lib.selection.typed import TITLES

TYPES = tuple(METRICS)  # in the order in which they are shown
START_NAMES = {
    "all": "the average source", "within": "the average source of its type", "across": "the average source of another type",
    "chosen": "the source that validation chooses", "chosen_across": "the same, of other types only",
    "fused": "the mean of all sources", "step_matched": "alone, as many steps as a pair", "reseeded": "alone, another seed",
}  # fmt: skip
SCOPES = {  # legend, marker, colours of edge and face
    "all": ("all sources", "o", PLAIN, PLAIN),
    "within": ("those of the target's type", "s", SOURCE, SOURCE),
    "across": ("those of other types", "^", SOURCE, "white"),
}
ARROW = " → "
LARGEST = 50.0  # per cent at which colours end: a target with a score near 0 would take them all


def plot_pairs(gains: pd.DataFrame, tasks: pd.DataFrame, title: str) -> Figure:
    """Relative test gain of every pair, a panel per regime. gains, tasks: the tables "type_gains" and "type_tasks"."""
    order = _by_type(tasks)
    names, regimes = list(order["task"]), list(dict.fromkeys(gains["regime"]))
    height = (0.36 * len(names) + 1.5) * len(regimes)
    figure, panels = plt.subplots(len(regimes), 1, figsize=(WIDTH, height), squeeze=False)
    for axes, regime in zip(panels[:, 0], regimes, strict=True):
        own = gains[(gains["kind"] == "transfer") & (gains["regime"] == regime)]
        values = 100 * own.pivot(index="source", columns="target", values="test_gain").reindex(
            index=names, columns=names
        )
        picture = axes.imshow(values, cmap=GAINS, vmin=-LARGEST, vmax=LARGEST, aspect="auto")
        for (row, column), value in np.ndenumerate(values.to_numpy()):
            if np.isfinite(value):
                text = f"{value:+.0f}" if round(value) else "0"
                dark = abs(value) > 0.7 * LARGEST
                axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color="white" if dark else "black")
        axes.set_xticks(range(len(names)), names, rotation=35, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.set(title=regime, ylabel="source", xlabel="target" if regime == regimes[-1] else "")
        axes.grid(False)
        for first, last in _runs(order["type"].tolist()):
            size = last - first - 0.08  # less than the cells, so that frames do not touch
            axes.add_patch(Rectangle((first - 0.46, first - 0.46), size, size, fill=False, ec="black", lw=1.2))
    figure.colorbar(picture, ax=panels, label="relative gain on test (%)", shrink=0.5, extend="both")
    return entitle(figure, title)


def _by_type(tasks: pd.DataFrame) -> pd.DataFrame:
    """The tasks, those of one type together, in the order of TYPES."""
    return tasks.assign(place=tasks["type"].map(TYPES.index)).sort_values("place", kind="stable")


def _runs(values: list[str]) -> list[tuple[int, int]]:
    """First and last place, plus one, of every run of equal values."""
    ends = [place for place in range(1, len(values) + 1) if place == len(values) or values[place] != values[place - 1]]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def plot_starts(matrix: pd.DataFrame, starts: pd.DataFrame, title: str) -> Figure:
    """What the average source, by type, and other starts gain: a panel per regime, one scale.

    matrix, starts: the tables "type_matrix" and "type_starts".
    """
    regimes = list(dict.fromkeys(starts["regime"]))
    own = matrix.assign(
        row=[_row_name(*types) for types in zip(matrix["target_type"], matrix["source_type"], strict=True)]
    )
    rows = pd.concat([own, starts.assign(row=starts["kind"])]).set_index("row")
    means = rows["value"].groupby(level="row").mean().sort_values(ascending=False)
    places, headings = places_of(
        {
            "average source": [name for name in ("all", "within", "across") if name in means.index],
            "other starts": [name for name in START_NAMES if name in set(starts["kind"])],
            "average source, by types": [name for name in means.index if ARROW in name],
        }
    )
    figure, panels = panel_row(len(regimes), 0.2 * (len(places) + len(headings)) + 1.2, sharex=True, sharey=True)
    for axes, regime in zip(panels, regimes, strict=True):
        shown = rows[(rows["regime"] == regime) & rows.index.isin(list(places))]
        colours = np.where(shown["targets"] > 1, verdicts(shown), NEUTRAL)  # of one target there is no interval
        draw_intervals(
            axes, [places[name] for name in shown.index], 100 * shown[["value", "low", "high"]], list(colours)
        )
        axes.axvline(0, color="black", lw=0.9, ls="--")
        axes.set(title=regime, xlabel="relative gain on test (%)")
    name_rows(panels, places, headings, START_NAMES)
    return entitle(figure, title)


def _row_name(target: str, source: str) -> str:
    """The row of a cell of the matrix of types: a scope of sources for all targets, or a pair of types; else none."""
    if target == "all":
        return source
    return f"{label(source)}{ARROW}{label(target)}" if source in TYPES else ""


def plot_selectors(means: pd.DataFrame, title: str) -> Figure:
    """Average rank of the best source by selector and scope, a panel per regime. means: from ``mean_ranks``."""
    rows = means[means["metric"] == "rank_of_best"]
    regimes, names = list(dict.fromkeys(rows["regime"])), [name for name in TITLES if name in set(rows["selector"])]
    figure, panels = panel_row(len(regimes), 0.34 * len(names) + 1.5, sharex=True, sharey=True)
    for axes, regime in zip(panels, regimes, strict=True):
        own = rows[(rows["regime"] == regime) & rows["selector"].isin(names)]
        for shift, (scope, (name, marker, colour, face)) in zip((-0.22, 0.0, 0.22), SCOPES.items(), strict=True):
            part = own[own["scope"] == scope]
            places = np.array([names.index(selector) for selector in part["selector"]]) + shift
            axes.hlines(places, part["low"], part["high"], color=colour, lw=1.2)
            axes.scatter(part["value"], places, s=18, marker=marker, c=face, edgecolors=colour, zorder=3, label=name)
            axes.scatter(part["random"], places, s=30, marker="|", color="black", label=_once(axes, "random order"))
        axes.set(title=regime, ylim=(len(names) - 0.5, -0.5), xlabel="average rank of the best source")
    panels[0].set_yticks(range(len(names)), [label(name, TITLES) for name in names])
    figure.legend(*panels[0].get_legend_handles_labels(), ncols=4, loc="outside lower center")
    return entitle(figure, title)


def _once(axes: plt.Axes, text: str) -> str:
    """The text, or for matplotlib "no label" where the panel's legend has it already."""
    return "_" if text in axes.get_legend_handles_labels()[1] else text
