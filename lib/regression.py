"""Predicts a pair's F1 from its two single-task models, so that a ranking needs few pairs to be trained.

Fitted to pairs' *validation* F1 only; test F1 is carried along to judge. What is tuned (XGBoost's settings, the ANSAT
thresholds) is chosen inside the training rows of every fold.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import joblib
import numpy as np
import pandas as pd
import xgboost
from sklearn.model_selection import GroupKFold

from lib.bootstrap import interval, target_weights
from lib.errors import InputError
from lib.metrics import spearman
from lib.study import Regression
from lib.transfer import KEYS, UNIT, best_settings, selected_singles

OUTCOMES = ["validation_f1", "test_f1"]
ATTRIBUTION = ("ansat_", "cosine_", "spearman_")  # prefixes of the columns that the controls remove or shuffle
MODELS = ("regression", "without_ansat", "shuffled_ansat")
RANDOM_FOLDS = 10
BLOCKS = 6  # leave-both-tasks-out tunes once per pair of task blocks, not once per pair of tasks
BINS = 16  # a grid has some hundred rows: finer histograms only cost time


# --- features ---------------------------------------------------------------------------------------------------------


def pair_features(
    pairs: pd.DataFrame,
    singles: pd.DataFrame,
    tasks: pd.DataFrame,
    ansat: pd.DataFrame | None = None,
    siblings: pd.DataFrame | None = None,
    probe: str = "all",
) -> pd.DataFrame:
    """One row per row of ``pairs``: keys, outcomes (validation_f1, test_f1) and the regression's features.

    Features: with ``ansat`` ansat_t{threshold}_l{layer}, with ``siblings`` cosine_l{layer} and spearman_l{layer}, on the
    probe texts "all" or the target's "positives"; the *validation* F1 and average precision of the source's model that
    the pair started from and of the target's selected one; texts and positives either side is trained on; prevalences;
    the setting's index. Raises InputError where a pair's features are missing.
    """
    frame = pairs[[*UNIT, "seed", *OUTCOMES, "source_run"]]
    scores = {"source": _scores(singles, "source", ["run"]).rename(columns={"run": "source_run"})}
    scores["target"] = _scores(selected_singles(singles, "target"), "target", ["target", "seed"])
    for side, table in scores.items():
        frame = frame.merge(table, how="left", validate="many_to_one")
        frame = frame.merge(_sizes(tasks, side), on=side, how="left", validate="many_to_one")
    frame = frame.drop(columns="source_run")
    for table, values in ((ansat, ["ansat"]), (siblings, ["cosine", "spearman"])):
        if table is not None:
            frame = frame.merge(_wide(table, probe, values), on=KEYS, how="left", validate="many_to_one")
    return _complete(frame)


def with_selectors(features: pd.DataFrame, selectors: pd.DataFrame) -> pd.DataFrame:
    """The features and, as ``selector_{name}``, every score of the table "selectors"."""
    wide = selectors.pivot(index=KEYS, columns="selector", values="score").add_prefix("selector_").reset_index()
    return _complete(features.merge(wide, on=KEYS, how="left", validate="many_to_one"))


def feature_columns(features: pd.DataFrame) -> list[str]:
    """The columns that the regression reads: all but keys and outcomes."""
    return [name for name in features.columns if name not in (*KEYS, *OUTCOMES)]


def attribution_columns(features: pd.DataFrame) -> list[str]:
    """The columns that come from attribution: ANSAT and its siblings."""
    return [name for name in features.columns if name.startswith(ATTRIBUTION)]


def _scores(singles: pd.DataFrame, side: str, keys: list[str]) -> pd.DataFrame:
    """Validation scores of single-task models, named for the side of the pair that they are on, with these keys."""
    named = {f"validation_{score}": f"{side}_{score}" for score in ("f1", "average_precision")}
    return singles[[*keys, *named]].rename(columns=named)


def _sizes(tasks: pd.DataFrame, side: str) -> pd.DataFrame:
    renamed = tasks.rename(columns={"task": side, "prevalence": f"{side}_prevalence"})
    return renamed[[side, f"{side}_texts", f"{side}_positives", f"{side}_prevalence"]]


def _wide(table: pd.DataFrame, probe: str, values: list[str]) -> pd.DataFrame:
    """One row per (source, target, seed); one column per layer, and per threshold where the table has thresholds."""
    rows = table[table["probe"] == probe]
    if rows.empty:
        raise InputError(f"the table of {values[0]} has no rows for probe texts '{probe}'; run 05 again")
    wide = rows.pivot(index=KEYS, columns=[name for name in ("threshold", "layer") if name in rows], values=values)
    wide.columns = [_column(*(key if isinstance(key, tuple) else (key,))) for key in wide.columns]
    return wide.reset_index()


def _column(value: str, *where: float) -> str:
    """The column's name: ansat_t0.3_l2, cosine_l2."""
    *threshold, layer = where
    return "_".join([value, *(f"t{tau:g}" for tau in threshold), f"l{layer:g}"])


