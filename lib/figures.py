"""The study's figures: one small function each, in one style that is readable at column width and by colour-blind eyes.

Every function takes tables and returns a matplotlib figure; ``save_figure`` writes it as SVG and PNG, and shows it.
"""

import io
import math
from collections.abc import Mapping, Sequence
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
from matplotlib.ticker import LogLocator, MaxNLocator

from lib.captions import captioned
from lib.ledger import write_atomically
from lib.ranking import PAPER_SHARES, differs_from_random, middle

WIDTH = 6.5  # inches; the text column of a notebook's page
COLOURS = sns.color_palette("colorblind")
SOURCE, TARGET, GOOD, BAD, NEUTRAL = COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[3], "0.55"
SIDES = {"source": (SOURCE, "source size"), "target": (TARGET, "target size"), "both": (SOURCE, "one size for both")}
ORDER_STYLES = {
    "regression": (COLOURS[0], "-"),
    "regression_sequential": (COLOURS[0], "--"),
    "ansat": (COLOURS[4], "-"),
    "halving": (COLOURS[5], "--"),
    "random": ("0.35", "-"),
    "oracle": (COLOURS[2], ":"),
    "label_cooccurrence": (COLOURS[1], "-"),
    "no_transfer": (COLOURS[3], "-."),
    "carried_over": (COLOURS[0], "-"),
    "linear_probe": (COLOURS[2], "-"),
    "logme": (COLOURS[1], "-"),
}
CARRIED_ORDERS = ("carried_over", "linear_probe", "logme", "ansat", "random")
SELECTOR_PANELS = (  # metric, label, scale
    ("spearman", "rank correlation with test F1\n(bar: 95 % interval)", 1),
    ("regret_at_1", "regret of the first choice (%)\n(dashed: random order)", 100),
)
PLANTED_PANELS = (
    ("spearman_with_planted", "rank correlation with the\nplanted relatedness", 1),
    ("spearman", "rank correlation with test F1\n(bar: 95 % interval)", 1),
)
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


def _panels(columns: int, height: float, **options) -> tuple[Figure, np.ndarray]:
    figure, axes = plt.subplots(1, columns, figsize=(WIDTH, height), squeeze=False, **options)
    return figure, axes[0]


def _grid_of_panels(n: int, height: float, more: float = 0.0, **options) -> tuple[Figure, np.ndarray]:
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


def _matrix_height(tasks: int) -> float:
    return 1.4 + 0.3 * tasks


# --- 01 ---------------------------------------------------------------------------------------------------------------


def plot_prevalence(tasks: pd.DataFrame) -> Figure:
    """Share of positives per task in the training part, most frequent first, with the number of positives."""
    table = tasks.sort_values("prevalence")
    figure, (axes,) = _panels(1, 0.9 + 0.24 * len(table))
    axes.barh([label(task) for task in table["task"]], 100 * table["prevalence"], color=SOURCE)
    for row, (share, count) in enumerate(zip(table["prevalence"], table["train_positives"], strict=True)):
        axes.text(100 * share, row, f" {count:,}", va="center", fontsize=7)
    axes.set(xlabel="positives in the training part (%); the number is their count", ylabel="task")
    axes.margins(x=0.12)
    return figure


def plot_matrix(
    matrix: pd.DataFrame,
    title: str,
    unit: str,
    centre: float | None = 0.0,
    axes: Axes | None = None,
    sides: tuple[str, str] = ("source task", "target task"),
) -> Figure:
    """A tasks x tasks heat map with its numbers; blue above the centre, red below (no centre: from dark to bright)."""
    if axes is None:
        _, (axes,) = _panels(1, _matrix_height(len(matrix)))
    shown = matrix.rename(index=label, columns=label)
    colours = {"cmap": "viridis"} if centre is None else {"cmap": "RdBu", "center": centre}
    style = {"annot": True, "fmt": ".2f", "annot_kws": {"size": 6}, "linewidths": 0.5, "cbar_kws": {"label": unit}}
    sns.heatmap(shown, ax=axes, **style, **colours)
    axes.set(title=title, ylabel=sides[0], xlabel=sides[1])
    axes.tick_params(axis="y", rotation=0)
    plt.setp(axes.get_xticklabels(), rotation=45, ha="right", rotation_mode="anchor")
    return axes.figure


