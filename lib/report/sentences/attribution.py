"""What notebooks 4 and 5 find about conductance and ANSAT, in sentences; and example texts, shaded."""

import html
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from lib.attribution.shading import shaded_table
from lib.report.headline import duration
from lib.report.sentences.training import TRAINED_ON
from lib.report.sentences.words import counted, known, number, percent, plural
from lib.selection.fusion import FUSED
from lib.time_saving.costs import attribution_seconds


def attribution_cost(conductance: pd.DataFrame, grid: float) -> str:
    """What attribution took and how exact it is. conductance: the table of this name; grid: seconds of the grid."""
    seconds, texts = attribution_seconds(conductance), conductance["probe_texts"].max()
    error = conductance["completeness_error_relative"].median()
    return (
        f"Attributing {counted(len(conductance), 'model')} on {counted(texts, 'text')} took {duration(seconds)} of "
        f"one worker, {percent(seconds / grid)} of the grid's training time. The median completeness error is "
        f"{percent(error, 2)} of the change of the logit."
    )


def steps_and_texts(tradeoff: pd.DataFrame, steps: int) -> str:
    """Whether the steps of the path are enough, beside what other probe texts change.

    tradeoff: the table of this name; steps: those of the study. More steps count as needless where they would change the
    order of sources less than drawing the probe texts anew does.
    """
    whole = tradeoff[tradeoff["probe_texts"] == tradeoff["probe_texts"].max()]
    by_steps = whole[~whole["resampled"]].set_index("steps")["agreement"]
    most, others = by_steps.index.max(), by_steps.index[by_steps.index < by_steps.index.max()]
    redrawn = whole[whole["resampled"]].set_index("steps")["agreement"][most]
    if others.empty:
        return (
            f"With {most} steps, ANSAT's order of sources has a rank correlation of {number(redrawn, 3)} with that on other "
            "probe texts. The study compares no other number of steps."
        )
    fewer = steps if steps < most else others.max()
    kept = by_steps[fewer]
    verdict = "enough" if kept >= redrawn else "too few"
    opening = f"The study's {steps} steps are {verdict}"
    if fewer != steps:
        opening = f"{fewer} steps would be {verdict} (the study uses {steps})"
    return (
        f"{opening}. ANSAT's order of sources has a rank correlation of {number(kept, 3)} with that by {most} steps on the "
        f"same probe texts. With other probe texts it is {number(redrawn, 3)}. The lower of the two limits how well the "
        "order is known."
    )


def extraction_cost(extractions: pd.DataFrame, costs: pd.DataFrame) -> str:
    """What the selectors' inputs and scores took. Tables "feature_extraction" and "selector_costs"."""
    own = costs[~costs["selector"].isin(FUSED)]  # fused rankings count their parts again
    return (
        f"{counted(len(own), 'selector')} {plural(len(own), 'has', 'have')} scored every pair. Reading the texts took "
        f"{duration(extractions['seconds'].sum())} of one worker, scoring {duration(own['scoring_seconds'].sum())}."
    )


def shaded_examples(examples: Iterable[tuple[str, str, Sequence[str], np.ndarray]]) -> str:
    """Texts as HTML, shaded layer by layer but for the last, where terms have no conductance.

    examples: task and side of the model, words of the text, and their conductance (words, layers + 1). Everything that
    comes from the data is escaped.
    """
    return "\n".join(
        f"<h3>{html.escape(task)}, by its model with {TRAINED_ON[side]}</h3>\n"
        + shaded_table(words, values, range(values.shape[1] - 1))
        for task, side, words, values in examples
    )


def shared_terms(ansat: pd.DataFrame) -> str:
    """How many active terms two models share at the lowest and at the highest threshold. ansat: the table of this
    name."""
    mean = ansat[ansat["probe"] == "all"].groupby("threshold")["ansat"].mean()
    lowest, *others = mean.index
    told = f"At threshold {lowest:g} two models share {number(mean[lowest])} active terms per text"
    if not others:
        return f"{told}, mean over pairs and layers."
    return f"{told}; at {others[-1]:g} they share {number(mean[others[-1]])} (means over pairs and layers)."


def best_measures(correlations: pd.DataFrame) -> str:
    """Which variant of ANSAT and which other measure order sources best. correlations: from ``rank_correlations``."""
    is_ansat = correlations["measure"].str.startswith("ANSAT")
    told = []
    for name, rows in (("ANSAT", correlations[is_ansat]), ("the other measures", correlations[~is_ansat])):
        ranked = rows.dropna(subset="spearman")
        if ranked.empty:
            told.append(f"No variant of {name} has a rank correlation: the pairs of each target score the same.")
            continue
        best = ranked.loc[ranked["spearman"].idxmax()]
        told.append(
            f"Of {counted(len(ranked), 'variant')} of {name}, {best['measure']} in layer {best['layer']} orders "
            f"sources best, with a mean rank correlation of {number(best['spearman'])}."
        )
    return " ".join([*told, "The best of many looks better than it is."])


def stated_ansat(correlations: pd.DataFrame, layer: int, threshold: float) -> str:
    """How ANSAT orders sources at the layer and threshold stated beforehand. correlations: from
    ``rank_correlations``."""
    name = f"ANSAT at {threshold:g}"
    rows = correlations[(correlations["measure"] == name) & (correlations["layer"] == layer)]
    value = rows["spearman"].iloc[0] if len(rows) else None
    if not known(value):
        return f"{name} in layer {layer} has no rank correlation with gain: the pairs of each target gain the same."
    return f"{name} in layer {layer} and gain have a mean rank correlation of {number(value)} within targets."
