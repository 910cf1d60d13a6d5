"""What every figure of a grid finds, in the words of its title: true whatever the numbers, and short."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lib.report.figures.style import label
from lib.report.headline import duration
from lib.report.sentences.data import INDEPENDENT
from lib.report.sentences.words import (
    change,
    counted,
    known,
    number,
    percent,
    plural,
    side_of_zero,
    with_interval,
)
from lib.transfer.collapse import collapsed_representations, rank_summary
from lib.transfer.pairs import of_side, reported_part

# notebooks 1 and 2


def prevalence(tasks: pd.DataFrame) -> str:
    """tasks: task and train_positives."""
    counts = tasks.set_index("task")["train_positives"]
    if counts.nunique() == 1:
        return f"{counted(len(counts), 'task')}, each with {counts.iloc[0]:,} positives to train on"
    few, many = counts.idxmin(), counts.idxmax()
    return f"From {counts[few]:,} ({label(few)}) to {counts[many]:,} ({label(many)}) positives to train on"


def cooccurrence(phi: pd.DataFrame) -> str:
    """phi: (tasks, tasks)."""
    pairs = phi.where(np.triu(np.ones(phi.shape, dtype=bool), 1)).stack().dropna()
    if pairs.empty:
        return "Phi is undefined: no two labels vary in the training texts"
    apart = int((pairs.abs() < INDEPENDENT).sum())
    rest = f"{apart:,} of {counted(len(pairs), 'pair')} of labels {plural(apart, 'is', 'are')} nearly independent"
    if pairs.max() <= 0:
        return f"No two labels occur together more often than by chance; {rest}"
    first, second = map(label, pairs.idxmax())
    return f"{first} and {second} occur together most (phi {number(pairs.max())}); {rest}"


def lengths(words: np.ndarray) -> str:
    """words: (texts,) lengths."""
    half, most = (round(float(np.quantile(words, share))) for share in (0.5, 0.995))
    return f"Half of the texts have at most {counted(half, 'word')}; one in 200 has {most:,} or more"


def single_scores(singles: pd.DataFrame) -> str:
    """singles: the table."""
    score = f"{reported_part(singles)}_f1"
    means = of_side(singles[singles["selected"]], "target").groupby("target")[score].mean()
    best, worst = means.idxmax(), means.idxmin()
    part = reported_part(singles)
    if known(means.max()) and means.max() == means.min():
        return f"Without transfer, all targets have a {part} F1 of {number(means.max())}"
    return (
        f"Without transfer, {label(best)} is solved best ({part} F1 {number(means[best])}), {label(worst)} worst "
        f"({number(means[worst])})"
    )


def validation_gap(singles: pd.DataFrame) -> str:
    """singles: the table, of a study with test texts."""
    gap = singles["test_f1"] - singles["validation_f1"]
    apart = f"model by model the two differ by {number(gap.abs().mean(), 3)}"
    size = change(gap.mean())
    if not size.strip("0."):
        return f"F1 on test is level with F1 on validation on average; {apart}"
    side = "above" if size[0] == "+" else "below"
    return f"F1 on test is {size[1:]} {side} F1 on validation on average; {apart}"


def representations(table: pd.DataFrame) -> str:
    """table: "representations"."""
    lost, sources = len(collapsed_representations(table)), int((table["task"] != "").sum())
    before, after, _ = rank_summary(table).values()
    first = f"collapses {lost:,} of {counted(sources, 'source')}" if lost else "collapses no source's representation"
    moved = {1: "rises from {} to {}", -1: "falls from {} to {}", 0: "stays at {}"}[side_of(after, before, 1)]
    told = moved.format(number(before, 1), number(after, 1))
    return f"Fine-tuning {first}: the effective rank {told} (median)"


def side_of(after: float, before: float, digits: int) -> int:
    """1 or -1 where a number is written larger or smaller than the one before it, else 0."""
    return int(np.sign(round(after, digits) - round(before, digits)))


# notebook 3


def pair_gains(matrix: pd.DataFrame) -> str:
    """matrix: the table "transfer_matrix"."""
    helping, hurting = int(matrix["helps"].sum()), int(matrix["hurts"].sum())
    if not helping and not hurting:
        return f"None of {counted(len(matrix), 'pair')} helps or hurts its target outside the noise"
    return (
        f"{helping or 'None'} of {counted(len(matrix), 'pair')} {plural(helping or 1, 'helps', 'help')} and "
        f"{hurting or 'none'} {plural(hurting or 1, 'hurts', 'hurt')} the target outside the noise"
    )


def helpers(matrix: pd.DataFrame) -> str:
    """matrix: the table "transfer_matrix"."""
    helping, hurting = int(matrix["helps"].sum()), int(matrix["hurts"].sum())
    if not helping and not hurting:
        return "No task helps or hurts another outside the noise"
    verb, receives = ("helps", "is helped") if helping >= hurting else ("hurts", "is hurt")
    edges = matrix.assign(size=matrix["gain"].abs())[matrix[verb]]
    (giver, gives), (taker, takes) = (_most(edges, side) for side in ("source", "target"))
    return (
        f"No source {verb} more targets than {label(giver)} ({gives:,} of {matrix['target'].nunique() - 1:,}); no target "
        f"{receives} by more sources than {label(taker)} ({takes:,})"
    )


def _most(edges: pd.DataFrame, side: str) -> tuple[str, int]:
    """The task with most edges, of several the one with the larger gains, and how many it has."""
    tasks = edges.groupby(side)["size"].agg(["size", "sum"]).sort_values(["size", "sum"])
    return str(tasks.index[-1]), int(tasks["size"].iloc[-1])


def chosen_sources(targets: pd.DataFrame) -> str:
    """targets: from ``target_table``."""
    helped, hurt = int(targets["helped"].sum()), int(targets["hurt"].sum())
    if not helped and not hurt:
        return f"No choice of validation gains or loses outside the noise, of {counted(len(targets), 'target')}"
    beyond = int((targets["helped"] & targets["beats_step_matched"]).sum())
    which = f"{beyond or 'none'} of the {helped}" if helped > 1 else "this one" if beyond else "not even this one"
    trained_longer = f"; {which} {plural(beyond or 1, 'beats', 'beat')} longer training" if helped else ""
    return (
        f"With validation's choice {helped or 'none'} of {counted(len(targets), 'target')} "
        f"{plural(helped or 1, 'gains', 'gain')} and {hurt or 'none'} {plural(hurt or 1, 'loses', 'lose')} outside the "
        f"noise{trained_longer}"
    )


def gain_follows(correlation: Mapping[str, float], what: str) -> str:
    """Whether gain rises with a property. correlation: {value, low, high}; what: the property."""
    if not known(correlation["value"]):
        return f"All sources of a target gain the same, whatever {what}"
    verdict = {1: "Gain rises with", -1: "Gain falls with", 0: "Gain does not follow"}[side_of_zero(correlation)]
    return f"{verdict} {what}: rank correlation {with_interval(correlation)} within targets"


def choices(means: pd.DataFrame) -> str:
    """means: from ``mean_choice_gains``."""
    verdict = {1: "more than", -1: "less than", 0: "no more than"}[side_of_zero(means.loc["difference"])]
    pairs, reseeded = (change(means.loc[name, "value"]) for name in ("pairs", "reseeded"))
    return f"Choosing among sources gains {verdict} choosing among as many reseeded baselines: {pairs} against {reseeded} F1"


def rivals(scores: pd.DataFrame) -> str:
    """scores: the table "rival_scores"."""
    rows = scores[scores["metric"] == "average_precision"].set_index("rival")
    gaining = rows[rows["gain_low"] > 0].sort_values("gain", ascending=False)
    if gaining.empty:
        return "No way of training gains average precision outside the noise over no transfer"
    best = gaining.iloc[0]
    return (
        f"{len(gaining)} of {len(rows)} ways {plural(len(gaining), 'gains', 'gain')} average precision outside the noise: "
        f"{label(best.name)} gains most, {change(best['gain'])} in {duration(60 * best['minutes'])} a target"
    )


def repeatability(table: pd.DataFrame) -> str:
    """table: "repeatability"."""
    agreement = table.set_index(["metric", "ranked_by", "other_seed"]).loc[("spearman", "test_f1", True)]
    if not known(agreement["value"]):
        return "Two seeds cannot be compared: all sources of a target score the same"
    verdict = {1: "agree", -1: "disagree", 0: "do not agree"}[side_of_zero(agreement)]
    return f"Two seeds {verdict} on the order of a target's sources: rank correlation {with_interval(agreement)}"


# notebooks 4 and 5


def completeness(conductance: pd.DataFrame) -> str:
    """conductance: the table."""
    errors = conductance.set_index("task")["completeness_error_relative"]
    half, most = (percent(share) if share >= 0.0005 else "less than 0.1 %" for share in (errors.median(), errors.max()))
    return (
        f"Conductances miss {half} of the logit's change in the median model, {most} in the worst "
        f"({label(errors.idxmax())})"
    )


def tradeoff(table: pd.DataFrame) -> str:
    """table: "tradeoff"."""
    whole = table[table["probe_texts"] == table["probe_texts"].max()]
    most = whole["steps"].max()
    redrawn = whole[whole["resampled"]].set_index("steps")["agreement"][most]
    fewer = whole[~whole["resampled"] & (whole["steps"] < most)]
    if fewer.empty or not known(redrawn):
        return f"Other probe texts keep ANSAT's order of sources to a rank correlation of {number(redrawn)}"
    kept = fewer.loc[fewer["steps"].idxmax()]
    verdict = {1: "more than", -1: "less than", 0: "as much as"}[side_of(kept["agreement"], redrawn, 2)]
    return (
        f"Other probe texts change ANSAT's order of sources {verdict} {kept['steps']:.0f} instead of {most} steps do: "
        f"rank correlation {number(redrawn)} against {number(kept['agreement'])}"
    )


def shared_terms(ansat: pd.DataFrame) -> str:
    """ansat: the table."""
    mean = ansat[ansat["probe"] == "all"].groupby("threshold")["ansat"].mean()
    first = f"{number(mean.iloc[0], 1)} terms a text at threshold {mean.index[0]:g}"
    if len(mean) == 1:
        return f"Two models share {first}"
    return f"Two models share {first}, {number(mean.iloc[-1], 1)} at {mean.index[-1]:g}"


def own_share(wide: pd.DataFrame) -> float:
    """Share of the variance of ANSAT that the source's and the target's own levels explain; NaN where nothing varies.

    wide: (sources, targets), NaN on the diagonal. The levels are fitted by least squares.
    """
    rows = wide.stack().dropna()
    levels = pd.concat([pd.get_dummies(rows.index.get_level_values(side)) for side in (0, 1)], axis=1).to_numpy(float)
    rest = rows - levels @ np.linalg.lstsq(levels, rows.to_numpy(), rcond=None)[0]
    return float(1 - rest.var() / rows.var()) if rows.var() > 0 else float("nan")


def ansat_matrix(wide: pd.DataFrame) -> str:
    """wide: (sources, targets)."""
    share = own_share(wide)
    if not known(share):
        return "All pairs share equally many terms"
    return (
        f"{percent(share, 0)} of ANSAT's variance is the two tasks' own number of active terms; the rest is the pair's"
    )


def measures(correlations: pd.DataFrame) -> str:
    """correlations: from ``rank_correlations``."""
    ranked = correlations.dropna(subset="spearman")
    if ranked.empty:
        return "No measure has a rank correlation: the pairs of each target score the same"
    best, worst = (ranked.loc[getattr(ranked["spearman"], end)()] for end in ("idxmax", "idxmin"))
    told = [f"{number(row['spearman'])} ({row['measure']}, layer {row['layer']})" for row in (worst, best)]
    return f"{len(ranked):,} variants of shared terms have rank correlations from {told[0]} to {told[1]}"
