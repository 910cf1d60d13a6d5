"""One style for all figures, so that they read well at column width and for colour-blind readers.

Every function of this package takes tables and returns a matplotlib figure; ``save_figure`` writes it as SVG and PNG and
returns what a notebook shows.
"""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from lib.report.captions import captioned
from lib.storage.ledger import write_atomically

WIDTH = 6.5  # inches; the text column of a notebook's page
COLOURS = sns.color_palette("colorblind")
SOURCE, TARGET, GOOD, BAD, NEUTRAL = COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[3], "0.55"
SIDES = {  # colour and legend of a single-task model, by the side whose training texts it has
    "source": (SOURCE, "trained on a source's texts"),
    "target": (TARGET, "trained on a target's texts"),
    "both": (SOURCE, "trained on the texts of both sides"),
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
    mpl.rcParams.update({"svg.hashsalt": "whence", "figure.dpi": 110, "savefig.bbox": "tight", "axes.titlesize": 9})
    mpl.rcParams.update({"figure.constrained_layout.use": True, "svg.fonttype": "path"})


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
