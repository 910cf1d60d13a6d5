"""What published studies find, in sentences that are true whatever the numbers are."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import binom

from lib.report.documents.published import PublishedStudy
from lib.report.sentences.rivals import best_rival, lead_of_pairs
from lib.report.sentences.words import (
    change,
    code,
    counted,
    known,
    listing,
    named,
    number,
    percent,
    plural,
    side_of_zero,
    with_interval,
)
from lib.stats.bootstrap import mean_over_targets
from lib.stats.significance import discoveries
from lib.transfer.seeds import mean_choice_gains

COLLAPSING = 5.0e-5  # learning rate of sources from which on their representations are known to collapse
FEW_GAIN = 0.4  # share of pairs below which few gain; most do above 1 minus it
NEGLIGIBLE = 0.005  # a change of F1 below it is too small to count, however certain it is
AGREEMENT = 0.6  # rank correlation from which two seeds are said to agree
LITTLE = 0.01  # share of the grid's F1: where no transfer loses less, there is hardly anything to lose
SIGNIFICANT = 0.05  # p-value, two-sided
ONE_SIDED = SIGNIFICANT / 2  # chance that an order without merit is called better than chance
BY_THEN = "after attribution and 10 % of the pairs' time, everything counted"


def pairs(matrix: pd.DataFrame) -> str:
    """Whether most pairs lower or raise F1, and how many do so outside the noise. matrix: "transfer_matrix"."""
    lower, total = int((matrix["gain"] < 0).sum()), len(matrix)
    higher = int((matrix["gain"] > 0).sum())
    if 2 * lower > total:
        opening = f"Most pairs hurt: {lower:,} of {total:,} ({percent(lower / total, 0)}) lower their target's test F1."
    elif 2 * higher > total:
        opening = (
            f"Most pairs help: {higher:,} of {total:,} ({percent(higher / total, 0)}) raise their target's test F1."
        )
    else:
        opening = f"Of {counted(total, 'pair')}, {higher:,} raise their target's test F1 and {lower:,} lower it."
    helps, hurts = int(matrix["helps"].sum()), int(matrix["hurts"].sum())
    noise = (
        f"Outside the noise of the test texts {helps:,} {plural(helps, 'helps', 'help')} and {hurts:,} "
        f"{plural(hurts, 'hurts', 'hurt')}."
    )
    if not helps:
        return f"{opening} {noise}"
    beyond = discoveries(matrix["gain_over_step_matched_p"].to_numpy()) & (matrix["gain_over_step_matched"] > 0)
    both = int((matrix["helps"] & beyond).sum())
    return f"{opening} {noise} {_beyond_step_matched(both, helps)}"


def _beyond_step_matched(both: int, helps: int) -> str:
    """How many of the pairs that help also beat the step-matched baseline."""
    if helps == 1:
        return f"It {'also beats' if both else 'does not beat'} the step-matched baseline."
    which = f"{both:,}" if both else "none"
    return f"Of the {helps:,} that help, {which} also {plural(both or 1, 'beats', 'beat')} the step-matched baseline."


def gaining_by_recipe(studies: Sequence[PublishedStudy]) -> str:
    """What share of pairs gains where sources keep their representation, and where their recipe is known to collapse it."""
    shares: dict[bool, dict[str, float]] = {True: {}, False: {}}
    for study in studies:
        shares[_collapses(study)][study.name] = float((study.matrix["gain"] > 0).mean())
    kept, lost = shares[False], shares[True]
    sentences = [_gaining(kept)] if kept else []
    if lost:
        where = counted(len(lost), "study", "studies") if len(lost) > 1 else code(next(iter(lost)))
        told = _range_of(lost.values())
        sentences.append(
            f"Where training collapses it, {told} do ({where})."
            if kept
            else f"Where training collapses the sources' representation, {told} of the pairs raise their target's test F1 "
            f"({where})."
        )
    return " ".join(sentences)


def _gaining(shares: Mapping[str, float]) -> str:
    """What share of pairs gains where sources keep their representation. shares: by study."""
    where, told = listing(map(code, shares)), _range_of(shares.values())
    low, high = min(shares.values()), max(shares.values())
    raised = f"{told} of the pairs raise their target's test F1 ({where})"
    if high < FEW_GAIN:
        return f"Even sources that keep their representation seldom help: {raised}."
    often, seldom = (low >= FEW_GAIN, high <= 1 - FEW_GAIN)
    verdict = {
        (True, True): "about as often as they hurt",
        (True, False): "at least about as often as they hurt",
        (False, True): "at most about as often as they hurt",
        (False, False): "more often in some studies than in others",
    }[often, seldom]
    if low > 1 - FEW_GAIN:
        verdict = "more often than not"
    return f"Sources that keep their representation help {verdict}: {raised}."


def _range_of(shares: Collection[float]) -> str:
    low, high = (percent(share, 0) for share in (min(shares), max(shares)))
    return low if low == high else f"{low} to {high}"


def choice(study: PublishedStudy) -> str:
    """What choosing sources by validation changes in F1 and in average precision, means over targets."""
    f1, precision = chosen_gain(study), study.summary["average_precision_gain"]
    verdict = {
        1: "Choosing each target's source by validation raises test F1",
        -1: "Choosing each target's source by validation lowers test F1",
        0: "Choosing each target's source by validation does not change test F1 outside the noise",
    }[side_of_zero(f1)]
    then = {1: "rises", -1: "falls", 0: "does not change outside the noise"}[side_of_zero(precision)]
    return (
        f"{verdict}: {with_interval(f1, change)}. Average precision, which needs no threshold, {then}: "
        f"{with_interval(precision, change)}."
    )


def chosen_gain(study: PublishedStudy) -> dict[str, float]:
    """Gain in test F1 of what validation chooses among all pairs and no transfer, mean over targets: value, low, high."""
    gains = study.targets["gain"]
    return mean_over_targets(study.target_weights(len(gains)), gains)


def helped(targets: pd.DataFrame) -> str:
    """Which targets gain outside the noise, by how much, and for which of them longer training does as well.

    targets: from ``target_table``. Gains below NEGLIGIBLE do not count.
    """
    real, sizeable = targets["helped"], targets["gain"] >= NEGLIGIBLE
    gaining, tiny = targets[real & sizeable], targets[real & ~sizeable]
    sentences = [f"{gained(gaining, len(targets))}."]
    if len(tiny):
        which = listing(_with_gain(row, 4) for row in tiny.to_dict("records"))
        rest = plural(len(tiny), "is not counted: the gain is", "are not counted: the gains are")
        sentences.append(f"{which} {rest} too small to matter.")
    if len(as_well := gaining[~gaining["beats_step_matched"]]):
        names = listing(map(code, as_well["target"]))
        sentences.append(f"For {names}, a single-task model trained for as many steps does as well within the noise.")
    return " ".join(sentences)


def gained(gaining: pd.DataFrame, total: int) -> str:
    """How many targets gain outside the noise, and which. gaining: their rows of ``target_table``."""
    if gaining.empty:
        return f"None of {counted(total, 'target')} gains outside the noise"
    which = listing(_with_gain(row) for row in gaining.to_dict("records"))
    gain = plural(len(gaining), "gains", "gain")
    return f"{len(gaining):,} of {counted(total, 'target')} {gain} outside the noise: {which}"


def _with_gain(row: Mapping, digits: int = 3) -> str:
    return f"{code(row['target'])} ({change(row['gain'], digits)} F1)"


def credited(targets: pd.DataFrame) -> pd.Series:
    """Which targets' gains are transfer's: outside the noise, not negligible, and beyond the step-matched baseline.

    targets: from ``target_table``.
    """
    return targets["helped"] & (targets["gain"] >= NEGLIGIBLE) & targets["beats_step_matched"]


def rivals(study: PublishedStudy) -> str:
    """Which way of training a target is best, and whether the validation-best pairs beat the others."""
    scores = study.table("rival_scores")
    return f"{best_rival(scores)} {lead_of_pairs(scores)}"


def choices(studies: Sequence[PublishedStudy], metric: str = "f1") -> str:
    """Whether the best of a target's pairs gains more than the best of as many reseeded baselines.

    studies: those with a table "choices". metric: "f1" or "average_precision".
    """
    sides = {study.name: side_of_zero(choice_gains(study, metric).loc["difference"]) for study in studies}
    more = [name for name, side in sides.items() if side > 0]
    less = [name for name, side in sides.items() if side < 0]
    score, rival = (
        {"f1": "F1", "average_precision": "average precision"}[metric],
        "the best of as many reseeded baselines",
    )
    if not more and not less:
        where = "in this study" if len(sides) == 1 else f"in any of {len(sides)} studies"
        return f"In {score} the gains of the best pair and of {rival} do not differ outside the noise {where}."
    found = [
        f"{verdict} in {len(names)} of {counted(len(sides), 'study', 'studies')} ({listing(map(code, names))})"
        for names, verdict in ((more, "more"), (less, "less"))
        if names
    ]
    return f"In {score} the best pair gains {listing(found)} than {rival}, outside the noise."


def choice_gains(study: PublishedStudy, metric: str = "f1") -> pd.DataFrame:
    """Gains of the best among pairs and among reseeded baselines, and their difference: value, low, high."""
    return mean_choice_gains(study.table("choices"), study.parameters.ranking, f"test_{metric}")


def seeds(repeatability: pd.DataFrame) -> str:
    """Whether two seeds order sources alike. repeatability: the table of this name."""
    rows = repeatability.set_index(["metric", "ranked_by", "other_seed"])
    agreement, gain = rows.loc[("spearman", "test_f1", True)], rows.loc[("gain", "validation_f1", True)]
    if not known(agreement["value"]):
        return "The agreement of two seeds is undefined: all sources of a target score the same."
    verdict = "Two seeds agree" if agreement["value"] >= AGREEMENT else "Two seeds agree little"
    keeps = {1: "still gains F1", -1: "loses F1", 0: "neither gains nor loses F1 measurably"}[side_of_zero(gain)]
    return (
        f"{verdict}: their orders of a target's sources by test F1 have a rank correlation of "
        f"{with_interval(agreement)}. The source that one seed's validation chooses {keeps} with another seed: "
        f"{with_interval(gain, change)}."
    )


def ranking(study: PublishedStudy) -> str:
    """Which selector without trained pairs orders sources best, and whether ANSAT and the regression beat chance."""
    best, count = best_selector(study), len(field(study))
    return (
        f"Of {counted(count, 'selector')} that need no trained pair, {named(best.name, study.titles)} orders sources best: "
        f"rank correlation {with_interval(best)}. With false discoveries controlled, this is {_beside_chance(best)}. "
        f"{_papers_selectors_beside_chance(study.ranks)}"
    )


def _papers_selectors_beside_chance(ranks: pd.DataFrame) -> str:
    """Whether ANSAT and the regression beat chance in a study. ranks: ``PublishedStudy.ranks``."""
    rows = {"ANSAT": ranks.loc["ansat"], "the regression on it": ranks.loc["regression"]}
    told = [f"{name} ({number(row['value'])})" for name, row in rows.items()]
    first, second = map(_beside_chance, rows.values())
    return f"{listing(told)} are {first}." if first == second else f"{told[0]} is {first}, {told[1]} {second}."


def paper_selectors(studies: Sequence[PublishedStudy]) -> str:
    """In how many studies ANSAT and the regression order sources better than chance, each with its mean."""
    better, means = {}, {}
    for selector in ("ansat", "regression"):
        rows = [study.ranks.loc[selector] for study in studies]
        better[selector] = sum(map(beats_chance, rows)) or "none"
        means[selector] = number(float(np.mean([row["value"] for row in rows])))
    return (
        f"ANSAT orders sources better than chance in {better['ansat']} of {counted(len(studies), 'study', 'studies')} (mean "
        f"rank correlation {means['ansat']}), and the regression on it in {better['regression']} ({means['regression']})."
    )


def field(study: PublishedStudy) -> pd.DataFrame:
    """The study's rank correlations of the selectors that look at single-task models and texts only."""
    return study.ranks.loc[study.ranks.index.intersection(study.table("selector_costs")["selector"])]


