"""What notebook 7 finds about the time that an order of pairs saves, in sentences."""

from collections.abc import Mapping

import pandas as pd

from lib.report.headline import duration
from lib.report.sentences.words import (
    counted,
    known,
    listing,
    named,
    number,
    percent,
    plural,
    relative_change,
    with_interval,
)
from lib.report.summary import PAPER
from lib.time_saving.curves import PAPER_SHARES

AIM = 0.01  # share of the grid's F1 that a procedure should lose at most
DIGITS = 3  # of F1
MOMENT = "after the single-task models, attribution and 10 % of the pairs' time"
REFERENCES = ("regression_sequential", "label_cooccurrence", "random")
NO_PROCEDURES = ("no_transfer", "random")  # orders that choose nothing


def early_losses(losses: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """What the sequential regression, its first batch and random order have lost by then. losses:
    ``procedure_losses``."""
    present = [name for name in REFERENCES if name in losses.index]
    if not present:
        return "No order has a loss: the grid's F1 is 0."
    told = listing(f"{with_interval(losses.loc[name], percent)} by {named(name, titles)}" for name in present)
    return f"All-inclusive, {MOMENT}, this share of the grid's F1 is lost: {told}."


def first_batch(trained: int, total: int, targets: int) -> str:
    """What the sequential regression has trained by then. trained, total: pair configurations; targets: of the
    study."""
    if not trained:
        return "By then the sequential regression has trained no pair, so it stands at no transfer."
    first = min(trained, targets)
    return (
        f"By then the sequential regression has trained {trained:,} of {counted(total, 'pair')}, counted once per "
        f"setting; label co-occurrence chose the first {first:,}."
    )


def start_of_curves(share: float, fitting: float) -> str:
    """When all-inclusive curves begin, and what no clock counts. share: the single-task models' of the grid's time;
    fitting: seconds of fitting the sequential regressions."""
    return (
        f"All-inclusive curves begin after the single-task models, at {percent(share)} of the grid's time. Fitting "
        f"all sequential regressions took {duration(fitting)} here; no clock counts it."
    )


def procedures(losses: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """How many procedures lose little, which loses least, and what doing nothing loses. losses:
    ``procedure_losses``."""
    candidates = losses.drop(index=list(NO_PROCEDURES), errors="ignore")
    if candidates.empty:
        return "No procedure has a loss: the grid's F1 is 0."
    within, best = int((candidates["value"] <= AIM).sum()), candidates.loc[candidates["value"].idxmin()]
    beside = [
        f"{named(name, titles)} loses {percent(losses.loc[name, 'value'])}"
        for name in NO_PROCEDURES
        if name in losses.index
    ]
    others = f" For comparison, {listing(beside)}." if beside else ""
    return (
        f"{within:,} of {counted(len(candidates), 'procedure')} {plural(within, 'loses', 'lose')} at most "
        f"{percent(AIM, 0)} of the grid's F1 {MOMENT}. The smallest loss is {with_interval(best, percent)}, of "
        f"{named(best.name, titles)}.{others}"
    )


def limits(summary: Mapping) -> str:
    """The mean F1 without transfer, as validation chooses and as test would choose. summary: the study's headline."""
    single, grid, oracle = (summary[name] for name in ("single_task_f1", "grid_f1", "oracle_f1"))
    cost = f": choosing on validation costs {percent(1 - grid / oracle)}, whatever the order" if oracle > 0 else ""
    return (
        f"Mean test F1 is {number(single, DIGITS)} without transfer, {number(grid, DIGITS)} with what validation "
        f"chooses from the whole grid, and {number(oracle, DIGITS)} with what test would choose{cost}."
    )


def paper_comparison(summary: Mapping) -> str:
    """The paper's main claims, each beside this study's number. summary: the study's headline."""
    mean, top = summary["mean_relative_gain_of_gaining"], summary["largest_gain"]
    gains = [
        f"In the paper {PAPER['tasks_helped']} of {PAPER['tasks']} tasks gain, by "
        f"{percent(PAPER['mean_relative_gain_of_helped'])} on average and by "
        f"{percent(PAPER['largest_relative_gain'], 0)} at most; here {summary['tasks_gaining']} of "
        f"{summary['n_tasks']} {plural(summary['tasks_gaining'], 'does', 'do')}"
    ]
    if known(mean) and summary["tasks_gaining"] > 1:
        gains.append(f", by {percent(mean)} on average and by {percent(top['relative_gain'], 0)} at most")
    elif known(mean):
        gains.append(f", by {percent(mean)}")
    losses = [_loss_beside_the_paper(summary, share) for share in PAPER_SHARES]
    return f"{''.join(gains)}. {' '.join(losses)}"


def _loss_beside_the_paper(summary: Mapping, share: float) -> str:
    point = summary["selectors"]["regression"]["paper"][f"loss_at_{share}"]
    here = "is undefined" if point is None else f"loses {with_interval(point, percent)}"
    return (
        f"After {percent(share)} of the time the paper's ranking loses {percent(PAPER[f'loss_at_{share}'])} of the "
        f"grid's F1; this study's {here}."
    )


def time_spent(seconds: pd.Series, summary: Mapping) -> str:
    """How much time the study took, attribution's share of the grid, and what was lost. seconds: by phase."""
    environment, workers = summary["environment"], summary["environment"]["cores"]
    lost = seconds["lost and collapsed tries"]
    share = percent(summary["conductance_share_of_grid"])
    return (
        f"The study took {duration(seconds.sum())} of one worker ({environment['device']}, "
        f"{counted(workers, 'worker')}). Attribution took {share} of the grid's time, lost and collapsed tries "
        f"{duration(lost)}."
    )


def estimate_quality(compared: pd.DataFrame) -> str:
    """How the estimate of notebook 1 compares with what was spent. compared: from ``beside_the_estimate``, in
    minutes."""
    foreseen = compared.dropna(subset="estimated")
    estimated, spent = foreseen["estimated"].sum(), foreseen["spent"].sum()
    if not estimated > 0:
        return "Nothing was estimated."
    away = relative_change(spent / estimated - 1, 0)
    return (
        f"The phases that notebook 1 estimates took {duration(60 * spent)}, against an estimate of "
        f"{duration(60 * estimated)} ({away})."
    )
