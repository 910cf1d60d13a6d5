"""Curves of F1 against time, for each order of training pairs.

At any moment each target uses the validation-best of its single-task model and of the pairs that are trained by then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from lib.errors import InputError
from lib.stats.bootstrap import interval, nested_weights
from lib.stats.ranks import winning_probability
from lib.study.sections import Ranking
from lib.time_saving.costs import ACCOUNTINGS, Clock, clock
from lib.time_saving.orders import Configuration, Order, as_configurations, sorted_by_score
from lib.transfer.pairs import CONFIGURATION, pair_configurations, selected_singles, single_validation

SHARES = np.round(np.linspace(0, 1, 101), 2)  # of the grid's time, in the table "anytime"
PAPER_SHARES = (0.165, 0.495)  # the paper's two points: 10 h and 30 h of its 60.6 h
ENOUGH = 0.99  # share of the grid's F1
RANDOM_ORDERS = 500  # drawn where the expectation over random orders does not answer
TOLERANCE = 1 + 1e-9  # sums of seconds in another order differ in their last digits


@dataclass(frozen=True)
class Grid:
    """The trained grid as arrays.

    configurations: sorted by target, source, setting, with the mean validation_f1. configuration_test: (configurations,
    seeds) test F1. single_test: (targets, seeds) test F1 without transfer. choice: (configurations,) rank by validation F1
    among the target's configurations that beat its single-task model, 1 the best; 0 where it does not beat it.
    """

    targets: list[str]
    configurations: pd.DataFrame
    configuration_test: np.ndarray
    single_test: np.ndarray
    choice: np.ndarray

    @cached_property
    def row(self) -> dict[Configuration, int]:
        """The row of each configuration."""
        return {configuration: row for row, configuration in enumerate(as_configurations(self.configurations))}

    def candidates(self, target: str) -> np.ndarray:
        """Rows of the target's configurations that beat its single-task model on validation, the best first."""
        rows = np.flatnonzero((self.configurations["target"] == target) & (self.choice > 0))
        return rows[np.argsort(self.choice[rows])]

    def final(self) -> np.ndarray:
        """Test F1 of each target's validation-best model of the whole grid: (targets, seeds)."""
        f1 = self.single_test.copy()
        for position, target in enumerate(self.targets):
            if len(rows := self.candidates(target)):
                f1[position] = self.configuration_test[rows[0]]
        return f1


def grid_of(singles: pd.DataFrame, pairs: pd.DataFrame) -> Grid:
    """The grid of the tables "singles" and "pairs"; ties on validation go to no transfer, then to the first name.

    Raises InputError where the two tables differ in targets or seeds.
    """
    configurations = pair_configurations(pairs).sort_values(["target", "source", "setting"]).reset_index(drop=True)
    baseline = selected_singles(singles, "target").pivot(index="target", columns="seed", values="test_f1")
    test = pairs.pivot(index=CONFIGURATION, columns="seed", values="test_f1").loc[
        pd.MultiIndex.from_frame(configurations[CONFIGURATION])
    ]
    targets = sorted(configurations["target"].unique())
    if not set(targets) <= set(baseline.index) or list(test.columns) != list(baseline.columns):
        raise InputError("tables 'singles' and 'pairs' differ in targets or seeds; run notebooks 02 and 03 again")
    beats = configurations["validation_f1"] > configurations["target"].map(single_validation(singles))
    candidates = configurations[beats].reset_index()
    ranked = sorted_by_score(candidates, ["target"], candidates["validation_f1"])
    choice = np.zeros(len(configurations), dtype=int)
    choice[ranked["index"]] = ranked.groupby("target").cumcount() + 1
    return Grid(targets, configurations, test.to_numpy(), baseline.loc[targets].to_numpy(), choice)


