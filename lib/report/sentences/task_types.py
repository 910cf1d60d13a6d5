"""What the study of tasks of several types finds (notebook 14), in sentences."""

from collections.abc import Iterator

import pandas as pd

from lib.report.figures.style import label
from lib.report.sentences.words import (
    change,
    code,
    counted,
    known,
    listing,
    number,
    percent,
    plural,
    relative_change,
    side_of_zero,
    with_interval,
)
from lib.selection.typed import TITLES
from lib.studies.task_types import by_scope, chosen_gains, difference
from lib.study.sections import Ranking

VERDICTS = {1: "confirmed", 0: "not confirmed: no difference outside the noise", -1: "not confirmed: the opposite"}
UNTESTABLE = "not testable here"
STARTS = {
    "chosen": "from the source that validation chooses", "chosen_across": "from the best of other types",
    "fused": "from the mean of all sources", "step_matched": "alone with as many steps as a pair",
}  # fmt: skip


def collapsed(models: pd.DataFrame) -> str:
    """How many models tell no example from another. models: the table "type_models"."""
    found = int(models["collapsed"].sum())
    if not found:
        return f"All {len(models):,} models tell some validation examples from others."
    tasks = listing(code(task) for task in sorted(set(models.loc[models["collapsed"], "target"])))
    return f"{found:,} of {len(models):,} models predict the same for every validation example, of {tasks}."


def average_pairs(matrix: pd.DataFrame) -> str:
    """What the average pair gains in every regime, within and across types, one line each. matrix: "type_matrix"."""
    lines = []
    for regime, own in matrix[matrix["target_type"] == "all"].groupby("regime", sort=False):
        rows = own.set_index("source_type").to_dict("index")
        told = f"the average pair changes its target's score by {with_interval(rows['all'], relative_change)}"
        told += f", and {percent(rows['all']['share_gaining'], 0)} of {rows['all']['pairs']:,} pairs gain"
        kinds = {"within": "from sources of its own type", "across": "from sources of other types"}
        parts = [f"{with_interval(rows[name], relative_change)} {text}" for name, text in kinds.items() if name in rows]
        lines.append(f"- {regime}: {told}; {listing(parts)}.")
    return "\n".join(lines)


def pairs_title(matrix: pd.DataFrame) -> str:
    """The finding of the matrix of pairs."""
    own = matrix[(matrix["source_type"] == "all") & (matrix["target_type"] == "all")]
    told = [f"{percent(row['share_gaining'], 0)} ({row['regime']})" for row in own.to_dict("records")]
    return f"Share of the pairs that gain: {listing(told)}"


def starts_title(starts: pd.DataFrame) -> str:
    """The finding of the figure of starts: what the source that validation chooses gains."""
    told = []
    for row in starts[starts["kind"] == "chosen"].to_dict("records"):
        changed = f"{relative_change(row['value'], 0)}" if side_of_zero(row) else "no gain outside the noise"
        told.append(f"{changed} ({row['regime']})")
    return f"The source that validation chooses: {listing(told)}"


def chosen_starts(starts: pd.DataFrame) -> str:
    """What a choice on validation gains in every regime, beside rivals, one line each. starts: the table "type_starts"."""
    lines = []
    for regime, own in starts.groupby("regime", sort=False):
        rows = own.set_index("kind").to_dict("index")
        told = [f"{with_interval(rows[kind], relative_change)} {text}" for kind, text in STARTS.items() if kind in rows]
        lines.append(f"- {regime}: a target's score changes by {listing(told)}.")
    return "\n".join(lines)


def across_types(starts: pd.DataFrame, tasks: pd.DataFrame) -> str:
    """What sources of another type give, in one sentence. starts, tasks: the tables "type_starts" and "type_tasks"."""
    types = listing(label(each) for each in dict.fromkeys(tasks["type"]))
    found = starts[starts["kind"] == "chosen_across"].to_dict("records")
    told = [f"{with_interval(row, relative_change)} ({row['regime']})" for row in found]
    return (
        f"Between {types}, the source of another type that validation chooses changes its target's score by "
        f"{listing(told)}."
    )


def best_selectors(means: pd.DataFrame) -> str:
    """Which selector ranks the best source highest, one line per regime. means: from ``mean_ranks``.

    Only selectors that score every target are compared: an average rank over fewer targets is another quantity.
    """
    lines = []
    for regime, own in _all_sources(means):
        full = own[own["targets"] == own["targets"].max()].sort_values("value", kind="stable")
        best = full.iloc[0].to_dict()
        better = [label(row["selector"], TITLES) for row in full.to_dict("records") if row["high"] < row["random"]]
        told = f"{listing(better)} {plural(len(better), 'does', 'do')} better" if better else "no selector does better"
        lines.append(
            f"- {regime}: {label(best['selector'], TITLES)} ranks the best source highest, at rank {with_interval(best)} on "
            f"average; a random order has {number(best['random'])}. Outside the noise, {told}."
        )
    return "\n".join(lines)


