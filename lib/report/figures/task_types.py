"""The figures of notebook 14: transfer between tasks of several types."""

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lib.datasets.examples import METRICS
from lib.report.figures.style import BAD, COLOURS, GOOD, NEUTRAL, WIDTH, label, panel_row
from lib.selection.typed import TITLES

TYPES = tuple(METRICS)  # in the order in which they are shown
START_NAMES = {
    "all": "the average source", "within": "the average source of its type", "across": "the average source of another type",
    "chosen": "the source that validation chooses", "chosen_across": "the same, of other types only",
    "fused": "the mean of all sources", "step_matched": "alone, as many steps as a pair", "reseeded": "alone, another seed",
}  # fmt: skip
SCOPE_MARKERS = {"all": ("o", COLOURS[0]), "within": ("s", COLOURS[1]), "across": ("^", COLOURS[2])}
LARGEST = 50.0  # per cent at which colours end: a target with a score near 0 would take them all


def plot_pairs(gains: pd.DataFrame, tasks: pd.DataFrame, title: str) -> Figure:
    """Relative test gain of every pair, a panel per regime. gains, tasks: the tables "type_gains" and "type_tasks"."""
    order = _by_type(tasks)
    names, regimes = list(order["task"]), list(dict.fromkeys(gains["regime"]))
    size = 0.36 * len(names) + 1.5
    figure, panels = plt.subplots(len(regimes), 1, figsize=(WIDTH, size * len(regimes)), squeeze=False)
    for axes, regime in zip(panels[:, 0], regimes, strict=True):
        own = gains[(gains["kind"] == "transfer") & (gains["regime"] == regime)]
        values = 100 * own.pivot(index="source", columns="target", values="test_gain").reindex(
            index=names, columns=names
        )
        picture = axes.imshow(values, cmap="PuOr", norm=TwoSlopeNorm(0, -LARGEST, LARGEST), aspect="auto")
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
            axes.add_patch(
                Rectangle((first - 0.5, first - 0.5), last - first, last - first, fill=False, ec="black", lw=1.3)
            )
    figure.colorbar(picture, ax=panels, label="relative gain on test (%)", shrink=0.5, extend="both")
    figure.suptitle(fill(title, 80), fontsize="medium")
    return figure


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
    types = [name for name in TYPES if name in set(matrix["target_type"])]
    rows = [("scope", "all", name) for name in ("all", "within", "across")]
    rows += [("start", kind, "") for kind in START_NAMES if kind in set(starts["kind"])]
    known = set(zip(matrix["target_type"], matrix["source_type"], strict=True))
    rows += [("type", target, source) for target in types for source in types if (target, source) in known]
    figure, panels = panel_row(len(regimes), 0.2 * len(rows) + 1.2, sharex=True, sharey=True)
    for axes, regime in zip(panels, regimes, strict=True):
        own = matrix[matrix["regime"] == regime].set_index(["target_type", "source_type"])
        other = starts[starts["regime"] == regime].set_index("kind")
        for place, (group, first, second) in enumerate(rows):
            found, key = (other, first) if group == "start" else (own, (first, second))
            if key in found.index:
                _dot(axes, place, found.loc[key])
        axes.axvline(0, color="black", lw=0.9, ls="--")
        axes.set(title=regime, ylim=(len(rows) - 0.5, -0.5), xlabel="relative gain on test (%)")
    panels[0].set_yticks(range(len(rows)), [_row_name(*row) for row in rows], fontsize=7.5)
    figure.suptitle(fill(title, 80), fontsize="medium")
    return figure


def _dot(axes: plt.Axes, place: int, found: pd.Series) -> None:
    """One mean with its interval, coloured where the interval over several targets lies on one side of 0."""
    outside = found["targets"] > 1  # of one target there is no interval
    colour = GOOD if outside and found["low"] > 0 else BAD if outside and found["high"] < 0 else NEUTRAL
    axes.hlines(place, 100 * found["low"], 100 * found["high"], color=colour, lw=1.4)
    axes.plot(100 * found["value"], place, "o", color=colour, ms=4)


def _row_name(group: str, first: str, second: str) -> str:
    if group == "type":
        return f"{label(second)} -> {label(first)}"
    return START_NAMES[second if group == "scope" else first]


def plot_selectors(means: pd.DataFrame, title: str) -> Figure:
    """Average rank of the best source by selector and scope, a panel per regime. means: from ``mean_ranks``."""
    rows = means[means["metric"] == "rank_of_best"]
    regimes, names = list(dict.fromkeys(rows["regime"])), [name for name in TITLES if name in set(rows["selector"])]
    figure, panels = panel_row(len(regimes), 0.34 * len(names) + 1.3, sharex=True, sharey=True)
    for axes, regime in zip(panels, regimes, strict=True):
        own = rows[rows["regime"] == regime].set_index(["selector", "scope"])
        for place, name in enumerate(names):
            for shift, (scope, (marker, colour)) in zip((-0.22, 0.0, 0.22), SCOPE_MARKERS.items(), strict=True):
                if (name, scope) in own.index:
                    found = own.loc[name, scope]
                    axes.hlines(place + shift, found["low"], found["high"], color=colour, lw=1.2)
                    axes.plot(found["value"], place + shift, marker, color=colour, ms=4, label=_once(axes, scope))
                    axes.plot(
                        found["random"], place + shift, "|", color="black", ms=6, label=_once(axes, "random order")
                    )
        axes.set(title=regime, ylim=(len(names) - 0.5, -0.5), xlabel="average rank of the best source")
    panels[0].set_yticks(range(len(names)), [label(name, TITLES) for name in names])
    figure.suptitle(fill(title, 80), fontsize="medium")
    handles, labels = panels[0].get_legend_handles_labels()
    named = {
        "all": "all sources",
        "within": "those of the target's type",
        "across": "those of other types",
    }
    figure.legend(
        handles, [named.get(text, text) for text in labels], fontsize=7.5, ncols=4, loc="outside lower center"
    )
    return figure


def _once(axes: plt.Axes, text: str) -> str:
    """The text, or for matplotlib "no label" where the panel's legend has it already."""
    return "_" if text in axes.get_legend_handles_labels()[1] else text
