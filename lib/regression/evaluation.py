"""Out-of-fold predictions of every pair, and their scores."""

import joblib
import numpy as np
import pandas as pd

from lib.errors import InputError
from lib.regression.features import OUTCOMES, controlled
from lib.regression.model import Design, fit_predict, tune
from lib.regression.protocols import PROTOCOLS, Fold
from lib.stats.bootstrap import interval, target_weights
from lib.stats.ranks import spearman
from lib.study.sections import Regression
from lib.transfer.pairs import CONFIGURATION, best_settings


def predict_grid(
    features: pd.DataFrame, protocol: str, config: Regression, model: str = "regression", n_jobs: int = 1
) -> pd.DataFrame:
    """Out-of-fold predictions of every row.

    Args:
        features: from ``pair_features``.
        protocol: one of PROTOCOLS.
        config: the study's parameters of the regression.
        model: one of MODELS.
        n_jobs: number of processes; it does not change the result.

    Returns:
        The table "predictions".

    Raises:
        InputError: for an unknown protocol, or where a fold leaves nothing to train on.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"protocol '{protocol}' is unknown; use one of {', '.join(PROTOCOLS)}")
    features = features.sort_values([*CONFIGURATION, "seed"]).reset_index(drop=True)
    design = Design.of(controlled(features, model, config.seed))
    folds = list(PROTOCOLS[protocol](features, config.seed))
    if not all(fold.train.any() for fold in folds):
        raise InputError(f"protocol '{protocol}' leaves no pair to train on; give the study more tasks")
    parallel = joblib.Parallel(n_jobs=n_jobs)
    masks = {fold.tuning.tobytes(): fold.tuning for fold in folds}
    candidates = parallel(joblib.delayed(tune)(design, mask, config) for mask in masks.values())
    tuned = dict(zip(masks, candidates, strict=True))
    jobs = ((fold.train, fold.test, tuned[fold.tuning.tobytes()]) for fold in folds)
    predicted = parallel(joblib.delayed(fit_predict)(design, *job, config) for job in jobs)
    return _predictions(features, folds, predicted).assign(protocol=protocol, model=model)


def _predictions(features: pd.DataFrame, folds: list[Fold], predicted: list[np.ndarray]) -> pd.DataFrame:
    parts = [
        features.loc[fold.test, [*CONFIGURATION, "seed", *OUTCOMES]].assign(fold=fold.name, predicted=values)
        for fold, values in zip(folds, predicted, strict=True)
    ]
    return pd.concat(parts).sort_values([*CONFIGURATION, "seed"]).reset_index(drop=True)


def regression_scores(predictions: pd.DataFrame, draws: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Table "regression_scores": the scores of predictions, with 95 % intervals of a bootstrap over targets.

    predictions: the table of this name, of any protocols and models. Predictions and F1 are averaged over seeds first.
    Scores: "mae"; "r2", pooled over all pairs (it mostly measures how hard targets are); "spearman" of the sources within a
    target, mean over the targets whose sources differ. For "spearman" a pair with several settings counts with its
    validation-best one.
    """
    rows = []
    means = predictions.groupby(["protocol", "model", *CONFIGURATION], as_index=False)[["predicted", *OUTCOMES]].mean()
    for (protocol, model), group in means.groupby(["protocol", "model"], sort=False):
        for outcome in reversed(OUTCOMES):
            for score, (value, low, high) in _scores(group, outcome, draws, seed).items():
                rows.append((protocol, model, outcome, score, value, low, high))
    return pd.DataFrame(rows, columns=["protocol", "model", "judged_against", "score", "value", "low", "high"])


def _scores(group: pd.DataFrame, outcome: str, draws: int, seed: int) -> dict[str, tuple[float, float, float]]:
    """Each score with the ends of its interval."""
    per_target = pd.DataFrame([_sums(rows, outcome) for _, rows in group.groupby("target")])
    weights = target_weights(len(per_target), draws, np.random.default_rng(seed))
    observed = _from_sums(per_target, np.full((1, len(per_target)), 1 / len(per_target)))
    resampled = _from_sums(per_target, weights)
    return {name: (float(observed[name][0]), *map(float, interval(resampled[name]))) for name in observed}


def _sums(rows: pd.DataFrame, outcome: str) -> dict[str, float]:
    """What one target contributes to the three scores. A source ranks by its largest prediction over settings."""
    y, error = rows[outcome].to_numpy(), (rows["predicted"] - rows[outcome]).to_numpy()
    best = best_settings(rows).set_index("source")[outcome]
    rank = spearman(rows.groupby("source")["predicted"].max()[best.index].to_numpy(), best.to_numpy())
    return {
        "n": len(y), "y": y.sum(), "y2": (y**2).sum(), "absolute": np.abs(error).sum(), "squared": (error**2).sum(),
        "rank": np.nan_to_num(rank), "ranked": float(not np.isnan(rank)),
    }  # fmt: skip


def _from_sums(sums: pd.DataFrame, weights: np.ndarray) -> dict[str, np.ndarray]:
    """MAE, R2 = 1 - residual / total sum of squares, and mean Spearman of weighted targets. weights: (draws, targets)."""
    total = {name: weights @ sums[name].to_numpy(dtype=float) for name in sums}
    spread = total["y2"] - total["y"] ** 2 / total["n"]
    undefined = np.full(len(weights), np.nan)
    r2 = 1 - np.divide(total["squared"], spread, out=undefined.copy(), where=spread > 1e-12)
    rank = np.divide(total["rank"], total["ranked"], out=undefined.copy(), where=total["ranked"] > 0)
    return {"mae": total["absolute"] / total["n"], "r2": r2, "spearman": rank}
