"""How much F1 an order of pairs has after how much time.

Whatever an order has trained, each target uses the validation-best of it and of its single-task model.
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

SHARES = np.round(np.linspace(0, 1, 101), 2)
PAPER_SHARES = (0.165, 0.495)  # the paper's two points: 10 h and 30 h of its 60.6 h
ENOUGH = 0.99
RANDOM_ORDERS = 500  # that are drawn where their expectation does not tell
TOLERANCE = 1 + 1e-9  # sums of seconds in another order differ in their last digits


@dataclass(frozen=True)
class Grid:
    """The trained grid, as arrays. configurations: sorted by target, source, setting, with the mean validation_f1.

    configuration_test: (configurations, seeds) test F1; single_test: (targets, seeds). choice: per configuration, its
    place in the target's validation order (1 the best) among configurations that beat the single-task model, else 0.
    """

    targets: list[str]
    configurations: pd.DataFrame
    configuration_test: np.ndarray
    single_test: np.ndarray
    choice: np.ndarray

    @cached_property
    def row(self) -> dict[Configuration, int]:
        return {
            configuration: position for position, configuration in enumerate(as_configurations(self.configurations))
        }

    def candidates(self, target: str) -> np.ndarray:
        """Rows of the target's configurations that beat its single-task model on validation, the best first."""
        rows = np.flatnonzero((self.configurations["target"] == target) & (self.choice > 0))
        return rows[np.argsort(self.choice[rows])]

    def final(self) -> np.ndarray:
        """Test F1 of the validation-best of everything: (targets, seeds)."""
        values = self.single_test.copy()
        for position, target in enumerate(self.targets):
            if len(rows := self.candidates(target)):
                values[position] = self.configuration_test[rows[0]]
        return values


def grid_of(singles: pd.DataFrame, pairs: pd.DataFrame) -> Grid:
    """The grid of the tables "singles" and "pairs"; ties on validation go to no transfer, then to the first name."""
    configurations = pair_configurations(pairs).sort_values(["target", "source", "setting"]).reset_index(drop=True)
    baseline = selected_singles(singles, "target").pivot(index="target", columns="seed", values="test_f1")
    test = pairs.pivot(index=CONFIGURATION, columns="seed", values="test_f1").loc[
        pd.MultiIndex.from_frame(configurations[CONFIGURATION])
    ]
    targets = sorted(configurations["target"].unique())
    if not set(targets) <= set(baseline.index) or list(test.columns) != list(baseline.columns):
        raise InputError("tables 'singles' and 'pairs' differ in targets or seeds; run 02 and 03 again")
    beats = configurations["validation_f1"] > configurations["target"].map(single_validation(singles))
    place = sorted_by_score(
        configurations[beats].reset_index(),
        ["target"],
        configurations.loc[beats, "validation_f1"].reset_index(drop=True),
    )
    choice = np.zeros(len(configurations), dtype=int)
    choice[place["index"]] = place.groupby("target").cumcount() + 1
    return Grid(targets, configurations, test.to_numpy(), baseline.loc[targets].to_numpy(), choice)


def progress(configurations: Sequence[Configuration], grid: Grid) -> np.ndarray:
    """Test F1 of each target's validation-best after the first 0, 1, ..., n configurations: (targets, seeds, n + 1)."""
    values = np.repeat(grid.single_test[:, :, None], len(configurations) + 1, axis=2)
    place = {target: position for position, target in enumerate(grid.targets)}
    best = np.full(len(grid.targets), len(grid.configurations) + 1)
    for step, configuration in enumerate(configurations, 1):
        if configuration not in grid.row:
            source, target, setting = configuration
            raise InputError(f"an order names {source} -> {target} (setting {setting}), which the grid does not have")
        row, target = grid.row[configuration], place[configuration[1]]
        if 0 < grid.choice[row] < best[target]:
            best[target] = grid.choice[row]
            values[target, :, step:] = grid.configuration_test[row][:, None]
    return values


def random_progress(grid: Grid) -> np.ndarray:
    """The exact expectation of ``progress`` over all N! orders: (targets, seeds, N + 1).

    Of n configurations drawn from N, a target's candidate of validation rank r wins where it is drawn and the r - 1
    better ones are not: probability C(N - r, n - 1) / C(N, n). Else no transfer wins.
    """
    total = len(grid.configurations)
    values = np.repeat(grid.single_test[:, :, None], total + 1, axis=2)
    for position, target in enumerate(grid.targets):
        rows = grid.candidates(target)
        wins = winning_probability(total, len(rows))  # (ranks, n)
        gain = grid.configuration_test[rows] - grid.single_test[position]
        values[position] += gain.T @ wins
    return values


@dataclass(frozen=True)
class Curve:
    """An order under one accounting: a step function of time, in every bootstrap draw over targets and their seeds.

    ready: seconds after which the single-task models are there, and no transfer is what one has. seconds: (n + 1,), when
    0..n configurations are trained. f1: (1 + draws, n + 1), row 0 the estimate. grid_f1: (1 + draws,), the
    validation-best of everything. tenth: seconds of the single-task models, attribution and 10 % of the pairs, the
    same for all orders. first_enough: for random order, whose ``f1`` is an expectation: (1 + draws,) shares of the
    grid's time, see ``random_shares``.
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
        """How many configurations are trained after so many seconds; -1 before the single-task models are there."""
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
        values = random_progress(grid) if order.configurations is None else progress(order.configurations, grid)
        f1, shares = np.tensordot(weights, values, axes=2), dict.fromkeys(ACCOUNTINGS)
        if order.configurations is None:
            shares = random_shares(grid, bare, weights, best, config.seed)
        for accounting in ACCOUNTINGS:
            time = clock(accounting, singles, pairs, order.own_seconds, order.training_pairs)
            if order.finished is not None:
                steps = time.start + np.concatenate([[0.0], order.finished[accounting]])
            elif order.configurations is not None:
                steps = time.finished(order.configurations)
            else:  # n of N configurations cost n/N of the work
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
    rng, every, found = np.random.default_rng(seed), as_configurations(grid.configurations), []
    for draw in range(1, min(len(weights), RANDOM_ORDERS + 1)):
        configurations = [every[place] for place in rng.permutation(len(every))]
        f1 = np.tensordot(weights[[0, draw]], progress(configurations, grid), axes=2)
        reached = f1 >= ENOUGH * best[[0, draw], None] - 1e-12
        shares = np.stack([clock.finished(configurations) / clock.grid for clock in clocks.values()])
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