def _complete(frame: pd.DataFrame) -> pd.DataFrame:
    holes = frame[feature_columns(frame)].isna()
    if holes.any(axis=None):
        row, column = np.argwhere(holes.to_numpy())[0]
        pair = f"{frame['source'].iloc[row]} -> {frame['target'].iloc[row]} (seed {frame['seed'].iloc[row]})"
        raise InputError(f"pair {pair} has no {holes.columns[column]}; run notebooks 02 to 05 of this study again")
    return frame


def controlled(features: pd.DataFrame, model: str, seed: int) -> pd.DataFrame:
    """The features that one of MODELS reads.

    "without_ansat" drops all attribution columns; "shuffled_ansat" permutes them, together, within each target across
    its sources, which keeps their distribution and the target's level but not which source they describe.
    """
    if model not in MODELS:
        raise InputError(f"model '{model}' is unknown; use one of {', '.join(MODELS)}")
    columns = attribution_columns(features)
    if model == "regression" or not columns:
        return features
    if model == "without_ansat":
        return features.drop(columns=columns)
    rng = np.random.default_rng(seed)
    donor = {}
    for target, rows in sorted(features.groupby("target")["source"]):
        sources = np.unique(rows)
        donor |= {(source, target): other for source, other in zip(sources, rng.permutation(sources), strict=True)}
    known = features.drop_duplicates(KEYS).set_index(KEYS)[columns]
    keys = [(donor[pair.source, pair.target], pair.target, pair.seed) for pair in features[KEYS].itertuples()]
    return features.assign(**{name: known[name].loc[keys].to_numpy() for name in columns})


