"""The features that the regression's trees use."""

import numpy as np
import pandas as pd

from lib.regression.features import layer_of, threshold_of
from lib.regression.model import Design, tune
from lib.study.sections import Regression


def feature_importance(features: pd.DataFrame, config: Regression) -> pd.DataFrame:
    """Table "importance": the share of XGBoost's total gain that each feature brings in a model fitted on all pairs.

    The shares of the views "family" and "feature" sum to 1; those of "layer" and "threshold" are of ANSAT's features only
    and sum to ANSAT's share.
    """
    design = Design.of(features)
    rows = np.arange(len(features))
    candidate = tune(design, np.ones(len(features), dtype=bool), config)
    gain = np.zeros(len(design.names))
    for seed in range(config.seed, config.seed + config.repeats):
        gains = design.fit(rows, candidate, seed).get_score(importance_type="total_gain")
        columns = design.columns(candidate)
        for name, value in gains.items():
            gain[columns[int(name.removeprefix("f"))]] += value
    share = gain / gain.sum() if gain.sum() > 0 else gain
    table = pd.DataFrame({"feature": design.names, "share": share}).assign(family=[*map(_family, design.names)])
    ansat = table[table["family"] == "ANSAT"]
    thresholds = [f"{threshold_of(name):g}" for name in ansat["feature"]]
    ansat = ansat.assign(layer=ansat["feature"].map(layer_of), threshold=thresholds)
    views = {"family": table, "layer": ansat, "threshold": ansat, "feature": table}
    return pd.concat([_view(frame, view) for view, frame in views.items()], ignore_index=True)


def _view(frame: pd.DataFrame, view: str) -> pd.DataFrame:
    """The shares summed over one grouping of the features, the largest first."""
    shares = frame.groupby(view, as_index=False)["share"].sum().rename(columns={view: "name"})
    return shares.assign(view=view)[["view", "name", "share"]].sort_values("share", ascending=False, kind="stable")


_SIDES = ("source", "target")
_FAMILIES = {
    "ansat_": "ANSAT",
    "cosine_": "signed cosine",
    "spearman_": "rank correlation",
    **{f"{side}_{score}": "single-task scores" for side in _SIDES for score in ("f1", "average_precision")},
    **{f"{side}_{size}": "sizes" for side in _SIDES for size in ("texts", "positives", "prevalence")},
    "setting": "setting",
}


def _family(name: str) -> str:
    """The family of a feature; "other selectors" for a column that was merged in."""
    return next((family for prefix, family in _FAMILIES.items() if name.startswith(prefix)), "other selectors")
