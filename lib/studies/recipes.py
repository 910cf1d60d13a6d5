"""Which recipe is sound? Variants of a study on the same tasks, judged on validation: the baseline's quality first.

A variant changes keys of the study: settings of either side, pooling, head start, what is carried and how far. Of each it
trains all single-task models, some pairs of every target, and the start from the mean of all sources.
"""

import numpy as np
import pandas as pd

from lib.runs.engine import train_missing, train_models
from lib.runs.plan import fused_models, single_models, sources_to_train, transfer_models
from lib.runs.records import Model
from lib.runs.results import run_table, select_settings
from lib.runs.workbench import Workbench, open_workbench
from lib.stats.bootstrap import mean_over_targets, target_weights
from lib.stats.ranks import spearman
from lib.study.parameters import Study
from lib.study.sections import Ranking
from lib.transfer.pairs import PAIR, selected_singles

SOURCES = 2  # of every target that a variant trains
SCORE = "validation_average_precision"


def variants(study: Study) -> dict[str, Study]:
    """The study's variants by name, each a study of its own in the same ledger."""
    return {name: study.varied("recipes", name, changes) for name, changes in study.recipes.items()}


def train_variant(name: str, study: Study) -> pd.DataFrame:
    """Train one variant; returns its rows of the table "recipes": a row per model that is judged.

    kind: single (the target without transfer), transfer, or fused (from the mean of all sources).
    """
    bench = open_workbench(study)
    singles = select_settings(
        run_table(bench, train_models(bench, single_models(bench), f"{name}: single-task models"))
    )
    pairs = [model for model in transfer_models(bench, singles) if is_chosen(bench, model)]
    models = [*pairs, *fused_models(bench, singles)]
    train_missing(bench, sources_to_train(bench, models), f"{name}: sources whose weights are needed", weights=True)
    models = train_models(bench, models, f"{name}: pairs and fused starts")
    rows = pd.concat([selected_singles(singles, "target"), run_table(bench, models)], ignore_index=True)
    columns = ["kind", *PAIR, "seed", SCORE, "validation_f1", "train_seconds", "total_seconds", "collapsed"]
    return rows[columns].assign(recipe=name)


def is_chosen(bench: Workbench, model: Model) -> bool:
    """Whether a pair is among those that a variant trains: the SOURCES tasks that follow the target in the study's list."""
    names = bench.tasks.names
    return 1 <= (names.index(model.source) - names.index(model.target)) % len(names) <= SOURCES


def judged(recipes: pd.DataFrame, config: Ranking) -> pd.DataFrame:
    """How sound each recipe is, on validation, with 95 % intervals over targets: table "recipe_scores".

    recipes: the table of this name. Returns recipe, quantity, value, low, high. Quantities: "baseline" (average precision
    without transfer), "baseline_gap" (to the best recipe's, at most 0), "pair_gain" and "fused_gain" (what a pair, and the
    start from all sources, add to the same recipe's baseline), "over_best_baseline" (pairs over the best recipe's baseline),
    "share_gaining" (of pairs), "seed_agreement" (rank correlation of the pairs' gains of two seeds; no interval), "minutes"
    (of one worker).
    """
    means = recipes.groupby(["recipe", "kind", *PAIR])[SCORE].mean().reset_index()
    single = means[means["kind"] == "single"].set_index(["recipe", "target"])[SCORE]
    best = single.groupby("recipe").mean().idxmax()
    weights = target_weights(recipes["target"].nunique(), config.bootstrap, np.random.default_rng(config.seed))
    rows = []
    for recipe, own in means.groupby("recipe", sort=False):
        baseline, pairs = single[recipe], own[own["kind"] == "transfer"]
        fused = own[own["kind"] == "fused"].set_index("target")[SCORE]
        gain = pairs.assign(gain=pairs[SCORE] - pairs["target"].map(baseline))
        over = pairs[SCORE] - pairs["target"].map(single[best])
        values = {
            "baseline": baseline,
            "baseline_gap": baseline - single[best],
            "pair_gain": gain.groupby("target")["gain"].mean(),
            "fused_gain": fused - baseline,
            "over_best_baseline": over.groupby(pairs["target"]).mean(),
            "share_gaining": (gain["gain"] > 0).groupby(gain["target"]).mean(),
        }
        rows += [
            {"recipe": recipe, "quantity": name, **mean_over_targets(weights, each)} for name, each in values.items()
        ]
        rows.append({"recipe": recipe, "quantity": "seed_agreement", "value": seed_agreement(recipes, recipe)})
        minutes = recipes.loc[recipes["recipe"] == recipe, "total_seconds"].sum() / 60
        rows.append({"recipe": recipe, "quantity": "minutes", "value": minutes})
    return pd.DataFrame(rows, columns=["recipe", "quantity", "value", "low", "high"])


def sound_recipe(scores: pd.DataFrame) -> str:
    """The recipe to train with: of those whose baseline is not below the best one outside the noise, the one whose pairs
    add most to the best baseline.

    scores: the table "recipe_scores".
    """
    values = scores.pivot(index="recipe", columns="quantity", values=["value", "high"])
    equal = values[values["high", "baseline_gap"] >= 0]
    return equal["value", "over_best_baseline"].idxmax()


def seed_agreement(recipes: pd.DataFrame, recipe: str) -> float:
    """Rank correlation of the gains of a recipe's pairs between two seeds, the mean over pairs of seeds; NaN with one
    seed."""
    own = recipes[recipes["recipe"] == recipe]
    single = own[own["kind"] == "single"].pivot(index="target", columns="seed", values=SCORE)
    pairs = own[own["kind"] == "transfer"].pivot(index=["target", "source"], columns="seed", values=SCORE)
    gains = pairs - single.reindex(pairs.index.get_level_values("target")).to_numpy()
    seeds = list(gains.columns)
    found = [spearman(gains[a].to_numpy(), gains[b].to_numpy()) for a in seeds for b in seeds if a < b]
    return float(np.mean(found)) if found else float("nan")
