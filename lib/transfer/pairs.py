"""Which single-task models serve as sources and targets, and what a pair of tasks was trained as."""

import numpy as np
import pandas as pd

from lib.errors import InputError

PAIR = ["source", "target"]
KEYS = [*PAIR, "seed"]  # identify what is computed from a pair's single-task models
CONFIGURATION = [*PAIR, "setting"]  # identify what is trained as a whole: a pair with one setting, in all its seeds
METRICS = (
    "f1",
    "f1_tuned",
    "average_precision",
)  # that gains are reported in; studies published earlier have no second


def of_side(singles: pd.DataFrame, side: str) -> pd.DataFrame:
    """The single-task models of one side ("source" or "target"), those that serve as both included."""
    return singles[singles["side"].isin([side, "both"])]


def selected_singles(singles: pd.DataFrame, side: str) -> pd.DataFrame:
    """The validation-best single-task models of one side ("source" or "target"): one row per task and seed.

    singles: the table "singles". Raises InputError where a task and seed have none or several.
    """
    chosen = of_side(singles[singles["selected"]], side).sort_values(["target", "seed"])
    counts = chosen.groupby(["target", "seed"]).size().unstack()
    wrong = counts.isna().any(axis=1) | (counts != 1).any(axis=1)
    if counts.empty or wrong.any():
        tasks = ", ".join(counts.index[wrong]) or "every task"
        raise InputError(
            f"table 'singles': {tasks} must have one selected {side} model per seed; run notebook 02 again"
        )
    return chosen.reset_index(drop=True)


def pair_configurations(pairs: pd.DataFrame) -> pd.DataFrame:
    """One row per (source, target, setting), sorted: mean scores over seeds, and the seconds of all its seeds together.

    pairs: the table "pairs". Raises InputError where a configuration lacks a seed that others have.
    """
    seeds = pairs.groupby(CONFIGURATION)["seed"].nunique()
    if (seeds != pairs["seed"].nunique()).any():
        source, target, setting = seeds.index[seeds != pairs["seed"].nunique()][0]
        raise InputError(
            f"table 'pairs': {source} -> {target} (setting {setting}) lacks a seed; run notebook 03 of this study again"
        )
    means = {name: "mean" for name in ("validation_f1", *reported(pairs))}
    sums = {"train_seconds": "sum", "total_seconds": "sum"}
    return pairs.groupby(CONFIGURATION, as_index=False, sort=True).agg(means | sums)


def reported(models: pd.DataFrame) -> list[str]:
    """The columns of a table of models that hold the test scores METRICS."""
    return [f"test_{metric}" for metric in METRICS if f"test_{metric}" in models]


def reported_part(models: pd.DataFrame) -> str:
    """The part of the split that models are reported on: "test", or "validation" where there are no test texts."""
    return "test" if models["test_f1"].notna().any() else "validation"


def among(rows: pd.DataFrame, others: pd.DataFrame, keys: list[str]) -> np.ndarray:
    """Which rows have the keys of one of the others: (rows,) bool."""
    return pd.MultiIndex.from_frame(rows[keys]).isin(pd.MultiIndex.from_frame(others[keys]))


def selected_pairs(singles: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs that start from their source's selected model and have their target's selected setting.

    singles, pairs: the tables of these names. Where pairs are trained with all settings, these are the pairs that a study
    with selected settings alone would have trained.
    """
    sources, targets = (selected_singles(singles, side) for side in ("source", "target"))
    selected = targets.set_index(["target", "seed"])["setting"][pd.MultiIndex.from_frame(pairs[["target", "seed"]])]
    setting = pairs["setting"] % of_side(singles, "target")["setting"].nunique()  # the target's part of the number
    return pairs[pairs["source_run"].isin(sources["run"]) & (setting.to_numpy() == selected.to_numpy())]


def best_settings(configurations: pd.DataFrame) -> pd.DataFrame:
    """Every pair's validation-best setting: one row per (source, target), sorted; ties go to the lower setting."""
    best = configurations.sort_values(["validation_f1", "setting"], ascending=[False, True], kind="stable")
    return best.drop_duplicates(["source", "target"]).sort_values(["target", "source"]).reset_index(drop=True)


def single_validation(singles: pd.DataFrame) -> pd.Series:
    """Each target's validation F1 without transfer, mean over seeds."""
    return selected_singles(singles, "target").groupby("target")["validation_f1"].mean()


def setting_ranks(singles: pd.DataFrame) -> pd.Series:
    """Each target's settings, ranked by the validation F1 of its single-task models: (target, setting) -> 0 for the best.

    The F1 is a mean over seeds.
    """
    f1 = of_side(singles, "target").groupby(["target", "setting"])["validation_f1"].mean()
    return f1.groupby("target").rank(method="first", ascending=False).astype(int) - 1
