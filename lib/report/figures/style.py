"""One style for all figures: one colour for one meaning, text that reads at column width, the finding as the title.

Every function of this package takes tables and returns a matplotlib figure; ``save_figure`` writes it as SVG and PNG and
returns what a notebook shows.
"""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import fill, wrap
from types import MappingProxyType

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from lib.report.captions import captioned
from lib.storage.ledger import write_atomically

WIDTH = 6.5  # inches; the text column of a notebook's page
SMALLEST = 7.5  # points of the smallest text
TITLE_LINE = 92  # characters of a figure's title in one line

GAIN, LOSS, NEUTRAL = "#0173b2", "#d55e00", "0.62"  # above and below, outside the noise; within the noise
SOURCE, TARGET = "#029e73", "#cc78bc"  # the two sides of a pair
BASELINE = "0.1"  # what needs no choice, such as no transfer or a random order
BOUND = "#882255"  # what nobody can follow
PAPER, ADDED = "#332288", "#999933"  # the paper's method; what this study adds to it
PLAIN = "#5b6b7d"  # a quantity that is none of these
GAINS = LinearSegmentedColormap.from_list("gains", [LOSS, "white", GAIN])
QUANTITIES = LinearSegmentedColormap.from_list("quantities", ["white", "#2f3b47"])
SIDES = {  # colour, marker and legend of a single-task model, by the side whose training texts it has
    "source": (SOURCE, "o", "trained on a source's texts"),
    "target": (TARGET, "s", "trained on a target's texts"),
    "both": (SOURCE, "o", "trained on the texts of both sides"),
}

NAMES = {  # of what is not called by the words of its identifier
    "validation_best": "validation best (a bound)",
    "oracle": "oracle (a bound)",
    "random": "random order",
    "all_inclusive": "all-inclusive",
    "halving": "successive halving",
    "regression_sequential": "sequential regression",
    "sequential_without_ansat": "sequential regression without ANSAT",
    "sequential_on_all_selectors": "sequential regression on all selectors",
    "regression_overall": "regression, one list for all targets",
    "ansat_tuned": "ANSAT, tuned",
    "jaccard_tuned": "Jaccard, tuned",
    "cosine_tuned": "cosine, tuned",
    "rank_correlation_tuned": "rank correlation, tuned",
    "shuffled_ansat": "ANSAT shuffled",
    "halving_of_cooccurring": "halving, best half by co-occurrence",
    "halving_of_ansat": "halving, best half by ANSAT",
    "halving_of_predicted": "halving, best half by the regression",
    "halving_of_consensus": "halving, best half by the consensus",
    "validation_best_pair": "validation-best pair",
    "reseeded": "best of as many reseeded",
    "step_matched": "single task, step-matched",
    "frozen": "frozen encoder",
    "fused": "mean of all sources",
    "fused_top": "mean of the selector's first k",
    "joint": "joint model of all others first",
    "joint_pair": "jointly with one source",
}
SPELLING = {  # of single words of an identifier
    "ansat": "ANSAT",
    "f1": "F1",
    "cooccurrence": "co-occurrence",
    "percent": "%",
    "logme": "LogME",
    "jaccard": "Jaccard",
    "esm": "ESM",
}


def use_style() -> None:
    """Set the style of all figures; with it, SVG files are the same on every run."""
    sns.set_theme(context="paper", style="whitegrid", palette="colorblind", font_scale=1.0)
    mpl.rcParams.update({"svg.hashsalt": "whence", "figure.dpi": 110, "savefig.bbox": "tight", "svg.fonttype": "path"})
    mpl.rcParams.update({"axes.titlesize": 9, "axes.labelsize": 8.5, "xtick.labelsize": 8, "ytick.labelsize": 8})
    mpl.rcParams.update({"legend.fontsize": 8, "legend.title_fontsize": 8, "figure.constrained_layout.use": True})
    mpl.rcParams.update({"grid.color": "0.88", "axes.edgecolor": "0.8"})


