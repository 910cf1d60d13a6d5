"""What notebook 3 finds about the transfer grid, in sentences."""

import math
from collections.abc import Mapping

import pandas as pd

from lib.report.headline import duration
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
from lib.transfer.gains import target_table, transfer_summary

DIGITS = 3  # of F1


def trained_pairs(pairs: pd.DataFrame) -> str:
    """How many pairs were trained, how many collapsed, and what they took. pairs: the table of this name."""
    last, models = pairs["collapsed"], counted(len(pairs), "transfer model")
    first = int(((pairs["tries"] > 1) | last).sum())
    ordered = counted(len(pairs[["source", "target"]].drop_duplicates()), "ordered pair")
    tries = (
        f"{first:,} collapsed at the first try, {last.sum():,} of them also at the last" if first else "None collapsed"
    )
    seconds = pairs["total_seconds"]
    return (
        f"{models} of {ordered} {plural(len(pairs), 'is', 'are')} trained. {tries}. A model takes "
        f"{duration(seconds.median())} (median), all of them {duration(seconds.sum())} of one worker."
    )


def separation(checked: int) -> str:
    """What the leakage check has shown. checked: transfer models that it looked at; it raises an error where it
    fails."""
    return (
        f"The check passed for {counted(checked, 'transfer model')}: by the records in the ledger, source model and "
        "transfer model were trained on exactly the training texts that were drawn for their tasks, and none of "
        "these is a validation or test text of any task."
    )


def pair_gains(matrix: pd.DataFrame) -> str:
    """How many pairs help, hurt, or lose F1 at all. matrix: the table "transfer_matrix"."""
    helping, hurting, losing = (int(column.sum()) for column in (matrix["helps"], matrix["hurts"], matrix["gain"] < 0))
    return (
        f"Outside the noise, {helping:,} of {counted(len(matrix), 'pair')} {plural(helping, 'helps', 'help')} and "
        f"{hurting:,} {plural(hurting, 'hurts', 'hurt')}. Regardless of the noise, {losing:,} "
        f"({percent(losing / len(matrix), 0)}) {plural(losing, 'has', 'have')} a lower test F1 than the target's "
        "single-task model."
    )


def average_pair(summary: dict, matrix: pd.DataFrame) -> str:
    """What an average pair gains by each score. summary: from ``pair_gains_summary``; matrix: "transfer_matrix"."""
    names = {"f1": "F1", "f1_tuned": "F1 at the tuned threshold", "average_precision": "average precision"}
    means = summary["mean_gain_of_pairs"]
    told = listing(f"{names[metric]} by {with_interval(mean, change)}" for metric, mean in means.items())
    verdict = {
        1: "The average pair gains",
        -1: "The average pair loses",
        0: "The average pair neither gains nor loses outside the noise",
    }[side_of_zero(means.get("average_precision", means["f1"]))]
    sentence = f"{verdict}: it changes {told}."
    if "average_precision_gain" not in matrix:
        return sentence
    gaining = percent((matrix["average_precision_gain"] > 0).mean(), 0)
    return f"{sentence} {gaining} of the pairs raise average precision, which needs no threshold."


def pair_frame(matrix: pd.DataFrame) -> pd.DataFrame:
    """All pairs as a table for the notebook, the largest gain first. matrix: the table "transfer_matrix"."""
    verdict = matrix["helps"].map({True: "helps", False: ""}) + matrix["hurts"].map({True: "hurts", False: ""})
    columns = {
        "source": "source", "target": "target", "gain": "gain in F1", "gain_low": "low", "gain_high": "high",
        "verdict": "outside the noise", "gain_over_step_matched": "over step-matched", "test_f1": "test F1",
        "chosen": "best on validation",
    }  # fmt: skip
    return matrix.assign(verdict=verdict).sort_values("gain", ascending=False)[list(columns)].rename(columns=columns)