def plot_lengths(lengths: np.ndarray) -> Figure:
    """Histogram of text lengths in words; the longest half percent share the last bar."""
    figure, (axes,) = _panels(1, 2.4)
    top = int(np.quantile(lengths, 0.995))
    axes.hist(np.minimum(lengths, top), bins=np.arange(0, top + 2, max(1, top // 40)), color=SOURCE)
    axes.set(xlabel="length of a text (words; the longest 0.5 % in the last bar)", ylabel="texts")
    return figure


# --- 02 ---------------------------------------------------------------------------------------------------------------


def plot_singles(singles: pd.DataFrame) -> Figure:
    """Test F1 and average precision of the selected single-task models per task; every setting and seed as a dot."""
    figure, panels = _panels(2, 1.2 + 0.26 * singles["target"].nunique(), sharey=True)
    order = singles.groupby("target")["test_f1"].max().sort_values().index
    place = {task: row for row, task in enumerate(order)}
    for axes, (score, name) in zip(
        panels, (("test_f1", "F1"), ("test_average_precision", "average precision")), strict=True
    ):
        for shift, (regime, rows) in zip((0.15, -0.15, 0), singles.groupby("regime", sort=True), strict=False):
            y = rows["target"].map(place) + shift
            colour, size = SIDES[regime]
            axes.scatter(rows[score], y, s=14, facecolors="none", edgecolors=colour, linewidths=0.7)
            best = rows["selected"]
            axes.scatter(rows[score][best], y[best], s=18, color=colour, label=f"{size}, selected")
        axes.set(xlabel=f"test {name} (0 to 1)", xlim=(-0.03, 1.03))
    panels[0].set_yticks(range(len(order)), [label(task) for task in order])
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize=7, ncols=2, loc="outside upper center")
    return figure


def plot_validation_against_test(singles: pd.DataFrame) -> Figure:
    """F1 on validation against F1 on test of every single-task model: how far selection can be trusted."""
    figure, (axes,) = _panels(1, 3.2)
    for regime, rows in singles.groupby("regime"):
        colour, size = SIDES[regime]
        axes.scatter(rows["validation_f1"], rows["test_f1"], s=16, color=colour, label=size)
    axes.plot([0, 1], [0, 1], color=NEUTRAL, lw=0.8)
    axes.set(xlabel="F1 on validation", ylabel="F1 on test", xlim=(-0.03, 1), ylim=(-0.03, 1), aspect="equal")
    axes.legend(fontsize=7)
    return figure


# --- 03 ---------------------------------------------------------------------------------------------------------------


def plot_gain_matrix(matrix: pd.DataFrame) -> Figure:
    """Gain in test F1 of every pair over the target's single-task model; framed where outside the noise."""
    wide = matrix.pivot(index="source", columns="target", values="gain")
    figure = plot_matrix(wide, "gain in test F1 over no transfer (framed: outside the noise)", "gain in F1")
    axes, rows, columns = figure.axes[0], list(wide.index), list(wide.columns)
    for pair in matrix[matrix["helps"] | matrix["hurts"]].itertuples():
        corner = (columns.index(pair.target), rows.index(pair.source))
        axes.add_patch(plt.Rectangle(corner, 1, 1, fill=False, edgecolor="black", lw=1.1))
    return figure


def plot_target_gains(targets: pd.DataFrame) -> Figure:
    """Per target, the gain in test F1 of its validation-chosen source with the 95 % interval of the paired bootstrap."""
    table = targets.sort_values("gain").reset_index(drop=True)
    figure, (axes,) = _panels(1, 1.2 + 0.26 * len(table))
    kinds = {
        "over the single-task model": (~table["helped"] & ~table["hurt"], NEUTRAL),
        "helps, outside the noise": (table["helped"], GOOD),
        "hurts, outside the noise": (table["hurt"], BAD),
    }
    for name, (rows, colour) in kinds.items():
        part = table[rows]
        axes.hlines(part.index, part["gain_low"], part["gain_high"], color=colour, lw=1.6)
        axes.scatter(part["gain"], part.index, color=[colour], s=22, zorder=3, label=name)
    longer = {"marker": "D", "facecolors": "none", "edgecolors": "black", "linewidths": 0.7, "s": 16, "zorder": 2}
    axes.scatter(
        table["gain_over_longer"], table.index, **longer, label="over one trained for as many steps as the pair"
    )
    labels = [f"{label(row.target)}  ←  {label(row.source) or 'no transfer'}" for row in table.itertuples()]
    axes.set_yticks(table.index, labels)
    axes.axvline(0, color="black", lw=0.8)
    axes.set(xlabel="gain in test F1 (bar: 95 % interval)", ylabel="target  ←  chosen source")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    figure.legend(loc="outside upper center", ncols=2, fontsize=7)
    return figure


def plot_gain_against_size(matrix: pd.DataFrame, ratio: pd.Series) -> Figure:
    """Gain of every pair against ``ratio``, how many positives its source has for each of its target."""
    figure, (axes,) = _panels(1, 2.8)
    kinds = (("helps", GOOD), ("hurts", BAD))
    inside = ~(matrix["helps"] | matrix["hurts"])
    axes.scatter(ratio[inside], matrix["gain"][inside], s=14, color=NEUTRAL, label="within the noise")
    for kind, colour in kinds:
        axes.scatter(ratio[matrix[kind]], matrix["gain"][matrix[kind]], s=16, color=colour, label=kind)
    axes.axhline(0, color="black", lw=0.8)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set(xlabel="positives of the source / positives of the target (log scale)", ylabel="gain in test F1")
    figure.legend(loc="outside upper center", ncols=3, fontsize=7)
    return figure


def plot_choices(gains: pd.DataFrame, means: pd.DataFrame) -> Figure:
    """What the best of many gains, by target: among pairs, among restarts; at the bottom the means, with intervals.

    gains, means: from ``choice_gains`` and ``mean_choice_gains``.
    """
    gains = gains.sort_values("pairs", ascending=False)
    rows = [label(name) for name in gains.index]
    figure, (axes,) = _panels(1, 1.1 + 0.2 * len(rows))
    kinds = {"pairs": (SOURCE, "o", -0.12), "restarts": (TARGET, "D", 0.12)}
    for name, (colour, marker, shift) in kinds.items():
        axes.scatter(gains[name], np.arange(len(rows)) + shift, color=colour, marker=marker, s=16, zorder=3)
        mean = means.loc[name]
        axes.hlines(len(rows) + 0.5 + shift, mean["low"], mean["high"], color=colour, lw=1.6)
        axes.scatter(mean["value"], len(rows) + 0.5 + shift, color=colour, marker=marker, s=30, label=f"among {name}")
    axes.set_yticks([*range(len(rows)), len(rows) + 0.5], [*rows, "mean"])
    axes.invert_yaxis()
    axes.axvline(0, color="black", lw=0.8)
    axes.set(xlabel="gain in test F1 over no transfer of what validation chooses", ylabel="target")
    figure.legend(loc="outside upper center", ncols=2, fontsize=7)
    return figure


def plot_repeatability(table: pd.DataFrame) -> Figure:
    """Sources ranked by one seed's F1: how that ranks test F1 with the same seed and another, and what it gains."""
    keys = [(part, other) for part in ("validation", "test") for other in (True, False)]
    names = [f"{part} F1, {'another' if other else 'same'} seed" for part, other in keys]
    table = table.set_index(["metric", "ranked_by", "other_seed"])
    figure, panels = _panels(2, 1.9, sharey=True)
    shown = {
        "spearman": "rank correlation with test F1\n(bar: 95 % interval)",
        "gain": "gain of the first choice\n(test F1)",
    }
    for axes, (metric, title) in zip(panels, shown.items(), strict=True):
        rows = table.loc[[(metric, f"{part}_f1", other) for part, other in keys]]
        colours = [TARGET if other else SOURCE for _, other in keys]
        axes.hlines(range(len(rows)), rows["low"], rows["high"], color=colours, lw=1.4)
        axes.scatter(rows["value"], range(len(rows)), color=colours, s=22, zorder=3)
        axes.axvline(0, color="black", lw=0.9, ls="--")
        axes.set(xlabel=title, ylim=(-0.5, len(rows) - 0.5))
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylabel("sources ranked by")
    return figure


# --- 04, 05 -----------------------------------------------------------------------------------------------------------


def plot_completeness(conductance: pd.DataFrame) -> Figure:
    """Median relative completeness error of every attributed model, and [CLS]'s share of conductance per layer."""
    shares = conductance.filter(regex=r"^cls_share_l\d+$")
    figure, (left, right) = _panels(2, 2.6)
    for regime, rows in conductance.groupby("regime"):
        colour, size = SIDES[regime]
        errors = 100 * rows["completeness_error_relative"]
        left.scatter(errors, rows["task"].map(label), s=18, color=colour, label=size)
    left.set(xlabel="median completeness error (%)", ylabel="attributed model's task", xlim=(0, None))
    left.legend(fontsize=7, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    layers = [int(name.removeprefix("cls_share_l")) for name in shares]
    right.plot(layers, 100 * shares.T.to_numpy(), color=NEUTRAL, lw=0.7)
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.plot(layers, 100 * shares.mean().to_numpy(), color=SOURCE, lw=2, label="mean of the models")
    right.set(xlabel="layer (0: embeddings)", ylabel="[CLS]'s share of\n|conductance| (%)", ylim=(0, 103))
    right.legend(fontsize=7)
    return figure


def plot_tradeoff(tradeoff: pd.DataFrame) -> Figure:
    """How well the sources' order is kept against what it costs: a line per number of steps, a point per probe size."""
    figure, (axes,) = _panels(1, 2.8)
    steps = sorted(tradeoff["steps"].unique())
    for colour, count in zip(sns.color_palette("viridis", len(steps)), steps, strict=True):
        rows = tradeoff[tradeoff["steps"] == count]
        drawn, whole = rows[rows["resampled"]].sort_values("probe_texts"), rows[~rows["resampled"]]
        axes.plot(drawn["seconds"], drawn["agreement"], color=colour, marker="o", ms=3, label=f"{count} steps")
        axes.fill_between(
            drawn["seconds"], drawn["agreement_low"], drawn["agreement_high"], color=colour, alpha=0.12, lw=0
        )
        axes.scatter(whole["seconds"], whole["agreement"], color=colour, marker="D", s=22, zorder=3)
    texts = tradeoff[tradeoff["resampled"]].query("steps == @steps[-1]")
    for row in texts.itertuples():
        axes.annotate(
            f"{row.probe_texts}", (row.seconds, row.agreement), (0, -10), textcoords="offset points", fontsize=6
        )
    axes.set(xlabel="seconds to attribute one model (one worker)", ylabel="agreement of the sources' order\n(Spearman)")
    axes.set(xscale="log", ylim=(None, 1.03))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.legend(fontsize=7, loc="lower right")
    return figure


def plot_ansat_matrices(ansat: pd.DataFrame, thresholds: list[float], layer: int) -> Figure:
    """ANSAT of every pair at several thresholds, one layer."""
    rows = ansat[(ansat["layer"] == layer) & (ansat["probe"] == "all")]
    tasks = rows["target"].nunique()
    figure, axes = plt.subplots(
        len(thresholds), 1, figsize=(WIDTH, len(thresholds) * _matrix_height(tasks)), squeeze=False
    )
    for panel, threshold in zip(axes[:, 0], thresholds, strict=True):
        chosen = rows[np.isclose(rows["threshold"], threshold)]
        wide = chosen.pivot_table(index="source", columns="target", values="ansat", aggfunc="mean")
        plot_matrix(wide, f"layer {layer}, threshold {threshold:g}", "ANSAT (terms per text)", None, panel)
    return figure


def plot_ansat_curve(ansat: pd.DataFrame) -> Figure:
    """ANSAT against the threshold, mean over pairs, one line per layer; band: the middle 90 % of pairs, middle layer."""
    rows = ansat[ansat["probe"] == "all"]
    figure, (axes,) = _panels(1, 2.8)
    layers = sorted(rows["layer"].unique())
    for colour, layer in zip(sns.color_palette("viridis", len(layers)), layers, strict=True):
        grouped = rows[rows["layer"] == layer].groupby("threshold")["ansat"]
        axes.plot(grouped.mean(), color=colour, marker="o", ms=3, label=f"layer {layer}")
        if layer == middle(rows["layer"]):
            low, high = grouped.quantile(0.05), grouped.quantile(0.95)
            axes.fill_between(low.index, low, high, color=colour, alpha=0.2, lw=0)
    axes.set(xlabel="activity threshold (share of the text's largest)", ylabel="ANSAT (shared active terms per text)")
    axes.legend(fontsize=7, loc="upper right")
    return figure


def plot_score_against_gain(scores: pd.DataFrame, score: str, unit: str) -> Figure:
    """A score of every pair against its gain, both as differences from the target's mean: what ranks sources."""
    centred = scores[[score, "gain"]] - scores.groupby("target")[[score, "gain"]].transform("mean")
    figure, (axes,) = _panels(1, 2.8)
    axes.scatter(centred[score], centred["gain"], s=14, color=SOURCE)
    slope, intercept = np.polyfit(centred[score], centred["gain"], 1) if centred[score].std() > 0 else (0.0, 0.0)
    line = np.array([centred[score].min(), centred[score].max()])
    axes.plot(line, slope * line + intercept, color=BAD, lw=1)
    axes.axhline(0, color="black", lw=0.6)
    axes.set(xlabel=f"{unit}, less the target's mean", ylabel="gain in test F1,\nless the target's mean")
    return figure


def plot_rank_correlations(table: pd.DataFrame) -> Figure:
    """Mean within-target Spearman correlation with pair F1, by measure and layer: ANSAT by threshold, and its siblings."""
    wide = table.pivot(index="measure", columns="layer", values="spearman").loc[table["measure"].unique()]
    figure, (axes,) = _panels(1, 1.0 + 0.26 * len(wide))
    return plot_matrix(
        wide, "", "rank correlation\nwith pair F1", axes=axes, sides=("measure", "layer (0: embeddings)")
    )


# --- 06 ---------------------------------------------------------------------------------------------------------------


def plot_predictions(predictions: pd.DataFrame) -> Figure:
    """Predicted against measured test F1 of every pair (leave one target out), one colour per target."""
    rows = predictions[(predictions["protocol"] == "leave_one_target_out") & (predictions["model"] == "regression")]
    figure, (axes,) = _panels(1, 3.6)
    targets = sorted(rows["target"].unique())
    markers = "os^Dvp"
    for number, target in enumerate(targets):
        group = rows[rows["target"] == target]
        style = {"color": COLOURS[number % len(COLOURS)], "marker": markers[number % len(markers)]}
        axes.scatter(group["predicted"], group["test_f1"], s=16, label=label(target), **style)
    axes.plot([0, 1], [0, 1], color=NEUTRAL, lw=0.8)
    axes.set(
        xlabel="F1 predicted without any pair of the target",
        ylabel="F1 measured on test",
        xlim=(-0.03, 1),
        ylim=(-0.03, 1),
    )
    axes.legend(fontsize=6, loc="center left", bbox_to_anchor=(1.0, 0.5), title="target")
    return figure


def plot_controls(scores: pd.DataFrame) -> Figure:
    """Within-target rank correlation and error of the regression and its controls under every protocol, 95 % intervals."""
    rows = scores[scores["judged_against"] == "test_f1"]
    figure, axes = _panels(2, 2.8, sharey=True)
    protocols, models = list(rows["protocol"].unique()), list(rows["model"].unique())
    names = {"spearman": "rank correlation\nwithin targets", "mae": "mean absolute error\nof F1"}
    for panel, (score, name) in zip(axes, names.items(), strict=True):
        for number, model in enumerate(models):
            part = rows[(rows["model"] == model) & (rows["score"] == score)].set_index("protocol").loc[protocols]
            y = np.arange(len(protocols)) + 0.2 * (number - 1)
            panel.hlines(y, part["low"], part["high"], color=COLOURS[number], lw=1.5)
            panel.scatter(part["value"], y, color=COLOURS[number], s=18, label=label(model), zorder=3)
        panel.set(xlabel=f"{name} (95 % interval)")
        panel.axvline(0, color="black", lw=0.8)
    axes[0].set_yticks(range(len(protocols)), [label(protocol) for protocol in protocols])
    figure.legend(*axes[1].get_legend_handles_labels(), fontsize=7, ncols=3, loc="outside lower center")
    return figure


def plot_ablations(scores: pd.DataFrame) -> Figure:
    """How well each feature set ranks sources for targets left out: mean within-target Spearman, 95 % intervals.

    The dashed line is the first row's.
    """
    rows = scores[(scores["score"] == "spearman") & (scores["judged_against"] == "test_f1")].iloc[::-1]
    figure, (axes,) = _panels(1, 0.9 + 0.21 * len(rows))
    axes.axvline(rows["value"].iloc[-1], color=NEUTRAL, lw=0.9, ls="--")
    axes.hlines(rows["model"], rows["low"], rows["high"], color=NEUTRAL, lw=1.4)
    axes.scatter(rows["value"], rows["model"], color=SOURCE, s=18, zorder=3)
    axes.axvline(0, color="black", lw=0.8)
    axes.set(xlabel="rank correlation with test F1 within a left-out\ntarget (bar: 95 % interval)", ylabel="features")
    return figure


def plot_importance(importance: pd.DataFrame) -> Figure:
    """Share of the regression's total gain by family of features."""
    table = importance.sort_values("share")
    figure, (axes,) = _panels(1, 0.8 + 0.25 * len(table))
    axes.barh([label(name) for name in table["name"]], 100 * table["share"], color=SOURCE)
    axes.set(xlabel="share of the boosted trees' gain (%)", ylabel="features")
    return figure


# --- 07 ---------------------------------------------------------------------------------------------------------------


def plot_anytime(anytime: pd.DataFrame, orders: list[str], band: str) -> Figure:
    """F1 as a share of the grid's against time, one panel per accounting; a band shows the 95 % interval of one order.

    Orders that the study does not have are left out. Dotted: the shares of time that the paper reports.
    """
    accountings = ["paper", "all_inclusive"]
    known = set(anytime["order"])
    figure, panels = _panels(2, 3.4, sharey=True)
    for axes, accounting in zip(panels, accountings, strict=True):
        axes.axhline(100, color="black", lw=0.8)
        for order in filter(known.__contains__, orders):
            rows = anytime[(anytime["accounting"] == accounting) & (anytime["order"] == order)]
            _draw_order(axes, rows, order, label(order), order == band)
        axes.set(title=f"accounting: {label(accounting)}", xlim=(0, 100))
    panels[0].set(ylabel="mean test F1 of the chosen\nmodels (% of the grid's)")
    panels[0].set(xlabel="share of the pairs' training time (%)")
    panels[1].set(xlabel="share of the whole grid's time (%)")
    for share in PAPER_SHARES:
        panels[0].axvline(100 * share, color=NEUTRAL, lw=0.7, ls=":")
        panels[0].text(100 * share, 0.01, f" {share:.1%}", fontsize=6, transform=panels[0].get_xaxis_transform())
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize=7, ncols=4, loc="outside lower center")
    return figure


def _draw_order(axes: Axes, rows: pd.DataFrame, order: str, name: str, band: bool) -> None:
    """One order's F1, as a share of the grid's, against time, with its 95 % interval if ``band``; rows as in "anytime"."""
    colour, style = ORDER_STYLES[order]
    time, kept = 100 * rows["share_of_time"], 100 * (1 - rows[["loss", "loss_low", "loss_high"]])
    axes.plot(time, kept["loss"], style, color=colour, lw=1.4, label=name)
    if band:
        axes.fill_between(time, kept["loss_high"], kept["loss_low"], color=colour, alpha=0.12, lw=0)


def plot_losses(points: Mapping[str, dict], titles: Mapping[str, str]) -> Figure:
    """What share of the grid's F1 each procedure that a user can follow loses, all-inclusive; bars are 95 % intervals.

    points: ``selectors`` of summary.json. titles: names to show. Procedures that learn from the whole grid are left out,
    as is a moment before the single-task models are trained.
    """
    known = {name: both["all_inclusive"] for name, both in points.items()}
    known = {name: read for name, read in known.items() if read["loss_at_10_percent_of_pairs"]}
    order = sorted(known, key=lambda name: (-known[name]["loss_at_10_percent_of_pairs"]["value"], name))
    moments = {
        "loss_at_10_percent_of_pairs": "after attribution\nand 10 % of the pairs' time",
        "loss_at_0.495": "after\n49.5 % of the grid's time",
    }
    moments = {moment: spoken for moment, spoken in moments.items() if any(read[moment] for read in known.values())}
    figure, panels = _panels(len(moments), 1.0 + 0.2 * len(order), sharey=True)
    for axes, (moment, spoken) in zip(panels, moments.items(), strict=True):
        for place, name in enumerate(order):
            found = known[name][moment]
            if found is None:  # it has not started by then
                continue
            low, high = (np.nan if found[end] is None else 100 * found[end] for end in ("low", "high"))
            colour = ORDER_STYLES["random"][0] if name in ("random", "no_transfer") else SOURCE
            axes.hlines(place, low, high, color=NEUTRAL, lw=1.4)
            axes.scatter(100 * found["value"], place, color=colour, s=20, zorder=3)
        axes.axvline(0, color="black", lw=0.8)
        axes.axvline(1, color="black", lw=0.8, ls=":")
        axes.set(xlabel=f"the grid's F1 lost (%)\n{spoken}")
    panels[0].set_yticks(range(len(order)), [label(name, titles) for name in order])
    return figure


def plot_time_spent(seconds: pd.Series) -> Figure:
    """Where the study's seconds went, by phase."""
    figure, (axes,) = _panels(1, 0.8 + 0.26 * len(seconds))
    axes.barh([label(name) for name in seconds.index[::-1]], seconds[::-1] / 60, color=SOURCE)
    axes.set(xlabel="minutes of one worker", ylabel="phase")
    return figure


# --- 08 ---------------------------------------------------------------------------------------------------------------


def plot_selectors(
    metrics: pd.DataFrame,
    titles: Mapping[str, str],
    panels: Sequence[tuple[str, str, float]] = SELECTOR_PANELS,
    alike: bool = False,
) -> Figure:
    """Metrics of every selector side by side, means over targets with 95 % intervals; the dashed line is random order.

    Filled where it differs from random order, false discoveries among the selectors controlled (bounds are none).
    titles: the names to show. panels: metric, axis label and scale of each; selectors are sorted by the first. alike: one
    scale for all panels.
    """
    figure, columns = _panels(len(panels), 1.0 + 0.2 * metrics["selector"].nunique(), sharey=True, sharex=alike)
    order = metrics[metrics["metric"] == panels[0][0]].sort_values("value", na_position="first")["selector"]
    for axes, (metric, description, scale) in zip(columns, panels, strict=True):
        rows = metrics[metrics["metric"] == metric].set_index("selector").loc[order]
        better = differs_from_random(rows)
        names = [label(name, titles) for name in rows.index]
        axes.hlines(names, scale * rows["low"], scale * rows["high"], color=NEUTRAL, lw=1.4)
        colours = np.where(better, mpl.colors.to_hex(SOURCE), "white")
        axes.scatter(scale * rows["value"], names, c=colours, edgecolors=[SOURCE], s=20, zorder=3)
        axes.axvline(scale * rows["random"].iloc[0], color="black", lw=0.9, ls="--")
        axes.set(xlabel=description)
    return figure


def plot_price(metrics: pd.DataFrame, seconds: dict[str, float], titles: dict[str, str]) -> Figure:
    """What each selector costs before it can choose, and the regret of its first three choices, the cheapest on top.

    seconds: by selector. titles: names to show.
    """
    rows = metrics[metrics["metric"] == "regret_at_3"].set_index("selector")
    names = sorted(seconds, key=lambda name: (-seconds[name], name))
    rows, labels = rows.loc[names], [label(name, titles) for name in names]
    figure, (left, right) = _panels(2, 1.0 + 0.2 * len(names), sharey=True)
    left.scatter([seconds[name] / 60 for name in names], labels, color=SOURCE, s=20, zorder=3)
    left.set_xscale("symlog", linthresh=0.01)
    left.xaxis.set_major_formatter("{x:g}")
    left.set(xlabel="minutes of one worker\nbefore it can choose (log)", xlim=(-0.003, None))
    right.hlines(labels, 100 * rows["low"], 100 * rows["high"], color=NEUTRAL, lw=1.4)
    right.scatter(100 * rows["value"], labels, color=SOURCE, s=20, zorder=3)
    right.axvline(100 * rows["random"].iloc[0], color="black", lw=0.9, ls="--")
    right.set(xlabel="regret of the best of 3 (%)\n(dashed: random order)")
    return figure


# --- 09, 10 -----------------------------------------------------------------------------------------------------------


def plot_regimes(regimes: pd.DataFrame, quantities: Mapping[str, str]) -> Figure:
    """One panel per quantity that is defined: its mean over targets in every study, with 95 % intervals.

    regimes: the table of this name; quantities: titles by name.
    """
    studies = list(dict.fromkeys(regimes["study"]))[::-1]
    texts = regimes.drop_duplicates("study").set_index("study")
    names = [f"{s}\n{texts.loc[s, 'source_texts']:.0f} → {texts.loc[s, 'target_texts']:.0f} texts" for s in studies]
    defined = set(regimes.loc[regimes["value"].notna(), "quantity"])
    shown = [(quantity, title) for quantity, title in quantities.items() if quantity in defined]
    figure, panels = _grid_of_panels(len(shown), 1.2 + 0.35 * len(studies), sharey=True)
    for axes, (quantity, title) in zip(panels, shown, strict=True):
        rows = regimes[regimes["quantity"] == quantity].set_index("study").loc[studies]
        places = range(len(names))
        axes.hlines(places, rows["low"], rows["high"], color=NEUTRAL, lw=1.4)
        axes.scatter(rows["value"], places, color=SOURCE, s=20, zorder=3)
        axes.set_yticks(places, names)
        axes.axvline(0, color="black", lw=0.9, ls="--")
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set(xlabel=title, ylim=(-0.5, len(studies) - 0.5))
    return figure


def plot_generalisation(found: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Rank correlation of every contender with test F1, one panel per new corpus; filled: differs from random order."""
    ranks, studies = found[found["metric"] == "spearman"], list(dict.fromkeys(found["study"]))
    ranks = ranks[ranks["selector"] != "oracle"]  # 1 by definition
    everyone = pd.MultiIndex.from_product([studies, dict.fromkeys(ranks["selector"])], names=["metric", "selector"])
    by_study = ranks.drop(columns="metric").rename(columns={"study": "metric"}).set_index(["metric", "selector"])
    by_study = by_study.reindex(everyone).reset_index().fillna({"random": 0.0})
    figure = plot_selectors(by_study, titles, [(study, f"on {study}", 1) for study in studies], alike=True)
    figure.supxlabel("rank correlation with test F1 (bar: 95 % interval)", fontsize="medium")
    return figure


def plot_carried_anytime(anytime: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """F1 as a share of the grid's against its time, all-inclusive, one panel per new corpus: the regression carried over
    from all other corpora (from the one, where there is but one) with its 95 % interval, and who needs no pair.

    anytime: the table "carried_anytime". titles: names to show.
    """
    studies = list(dict.fromkeys(anytime["study"]))
    figure, panels = _grid_of_panels(len(studies), 1.7, 0.6, sharex=True)
    for axes, study in zip(panels, studies, strict=True):
        rows = anytime[anytime["study"] == study].set_index("order")
        carried = [name for name in dict.fromkeys(rows.index) if name.startswith("carried_over")][-1]
        axes.axhline(100, color="black", lw=0.8)
        for order in CARRIED_ORDERS:
            found = rows.loc[carried if order == "carried_over" else order]
            _draw_order(axes, found, order, label(order, titles), order == "carried_over")
        axes.set(title=f"on {study}", xlim=(0, 100))
    figure.supylabel("mean test F1 of the chosen\nmodels (% of the grid's)", fontsize="medium")
    figure.supxlabel("share of the whole grid's time (%)", fontsize="medium")
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize=7, ncols=5, loc="outside upper center")
    return figure


# --- 11 ---------------------------------------------------------------------------------------------------------------


def plot_recommendations(table: pd.DataFrame) -> Figure:
    """Test F1 of every target's trained sources, of no transfer, and of what is recommended. table: "recommendations"."""
    known = table.dropna(subset="test_f1")
    targets = known[known["source"] == ""].sort_values("test_f1")["target"].tolist()
    figure, (axes,) = _panels(1, 1.2 + 0.26 * len(targets))
    place = known["target"].map({target: row for row, target in enumerate(targets)})
    trained, chosen = known["source"] != "", known["recommended"]
    looks = {
        "trained source": (trained, {"s": 16, "facecolors": "none", "edgecolors": NEUTRAL}),
        "recommended": (chosen, {"s": 26, "color": SOURCE}),
        "no transfer": (~trained, {"s": 40, "marker": "|", "color": "black"}),
    }
    for layer, (name, (rows, look)) in enumerate(looks.items(), 2):
        axes.scatter(known.loc[rows, "test_f1"], place[rows], label=name, zorder=layer, **look)
    names = {row.target: row.source for row in known[chosen].itertuples()}
    axes.set_yticks(
        range(len(targets)), [f"{label(each)}  ←  {label(names[each]) or 'no transfer'}" for each in targets]
    )
    axes.set(xlabel="test F1 (0 to 1)", ylabel="target  ←  recommended source")
    figure.legend(loc="outside upper center", ncols=3, fontsize=7)
    return figure