def best_selector(study: PublishedStudy) -> pd.Series:
    ranks = field(study)
    return ranks.loc[ranks["value"].idxmax()]


def beats_chance(row: pd.Series) -> bool:
    """Whether a selector orders sources better than chance. row: of ``PublishedStudy.ranks``."""
    return bool(row["differs"] and row["value"] > 0)


def _beside_chance(row: pd.Series) -> str:
    if row["differs"] and row["value"] < 0:
        return "worse than chance"
    return "better than chance" if beats_chance(row) else "not measurably better than chance"


def time(study: PublishedStudy, order: str) -> str:
    """What an order of training pairs has lost of the grid's F1 at the common moment, beside random order."""
    ours, chance, none = (study.loss(name) for name in (order, "random", "no_transfer"))
    if ours is None or chance is None:
        return f"No pair is trained yet {BY_THEN}."
    compared = {1: "more than", -1: "less than", 0: "as much as"}[_side(ours["value"] - chance["value"])]
    sentences = [
        f"The order by {named(order, study.titles)} loses {compared} random order: {with_interval(ours, percent)} and "
        f"{with_interval(chance, percent)} of the grid's F1, {BY_THEN}."
    ]
    if known(*(point[end] for point in (ours, chance) for end in ("low", "high"))):
        apart = ours["high"] < chance["low"] or chance["high"] < ours["low"]
        sentences.append("The intervals do not overlap." if apart else "The intervals overlap.")
    if none is not None and none["value"] < LITTLE:
        sentences.append(f"There is hardly anything to lose: no transfer at all loses {with_interval(none, percent)}.")
    return " ".join(sentences)


