"""Which source should my task be trained from? Answered within a budget, for data on which nothing is known yet.

All single-task models are trained and looked at; then pairs are trained, the most promising first, while the budget
lasts. After every batch the answer so far is written, so that stopping early always leaves the best one.
"""

import math

import numpy as np
import pandas as pd

from lib.recommend.budget import promise
from lib.regression.features import pair_features, with_selectors
from lib.regression.model import Candidate, Design, fit_predict
from lib.regression.protocols import random_pairs
from lib.runs.records import Model
from lib.storage.tables import write_for_spreadsheets, write_table
from lib.study.parameters import Study
from lib.study.sections import Regression
from lib.transfer.pairs import CONFIGURATION, PAIR, best_settings, selected_singles

COVERAGE = 0.9  # of the intervals around predicted F1
FEWEST = 10  # measured pairs that a prediction needs, whatever their seeds and settings
PREDICTED = ("predicted_f1", "predicted_low", "predicted_high")


def keep_recommendations(
    study: Study,
    models: list[Model],
    singles: pd.DataFrame,
    tasks: pd.DataFrame,
    selectors: pd.DataFrame,
    pairs: pd.DataFrame | None,
) -> pd.DataFrame:
    """Write the table "recommendations", and recommendations.csv for people; arguments and result as below."""
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
    """Table "recommendations": for every target its sources, and "" for no transfer, in the order of what to expect.

    models: all pairs there could be; pairs: the table of those that are trained. Where a pair is trained, one expects
    its validation F1, elsewhere the predicted one; rank 1 is the best. predicted_f1, with the interval predicted_low to
    predicted_high, comes from a regression on the trained pairs (for themselves, each is left out); null with fewer than
    FEWEST: then what is not trained comes last, by its promise. recommended: the validation-best of what is trained, no
    transfer included. test_f1 and gain (over no transfer, on test) tell of what is trained, and choose nothing.
    """
    own = selected_singles(singles, "target").groupby("target")[["validation_f1", "test_f1"]].mean()
    frame = _with_outcomes(models, pairs)
    measured = (
        frame.dropna(subset="validation_f1").groupby(CONFIGURATION, as_index=False)[["validation_f1", "test_f1"]].mean()
    )
    rows = (
        _predicted(frame, singles, tasks, selectors, config)
        .merge(best_settings(measured).drop(columns="setting"), on=PAIR, how="left", validate="one_to_one")
        .merge(promise(selectors), on=PAIR, validate="one_to_one")
    )
    rows = pd.concat([rows, own.reset_index().assign(source="")], ignore_index=True)
    rows["gain"] = rows["test_f1"] - rows["target"].map(own["test_f1"])
    rows["expected"] = rows["validation_f1"].fillna(rows["predicted_f1"])
    falling = {"ascending": [True, False, False, True], "kind": "stable"}
    rows = rows.sort_values(["target", "expected", "score", "source"], **falling).reset_index(drop=True)
    rows["rank"] = rows.groupby("target").cumcount() + 1
    best = rows.sort_values(["target", "validation_f1", "source"], ascending=[True, False, True], kind="stable")
    rows["recommended"] = rows.index.isin(best.drop_duplicates("target").index)
    names = ["target", "rank", "source", "recommended", *PREDICTED, "validation_f1", "test_f1", "gain"]
    return rows[names]


def _with_outcomes(models: list[Model], pairs: pd.DataFrame | None) -> pd.DataFrame:
    """All pairs, with validation and test F1 where they are trained."""
    keys = [*CONFIGURATION, "seed"]
    rows = [(each.source, each.target, each.setting, each.seed, each.run.source) for each in models]
    frame = pd.DataFrame(rows, columns=[*keys, "source_run"])
    if pairs is None:
        return frame.assign(validation_f1=np.nan, test_f1=np.nan)
    return frame.merge(pairs[[*keys, "validation_f1", "test_f1"]], on=keys, how="left", validate="one_to_one")


def _predicted(
    frame: pd.DataFrame, singles: pd.DataFrame, tasks: pd.DataFrame, selectors: pd.DataFrame, config: Regression
) -> pd.DataFrame:
    """Predicted validation F1 of every pair with its interval: means over seeds, the largest of its settings."""
    known, predicted = frame["validation_f1"].notna().to_numpy(), np.full(len(frame), np.nan)
    if len(frame.loc[known, PAIR].drop_duplicates()) >= FEWEST:
        features = with_selectors(pair_features(frame, singles, tasks), selectors)
        design = Design.of(features)
        if not known.all():
            predicted[~known] = fit_predict(design, known, ~known, Candidate(), config)
        for fold in random_pairs(features, config.seed):
            if (left_out := fold.test & known).any():
                predicted[left_out] = fit_predict(design, known & ~fold.test, left_out, Candidate(), config)
    means = frame.assign(predicted=predicted).groupby(CONFIGURATION)[["predicted", "validation_f1"]].mean()
    found = means.groupby(PAIR).max()  # both of the setting that is told
    width = conformal_width((found["predicted"] - found["validation_f1"]).abs().dropna().to_numpy())
    bounds = {name: found["predicted"] + add for name, add in zip(PREDICTED, (0.0, -width, width), strict=True)}
    return found[[]].assign(**bounds).clip(0, 1).reset_index()


def conformal_width(errors: np.ndarray) -> float:
    """Half the width of an interval that covers a new value with probability COVERAGE, if it is like those before.

    errors: (n,) absolute errors of n predictions, each made without its own value (Vovk et al. 2005; Lei et al. 2018):
    the ceil(COVERAGE (n + 1))-th smallest, NaN where n is too small for it.
    """
    place = math.ceil(COVERAGE * (len(errors) + 1))
    return float(np.sort(errors)[place - 1]) if place <= len(errors) else float("nan")