def feature_sets(
    pairs: pd.DataFrame, singles: pd.DataFrame, tasks: pd.DataFrame, ansat: pd.DataFrame, siblings: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The features with other parts of what attribution gives, by name, for the ablation; tables by name."""
    both = pair_features(pairs, singles, tasks, ansat, siblings)
    columns = attribution_columns(both)
    own = [name for name in columns if name.startswith("ansat_")]
    signed = [name for name in columns if name not in own]
    sets = {
        "no attribution": both.drop(columns=columns),
        "ANSAT": both.drop(columns=signed),
        "ANSAT on the target's positives": pair_features(pairs, singles, tasks, ansat, probe="positives"),
        "signed cosine and rank correlation": both.drop(columns=own),
        "ANSAT and signed measures": both,
    }
    for named, part in (("ANSAT at layer", _layer), ("ANSAT at threshold", _threshold)):
        for value in sorted({part(name) for name in own}):
            left_out = [name for name in own if part(name) != value]
            sets[f"{named} {value}"] = both.drop(columns=signed + left_out)
    return sets


# --- protocols --------------------------------------------------------------------------------------------------------


class Fold(NamedTuple):
    """Masks over the rows of the features; ``tuning`` is the part of ``train`` that hyperparameters are chosen on."""

    name: str
    train: np.ndarray
    test: np.ndarray
    tuning: np.ndarray


def random_pairs(features: pd.DataFrame, seed: int) -> Iterator[Fold]:
    """Ten folds over pairs at random (all settings and seeds of a pair together); leaks through shared targets."""
    pair = features.groupby(["source", "target"], sort=True).ngroup().to_numpy()
    n = pair.max() + 1
    member = np.random.default_rng(seed).permutation(n) % min(RANDOM_FOLDS, n)
    for fold in range(min(RANDOM_FOLDS, n)):
        test = member[pair] == fold
        yield Fold(f"fold {fold}", ~test, test, ~test)


def leave_one_target_out(features: pd.DataFrame, seed: int) -> Iterator[Fold]:
    """The primary protocol: no pair into the target is seen; the target may have been seen as a source."""
    for target in np.unique(features["target"]):
        test = (features["target"] == target).to_numpy()
        yield Fold(str(target), ~test, test, ~test)


def leave_both_tasks_out(features: pd.DataFrame, seed: int) -> Iterator[Fold]:
    """The pairs A -> B and B -> A are predicted by a model that saw neither A nor B, as source or as target.

    Tuning leaves out the whole blocks of tasks that A and B belong to, so that folds of the same blocks share it.
    """
    tasks = np.unique(features[["source", "target"]])
    order = np.random.default_rng(seed).permutation(len(tasks))
    block = dict(zip(tasks[order], np.arange(len(tasks)) % BLOCKS, strict=True))
    for position, first in enumerate(tasks):
        for second in tasks[position + 1 :]:
            test = _touches(features, {first, second}, every=True)
            near = {task for task in tasks if block[task] in (block[first], block[second])}
            train, tuning = ~_touches(features, {first, second}), ~_touches(features, near)
            if test.any():
                yield Fold(f"{first} + {second}", train, test, tuning if tuning.any() else train)


def _touches(features: pd.DataFrame, tasks: set[str], every: bool = False) -> np.ndarray:
    """Rows whose source or target (``every``: and) is among these tasks."""
    inside = features[["source", "target"]].isin(tasks).to_numpy()
    return inside.all(axis=1) if every else inside.any(axis=1)


PROTOCOLS = {
    "random_pairs": random_pairs,
    "leave_one_target_out": leave_one_target_out,
    "leave_both_tasks_out": leave_both_tasks_out,
}


def feasible_protocols(features: pd.DataFrame) -> list[str]:
    """The protocols for which this grid leaves something to train on: leave-both-tasks-out needs four tasks."""
    return [name for name in PROTOCOLS if all(fold.train.any() for fold in PROTOCOLS[name](features, 0))]


# --- the model --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """One way to fit. threshold: use only this ANSAT threshold (None: all). offset: boosting starts from the target's
    single-task validation F1, so that trees spend themselves on the gain and not on how hard the target is."""

    threshold: float | None = None
    offset: bool = True
    rounds: int = 150
    max_depth: int = 2
    learning_rate: float = 0.05
    min_child_weight: float = 3.0
    subsample: float = 0.8
    colsample_bytree: float = 0.6

    def parameters(self, seed: int) -> dict:
        names = ("max_depth", "learning_rate", "min_child_weight", "subsample", "colsample_bytree")
        return {name: getattr(self, name) for name in names} | {
            "tree_method": "hist", "max_bin": BINS, "nthread": 1, "seed": seed, "objective": "reg:squarederror",
        }  # fmt: skip


def candidates(thresholds: list[float], config: Regression) -> list[Candidate]:
    """The fixed default first, then ``config.candidates - 1`` seeded random ones; the same for every fold."""
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
    """The features as arrays. x: (rows, features) float32; y: validation F1; base: the target's single-task F1."""

    names: tuple[str, ...]
    x: np.ndarray
    y: np.ndarray
    base: np.ndarray
    targets: np.ndarray

    @classmethod
    def of(cls, features: pd.DataFrame) -> "Design":
        names = feature_columns(features)
        arrays = [features[name].to_numpy(dtype=float) for name in ("validation_f1", "target_f1")]
        return cls(tuple(names), features[names].to_numpy(dtype=np.float32), *arrays, features["target"].to_numpy())

    @property
    def thresholds(self) -> list[float]:
        return sorted({_threshold(name) for name in self.names if name.startswith("ansat_")})

    def columns(self, candidate: Candidate) -> np.ndarray:
        """Indices of the features that a candidate reads."""
        unused = [
            candidate.threshold is not None and name.startswith("ansat_") and _threshold(name) != candidate.threshold
            for name in self.names
        ]
        return np.flatnonzero(~np.array(unused))

    def fit(self, rows: np.ndarray, candidate: Candidate, seed: int) -> xgboost.Booster:
        y = self.y[rows] - self.base[rows] * candidate.offset
        x = self.x[rows][:, self.columns(candidate)]
        with xgboost.config_context(nthread=1):  # threads only get in each other's way on so few rows
            data = xgboost.QuantileDMatrix(x, y, max_bin=BINS)
            booster = xgboost.Booster(candidate.parameters(seed), [data])
            for round_ in range(candidate.rounds):  # xgboost.train's loop without its callbacks, a quarter of the time
                booster.update(data, round_)
        return booster

    def predict(self, rows: np.ndarray, candidate: Candidate, booster: xgboost.Booster) -> np.ndarray:
        with xgboost.config_context(nthread=1):
            raw = booster.inplace_predict(self.x[rows][:, self.columns(candidate)])
        return raw.astype(float) + self.base[rows] * candidate.offset


def _threshold(name: str) -> float:
    return float(name.split("_")[1].removeprefix("t"))


def _layer(name: str) -> str:
    return name.rsplit("_l", 1)[1]


def tune(design: Design, tuning: np.ndarray, config: Regression) -> Candidate:
    """The candidate with the smallest squared error on inner folds over targets, of the rows in ``tuning`` only.

    After every inner fold the worse half of the candidates drops out (successive halving), which costs half as much.
    With fewer than two targets there is nothing to hold out: the default candidate is taken.
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
            missed = design.predict(rows[test], options[position], booster) - design.y[rows[test]]
            errors[position] += np.square(missed).sum()
        left = sorted(left, key=errors.__getitem__)[: max(2, (len(left) + 1) // 2)]
    return options[left[0]]


def fit_predict(
    design: Design, train: np.ndarray, test: np.ndarray, candidate: Candidate, config: Regression
) -> np.ndarray:
    """Predicted validation F1 of the rows in ``test``, the mean over ``config.repeats`` boosting seeds: (rows,)."""
    seeds = range(config.seed, config.seed + config.repeats)
    return np.mean([design.predict(test, candidate, design.fit(train, candidate, seed)) for seed in seeds], axis=0)


def predict_grid(
    features: pd.DataFrame, protocol: str, config: Regression, model: str = "regression", n_jobs: int = 1
) -> pd.DataFrame:
    """Out-of-fold predictions of every row: the table "predictions".

    features: from ``pair_features``. protocol: one of PROTOCOLS. model: one of MODELS. n_jobs: processes; it does not
    change the result. Raises InputError where a fold leaves nothing to train on.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"protocol '{protocol}' is unknown; use one of {', '.join(PROTOCOLS)}")
    features = features.sort_values([*UNIT, "seed"]).reset_index(drop=True)
    design = Design.of(controlled(features, model, config.seed))
    folds = list(PROTOCOLS[protocol](features, config.seed))
    if not all(fold.train.any() for fold in folds):
        raise InputError(f"protocol '{protocol}' leaves no pair to train on: the grid needs more tasks")
    parallel = joblib.Parallel(n_jobs=n_jobs)
    masks = {fold.tuning.tobytes(): fold.tuning for fold in folds}
    found = parallel(joblib.delayed(tune)(design, mask, config) for mask in masks.values())
    tuned = dict(zip(masks, found, strict=True))
    jobs = ((fold.train, fold.test, tuned[fold.tuning.tobytes()]) for fold in folds)
    predicted = parallel(joblib.delayed(fit_predict)(design, *job, config) for job in jobs)
    return _predictions(features, folds, predicted).assign(protocol=protocol, model=model)


