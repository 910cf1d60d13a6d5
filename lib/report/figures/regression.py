"""Figures of the regression (notebook 6)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.report.figures.style import BASELINE, PAPER, PLAIN, draw_intervals, entitle, label, panel_row, verdicts
from lib.report.sentences import titles_of_analyses as titles
from lib.report.sentences.regression import feature_sets

MODELS = {  # colour and marker
    "regression": (PAPER, "o"),
    "without_ansat": (BASELINE, "s"),
    "shuffled_ansat": (BASELINE, "D"),
}
ROWS = 10  # sets of features that are shown
COMPARED = ("no attribution", "ANSAT")  # sets that are always shown


def plot_predictions(predictions: pd.DataFrame, scores: pd.DataFrame) -> Figure:
    """Measured test F1 of every pair and the F1 predicted with its target left out: a row per target, the best on top.

    predictions, scores: the tables "predictions" and "regression_scores".
    """
    rows = predictions[(predictions["protocol"] == "leave_one_target_out") & (predictions["model"] == "regression")]
    order = rows.groupby("target")["test_f1"].mean().sort_values().index
    place = rows["target"].map({target: row for row, target in enumerate(order)})
    figure, (axes,) = panel_row(1, 1.3 + 0.22 * len(order))
    axes.scatter(
        rows["test_f1"], place + 0.15, s=14, color=PLAIN, alpha=0.7, lw=0, label="measured on test, a dot per pair"
    )
    axes.scatter(
        rows["predicted"], place - 0.2, s=26, color=PAPER, marker="|", lw=1, label="predicted with the target left out"
    )
    axes.set_yticks(range(len(order)), [label(target) for target in order])
    axes.set(xlabel="F1 (0 to 1)", ylabel="target", xlim=(-0.03, 1.03))
    figure.legend(loc="outside lower center", ncols=2)
    return entitle(figure, titles.predictions(scores))


def plot_controls(scores: pd.DataFrame) -> Figure:
    """Rank correlation and error of the regression and of its controls under every protocol, with 95 % intervals."""
    rows = scores[scores["judged_against"] == "test_f1"]
    figure, axes = panel_row(2, 3.0, sharey=True)
    protocols, models = list(rows["protocol"].unique()), [name for name in MODELS if name in set(rows["model"])]
    names = {"spearman": "rank correlation\nwithin targets", "mae": "mean absolute error\nof F1"}
    for panel, (score, name) in zip(axes, names.items(), strict=True):
        for number, model in enumerate(models):
            part = rows[(rows["model"] == model) & (rows["score"] == score)].set_index("protocol").loc[protocols]
            colour, marker = MODELS[model]
            y = np.arange(len(protocols)) + 0.2 * (number - 1)
            draw_intervals(panel, y, part, [colour] * len(part), marker, label(model))
        panel.set(xlabel=f"{name} (95 % interval)")
        panel.axvline(0, color="black", lw=0.8)
    axes[0].set_yticks(range(len(protocols)), [label(protocol) for protocol in protocols])
    axes[0].invert_yaxis()
    figure.legend(*axes[1].get_legend_handles_labels(), ncols=3, loc="outside lower center")
    return entitle(figure, titles.controls(scores))


def plot_ablations(scores: pd.DataFrame) -> Figure:
    """How well sets of features order the sources of left-out targets: mean rank correlation, 95 % intervals.

    The best ROWS sets, COMPARED among them, the best on top; the dashed line marks the set without attribution.
    """
    rows = feature_sets(scores)
    ranked = rows.sort_values("value", ascending=False, kind="stable")
    always = [name for name in COMPARED if name in ranked.index]
    others = ranked.index.drop(always)[: ROWS - len(always)]
    shown = ranked[ranked.index.isin([*always, *others])].iloc[::-1]
    figure, (axes,) = panel_row(1, 1.1 + 0.22 * len(shown))
    axes.axvline(rows["value"].get("no attribution", np.nan), color=BASELINE, lw=0.9, ls="--")
    draw_intervals(axes, range(len(shown)), shown, verdicts(shown))
    axes.set_yticks(range(len(shown)), shown.index)
    axes.axvline(0, color="black", lw=0.8)
    axes.set(xlabel="rank correlation with test F1 within the left-out target\n(bar: 95 % interval)", ylabel="features")
    return entitle(figure, titles.ablations(scores))


def plot_importance(importance: pd.DataFrame) -> Figure:
    """Share of the boosted trees' total gain that each family of features brings."""
    table = importance.sort_values("share")
    figure, (axes,) = panel_row(1, 1.0 + 0.23 * len(table))
    axes.barh([label(name) for name in table["name"]], 100 * table["share"], color=PLAIN)
    axes.set(xlabel="share of the boosted trees' gain (%)", ylabel="features")
    return entitle(figure, titles.importance(importance))