def progress(configurations: Sequence[Configuration], grid: Grid) -> np.ndarray:
    """Test F1 of each target's validation-best after the first 0, 1, ..., n configurations: (targets, seeds, n + 1).

    Raises InputError for a configuration that the grid does not have.
    """
    f1 = np.repeat(grid.single_test[:, :, None], len(configurations) + 1, axis=2)
    positions = {target: position for position, target in enumerate(grid.targets)}
    best = np.full(len(grid.targets), len(grid.configurations) + 1)
    for step, configuration in enumerate(configurations, 1):
        if configuration not in grid.row:
            source, target, setting = configuration
            raise InputError(
                f"an order names {source} -> {target} (setting {setting}), which the grid does not have; leave it out"
            )
        row, target = grid.row[configuration], positions[configuration[1]]
        if 0 < grid.choice[row] < best[target]:
            best[target] = grid.choice[row]
            f1[target, :, step:] = grid.configuration_test[row][:, None]
    return f1


def random_progress(grid: Grid) -> np.ndarray:
    """The exact expectation of ``progress`` over all N! orders: (targets, seeds, N + 1).

    When n of N configurations are drawn, a target's candidate of validation rank r is chosen if it is drawn and the r - 1
    better ones are not, with probability C(N - r, n - 1) / C(N, n). If no candidate is drawn, no transfer is chosen.
    """
    total = len(grid.configurations)
    f1 = np.repeat(grid.single_test[:, :, None], total + 1, axis=2)
    for position, target in enumerate(grid.targets):
        rows = grid.candidates(target)
        wins = winning_probability(total, len(rows))  # (ranks, n)
        gain = grid.configuration_test[rows] - grid.single_test[position]
        f1[position] += gain.T @ wins
    return f1


