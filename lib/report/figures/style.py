"""One style for all figures, readable at column width and by colour-blind eyes.

Every function of this package takes tables and returns a matplotlib figure; ``save_figure`` writes it as SVG and PNG, and
shows it.
"""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.report.captions import captioned
from lib.storage.ledger import write_atomically

WIDTH = 6.5  # inches; the text column of a notebook's page
COLOURS = sns.color_palette("colorblind")
SOURCE, TARGET, GOOD, BAD, NEUTRAL = COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[3], "0.55"
SIDES = {"source": (SOURCE, "source size"), "target": (TARGET, "target size"), "both": (SOURCE, "one size for both")}
BOUNDS_SPOKEN = {"validation_best": "validation best (a bound)", "oracle": "oracle (a bound)"}


SPELLING = {
    "ansat": "ANSAT",
    "f1": "F1",
    "cooccurrence": "co-occurrence",
    "percent": "%",
    "logme": "LogME",
    "jaccard": "Jaccard",
    "esm": "ESM",
}


def use_style() -> None:
    """The style of all figures; SVG files are the same on every run."""
    sns.set_theme(context="paper", style="whitegrid", palette="colorblind", font_scale=1.0)
    mpl.rcParams.update({"svg.hashsalt": "whence", "figure.dpi": 110, "savefig.bbox": "tight", "axes.titlesize": 9})
    mpl.rcParams.update({"figure.constrained_layout.use": True, "svg.fonttype": "path"})


@dataclass(frozen=True)
class Shown:
    """A saved figure, as a notebook displays it: the picture and its caption."""

    name: str
    png: bytes

    def _repr_html_(self) -> str:
        return captioned(self.name, self.png, "width: 45em; max-width: 100%")


def save_figure(figure: Figure, folder: Path, name: str) -> Shown:
    """Write ``folder/name.svg`` and ``.png`` (whole or not at all) and return what a notebook displays."""
    for kind, options in (("svg", {"metadata": {"Date": None}}), ("png", {"dpi": 160, "metadata": {"Software": None}})):
        content = io.BytesIO()
        figure.savefig(content, format=kind, **options)
        write_atomically(Path(folder) / f"{name}.{kind}", content.getvalue())
    plt.close(figure)
    return Shown(name, content.getvalue())


def panel_row(columns: int, height: float, **options) -> tuple[Figure, np.ndarray]:
    figure, axes = plt.subplots(1, columns, figsize=(WIDTH, height), squeeze=False, **options)
    return figure, axes[0]


def panel_grid(n: int, height: float, more: float = 0.0, **options) -> tuple[Figure, np.ndarray]:
    """A figure with n panels, two side by side: (n,). height: inches of a row; more: of what stands around them."""
    rows = math.ceil(n / 2)
    figure, panels = plt.subplots(rows, 2, figsize=(WIDTH, height * rows + more), squeeze=False, **options)
    for axes in panels.flat[n:]:
        axes.set_visible(False)
    return figure, panels.ravel()[:n]


def label(name: str, titles: Mapping[str, str] = MappingProxyType({})) -> str:
    """How figures and texts name an order, a measure, a phase: by its title, or its parts written as is usual."""
    spoken = " ".join(SPELLING.get(part, part) for part in str(name).split("_"))
    return (titles.get(name) or BOUNDS_SPOKEN.get(name) or spoken).replace("$", r"\$")  # else two begin a formula


def matrix_height(tasks: int) -> float:
    return 1.4 + 0.3 * tasks


def plot_matrix(
    matrix: pd.DataFrame,
    title: str,
    configuration: str,
    centre: float | None = 0.0,
    axes: Axes | None = None,
    sides: tuple[str, str] = ("source task", "target task"),
) -> Figure:
    """A tasks x tasks heat map with its numbers; blue above the centre, red below (no centre: from dark to bright)."""
    if axes is None:
        _, (axes,) = panel_row(1, matrix_height(len(matrix)))
    shown = matrix.rename(index=label, columns=label)
    colours = {"cmap": "viridis"} if centre is None else {"cmap": "RdBu", "center": centre}
    style = {
        "annot": True,
        "fmt": ".2f",
        "annot_kws": {"size": 6},
        "linewidths": 0.5,
        "cbar_kws": {"label": configuration},
    }
    sns.heatmap(shown, ax=axes, **style, **colours)
    axes.set(title=title, ylabel=sides[0], xlabel=sides[1])
    axes.tick_params(axis="y", rotation=0)
    plt.setp(axes.get_xticklabels(), rotation=45, ha="right", rotation_mode="anchor")
    return axes.figure