def selectors_title(means: pd.DataFrame) -> str:
    """The finding of the figure of selectors."""
    told = []
    for regime, own in _all_sources(means):
        better = int((own["high"] < own["random"]).sum())
        told.append(f"{better or 'none'} of {len(own)} ({regime})")
    return f"Selectors that find the best source better than chance: {listing(told)}"


def _all_sources(means: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    rows = means[(means["metric"] == "rank_of_best") & (means["scope"] == "all")]
    yield from rows.groupby("regime", sort=False)


def agreement(found: pd.Series) -> str:
    """How far two seeds agree on the order of sources. found: from ``seed_agreement``."""
    if not known(*found):
        return "There is one seed, so its luck cannot be told from the sources' order."
    told = listing(f"{number(value)} ({regime})" for regime, value in found.items())
    return f"Two seeds order the sources of a target with a rank correlation of {told}: no selector can do much better."


def paper_findings(gains: pd.DataFrame, ranks: pd.DataFrame, starts: pd.DataFrame, config: Ranking) -> pd.DataFrame:
    """The findings of Vu et al. (2020), each with a verdict and the numbers it rests on.

    gains, ranks, starts: the tables "type_gains", "type_selector_ranks" and "type_starts".
    """
    rows = [
        *_other_types_help(starts),
        *_own_type_helps_more(gains, config),
        *_more_source_data_helps(gains, config),
        *_selector_against("taskemb", "textemb", "TaskEmb ranks sources better than TextEmb", ranks, config),
        *_selector_against(
            "textemb_taskemb",
            "source_examples",
            "TextEmb and TaskEmb together rank better than data size",
            ranks,
            config,
        ),
        ("With full data on both sides the source's size matters most", UNTESTABLE, "no regime has full targets"),
    ]
    return pd.DataFrame(rows, columns=["finding of the paper", "here", "numbers"])


def _other_types_help(starts: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    for row in starts[starts["kind"] == "chosen_across"].to_dict("records"):
        told = f"the validation-best source of another type: {with_interval(row, relative_change)} on test"
        yield f"Sources of another type help ({row['regime']})", VERDICTS[side_of_zero(row)], told


def _own_type_helps_more(gains: pd.DataFrame, config: Ranking) -> Iterator[tuple[str, str, str]]:
    pairs = gains[gains["kind"] == "transfer"]
    for regime, own in pairs.groupby("regime", sort=False):
        means = {scope: rows.groupby("target")["test_gain"].mean() for scope, rows in by_scope(own).items()}
        found = difference(means["within"], means["across"], config)
        told = (
            f"own type less other types: {with_interval(found, relative_change)}, {counted(found['targets'], 'target')}"
        )
        yield f"Sources of the target's type help most ({regime})", VERDICTS[side_of_zero(found)], told


def _more_source_data_helps(gains: pd.DataFrame, config: Ranking) -> Iterator[tuple[str, str, str]]:
    chosen = {
        regime: chosen_gains(own) for regime, own in gains[gains["kind"] == "transfer"].groupby("regime", sort=False)
    }
    if {"full -> limited", "limited -> limited"} <= set(chosen):
        found = difference(chosen["full -> limited"], chosen["limited -> limited"], config)
        told = f"chosen sources, full less limited: {with_interval(found, relative_change)}"
        yield "Larger sources help more", VERDICTS[side_of_zero(found)], told


def _selector_against(
    name: str, other: str, finding: str, ranks: pd.DataFrame, config: Ranking
) -> Iterator[tuple[str, str, str]]:
    """A selector's NDCG less another's, in every regime, over all sources."""
    judged = ranks[(ranks["scope"] == "all") & (ranks["metric"] == "ndcg_linear")]
    for regime, own in judged.groupby("regime", sort=False):
        by_selector = own.pivot(index="target", columns="selector", values="value")
        if {name, other} <= set(by_selector):
            found = difference(by_selector[name], by_selector[other], config)
            told = f"NDCG {label(name, TITLES)} less {label(other, TITLES)}: {with_interval(found, change)}"
            yield f"{finding} ({regime})", VERDICTS[side_of_zero(found)], told
