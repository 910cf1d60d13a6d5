"""What notebooks 9 and 10 find about several studies side by side, in sentences."""

from collections.abc import Mapping

import pandas as pd

from lib.report.sentences.words import change, code, known, listing, named, number, side_of_zero, with_interval
from lib.selection.contenders import BOUNDS

SHOWN = 3  # selectors that a sentence names
SIGNIFICANT = 0.05


def regime_gains(regimes: pd.DataFrame) -> str:
    """Whether targets gain from the average source, one line per regime. regimes: the table of this name."""
    lines = []
    for row in regimes[regimes["quantity"] == "mean_gain"].to_dict("records"):
        verdict = {
            1: "targets gain from the average source",
            -1: "targets lose from the average source",
            0: "targets neither gain nor lose measurably from the average source",
        }[side_of_zero(row)]
        sizes = f"{row['source_texts']:,.0f} source texts, {row['target_texts']:,.0f} target texts"
        lines.append(f"- {code(row['study'])} ({sizes}): {verdict}; F1 changes by {with_interval(row, change)}.")
    return "\n".join(lines)


def ranks_in_all_regimes(ranks: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """Which selectors order sources best on average over the regimes. ranks: from ``rank_correlations_by_regime``."""
    selectors = ranks.drop(index=list(BOUNDS), errors="ignore").dropna(subset="mean")
    if selectors.empty:
        return "No selector has a rank correlation in every regime."
    studies = ranks.columns.drop("mean")
    best = selectors.sort_values("mean", ascending=False, kind="stable").iloc[:SHOWN]
    lowest = best[studies].min(axis=1)
    told = listing(
        f"{named(name, titles)} ({number(best.loc[name, 'mean'])}"
        + (f", lowest {number(lowest[name])})" if len(studies) > 1 else ")")
        for name in best.index
    )
    where = f"Over {len(studies)} regimes" if len(studies) > 1 else "In this regime"
    return f"{where} these selectors order sources best, by their mean rank correlation: {told}."


def only_one_regime(studies: int, name: str) -> str:
    """What a study has to name to be compared; empty where it is. studies: that are set side by side."""
    if studies > 1:
        return ""
    return (
        "There is only one regime here, so nothing is compared. To compare regimes, name finished studies that differ "
        f"only in `source` or `target` under `compare` in the parameters of {code(name)}."
    )


def carried_over(ranks: pd.DataFrame, name: str) -> str:
    """How each regression that was carried over orders the new corpus's sources, one line each.

    ranks: the rows "spearman" of the table "generalisation", or an empty table. name: of the study.
    """
    if ranks.empty:
        return (
            "There is no other corpus here, so nothing is carried over. To test it, name finished studies of other "
            f"corpora under `compare` in the parameters of {code(name)}."
        )
    lines = []
    for row in ranks[ranks["selector"].str.startswith("carried_over")].to_dict("records"):
        if not known(row["value"]):
            lines.append(f"- On {code(row['study'])}, no target's sources differ, so nothing can be ranked.")
            continue
        verdict = "not measurably different from random order"
        if row["over_random_p"] <= SIGNIFICANT:
            verdict = "better than random order" if row["value"] > 0 else "worse than random order"
        lines.append(
            f"- On {code(row['study'])}, the regression {named(row['selector'])} orders sources with a rank "
            f"correlation of {with_interval(row)}, {verdict}."
        )
    return "\n".join(lines)