def _predictions(features: pd.DataFrame, folds: list[Fold], predicted: list[np.ndarray]) -> pd.DataFrame:
    parts = [
        features.loc[fold.test, [*UNIT, "seed", *OUTCOMES]].assign(fold=fold.name, predicted=values)
        for fold, values in zip(folds, predicted, strict=True)
    ]
    return pd.concat(parts).sort_values([*UNIT, "seed"]).reset_index(drop=True)


# --- scores and importance --------------------------------------------------------------------------------------------


def regression_scores(predictions: pd.DataFrame, draws: int = 1000, seed: int = 0) -> pd.DataFrame:
    """How good predictions are, per protocol and model: one row per score with its 95 % bootstrap over targets.

    predictions: the table of this name, of any protocols and models; seeds are averaged first. Returns protocol, model,
    judged_against ("test_f1", "validation_f1"), score, value, low, high. Scores: "mae"; "r2", pooled over all pairs
    (it mostly measures how hard targets are); "spearman" of sources within a target, the mean over targets whose pairs
    differ, of a pair with several settings its validation-best one.
    """
    rows = []
    mean = predictions.groupby(["protocol", "model", *UNIT], as_index=False)[["predicted", *OUTCOMES]].mean()
    for (protocol, model), group in mean.groupby(["protocol", "model"], sort=False):
        for outcome in reversed(OUTCOMES):
            for score, (value, low, high) in _judge(group, outcome, draws, seed).items():
                rows.append((protocol, model, outcome, score, value, low, high))
    return pd.DataFrame(rows, columns=["protocol", "model", "judged_against", "score", "value", "low", "high"])


