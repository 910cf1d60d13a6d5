"""Predicts a pair's F1 from its two single-task models, so that only a few pairs must be trained to rank all of them.

The regression is fitted to *validation* F1 only. XGBoost's settings and the ANSAT threshold are chosen inside the
training rows of every fold.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xgboost
from sklearn.model_selection import GroupKFold

from lib.regression.features import feature_columns, threshold_of
from lib.study.sections import Regression

BINS = 16  # a grid has a few hundred rows: finer histograms only cost time


@dataclass(frozen=True)
class Candidate:
    """Hyperparameters of a regression. threshold: the only ANSAT threshold that it reads (None: all).

    offset: boosting starts from the target's single-task validation F1, so that trees model the gain and not how hard the
    target is.
    """

    threshold: float | None = None
    offset: bool = True
    rounds: int = 150
    max_depth: int = 2
    learning_rate: float = 0.05
    min_child_weight: float = 3.0
    subsample: float = 0.8
    colsample_bytree: float = 0.6

    def parameters(self, seed: int) -> dict:
        """XGBoost's parameters."""
        names = ("max_depth", "learning_rate", "min_child_weight", "subsample", "colsample_bytree")
        return {name: getattr(self, name) for name in names} | {
            "tree_method": "hist", "max_bin": BINS, "nthread": 1, "seed": seed, "objective": "reg:squarederror",
        }  # fmt: skip


def candidates(thresholds: list[float], config: Regression) -> list[Candidate]:
    """The default candidate first, then ``config.candidates - 1`` random ones; the same for every fold."""
    rng = np.random.default_rng(config.seed)
    drawn = [
        Candidate(
            threshold=float(rng.choice(thresholds)) if thresholds and rng.random() < 0.5 else None,
            offset=bool(rng.random() < 0.5),
            rounds=int(np.exp(rng.uniform(np.log(50), np.log(300)))),
            max_depth=int(rng.integers(1, 5)),
            learning_rate=float(np.exp(rng.uniform(np.log(0.02), np.log(0.3)))),
            min_child_weight=float(rng.choice([1.0, 3.0, 6.0])),
            subsample=float(rng.uniform(0.6, 1.0)),
            colsample_bytree=float(rng.uniform(0.3, 1.0)),
        )
        for _ in range(config.candidates - 1)
    ]
    return [Candidate(), *drawn]


@dataclass(frozen=True)
class Design:
    """The features as arrays: x (rows, features) float32; by row, y the validation F1, base the target's single-task F1."""

    names: tuple[str, ...]
    x: np.ndarray
    y: np.ndarray
    base: np.ndarray
    targets: np.ndarray

    @classmethod
    def of(cls, features: pd.DataFrame) -> "Design":
        """The arrays of features from ``pair_features``."""
        names = feature_columns(features)
        arrays = [features[name].to_numpy(dtype=float) for name in ("validation_f1", "target_f1")]
        return cls(tuple(names), features[names].to_numpy(dtype=np.float32), *arrays, features["target"].to_numpy())

    @property
    def thresholds(self) -> list[float]:
        """The thresholds of the ANSAT features."""
        return sorted({threshold_of(name) for name in self.names if name.startswith("ansat_")})

    def columns(self, candidate: Candidate) -> np.ndarray:
        """Indices of the features that a candidate reads."""
        unused = [
            candidate.threshold is not None and name.startswith("ansat_") and threshold_of(name) != candidate.threshold
            for name in self.names
        ]
        return np.flatnonzero(~np.array(unused))

    def fit(self, rows: np.ndarray, candidate: Candidate, seed: int) -> xgboost.Booster:
        """Trees fitted to these rows, indices or a mask."""
        y = self.y[rows] - self.base[rows] * candidate.offset
        x = self.x[rows][:, self.columns(candidate)]
        with xgboost.config_context(nthread=1):  # on so few rows threads only hinder each other
            data = xgboost.QuantileDMatrix(x, y, max_bin=BINS)
            booster = xgboost.Booster(candidate.parameters(seed), [data])
            for round_ in range(
                candidate.rounds
            ):  # the loop of xgboost.train without its callbacks takes a quarter of the time
                booster.update(data, round_)
        return booster

    def predict(self, rows: np.ndarray, candidate: Candidate, booster: xgboost.Booster) -> np.ndarray:
        """Predicted validation F1 of these rows, indices or a mask: (rows,)."""
        with xgboost.config_context(nthread=1):
            raw = booster.inplace_predict(self.x[rows][:, self.columns(candidate)])
        return raw.astype(float) + self.base[rows] * candidate.offset


def tune(design: Design, tuning: np.ndarray, config: Regression) -> Candidate:
    """The candidate with the smallest squared error on inner folds over targets, from the rows in ``tuning`` only.

    After every inner fold the worse half of the candidates drops out (successive halving), which halves the cost. With
    fewer than two targets nothing can be held out, and the default candidate is taken.
    """
    rows = np.flatnonzero(tuning)
    groups = design.targets[rows]
    options = candidates(design.thresholds, config)
    folds = min(config.folds, len(np.unique(groups)))
    if folds < 2 or len(options) == 1:
        return options[0]
    left, errors = list(range(len(options))), np.zeros(len(options))
    splitter = GroupKFold(folds, shuffle=True, random_state=config.seed)
    for train, test in splitter.split(rows, groups=groups):
        for position in left:
            booster = design.fit(rows[train], options[position], config.seed)
            residual = design.predict(rows[test], options[position], booster) - design.y[rows[test]]
            errors[position] += np.square(residual).sum()
        left = sorted(left, key=errors.__getitem__)[: max(2, (len(left) + 1) // 2)]
    return options[left[0]]


def fit_predict(
    design: Design, train: np.ndarray, test: np.ndarray, candidate: Candidate, config: Regression
) -> np.ndarray:
    """Fit a candidate and predict, as the mean over ``config.repeats`` boosting seeds.

    Args:
        design: the features of all rows.
        train, test: (rows,) masks of the rows to fit on and to predict.
        candidate: hyperparameters.
        config: the study's parameters of the regression.

    Returns:
        Predicted validation F1 of the rows in ``test``: (test rows,).
    """
    seeds = range(config.seed, config.seed + config.repeats)
    return np.mean([design.predict(test, candidate, design.fit(train, candidate, seed)) for seed in seeds], axis=0)
