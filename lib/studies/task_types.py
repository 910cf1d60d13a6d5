"""Transfer between tasks of several types (Vu et al. 2020): all ordered pairs, in regimes that differ in the data they have.

Every task is judged by its own metric, so gains are relative: (pair - alone) / alone, as Vu et al. report them.
"""

import numpy as np
import pandas as pd

from lib.runs.engine import train_missing, train_models
from lib.runs.mixed import MixedWorkbench, open_mixed
from lib.runs.plan import (
    fused_models,
    reseeded_models,
    single_models,
    sources_to_train,
    step_matched_models,
    transfer_models,
)
from lib.runs.results import run_table, select_settings
from lib.selection.comparison import selector_metrics
from lib.selection.typed import score_types
from lib.stats.bootstrap import mean_over_targets, target_weights
from lib.study.parameters import Study
from lib.study.sections import Ranking
from lib.transfer.pairs import PAIR

SCOPES = ("all", "within", "across")  # sources: all, of the target's type, of other types
JUDGED = ("rank_of_best", "ndcg_linear", "spearman")
COLUMNS = [
    "kind", *PAIR, "side", "seed", "texts", "steps", "validation_score", "test_score", "train_seconds", "total_seconds",
    "collapsed",
]  # fmt: skip


def regimes(study: Study) -> dict[str, Study]:
    """The study's regimes by name, each a study of its own in the same ledger."""
    return {name: study.varied("regimes", name, changes, {name: {}}) for name, changes in study.regimes.items()}