@dataclass(frozen=True)
class Curve:
    """F1 of an order as a step function of time, under one accounting and in every bootstrap draw.

    ready: seconds after which the single-task models exist, so that no transfer can be used. seconds: (n + 1,) at which
    0..n configurations are trained. f1: (1 + draws, n + 1), mean over targets; row 0 is the estimate, the others are draws
    of targets and their seeds. grid_f1: (1 + draws,) of the whole grid. tenth: seconds of the single-task models,
    attribution and 10 % of the pairs, the same for all orders. first_enough: (1 + draws,) from ``random_shares`` for random
    order, whose ``f1`` is an expectation; None for other orders.
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
        """Whether the order can only start when brute force has ended; it then has no value before."""
        return self.seconds[0] >= self.grid_seconds

    def step(self, seconds: float | np.ndarray) -> np.ndarray:
        """Number of configurations that are trained after so many seconds; -1 before the single-task models exist."""
        reached = np.multiply(seconds, TOLERANCE)
        steps = np.searchsorted(self.seconds, reached, side="right") - 1
        return np.where(reached >= (self.seconds[0] if self.late else self.ready), np.maximum(steps, 0), -1)

    def at(self, seconds: float) -> np.ndarray | None:
        """F1 (1 + draws,) after so many seconds; None before the single-task models exist."""
        step = self.step(seconds)
        return None if step < 0 else self.f1[:, step]

    @cached_property
    def loss(self) -> np.ndarray:
        """Share of the grid's F1 that is missing, of the shape of ``f1``; NaN where the grid's F1 is 0.

        It is negative where the trained part of the grid does better on test than the whole.
        """
        grid = np.broadcast_to(self.grid_f1[:, None], self.f1.shape)
        return np.divide(grid - self.f1, grid, out=np.full(self.f1.shape, np.nan), where=grid > 0)

    def loss_at(self, seconds: float) -> np.ndarray | None:
        """``loss`` (1 + draws,) after so many seconds; None before the single-task models exist."""
        step = self.step(seconds)
        return None if step < 0 else self.loss[:, step]

    def share_for(self, enough: float) -> np.ndarray:
        """Share of the grid's time after which this share of its F1 is first reached: (1 + draws,).

        It may exceed 1, and is infinity where the share is never reached.
        """
        if self.first_enough is not None:
            return self.first_enough
        reached = self.f1 >= enough * self.grid_f1[:, None] - 1e-12
        share = self.seconds[reached.argmax(axis=1)] / self.grid_seconds
        return np.where(reached.any(axis=1), share, np.inf)


@dataclass(frozen=True)
class Comparison:
    """What all curves of a study share.

    weights: (1 + draws, targets, seeds), the first row equal weights: the bootstrap draws are the same for all curves, so
    that their differences are paired. clocks: by accounting, of an order that computes nothing of its own. tenths: by
    accounting, the moment at which orders are compared.
    """

    grid: Grid
    weights: np.ndarray
    clocks: Mapping[str, Clock]
    tenths: Mapping[str, float]

    @cached_property
    def grid_f1(self) -> np.ndarray:
        """F1 of the whole grid in every draw: (1 + draws,)."""
        return np.tensordot(self.weights, self.grid.final(), axes=2)

    def curve(self, name: str, accounting: str, seconds: np.ndarray, f1: np.ndarray, **more) -> Curve:
        """One curve. seconds: (n + 1,). f1: (targets, seeds, n + 1). more: ``ready`` or ``first_enough``, if unusual."""
        clock = self.clocks[accounting]
        return Curve(
            order=name, accounting=accounting, seconds=seconds, f1=np.tensordot(self.weights, f1, axes=2),
            grid_f1=self.grid_f1, grid_seconds=clock.grid, tenth=self.tenths[accounting], **({"ready": clock.start} | more),
        )  # fmt: skip


def comparison(singles: pd.DataFrame, pairs: pd.DataFrame, config: Ranking, attribution: float) -> Comparison:
    """What all curves of a study share.

    Args:
        singles, pairs: the tables of these names.
        config: bootstrap draws and seed.
        attribution: seconds of attributing all single-task models. They count in ``Curve.tenth``, the moment at which all
            orders are compared; in an order's own time they count only as its own_seconds.

    Returns:
        Grid, draws, clocks and moments.
    """
    grid = grid_of(singles, pairs)
    weights = nested_weights(*grid.single_test.shape, config.bootstrap, np.random.default_rng(config.seed))
    weights = np.concatenate([np.full((1, *grid.single_test.shape), 1 / grid.single_test.size), weights])
    clocks = {accounting: clock(accounting, singles, pairs) for accounting in ACCOUNTINGS}
    tenths = {
        accounting: clock(accounting, singles, pairs, attribution).start + 0.1 * clocks[accounting].work
        for accounting in ACCOUNTINGS
    }
    return Comparison(grid, weights, clocks, tenths)


def curves(
    orders: Sequence[Order], singles: pd.DataFrame, pairs: pd.DataFrame, config: Ranking, attribution: float
) -> list[Curve]:
    """Every order under both accountings: two curves per order, one for each of ACCOUNTINGS.

    Args:
        orders: the orders.
        singles, pairs, config, attribution: as for ``comparison``.

    Returns:
        The curves.
    """
    drawn, common = [], comparison(singles, pairs, config, attribution)
    for order in orders:
        is_random, grid = order.configurations is None, common.grid
        f1 = random_progress(grid) if is_random else progress(order.configurations, grid)
        shares = random_shares(common, config.seed) if is_random else {}
        for accounting in ACCOUNTINGS:
            time = clock(accounting, singles, pairs, order.own_seconds, order.training_pairs)
            seconds, first = _seconds(order, time, f1.shape[2]), {"first_enough": shares.get(accounting)}
            drawn.append(common.curve(order.name, accounting, seconds, f1, **first))
    return drawn


def _seconds(order: Order, time: Clock, points: int) -> np.ndarray:
    """Seconds at which an order has trained 0, 1, ... configurations: (points,)."""
    if order.configurations is None:  # n of N random configurations are expected to cost n/N of the work
        return time.start + np.linspace(0, time.work, points)
    if order.finished is None:
        return time.finished(order.configurations)
    return time.start + np.concatenate([[0.0], order.finished[time.accounting]])


def random_shares(common: Comparison, seed: int) -> dict[str, np.ndarray]:
    """Share of the grid's time at which a random order first reaches ENOUGH of the grid's F1.

    The expectation over random orders reaches that line later than the orders do, because an order needs to reach it only
    once. Therefore orders are drawn by the seed, and each is judged in a draw of targets and seeds of its own.

    Returns by accounting (1 + orders,), the median first.
    """
    rng, configurations, shares = np.random.default_rng(seed), as_configurations(common.grid.configurations), []
    weights, grid_f1, clocks = common.weights, common.grid_f1, common.clocks
    for draw in range(1, min(len(weights), RANDOM_ORDERS + 1)):
        order = [configurations[place] for place in rng.permutation(len(configurations))]
        f1 = np.tensordot(weights[[0, draw]], progress(order, common.grid), axes=2)
        reached = f1 >= ENOUGH * grid_f1[[0, draw], None] - 1e-12
        times = np.stack([clock.finished(order) / clock.grid for clock in clocks.values()])
        shares.append(np.where(reached.any(axis=1), times[:, reached.argmax(axis=1)], np.inf))
    estimates, draws = np.moveaxis(np.array(shares), -1, 0)  # (orders, clocks) each
    return dict(zip(clocks, np.vstack([np.median(estimates, axis=0), draws]).T, strict=True))


def anytime_table(drawn: Sequence[Curve]) -> pd.DataFrame:
    """Table "anytime": F1 and the share of the grid's F1 that is lost, at 0, 1, ..., 100 % of the grid's time.

    Both have 95 % intervals. That of the loss is paired: every draw compares the order and the grid on the same targets.
    Values are NaN before the single-task models exist.
    """
    tables = []
    for curve in drawn:
        steps = curve.step(SHARES * curve.grid_seconds)
        columns = {}
        for name, draws in {"f1": curve.f1, "loss": curve.loss}.items():
            low, high = interval(draws[1:])
            columns |= {name: draws[0], f"{name}_low": low, f"{name}_high": high}
        values = {name: np.where(steps < 0, np.nan, column[steps]) for name, column in columns.items()}
        keys = {"order": curve.order, "accounting": curve.accounting, "share_of_time": SHARES}
        tables.append(pd.DataFrame(keys | values))
    return pd.concat(tables, ignore_index=True)


def points(drawn: Sequence[Curve]) -> dict[str, dict[str, dict[str, dict | None]]]:
    """``selectors`` of summary.json: order -> accounting -> point -> {value, low, high} or None.

    A point is None where it does not exist: it lies before the single-task models exist, or the order is learnt from the
    whole grid.
    """
    table: dict = {}
    for curve in drawn:
        table.setdefault(curve.order, {})[curve.accounting] = _points(curve)
    return table


def _points(curve: Curve) -> dict[str, dict | None]:
    values: dict[str, np.ndarray | None] = {}
    for share in PAPER_SHARES:
        values[f"f1_at_{share}"] = curve.at(share * curve.grid_seconds)
        values[f"loss_at_{share}"] = curve.loss_at(share * curve.grid_seconds)
    values["loss_at_10_percent_of_pairs"] = curve.loss_at(curve.tenth)
    values["share_for_99_percent"] = None if curve.late else curve.share_for(ENOUGH)
    return {name: _point(draws) for name, draws in values.items()}


def _point(draws: np.ndarray | None) -> dict[str, float | None] | None:
    """The estimate with its interval; None where it does not exist. draws: (1 + draws,), the estimate first.

    An end of the interval that is infinite (never reached) is None.
    """
    if draws is None or not np.isfinite(draws[0]):
        return None
    low, high = (float(end) if np.isfinite(end) else None for end in interval(draws[1:]))
    return {"value": float(draws[0]), "low": low, "high": high}
