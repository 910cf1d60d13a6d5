"""Recommends sources for tasks of a new corpus, within a budget of time.

All single-task models are trained. Then pairs are trained, the most promising first, while the budget lasts. After every
batch the recommendations are written, so that an early stop leaves the best ones so far.
"""

import math

import numpy as np
import pandas as pd

from lib.regression.features import pair_features, with_selectors
from lib.regression.model import Candidate, Design, fit_predict
from lib.regression.protocols import random_pairs
from lib.runs.records import Model
from lib.selection.promising import promise
from lib.storage.tables import write_for_spreadsheets, write_table
from lib.study.parameters import Study
from lib.study.sections import Regression
from lib.transfer.pairs import CONFIGURATION, PAIR, best_settings, selected_singles

COVERAGE = 0.9  # of the intervals around predicted F1
FEWEST = 10  # trained pairs that a prediction needs, whatever their seeds and settings
PREDICTED = ("predicted_f1", "predicted_low", "predicted_high")


def keep_recommendations(
    study: Study,
    models: list[Model],
    singles: pd.DataFrame,
    tasks: pd.DataFrame,
    selectors: pd.DataFrame,
    pairs: pd.DataFrame | None,
) -> pd.DataFrame:
    """Write the table "recommendations", and recommendations.csv for people.

    Args:
        study: the study; its folder and its parameters of the regression.
        models, singles, tasks, selectors, pairs: as for ``recommendations``.

    Returns:
        The table.
    """
    table = recommendations(models, pairs, singles, tasks, selectors, study.regression)
    write_for_spreadsheets(study.folder / "recommendations.csv", table)
    return write_table(study.tables, "recommendations", table)


def recommendations(
    models: list[Model],
    pairs: pd.DataFrame | None,
    singles: pd.DataFrame,
    tasks: pd.DataFrame,
    selectors: pd.DataFrame,
    config: Regression,
) -> pd.DataFrame:
    """Every target's sources, and no transfer, ranked by expected validation F1.

    The expected F1 of a trained pair is its validation F1, that of another pair is predicted by a regression on the trained
    pairs; predictions of trained pairs are out of fold. With fewer than FEWEST trained pairs nothing is predicted, and pairs
    that are not trained come last, by the score of PROMISING. The validation-best of what is trained, no transfer included,
    is recommended. Test F1 and the gain on test are shown for what is trained, and decide nothing.

    Args:
        models: all transfer models that could be trained.
        pairs: the table "pairs" of those that are trained; None for none.
        singles, tasks, selectors: the tables of these names.
        config: the study's parameters of the regression.

    Returns:
        The table "recommendations".
    """
    single = selected_singles(singles, "target").groupby("target")[["validation_f1", "test_f1"]].mean()
    frame = _with_outcomes(models, pairs)
    trained = frame.dropna(subset="validation_f1").groupby(CONFIGURATION, as_index=False)
    measured = best_settings(trained[["validation_f1", "test_f1"]].mean()).drop(columns="setting")
    rows = (
        _predicted(frame, singles, tasks, selectors, config)
        .merge(measured, on=PAIR, how="left", validate="one_to_one")
        .merge(promise(selectors), on=PAIR, validate="one_to_one")
    )
    rows = pd.concat([rows, single.reset_index().assign(source="")], ignore_index=True)
    rows["gain"] = rows["test_f1"] - rows["target"].map(single["test_f1"])
    rows["expected"] = rows["validation_f1"].fillna(rows["predicted_f1"])
    falling = {"ascending": [True, False, False, True], "kind": "stable"}
    rows = rows.sort_values(["target", "expected", "score", "source"], **falling).reset_index(drop=True)
    rows["rank"] = rows.groupby("target").cumcount() + 1
    best = rows.sort_values(["target", "validation_f1", "source"], ascending=[True, False, True], kind="stable")
    rows["recommended"] = rows.index.isin(best.drop_duplicates("target").index)
    names = ["target", "rank", "source", "recommended", *PREDICTED, "validation_f1", "test_f1", "gain"]
    return rows[names]


def _with_outcomes(models: list[Model], pairs: pd.DataFrame | None) -> pd.DataFrame:
    """All transfer models, with validation and test F1 where they are trained."""
    keys = [*CONFIGURATION, "seed"]
    rows = [(model.source, model.target, model.setting, model.seed, model.run.source) for model in models]
    frame = pd.DataFrame(rows, columns=[*keys, "source_run"])
    if pairs is None:
        return frame.assign(validation_f1=np.nan, test_f1=np.nan)
    return frame.merge(pairs[[*keys, "validation_f1", "test_f1"]], on=keys, how="left", validate="one_to_one")


def _predicted(
    frame: pd.DataFrame, singles: pd.DataFrame, tasks: pd.DataFrame, selectors: pd.DataFrame, config: Regression
) -> pd.DataFrame:
    """Predicted validation F1 of every pair with its interval: the mean over seeds of its best setting."""
    trained, predicted = frame["validation_f1"].notna().to_numpy(), np.full(len(frame), np.nan)
    if len(frame.loc[trained, PAIR].drop_duplicates()) >= FEWEST:
        features = with_selectors(pair_features(frame, singles, tasks), selectors)
        design = Design.of(features)
        if not trained.all():
            predicted[~trained] = fit_predict(design, trained, ~trained, Candidate(), config)
        for fold in random_pairs(features, config.seed):
            if (left_out := fold.test & trained).any():
                predicted[left_out] = fit_predict(design, trained & ~fold.test, left_out, Candidate(), config)
    means = frame.assign(predicted=predicted).groupby(CONFIGURATION)[["predicted", "validation_f1"]].mean()
    best = means.groupby(PAIR).max()  # over settings
    width = conformal_width((best["predicted"] - best["validation_f1"]).abs().dropna().to_numpy())
    columns = {name: best["predicted"] + shift for name, shift in zip(PREDICTED, (0.0, -width, width), strict=True)}
    return best[[]].assign(**columns).clip(0, 1).reset_index()


def conformal_width(errors: np.ndarray) -> float:
    """Half the width of an interval that covers a new value with probability COVERAGE, if values are exchangeable.

    It is the ceil(COVERAGE (n + 1))-th smallest error, NaN where n is too small for it (Vovk et al. 2005; Lei et al. 2018).
    errors: (n,) absolute errors of out-of-fold predictions.
    """
    place = math.ceil(COVERAGE * (len(errors) + 1))
    return float(np.sort(errors)[place - 1]) if place <= len(errors) else float("nan")