def train_regime(name: str, study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train one regime and score its pairs; returns its rows of the tables "type_models" and "type_selectors".

    kind: single, transfer, fused (from the mean of all other tasks' sources), step_matched or reseeded.
    """
    bench = open_mixed(study)
    singles = train_models(bench, single_models(bench), f"{name}: single-task models")
    singles = select_settings(run_table(bench, singles), bench.criteria)
    models = [*transfer_models(bench, singles), *fused_models(bench, singles)]
    models += [*step_matched_models(bench, singles), *reseeded_models(bench, singles)]
    train_missing(bench, sources_to_train(bench, models), f"{name}: sources whose weights are needed", weights=True)
    models = train_models(bench, models, f"{name}: pairs and baselines")
    rows = pd.concat([singles[singles["selected"]], run_table(bench, models)], ignore_index=True)
    scores = score_types(bench, singles).assign(regime=name)
    return rows[COLUMNS].assign(regime=name), scores


def task_table(bench: MixedWorkbench) -> pd.DataFrame:
    """Table "type_tasks": what every task is, and how many examples its parts have."""
    rows = []
    for task, examples in bench.tasks.examples.items():
        sizes = {part: len(own) for part, own in examples.split.items()}
        found = "; ".join(
            f"{n:,} {what}" for what, n in (examples.findings | bench.tasks.encoded[task].findings).items()
        )
        rows.append(
            {"task": task, "type": examples.type, "metric": examples.metric, "classes": len(examples.names), **sizes}
        )
        rows[-1]["findings"] = found
    return pd.DataFrame(rows)


def pair_gains(models: pd.DataFrame, tasks: pd.DataFrame) -> pd.DataFrame:
    """What each pair, and each other start, adds to the target alone: table "type_gains".

    models, tasks: the tables "type_models" and "type_tasks". Scores are means over seeds first. Returns regime, kind,
    source, target, source_type, target_type, and for validation and test the score, the target's own, and the relative gain;
    NaN where the target's own score is 0.
    """
    types, scores = tasks.set_index("task")["type"], ["validation_score", "test_score"]
    alone = models[(models["kind"] == "single") & (models["side"] != "source")]
    alone = alone.groupby(["regime", "target"])[scores].mean()
    others = models[models["kind"] != "single"]
    means = others.groupby(["regime", "kind", *PAIR], sort=False)[scores].mean().reset_index()
    own = alone.loc[pd.MultiIndex.from_frame(means[["regime", "target"]])].reset_index(drop=True)
    table = means.assign(source_type=means["source"].map(types).fillna(""), target_type=means["target"].map(types))
    for part in ("validation", "test"):
        table[f"{part}_alone"] = own[f"{part}_score"]
        gain = (means[f"{part}_score"] - own[f"{part}_score"]) / own[f"{part}_score"].where(own[f"{part}_score"] > 0)
        table[f"{part}_gain"] = gain
    return table


def type_matrix(gains: pd.DataFrame, config: Ranking) -> pd.DataFrame:
    """Mean relative test gain by the types of source and target, with 95 % intervals over targets: table "type_matrix".

    gains: the table "type_gains". Source types are the tasks' and SCOPES, which put several together, as the target type
    "all" does. share_gaining: of the pairs.
    """
    pairs = gains[gains["kind"] == "transfer"]
    scopes = [own.assign(source_type=scope) for scope, own in by_scope(pairs).items()]
    every = pd.concat([pairs, *scopes, *(own.assign(target_type="all") for own in scopes)], ignore_index=True)
    rows = []
    for key, own in every.groupby(["regime", "source_type", "target_type"], sort=False):
        by_target = own.groupby("target")["test_gain"].mean()
        found = mean(by_target, config) | {"pairs": len(own)}
        found["share_gaining"] = float((own["test_gain"].dropna() > 0).mean())
        rows.append(dict(zip(("regime", "source_type", "target_type"), key, strict=True)) | found)
    return pd.DataFrame(rows)


def start_table(gains: pd.DataFrame, config: Ranking) -> pd.DataFrame:
    """Mean relative test gain of every kind of start, with 95 % intervals over targets: table "type_starts".

    gains: the table "type_gains". Beside the kinds there are "chosen" and "chosen_across": of all sources, and of those of
    other types, the one that is best on validation, or the target alone where none is better.
    """
    rows = []
    for regime, own in gains.groupby("regime", sort=False):
        pairs = own[own["kind"] == "transfer"]
        by_kind = {kind: rows_of.groupby("target")["test_gain"].mean() for kind, rows_of in own.groupby("kind")}
        by_kind |= {"chosen": chosen_gains(pairs), "chosen_across": chosen_gains(by_scope(pairs)["across"])}
        rows += [{"regime": regime, "kind": kind} | mean(values, config) for kind, values in by_kind.items()]
    return pd.DataFrame(rows)


def by_scope(pairs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The pairs of every scope, one of SCOPES: all, those whose source has the target's type, and the others."""
    same = pairs["source_type"] == pairs["target_type"]
    return dict(zip(SCOPES, (pairs, pairs[same], pairs[~same]), strict=True))


def mean(values: pd.Series, config: Ranking) -> dict[str, float]:
    """The mean over targets with its 95 % interval, and the number of targets. values: by target."""
    weights = target_weights(len(values), config.bootstrap, np.random.default_rng(config.seed))
    return mean_over_targets(weights, values) | {"targets": len(values)}


def chosen_gains(pairs: pd.DataFrame) -> pd.Series:
    """The test gain of every target's validation-best pair; 0, the target alone, where no pair is better on validation."""
    best = pairs.sort_values(["validation_gain", "source"]).drop_duplicates("target", keep="last").set_index("target")
    return best["test_gain"].where(best["validation_gain"] > 0, 0.0).sort_index()


def judge_selectors(selectors: pd.DataFrame, gains: pd.DataFrame, config: Ranking) -> pd.DataFrame:
    """How well each selector ranks the sources of every target by test score: table "type_selector_ranks".

    Args:
        selectors, gains: the tables "type_selectors" and "type_gains".
        config: the seed of the orders of ties.

    Returns:
        regime, scope (one of SCOPES), selector, target, metric (one of JUDGED), value, and random, the expectation of a
        random order of the same sources. Targets that a selector does not score, or that have one source, are left out.
    """
    scores = selectors.groupby(["regime", "selector", *PAIR], as_index=False, sort=False)["score"].mean()
    pairs, tables = gains[gains["kind"] == "transfer"].assign(setting=0), []
    pairs = pairs.rename(columns={"test_score": "test_f1", "validation_score": "validation_f1"})
    scopes = by_scope(pairs)
    for (regime, selector), own in scores.groupby(["regime", "selector"], sort=False):
        for scope, all_pairs in scopes.items():
            known = all_pairs[(all_pairs["regime"] == regime) & all_pairs["target"].isin(own["target"])]
            known = known[known.groupby("target")["source"].transform("size") > 1]
            if len(known):
                found = selector_metrics(own.assign(setting=0)[[*PAIR, "setting", "score"]], known, config.seed)
                tables.append(found.assign(regime=regime, scope=scope, selector=selector))
    table = pd.concat(tables, ignore_index=True)
    columns = ["regime", "scope", "selector", "target", "metric", "value", "random"]
    return table.loc[table["metric"].isin(JUDGED), columns].reset_index(drop=True)


def mean_ranks(ranks: pd.DataFrame, config: Ranking) -> pd.DataFrame:
    """The means over targets of the table "type_selector_ranks", with 95 % intervals, and the number of targets."""
    rows, keys = [], ["regime", "scope", "selector", "metric"]
    for key, own in ranks.groupby(keys, sort=False):
        named = dict(zip(keys, key, strict=True)) | {"random": own["random"].mean()}
        rows.append(named | mean(own.set_index("target")["value"], config))
    return pd.DataFrame(rows)


def difference(one: pd.Series, other: pd.Series, config: Ranking) -> dict[str, float]:
    """The mean over targets of one minus the other, with its 95 % interval; both by target, where both are known."""
    return mean((one - other).dropna(), config)


def seed_agreement(models: pd.DataFrame) -> pd.Series:
    """Rank correlation of sources' scores between two seeds, by regime: the mean over targets and pairs of seeds."""
    pairs = models[models["kind"] == "transfer"]
    found = {}
    for regime, own in pairs.groupby("regime", sort=False):
        by_seed = own.pivot_table(index=["target", "source"], columns="seed", values="test_score")
        values = [group.corr(method="spearman").to_numpy() for _, group in by_seed.groupby("target")]
        upper = np.triu_indices(by_seed.shape[1], 1)
        found[regime] = float(np.nanmean([each[upper] for each in values])) if len(upper[0]) else float("nan")
    return pd.Series(found, name="seed_agreement")