def entitle(figure: Figure, finding: str) -> Figure:
    """Write what a figure shows above it, from its left edge, in as few lines as it needs; returns the figure."""
    lines = len(wrap(finding, TITLE_LINE))
    even = next(width for width in range(len(finding) // lines, TITLE_LINE + 1) if len(wrap(finding, width)) == lines)
    figure.suptitle(fill(finding, even), x=0.01, ha="left", fontsize=9.5)
    return figure


def verdicts(rows: pd.DataFrame) -> list[str]:
    """The colour of every row: GAIN where its interval lies above 0, LOSS where it lies below, else NEUTRAL.

    rows: low and high, which may be missing.
    """
    return [GAIN if low > 0 else LOSS if high < 0 else NEUTRAL for low, high in rows[["low", "high"]].to_numpy()]


def draw_intervals(
    axes: Axes, places: Sequence[float], rows: pd.DataFrame, colours: Sequence[str], marker: str = "o", name: str = ""
) -> None:
    """Draw a row's value as a dot on its 95 % interval. What is NEUTRAL has an open dot.

    Args:
        axes: where to draw.
        places: (rows,) heights.
        rows: value, low and high; an interval may be missing.
        colours: (rows,).
        marker: of the dots.
        name: of the rows in the legend; none if empty.
    """
    axes.hlines(places, rows["low"], rows["high"], color=colours, lw=1.5)
    faces = ["white" if colour == NEUTRAL else colour for colour in colours]
    axes.scatter(rows["value"], places, s=22, c=faces, edgecolors=colours, marker=marker, zorder=3, label=name or None)


@dataclass(frozen=True)
class Shown:
    """A saved figure that a notebook shows as its picture and its caption."""

    name: str
    png: bytes = field(repr=False)  # a notebook keeps the representation of what it shows

    def _repr_html_(self) -> str:
        return captioned(self.name, self.png, "width: 45em; max-width: 100%")


def save_figure(figure: Figure, folder: Path, name: str) -> Shown:
    """Write ``folder/name.svg`` and ``.png``, each whole or not at all, and return what a notebook shows."""
    for kind, options in (("svg", {"metadata": {"Date": None}}), ("png", {"dpi": 160, "metadata": {"Software": None}})):
        content = io.BytesIO()
        figure.savefig(content, format=kind, **options)
        write_atomically(Path(folder) / f"{name}.{kind}", content.getvalue())
    plt.close(figure)
    return Shown(name, content.getvalue())


def panel_row(columns: int, height: float, **options) -> tuple[Figure, np.ndarray]:
    """A figure of the column's width with panels side by side: (columns,). height: inches."""
    figure, axes = plt.subplots(1, columns, figsize=(WIDTH, height), squeeze=False, **options)
    return figure, axes[0]


def panel_grid(n: int, height: float, more: float = 0.0, **options) -> tuple[Figure, np.ndarray]:
    """A figure with n panels, two side by side: (n,).

    Args:
        n: number of panels.
        height: inches of a row of panels.
        more: inches for what stands around the panels.
        options: of ``plt.subplots``.

    Returns:
        The figure and its visible panels.
    """
    rows = math.ceil(n / 2)
    figure, panels = plt.subplots(rows, 2, figsize=(WIDTH, height * rows + more), squeeze=False, **options)
    for axes in panels.flat[n:]:
        axes.set_visible(False)
    return figure, panels.ravel()[:n]


def label(name: str, titles: Mapping[str, str] = MappingProxyType({})) -> str:
    """How figures and sentences name a selector, an order, a measure or a phase: its title, or the words of its name."""
    words = " ".join(SPELLING.get(part, part) for part in str(name).split("_"))
    return (titles.get(name) or NAMES.get(name) or words).replace("$", r"\$")  # two dollar signs would be a formula