def judged_guess(matrix: pd.DataFrame, source: str, target: str) -> str:
    """How good a reader's choice of a source is.

    matrix: the table "transfer_matrix". source, target: names as the reader wrote them.
    """
    sources = matrix[matrix["target"] == target].set_index("source")
    if source not in sources.index:
        tasks = listing(code(task) for task in sorted({*matrix["source"], *matrix["target"]}))
        return f"There is no pair from {code(source)} to {code(target)}. Choose two of {tasks}."
    row, best, chosen = sources.loc[source], sources["gain"].idxmax(), sources["chosen"].idxmax()
    gain = with_interval({"value": row["gain"], "low": row["gain_low"], "high": row["gain_high"]}, change)
    noise = "outside the noise" if row["helps"] or row["hurts"] else "not outside the noise"
    place = 1 + int((sources["gain"] > row["gain"]).sum())
    better = f"The best on test is {code(best)} ({change(sources.loc[best, 'gain'])})"
    others = "No source does better" if place == 1 else better
    return (
        f"{code(source)} is number {place:,} of {counted(len(sources), 'source')} of {code(target)} by gain in test F1: "
        f"{gain}, {noise}. {others}. Validation prefers {'it too' if chosen == source else code(chosen)}."
    )


def chosen_sources(matrix: pd.DataFrame) -> str:
    """What validation's choices change in mean test F1, for how many targets, and against the step-matched baseline.

    matrix: the table "transfer_matrix".
    """
    summary, targets = transfer_summary(matrix), target_table(matrix)
    transfers = int((targets["source"] != "").sum())
    if not transfers:
        stays = number(summary["single_task_f1"], DIGITS)
        return f"Validation prefers no transfer for every target, so mean test F1 stays at {stays}."
    before, after = (number(summary[name], DIGITS) for name in ("single_task_f1", "grid_f1"))
    moved = {0: "stays at", 1: "rises from {} to", -1: "falls from {} to"}[_direction(before, after)].format(before)
    return " ".join(
        [
            f"Validation chooses a source for {transfers:,} of {counted(len(targets), 'target')}; with these choices "
            f"mean test F1 {moved} {after}.",
            _targets_moved(targets, summary),
            _largest_gain(summary["largest_gain"]),
            _beside_step_matched(targets, summary),
        ]
    ).replace("  ", " ")


def _direction(before: str, after: str) -> int:
    """1 where a written number is larger than the one before it, -1 where it is smaller, 0 where they look the same."""
    return (float(after) > float(before)) - (float(after) < float(before))


def _targets_moved(targets: pd.DataFrame, summary: dict) -> str:
    mean = summary["mean_relative_gain_of_helped"]
    by = f" (by {percent(mean)} of their single-task F1 on average)" if known(mean) else ""
    gaining = _moved(targets["gain"] > 0, "gains", "gain", summary["tasks_helped"])
    losing = _moved(targets["gain"] < 0, "loses", "lose", int(targets["hurt"].sum()))
    return f"{gaining.capitalize()}{by}; {losing}."


def _moved(targets: pd.Series, one: str, several: str, real: int) -> str:
    """targets: whether each has moved this way; real: how many have done so outside the noise."""
    count = int(targets.sum())
    if not count:
        return f"no target {one}"
    return f"{counted(count, 'target')} {plural(count, one, several)}, {real:,} outside the noise"


def _largest_gain(top: dict | None) -> str:
    if top is None:
        return ""
    pair = f"{code(top['source'])} to {code(top['target'])}"
    return f"The largest relative gain is {relative_change(top['relative_gain'])}, from {pair}."


def _beside_step_matched(targets: pd.DataFrame, summary: dict) -> str:
    ahead, behind = (int(targets[name].sum()) for name in ("beats_step_matched", "behind_step_matched"))
    return (
        f"The step-matched baselines reach {number(summary['step_matched_f1'], DIGITS)}; outside the noise {ahead:,} "
        f"of the choices {plural(ahead, 'beats', 'beat')} them and {behind:,} {plural(behind, 'stays', 'stay')} "
        "behind."
    )


