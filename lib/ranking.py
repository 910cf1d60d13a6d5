"""In which order to train pairs, and how much F1 an order has after how much time.

A *unit* is a (source, target, setting) with all its seeds: it is trained as a whole, its seconds are their sum, its F1
their mean. Scores are tables source, target, setting, score; an order is a tuple of units. Whatever an order has
trained, each target uses the validation-best of it and of its single-task model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import gammaln

from lib.bootstrap import discoveries, interval, nested_weights
from lib.costs import ACCOUNTINGS, Clock, clock
from lib.errors import InputError
from lib.metrics import spearman
from lib.regression import Design, controlled, fit_predict, pair_features, tune, with_selectors
from lib.study import Ranking, Regression
from lib.transfer import PAIR, UNIT, among, best_settings, of_side, pair_units, selected_singles

Unit = tuple[str, str, int]
BOUNDS = ("validation_best", "oracle")  # scores that look at the outcome: what ranks no selector can reach
SHARES = np.round(np.linspace(0, 1, 101), 2)
PAPER_SHARES = (0.165, 0.495)  # the paper's two points: 10 h and 30 h of its 60.6 h
ENOUGH = 0.99
RANDOM_ORDERS = 500  # that are drawn where their expectation does not tell
TOLERANCE = 1 + 1e-9  # sums of seconds in another order differ in their last digits


def differs_from_random(rows: pd.DataFrame) -> pd.Series:
    """Whether selectors differ from random order, false discoveries among all of them controlled; bounds are no
    selectors, and NaN does not differ. rows: "over_random_p" of one metric, by selector."""
    tested = rows["over_random_p"].drop(index=list(BOUNDS), errors="ignore").fillna(1.0)
    return pd.Series(discoveries(tested.to_numpy()), tested.index).reindex(rows.index, fill_value=False)


# --- scores of pairs --------------------------------------------------------------------------------------------------


def best_single_source(units: pd.DataFrame, singles: pd.DataFrame) -> pd.DataFrame:
    """Sources by the validation F1 of their own single-task model, the mean over seeds."""
    own = selected_singles(singles, "source").groupby("target")["validation_f1"].mean()
    return units[UNIT].assign(score=units["source"].map(own).astype(float))


def static_mean(units: pd.DataFrame) -> pd.DataFrame:
    """Sources by their mean validation F1 over all *other* targets' units; needs the grid of the other targets."""
    into = units.groupby(["source", "target"])["validation_f1"].agg(["sum", "size"]).reset_index()
    everywhere = into.groupby("source")[["sum", "size"]].transform("sum")
    with np.errstate(invalid="ignore"):  # a source with no other target has no mean
        mean = (everywhere["sum"] - into["sum"]) / (everywhere["size"] - into["size"])
    scores = into[["source", "target"]].assign(score=mean)
    return units[UNIT].merge(scores, on=["source", "target"], how="left", validate="many_to_one")


def label_cooccurrence(units: pd.DataFrame, cooccurrence: pd.DataFrame) -> pd.DataFrame:
    """Pairs by the phi coefficient of their labels in the training texts: the table "cooccurrence"."""
    scores = cooccurrence.rename(columns={"phi": "score"})
    return units[UNIT].merge(scores, on=["source", "target"], how="left", validate="many_to_one")


def oracle(units: pd.DataFrame) -> pd.DataFrame:
    """Pairs by the *test* F1 of their validation-best setting, other settings after all of them: a bound that no
    procedure can know; never a selector."""
    is_best = among(units, best_settings(units), UNIT)
    return units[UNIT].assign(score=units["test_f1"].where(is_best, units["test_f1"] - 1))


def validation_best(units: pd.DataFrame) -> pd.DataFrame:
    """Pairs by their own validation F1: the bound of every order that is judged by validation."""
    return units[UNIT].assign(score=units["validation_f1"])


def from_predictions(predictions: pd.DataFrame, protocol: str, model: str = "regression") -> pd.DataFrame:
    """Pairs by predicted F1, the mean over seeds (table "predictions")."""
    rows = predictions[(predictions["protocol"] == protocol) & (predictions["model"] == model)]
    return rows.groupby(UNIT, as_index=False)["predicted"].mean().rename(columns={"predicted": "score"})