def _judge(group: pd.DataFrame, outcome: str, draws: int, seed: int) -> dict[str, tuple[float, float, float]]:
    per_target = pd.DataFrame([_sums(rows, outcome) for _, rows in group.groupby("target")])
    weights = target_weights(len(per_target), draws, np.random.default_rng(seed))
    once = _from_sums(per_target, np.full((1, len(per_target)), 1 / len(per_target)))
    resampled = _from_sums(per_target, weights)
    return {name: (float(once[name][0]), *map(float, interval(resampled[name]))) for name in once}


def _sums(rows: pd.DataFrame, outcome: str) -> dict[str, float]:
    """What one target contributes to the three scores; a source ranks by its largest prediction over settings."""
    y, error = rows[outcome].to_numpy(), (rows["predicted"] - rows[outcome]).to_numpy()
    best = best_settings(rows).set_index("source")[outcome]
    rank = spearman(rows.groupby("source")["predicted"].max()[best.index].to_numpy(), best.to_numpy())
    return {
        "n": len(y), "y": y.sum(), "y2": (y**2).sum(), "absolute": np.abs(error).sum(), "squared": (error**2).sum(),
        "rank": np.nan_to_num(rank), "ranked": float(not np.isnan(rank)),
    }  # fmt: skip


def _from_sums(sums: pd.DataFrame, weights: np.ndarray) -> dict[str, np.ndarray]:
    """MAE, R2 = 1 - residual / total sum of squares, mean Spearman; of weighted targets: weights (draws, targets)."""
    total = {name: weights @ sums[name].to_numpy(dtype=float) for name in sums}
    spread = total["y2"] - total["y"] ** 2 / total["n"]
    undefined = np.full(len(weights), np.nan)
    r2 = 1 - np.divide(total["squared"], spread, out=undefined.copy(), where=spread > 1e-12)
    rank = np.divide(total["rank"], total["ranked"], out=undefined.copy(), where=total["ranked"] > 0)
    return {"mae": total["absolute"] / total["n"], "r2": r2, "spearman": rank}


def feature_importance(features: pd.DataFrame, config: Regression) -> pd.DataFrame:
    """Share of XGBoost's total gain that each feature brings in a model tuned and fitted on all pairs.

    Returns view ("family", "layer", "threshold", "feature"), name, share; the shares of the views "family" and
    "feature" sum to 1, those of "layer" and "threshold" (ANSAT's columns only) to ANSAT's share.
    """
    design = Design.of(features)
    rows = np.arange(len(features))
    candidate = tune(design, np.ones(len(features), dtype=bool), config)
    gain = np.zeros(len(design.names))
    for seed in range(config.seed, config.seed + config.repeats):
        found = design.fit(rows, candidate, seed).get_score(importance_type="total_gain")
        columns = design.columns(candidate)
        for name, value in found.items():
            gain[columns[int(name.removeprefix("f"))]] += value
    share = gain / gain.sum() if gain.sum() > 0 else gain
    table = pd.DataFrame({"feature": design.names, "share": share}).assign(family=[*map(_family, design.names)])
    ansat = table[table["family"] == "ANSAT"]
    thresholds = [f"{_threshold(name):g}" for name in ansat["feature"]]
    ansat = ansat.assign(layer=ansat["feature"].map(_layer), threshold=thresholds)
    views = {"family": table, "layer": ansat, "threshold": ansat, "feature": table}
    return pd.concat([_view(frame, view) for view, frame in views.items()], ignore_index=True)


def _view(frame: pd.DataFrame, view: str) -> pd.DataFrame:
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
    """The family of a feature; a column that somebody merged in is its own family "other selectors"."""
    return next((family for start, family in _FAMILIES.items() if name.startswith(start)), "other selectors")