def size_ratio(matrix: pd.DataFrame, ratio: pd.Series, correlation: Mapping[str, float]) -> str:
    """Whether larger sources gain more.

    Args:
        matrix: the table "transfer_matrix".
        ratio: positives of the source for each of the target, aligned with the matrix.
        correlation: of both among a target's sources, from ``rank_correlation``.

    Returns:
        The sentences.
    """
    small = matrix[ratio < 1]
    helping = int(small["helps"].sum())
    smaller = (
        f"{helping:,} of {counted(len(small), 'pair')} whose source has fewer positives than the target "
        f"{plural(helping, 'helps', 'help')} outside the noise."
        if len(small)
        else "No source has fewer positives than its target."
    )
    if ratio.nunique() < 2:
        return f"This study cannot tell: the ratio of positives is the same in every pair. {smaller}"
    if not known(correlation["value"]):
        return f"This study cannot tell: all sources of a target gain the same, or are of one size. {smaller}"
    verdict = {
        1: "Yes: sources with more positives gain more",
        -1: "No: sources with more positives gain less",
        0: "Not measurably: gain neither rises nor falls with the source's positives",
    }[side_of_zero(correlation)]
    return (
        f"{verdict}. Among a target's sources, the rank correlation of the two is {with_interval(correlation)}, mean over "
        f"targets. {smaller}"
    )


def gain_and_rank(correlation: Mapping[str, float]) -> str:
    """Whether sources that keep more of the representation give more. correlation: from ``rank_correlation``."""
    if not known(correlation["value"]):
        return "This study cannot tell: all sources of a target gain the same."
    verdict = {
        1: "Yes: sources with a higher effective rank give more",
        -1: "No: sources with a higher effective rank give less",
        0: "Not measurably: gain neither rises nor falls with the source's effective rank",
    }[side_of_zero(correlation)]
    return (
        f"{verdict}. Among a target's sources, the rank correlation of the two is {with_interval(correlation)}, mean over "
        "targets."
    )


def best_of_many(means: pd.DataFrame, spread: float) -> str:
    """Whether choosing among sources gains more than choosing among as many reseeded baselines.

    means: from ``mean_choice_gains``. spread: standard deviation of test F1 among the reseeded baselines of a target.
    """
    pairs, reseeded, difference = (with_interval(means.loc[name], change) for name in means.index)
    verdict = {
        1: "Sources add more than the choice among many models explains",
        -1: "Choosing among reseeded baselines gains more than choosing among sources",
        0: "Sources are not shown to add more than the choice among many models explains",
    }[side_of_zero(means.loc["difference"])]
    noise = (
        f" From seed to seed, one model's test F1 has a standard deviation of {number(spread, 3)}."
        if known(spread)
        else ""
    )
    return (
        f"{verdict}: what validation chooses gains {pairs} F1 among a target's pairs and {reseeded} among as many "
        f"reseeded baselines, a difference of {difference}.{noise}"
    )


def seed_agreement(repeatability: pd.DataFrame) -> str:
    """How well one seed's order of sources holds with another seed. repeatability: the table of this name."""
    rows = repeatability.set_index(["metric", "ranked_by", "other_seed"])
    agreement = rows.loc[("spearman", "test_f1", True)]
    if not known(agreement["value"]):
        return "The agreement of the seeds is undefined: all sources of a target score the same."
    value = agreement["value"]
    reachable = f"{number(math.sqrt(value))}, the square root of this" if value > 0 else "0"
    same, other = (rows.loc[("gain", "validation_f1", another)] for another in (False, True))
    return (
        f"Two seeds order a target's sources by test F1 with a rank correlation of {with_interval(agreement)}. An order "
        f"by expected F1, judged by one seed, could reach about {reachable}. The source with the best validation F1 "
        f"gains {with_interval(same, change)} F1 on test with the same seed and {with_interval(other, change)} with "
        "another."
    )