def middle(values: pd.Series) -> float:
    """The middle one of the different values: the layer, or the threshold, that is stated before anything is measured."""
    different = np.unique(values)
    return different[len(different) // 2]


def ansat_fixed(
    units: pd.DataFrame, ansat: pd.DataFrame, layer: int, threshold: float, probe: str = "all", value: str = "ansat"
) -> pd.DataFrame:
    """Pairs by ANSAT (or ``value="jaccard"``) at a layer and threshold stated beforehand: needs no trained pair."""
    rows = ansat[(ansat["layer"] == layer) & np.isclose(ansat["threshold"], threshold) & (ansat["probe"] == probe)]
    if rows.empty:
        raise InputError(f"table 'ansat' has no layer {layer} at threshold {threshold:g} on probe texts '{probe}'")
    scores = rows.groupby(["source", "target"], as_index=False)[value].mean().rename(columns={value: "score"})
    return units[UNIT].merge(scores, on=["source", "target"], how="left", validate="many_to_one")


def tuned_elsewhere(
    units: pd.DataFrame,
    measures: pd.DataFrame,
    value: str,
    choices: Sequence[str] = ("layer", "threshold"),
    probe: str = "all",
) -> pd.DataFrame:
    """Pairs by a measure at the choices that rank the *other* targets' validation F1 best (mean Spearman).

    measures: the table "ansat" or "siblings", with the column ``value`` at each of the ``choices``. Needs the grid of
    the other targets. Returns also what was chosen. Ties: the lowest layer, then the lowest threshold.
    """
    choices = list(choices)
    keys = ["source", "target", *choices]
    means = measures[measures["probe"] == probe].groupby(keys, as_index=False)[value].mean()
    best = best_settings(units)[["source", "target", "validation_f1"]]
    rows = means.merge(best, on=["source", "target"], validate="many_to_one")
    ranked = {
        key: spearman(group[value].to_numpy(), group["validation_f1"].to_numpy())
        for key, group in rows.groupby([*choices, "target"])
    }
    quality = pd.Series(ranked).unstack().sort_index()  # choices x target
    best_of = {
        target: quality.drop(columns=target, errors="ignore").mean(axis=1).fillna(-1.0).idxmax()
        for target in best["target"].unique()
    }
    chosen = pd.DataFrame([best_of[target] for target in units["target"]], columns=choices, index=units.index)
    picked = pd.concat([units[UNIT], chosen], axis=1)
    return picked.merge(means, on=keys, how="left", validate="many_to_one").rename(columns={value: "score"})


# --- orders of units --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Order:
    """A named order. units: None stands for every order at random, by its exact expectation; empty for no transfer.

    own_seconds: computed before it can start (attribution, features). training_pairs: it is learnt from the grid's
    pairs, so that all-inclusive it saves nothing (its figures are null there). finished: by accounting, the seconds
    after its start at which each of its units is trained, (units,); None where they are trained whole, one by one.
    """

    name: str
    units: tuple[Unit, ...] | None
    own_seconds: float = 0.0
    training_pairs: bool = False
    finished: Mapping[str, np.ndarray] | None = None


def random_order() -> Order:
    return Order("random", None)


def no_transfer() -> Order:
    return Order("no_transfer", ())


def interleaved(scores: pd.DataFrame, single_f1: pd.Series, turns: pd.Series | None = None) -> tuple[Unit, ...]:
    """Every target's first choice, then every target's second, and so on.

    scores: source, target, setting, score (larger first, NaN last). single_f1: validation F1 of each target's
    single-task model; within a round, and nowhere else, targets go by score minus single_f1, then by names. turns: from
    ``setting_turns``; where scores know nothing of settings, a target's sources all come with the setting whose turn is
    first, then all with the second, and so on.
    """
    first = ["target"]
    if turns is not None and not scores.groupby(PAIR)["score"].nunique(dropna=False).gt(1).any():
        setting = scores["setting"] % (turns.index.get_level_values("setting").max() + 1)  # the target's part of it
        scores = scores.assign(_turn=turns.loc[zip(scores["target"], setting, strict=True)].to_numpy())
        first.append("_turn")
    own = _sorted(scores, first, scores["score"])
    turn = own.groupby("target").cumcount()
    gain = own["score"] - own["target"].map(single_f1)
    return _units(_sorted(own.assign(turn=turn), ["turn"], gain))


def overall(scores: pd.DataFrame) -> tuple[Unit, ...]:
    """The paper's literal rule: all pairs by score, whatever their target, then by names."""
    return _units(_sorted(scores, [], scores["score"]))


def _sorted(frame: pd.DataFrame, first: list[str], value: pd.Series) -> pd.DataFrame:
    """Sorted by ``first``, by falling value (NaN last), then by target, source, setting."""
    keyed = frame.assign(_down=-value.fillna(-np.inf))
    names = [name for name in ("target", "source", "setting") if name not in first]
    return keyed.sort_values([*first, "_down", *names], kind="stable").drop(columns="_down").reset_index(drop=True)


def _units(frame: pd.DataFrame) -> tuple[Unit, ...]:
    return tuple(frame[UNIT].itertuples(index=False, name=None))


def single_validation(singles: pd.DataFrame) -> pd.Series:
    """Each target's validation F1 without transfer, the mean over seeds."""
    return selected_singles(singles, "target").groupby("target")["validation_f1"].mean()


def setting_turns(singles: pd.DataFrame) -> pd.Series:
    """The place of each setting by the validation F1 of the target's single-task models with it, the mean over seeds:
    (target, setting) -> 0 for the best, 1, ..."""
    own = of_side(singles, "target").groupby(["target", "setting"])["validation_f1"].mean()
    return own.groupby("target").rank(method="first", ascending=False).astype(int) - 1


def sequential_order(
    features: pd.DataFrame,
    config: Regression,
    batch: int,
    first: pd.DataFrame | None = None,
    turns: pd.Series | None = None,
    tuned: bool = False,
) -> tuple[Unit, ...]:
    """The all-inclusive procedure: train a batch, fit on what is trained so far, choose the next batch, repeat.

    features: from ``regression.pair_features`` (or ``controlled``). The first batch is one pair per target: its best by
    the scores ``first``, with the setting that ``turns`` puts first, else drawn at random. Every later batch takes
    ``batch`` units, interleaved over targets, by the validation F1 that the regression predicts from the pairs trained
    before. tuned: choose XGBoost's settings anew inside them before every fit, instead of the fixed default.
    """
    features = features.sort_values([*UNIT, "seed"]).reset_index(drop=True)
    design, single = Design.of(features), features.groupby("target")["target_f1"].mean()
    if first is None:
        first = features[UNIT].drop_duplicates()
        first = first.assign(score=np.random.default_rng(config.seed).random(len(first)))
    order = list(interleaved(first, single, turns)[: features["target"].nunique()])
    unit = pd.MultiIndex.from_frame(features[UNIT])
    while not (trained := unit.isin(order)).all():
        search = config if tuned else config.model_copy(update={"candidates": 1})
        predicted = fit_predict(design, trained, ~trained, tune(design, trained, search), config)
        left = features.loc[~trained, UNIT].assign(score=predicted).groupby(UNIT, as_index=False)["score"].mean()
        order += interleaved(left, single)[:batch]
    return tuple(order)


def halving_order(
    name: str,
    units: pd.DataFrame,
    checkpoints: pd.DataFrame,
    prior: pd.DataFrame | None = None,
    entering: float = 1.0,
    **cost,
) -> Order:
    """Successive halving (Jamieson and Talwalkar 2016) over each target's pairs, as an order with its own clock.

    Pairs that enter are trained up to the first checkpoint; of each target the better half, by validation average
    precision there (F1 at 0.5 says little so early), goes on to the next one, and so on. Survivors are trained to their
    end, best first; then those that dropped out go on from where they stopped, the latest first. units: from
    ``pair_units``; checkpoints: the table of this name. prior: scores by which the share ``entering`` of each target's
    pairs enters; the others come last. cost: as for ``Order``.
    """
    sums = {"validation_average_precision": "mean", "train_seconds": "sum", "predict_seconds": "sum"}
    reached = checkpoints.groupby(["checkpoint", *UNIT]).agg(sums)
    whole = units.set_index(UNIT)[["train_seconds", "total_seconds"]]
    left, out = _best(units[UNIT].assign(score=0.0) if prior is None else prior, entering)
    stages, spent, done = [out], np.zeros(len(ACCOUNTINGS)), pd.Series(0.0, index=whole.index)
    for checkpoint in checkpoints.groupby("checkpoint")["steps"].mean().sort_values(kind="stable").index:
        at = reached.loc[checkpoint].loc[pd.MultiIndex.from_frame(left[UNIT])]
        training = (at["train_seconds"] - done[at.index]).sum()
        spent += (training, training + at["predict_seconds"].sum())
        done[at.index] = at["train_seconds"]
        left, out = _best(at["validation_average_precision"].rename("score").reset_index(), 0.5)
        stages.append(out)
    alike = pd.Series(0.0, index=units["target"].unique())
    order = [unit for stage in [left, *reversed(stages)] if len(stage) for unit in interleaved(stage, alike)]
    to_go = whole.loc[order].sub(done[order], axis=0).cumsum().to_numpy().T + spent[:, None]
    return Order(name, tuple(order), finished=dict(zip(ACCOUNTINGS, to_go, strict=True)), **cost)


def _best(scores: pd.DataFrame, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each target's units with the largest scores, this share of them rounded up, and the others."""
    ranked = _sorted(scores, ["target"], scores["score"])
    sizes = ranked.groupby("target")["score"].transform("size")
    inside = ranked.groupby("target").cumcount() < np.ceil(share * sizes)
    return ranked[inside], ranked[~inside]


class Scored(NamedTuple):
    """Scores of all pairs under one name, and what they cost: seconds before pairs can be ordered by them, whether they
    are learnt from the grid's pairs, and whether every pair is trained a little for them."""

    name: str
    scores: pd.DataFrame
    own_seconds: float = 0.0
    training_pairs: bool = False
    short_training: bool = False

    @property
    def ranks_something(self) -> bool:
        """Whether any target's sources differ in their scores: else an order by them is one by names."""
        return bool((self.scores.groupby("target")["score"].nunique() > 1).any())

    def order(self, singles: pd.DataFrame) -> Order:
        """The order of ``interleaved``, from the single-task models' validation F1: the table "singles"."""
        units = interleaved(self.scores, single_validation(singles), setting_turns(singles))
        return Order(self.name, units, self.own_seconds, self.training_pairs)


def standard_scores(
    singles: pd.DataFrame,
    pairs: pd.DataFrame,
    ansat: pd.DataFrame,
    predictions: pd.DataFrame,
    cooccurrence: pd.DataFrame,
    attribution: float,
) -> list[Scored]:
    """The reference scores and the paper's over a study's grid. Tables by name; attribution: its seconds.

    "ansat" is ANSAT at the middle layer and threshold, stated beforehand; "ansat_tuned" is chosen on other targets.
    """
    units = pair_units(pairs)
    stated = ansat_fixed(units, ansat, int(middle(ansat["layer"])), float(middle(ansat["threshold"])))
    predicted = from_predictions(predictions, "leave_one_target_out")
    bare = from_predictions(predictions, "leave_one_target_out", "without_ansat")
    return [
        Scored("oracle", oracle(units), training_pairs=True),
        Scored("validation_best", validation_best(units), training_pairs=True),
        Scored("best_single_source", best_single_source(units, singles)),
        Scored("label_cooccurrence", label_cooccurrence(units, cooccurrence)),
        Scored("static_mean", static_mean(units), training_pairs=True),
        Scored("ansat", stated, attribution),
        Scored("ansat_tuned", tuned_elsewhere(units, ansat, "ansat"), attribution, True),
        Scored("regression", predicted, attribution, True),
        Scored("regression_without_ansat", bare, training_pairs=True),
    ]


def sibling_scores(
    units: pd.DataFrame, ansat: pd.DataFrame, siblings: pd.DataFrame, attribution: float
) -> list[Scored]:
    """ANSAT's siblings, each at the layer (and threshold) chosen on other targets. Arguments as for ``standard_scores``."""
    return [
        Scored("jaccard_tuned", tuned_elsewhere(units, ansat, "jaccard"), attribution, True),
        Scored("cosine_tuned", tuned_elsewhere(units, siblings, "cosine", ["layer"]), attribution, True),
        Scored("rank_correlation_tuned", tuned_elsewhere(units, siblings, "spearman", ["layer"]), attribution, True),
    ]


def standard_orders(
    scored: Sequence[Scored],
    tasks: pd.DataFrame,
    singles: pd.DataFrame,
    pairs: pd.DataFrame,
    ansat: pd.DataFrame,
    selectors: pd.DataFrame,
    regression: Regression,
    config: Ranking,
    checkpoints: pd.DataFrame | None = None,
) -> list[Order]:
    """All orders of a study's grid: by each of the scores, and the procedures. Tables by name.

    scored: the ``standard_scores`` and those of the field's selectors, "consensus" among them. Successive halving is
    among the procedures where the study keeps ``checkpoints``: over all pairs, and over the half of each target's pairs
    that another score puts first.
    """
    units, turns = pair_units(pairs), setting_turns(singles)
    named = {each.name: each for each in scored}
    features = pair_features(pairs, singles, tasks, ansat)
    bare_features = controlled(features, "without_ansat", regression.seed)
    first, ranked = named["label_cooccurrence"].scores, named["regression"]
    attribution, consensus = named["ansat"].own_seconds, named["consensus"]
    every_feature, every_second = with_selectors(features, selectors), attribution + consensus.own_seconds
    found = [
        no_transfer(),
        random_order(),
        *(each.order(singles) for each in scored),
        Order("regression_overall", overall(ranked.scores), ranked.own_seconds, ranked.training_pairs),
        Order("regression_sequential", sequential_order(features, regression, config.batch, first, turns), attribution),
        Order("sequential_without_ansat", sequential_order(bare_features, regression, config.batch, first, turns)),
        Order(
            "sequential_on_all_selectors",
            sequential_order(every_feature, regression, config.batch, consensus.scores, turns),
            every_second,
        ),
    ]
    if checkpoints is None:
        return found
    priors = {
        "halving_of_cooccurring": named["label_cooccurrence"],
        "halving_of_ansat": named["ansat"],
        "halving_of_predicted": ranked,
        "halving_of_consensus": consensus,
    }
    halvings = [halving_order("halving", units, checkpoints)]
    for name, prior in priors.items():
        cost = {"own_seconds": prior.own_seconds, "training_pairs": prior.training_pairs}
        halvings.append(halving_order(name, units, checkpoints, prior.scores, 0.5, **cost))
    return found + halvings


def rank_correlations(ansat: pd.DataFrame, siblings: pd.DataFrame, matrix: pd.DataFrame) -> pd.DataFrame:
    """Mean within-target Spearman correlation with the pairs' *test* F1, per measure and layer: description only.

    ansat, siblings, matrix: the tables "ansat", "siblings", "transfer_matrix". Returns measure, layer, spearman.
    """
    rows = ansat[ansat["probe"] == "all"]
    parts = [rows.assign(measure="ANSAT at " + rows["threshold"].map("{:g}".format), score=rows["ansat"])]
    signed = siblings[siblings["probe"] == "all"]
    parts += [rows.assign(measure="Jaccard at " + rows["threshold"].map("{:g}".format), score=rows["jaccard"])]
    siblings_spoken = {"cosine": "cosine", "spearman": "rank correlation"}
    parts += [signed.assign(measure=spoken, score=signed[name]) for name, spoken in siblings_spoken.items()]
    keys = ["measure", "layer", "source", "target"]
    means = pd.concat(parts).groupby(keys, as_index=False)["score"].mean()
    means = means.merge(matrix[["source", "target", "test_f1"]], on=["source", "target"], validate="many_to_one")
    found = [
        (measure, layer, spearman(group["score"].to_numpy(), group["test_f1"].to_numpy()))
        for (measure, layer, _), group in means.groupby(["measure", "layer", "target"])
    ]
    table = pd.DataFrame(found, columns=["measure", "layer", "spearman"])
    return table.groupby(["measure", "layer"], as_index=False)["spearman"].mean()


def as_scores(order: Order) -> pd.DataFrame:
    """An order's places as scores, the first the largest: source, target, setting, score."""
    return pd.DataFrame(order.units, columns=UNIT).assign(score=-np.arange(len(order.units), dtype=float))


# --- F1 after the first n units ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grid:
    """The trained grid, as arrays. units: sorted by target, source, setting, with the mean validation_f1.

    unit_test: (units, seeds) test F1; single_test: (targets, seeds). choice: per unit, its place in the target's
    validation order (1 the best) among units that beat the single-task model, else 0.
    """

    targets: list[str]
    units: pd.DataFrame
    unit_test: np.ndarray
    single_test: np.ndarray
    choice: np.ndarray

    @cached_property
    def row(self) -> dict[Unit, int]:
        return {unit: position for position, unit in enumerate(_units(self.units))}

    def candidates(self, target: str) -> np.ndarray:
        """Rows of the target's units that beat its single-task model on validation, the best first."""
        rows = np.flatnonzero((self.units["target"] == target) & (self.choice > 0))
        return rows[np.argsort(self.choice[rows])]

    def final(self) -> np.ndarray:
        """Test F1 of the validation-best of everything: (targets, seeds)."""
        values = self.single_test.copy()
        for position, target in enumerate(self.targets):
            if len(rows := self.candidates(target)):
                values[position] = self.unit_test[rows[0]]
        return values


def grid_of(singles: pd.DataFrame, pairs: pd.DataFrame) -> Grid:
    """The grid of the tables "singles" and "pairs"; ties on validation go to no transfer, then to the first name."""
    units = pair_units(pairs).sort_values(["target", "source", "setting"]).reset_index(drop=True)
    baseline = selected_singles(singles, "target").pivot(index="target", columns="seed", values="test_f1")
    test = pairs.pivot(index=UNIT, columns="seed", values="test_f1").loc[pd.MultiIndex.from_frame(units[UNIT])]
    targets = sorted(units["target"].unique())
    if not set(targets) <= set(baseline.index) or list(test.columns) != list(baseline.columns):
        raise InputError("tables 'singles' and 'pairs' differ in targets or seeds; run 02 and 03 again")
    beats = units["validation_f1"] > units["target"].map(single_validation(singles))
    place = _sorted(units[beats].reset_index(), ["target"], units.loc[beats, "validation_f1"].reset_index(drop=True))
    choice = np.zeros(len(units), dtype=int)
    choice[place["index"]] = place.groupby("target").cumcount() + 1
    return Grid(targets, units, test.to_numpy(), baseline.loc[targets].to_numpy(), choice)


def progress(units: Sequence[Unit], grid: Grid) -> np.ndarray:
    """Test F1 of each target's validation-best after the first 0, 1, ..., n units: (targets, seeds, n + 1)."""
    values = np.repeat(grid.single_test[:, :, None], len(units) + 1, axis=2)
    place = {target: position for position, target in enumerate(grid.targets)}
    best = np.full(len(grid.targets), len(grid.units) + 1)
    for step, unit in enumerate(units, 1):
        if unit not in grid.row:
            raise InputError(f"an order names {unit[0]} -> {unit[1]} (setting {unit[2]}), which the grid does not have")
        row, target = grid.row[unit], place[unit[1]]
        if 0 < grid.choice[row] < best[target]:
            best[target] = grid.choice[row]
            values[target, :, step:] = grid.unit_test[row][:, None]
    return values


def random_progress(grid: Grid) -> np.ndarray:
    """The exact expectation of ``progress`` over all N! orders: (targets, seeds, N + 1).

    Of n units drawn from N, a target's candidate of validation rank r wins where it is drawn and the r - 1 better ones
    are not: probability C(N - r, n - 1) / C(N, n). Else no transfer wins.
    """
    total = len(grid.units)
    values = np.repeat(grid.single_test[:, :, None], total + 1, axis=2)
    for position, target in enumerate(grid.targets):
        rows = grid.candidates(target)
        wins = winning_probability(total, len(rows))  # (ranks, n)
        gain = grid.unit_test[rows] - grid.single_test[position]
        values[position] += gain.T @ wins
    return values


def winning_probability(total: int, ranks: int) -> np.ndarray:
    """C(total - r, n - 1) / C(total, n) for r = 1..ranks (rows) and n = 0..total (columns)."""
    r, n = np.arange(1, ranks + 1)[:, None], np.arange(total + 1)[None, :]
    possible = (n >= 1) & (n - 1 <= total - r)
    drawn = np.where(possible, n, 1)  # a harmless n where the probability is 0
    logarithm = log_choose(total - r, drawn - 1) - log_choose(total, drawn)
    return np.where(possible, np.exp(logarithm), 0.0)


def log_choose(n: np.ndarray | int, k: np.ndarray | int) -> np.ndarray:
    return gammaln(np.add(n, 1)) - gammaln(np.add(k, 1)) - gammaln(np.subtract(n, k) + 1)


# --- F1 as a function of time -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Curve:
    """An order under one accounting: a step function of time, in every bootstrap draw over targets and their seeds.

    ready: seconds after which the single-task models are there, and no transfer is what one has. seconds: (n + 1,), when
    0..n units are trained. f1: (1 + draws, n + 1), row 0 the estimate. grid_f1: (1 + draws,), the validation-best of
    everything. tenth: seconds of the single-task models, attribution and 10 % of the pairs, the same for all orders.
    first_enough: for random order, whose ``f1`` is an expectation: (1 + draws,) shares of the grid's time, see
    ``random_shares``.
    """

    order: str
    accounting: str
    ready: float
    seconds: np.ndarray
    f1: np.ndarray
    grid_f1: np.ndarray
    grid_seconds: float
    tenth: float
    first_enough: np.ndarray | None = None

    @property
    def late(self) -> bool:
        """Whether it could only start when brute force has ended: then there is no point of it before."""
        return self.seconds[0] >= self.grid_seconds

    def step(self, seconds: float | np.ndarray) -> np.ndarray:
        """How many units are trained after so many seconds; -1 before the single-task models are there."""
        reached = np.multiply(seconds, TOLERANCE)
        steps = np.searchsorted(self.seconds, reached, side="right") - 1
        return np.where(reached >= (self.seconds[0] if self.late else self.ready), np.maximum(steps, 0), -1)

    def at(self, seconds: float) -> np.ndarray | None:
        """F1 (1 + draws,) after so many seconds; None before the single-task models are there."""
        step = self.step(seconds)
        return None if step < 0 else self.f1[:, step]

    @cached_property
    def loss(self) -> np.ndarray:
        """Share of the grid's F1 that is missing (negative where the subset does better on test), like ``f1``; NaN if
        the grid's is 0."""
        grid = np.broadcast_to(self.grid_f1[:, None], self.f1.shape)
        return np.divide(grid - self.f1, grid, out=np.full(self.f1.shape, np.nan), where=grid > 0)

    def loss_at(self, seconds: float) -> np.ndarray | None:
        """``loss`` (1 + draws,) after so many seconds; None before the single-task models are there."""
        step = self.step(seconds)
        return None if step < 0 else self.loss[:, step]

    def share_for(self, enough: float) -> np.ndarray:
        """Share of the grid's time at which ``enough`` of its F1 is first reached; may exceed 1; infinity for never."""
        if self.first_enough is not None:
            return self.first_enough
        reached = self.f1 >= enough * self.grid_f1[:, None] - 1e-12
        share = self.seconds[reached.argmax(axis=1)] / self.grid_seconds
        return np.where(reached.any(axis=1), share, np.inf)


def curves(
    orders: Sequence[Order], singles: pd.DataFrame, pairs: pd.DataFrame, config: Ranking, attribution: float
) -> list[Curve]:
    """Every order under both accountings. Draws are the same for all orders, so their differences are paired.

    attribution: its seconds; they decide the moment ``Curve.tenth`` at which all orders are compared, and what an order
    costs only by its own_seconds.
    """
    grid = grid_of(singles, pairs)
    weights = nested_weights(*grid.single_test.shape, config.bootstrap, np.random.default_rng(config.seed))
    weights = np.concatenate([np.full((1, *grid.single_test.shape), 1 / grid.single_test.size), weights])
    best, found = np.tensordot(weights, grid.final(), axes=2), []
    bare = {accounting: clock(accounting, singles, pairs) for accounting in ACCOUNTINGS}
    tenths = {
        accounting: clock(accounting, singles, pairs, attribution).start + 0.1 * time.work
        for accounting, time in bare.items()
    }
    for order in orders:
        values = random_progress(grid) if order.units is None else progress(order.units, grid)
        f1, shares = np.tensordot(weights, values, axes=2), dict.fromkeys(ACCOUNTINGS)
        if order.units is None:
            shares = random_shares(grid, bare, weights, best, config.seed)
        for accounting in ACCOUNTINGS:
            time = clock(accounting, singles, pairs, order.own_seconds, order.training_pairs)
            if order.finished is not None:
                steps = time.start + np.concatenate([[0.0], order.finished[accounting]])
            elif order.units is not None:
                steps = time.finished(order.units)
            else:  # n of N units cost n/N of the work
                steps = time.start + np.linspace(0, time.work, values.shape[2])
            moments = bare[accounting].start, steps, f1, best, time.grid, tenths[accounting]
            found.append(Curve(order.name, accounting, *moments, shares[accounting]))
    return found


def random_shares(
    grid: Grid, clocks: Mapping[str, Clock], weights: np.ndarray, best: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Share of the grid's time at which a random order first reaches ENOUGH of its F1, by clock: (1 + draws,), the
    median first.

    The expectation over orders passes that line later than the orders do, which need to pass it only once; so orders are
    drawn, each judged in its own draw of targets and seeds. weights: (1 + draws, targets, seeds); best: ``grid_f1``.
    """
    rng, every, found = np.random.default_rng(seed), _units(grid.units), []
    for draw in range(1, min(len(weights), RANDOM_ORDERS + 1)):
        units = [every[place] for place in rng.permutation(len(every))]
        f1 = np.tensordot(weights[[0, draw]], progress(units, grid), axes=2)
        reached = f1 >= ENOUGH * best[[0, draw], None] - 1e-12
        shares = np.stack([clock.finished(units) / clock.grid for clock in clocks.values()])
        found.append(np.where(reached.any(axis=1), shares[:, reached.argmax(axis=1)], np.inf))
    estimates, draws = np.moveaxis(np.array(found), -1, 0)  # (orders, clocks) each
    return dict(zip(clocks, np.vstack([np.median(estimates, axis=0), draws]).T, strict=True))


def anytime_table(found: Sequence[Curve]) -> pd.DataFrame:
    """The table "anytime": F1, and the share of the grid's F1 that is lost, at 0, 1, ..., 100 % of the grid's time.

    Each with its 95 % interval; that of the loss is paired: every draw compares both on the same targets. NaN before the
    single-task models are there.
    """
    tables = []
    for curve in found:
        steps = curve.step(SHARES * curve.grid_seconds)
        rows = {}
        for name, draws in {"f1": curve.f1, "loss": curve.loss}.items():
            low, high = interval(draws[1:])
            rows |= {name: draws[0], f"{name}_low": low, f"{name}_high": high}
        values = {name: np.where(steps < 0, np.nan, row[steps]) for name, row in rows.items()}
        keys = {"order": curve.order, "accounting": curve.accounting, "share_of_time": SHARES}
        tables.append(pd.DataFrame(keys | values))
    return pd.concat(tables, ignore_index=True)


def points(found: Sequence[Curve]) -> dict[str, dict[str, dict[str, dict | None]]]:
    """``selectors`` of summary.json: order -> accounting -> point -> {value, low, high} or None.

    None where a point does not exist: it lies before the single-task models are there, or the order is learnt from the
    whole grid.
    """
    table: dict = {}
    for curve in found:
        table.setdefault(curve.order, {})[curve.accounting] = _points(curve)
    return table


def _points(curve: Curve) -> dict[str, dict | None]:
    read: dict[str, np.ndarray | None] = {}
    for share in PAPER_SHARES:
        read[f"f1_at_{share}"] = curve.at(share * curve.grid_seconds)
        read[f"loss_at_{share}"] = curve.loss_at(share * curve.grid_seconds)
    read["loss_at_10_percent_of_pairs"] = curve.loss_at(curve.tenth)
    read["share_for_99_percent"] = None if curve.late else curve.share_for(ENOUGH)
    return {name: _point(draws) for name, draws in read.items()}


def _point(draws: np.ndarray | None) -> dict[str, float | None] | None:
    """draws: (1 + draws,), the estimate first. Bounds that are infinite (never reached) are None."""
    if draws is None or not np.isfinite(draws[0]):
        return None
    low, high = (float(bound) if np.isfinite(bound) else None for bound in interval(draws[1:]))
    return {"value": float(draws[0]), "low": low, "high": high}