def _side(difference: float) -> int:
    """1 or -1 where a difference of shares shows in tenths of a percent, else 0."""
    return int(np.sign(round(difference, 3)))


def regimes(table: pd.DataFrame) -> str:
    """Whether the average source does more for small targets than for large ones. table: "regimes", of several studies."""
    means = table[table["quantity"] == "mean_gain"].sort_values(["target_texts", "source_texts"])
    small, large = means.iloc[0], means.iloc[-1]
    verdict = {
        1: "more for a small target than",
        -1: "less for a small target than",
        0: "as much for a small target as",
    }[_side(small["value"] - large["value"])]
    told = " and ".join(f"{with_interval(row, change)} F1 with {row['target_texts']:,.0f}" for row in (small, large))
    return f"The average source does {verdict} for a large one: {told} target texts."


def carried(generalisation: pd.DataFrame) -> str:
    """How many regressions from other corpora order a new corpus's sources better than chance."""
    ranks = generalisation[generalisation["metric"] == "spearman"]
    rows = ranks[ranks["selector"].str.startswith("carried_over")]
    better = rows[(rows["over_random_p"] <= SIGNIFICANT) & (rows["value"] > 0)]
    opening = f"{len(better):,} of {counted(len(rows), 'regression')} carried over from other corpora"
    luck = ONE_SIDED * len(rows)
    verdict = "more than" if binom.sf(len(better) - 1, len(rows), ONE_SIDED) <= SIGNIFICANT else "no more than"
    return (
        f"{opening} {plural(len(better), 'orders', 'order')} a new corpus's sources better than chance (p at most "
        f"{SIGNIFICANT}). Luck alone would bring {number(luck, 1)} on average, so this is {verdict} luck."
    )


def limit(studies: Sequence[PublishedStudy]) -> str:
    """In which of these studies the sources' recipe is known to spoil their representations; empty where in none."""
    affected = {study.name: study.parameters.model_dump() for study in studies if _collapses(study)}
    if not affected:
        return ""
    named_studies = "all of these studies" if len(affected) == len(studies) else listing(map(code, affected))
    where = "Sources" if len(studies) == 1 else f"In {named_studies} sources"
    rate = f"{max(max(_source_rates(parameters)) for parameters in affected.values()):.1e}".replace("e-0", "e-")
    return (
        f"{where} are trained at learning rates up to {rate} and carry BERT's pooler over. That collapses their "
        "representations: the conclusions hold for that recipe only."
    )


def _collapses(study: PublishedStudy) -> bool:
    parameters = study.parameters.model_dump()
    carried = parameters.get("transfer", {}).get("carried", "encoder_and_pooler")
    return study.is_real and carried == "encoder_and_pooler" and max(_source_rates(parameters)) >= COLLAPSING


def _source_rates(parameters: Mapping) -> list[float]:
    settings = parameters["source"].get("settings") or parameters["settings"]
    return [setting["learning_rate"] for setting in settings]
