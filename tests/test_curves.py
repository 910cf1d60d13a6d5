"""Curves of F1 against time, by hand and against enumeration."""

import dataclasses
import itertools

import numpy as np
import pytest
from grids import AB, AC, BA, BC, CA, CB, CONFIGURATIONS, grid, three_targets

from lib.errors import InputError
from lib.storage.tables import check
from lib.study.sections import Ranking
from lib.time_saving.curves import Grid, anytime_table, curves, grid_of, points, progress, random_progress
from lib.time_saving.orders import Order, no_transfer, random_order

CONFIG = Ranking(bootstrap=200)


@pytest.fixture
def study():
    return three_targets()


def mean_f1(order: list, trained: Grid) -> list[float]:
    return progress(order, trained).mean(axis=(0, 1)).tolist()


def test_each_target_uses_the_validation_best_of_what_is_trained(study):
    # A: .4, by C>A .6, and B>A is worse on validation. B: .5, for A>B loses on validation whatever its test F1.
    # C: .3, by B>C .7, then A>C is better on validation and worse on test: .5
    sums = [1.2, 1.4, 1.4, 1.4, 1.8, 1.6]
    assert mean_f1([CA, BA, AB, BC, AC], grid_of(*study)) == pytest.approx(np.array(sums) / 3)


def test_the_last_value_does_not_depend_on_the_order(study):
    trained = grid_of(*study)
    final = trained.final().mean()
    assert final == pytest.approx((0.6 + 0.5 + 0.5) / 3)
    for order in itertools.permutations(CONFIGURATIONS):
        assert mean_f1(order, trained)[-1] == pytest.approx(final, abs=1e-12)


@pytest.mark.parametrize("tied", [False, True])
def test_random_order_is_the_mean_over_all_orders(study, tied):
    singles, pairs = study
    if tied:
        pairs = pairs.assign(validation_f1=0.45)
    trained = grid_of(singles, pairs)
    expected = np.mean([mean_f1(order, trained) for order in itertools.permutations(CONFIGURATIONS)], axis=0)
    f1 = random_progress(trained).mean(axis=(0, 1))
    assert f1 == pytest.approx(expected)


def test_random_order_agrees_with_simulation_on_a_larger_grid():
    frames = grid(6, seeds=2, settings=2)
    study = grid_of(frames["singles"], frames["pairs"])
    rng, all_configurations = np.random.default_rng(0), list(study.row)
    simulated = [mean_f1([all_configurations[place] for place in rng.permutation(60)], study) for _ in range(300)]
    error = np.std(simulated, axis=0) / np.sqrt(300)
    f1 = random_progress(study).mean(axis=(0, 1))
    assert (np.abs(f1 - np.mean(simulated, axis=0)) <= 4 * error + 1e-9).all()


def test_f1_only_rises_where_test_equals_validation():
    frames = grid(5)
    same = [frames[name].assign(test_f1=frames[name]["validation_f1"]) for name in ("singles", "pairs")]
    study = grid_of(*same)
    order = [list(study.row)[place] for place in np.random.default_rng(0).permutation(20)]
    for values in (progress(order, study), random_progress(study)):
        assert (np.diff(values, axis=2) >= -1e-12).all()


def test_an_order_of_unknown_pairs_is_named(study):
    with pytest.raises(InputError, match="A -> Z"):
        mean_f1([("A", "Z", 0)], grid_of(*study))


@pytest.fixture
def drawn(study):
    """Curves of C>A, A>C, then the rest; brute force takes 60 s (paper) or 18 + 72 = 90 s; attribution 3 s."""
    order = (CA, AC, BA, BC, AB, CB)
    orders = [
        Order("slow", order, own_seconds=9.0), Order("learnt", order, training_pairs=True),
        random_order(), no_transfer(),
    ]  # fmt: skip
    return {(curve.order, curve.accounting): curve for curve in curves(orders, *study, CONFIG, 3.0)}


def test_a_curve_steps_when_a_pair_is_finished(drawn):
    curve = drawn["slow", "paper"]
    assert curve.at(9.9)[0] == pytest.approx(1.2 / 3)
    assert curve.at(10.0)[0] == pytest.approx(1.4 / 3)
    assert curve.at(60.0)[0] == curve.grid_f1[0] == pytest.approx(1.6 / 3)
    assert curve.loss_at(10.0)[0] == pytest.approx(0.2 / 1.6)
    assert curve.share_for(0.99)[0] == pytest.approx(20 / 60)


def test_all_inclusive_starts_after_single_tasks_and_attribution(drawn):
    curve = drawn["slow", "all_inclusive"]
    assert curve.at(17.9) is None
    assert curve.at(18.0)[0] == curve.at(38.9)[0] == pytest.approx(1.2 / 3)  # no transfer, until the first pair
    assert curve.at(39.0)[0] == pytest.approx(1.4 / 3)
    assert curve.share_for(0.99)[0] == pytest.approx((18 + 9 + 24) / 90)


def test_the_anytime_table_is_null_exactly_before_the_single_tasks(drawn):
    table = check("anytime", anytime_table(list(drawn.values())), "test")
    assert len(table) == 8 * 101
    rows = table.query("order == 'slow' and accounting == 'all_inclusive'").set_index("share_of_time")
    assert rows["f1"].isna().sum() == 20 and rows["f1"].isna()[:0.19].all() and rows["f1"].notna()[0.2:].all()
    assert table.query("order == 'learnt' and accounting == 'all_inclusive' and share_of_time < 1")["f1"].isna().all()
    known = table.dropna()
    for name in ("f1", "loss"):
        assert (known[f"{name}_low"] <= known[name] + 1e-12).all() and (
            known[name] <= known[f"{name}_high"] + 1e-12
        ).all()
    whole = known.query("share_of_time == 1 and order == 'slow'")
    assert (whole[["loss_low", "loss_high"]] == 0).all(axis=None)  # paired: the whole grid loses nothing in any draw


def test_points_are_nested_as_in_the_summary(drawn):
    table = points(list(drawn.values()))
    slow = table["slow"]["paper"]
    assert set(slow) == {
        "f1_at_0.165", "loss_at_0.165", "f1_at_0.495", "loss_at_0.495",
        "loss_at_10_percent_of_pairs", "share_for_99_percent",
    }  # fmt: skip
    assert slow["f1_at_0.165"]["value"] == pytest.approx(1.2 / 3)  # 9.9 s: nothing is finished
    assert slow["f1_at_0.495"]["value"] == pytest.approx(1.6 / 3)  # 29.7 s: two pairs
    assert slow["loss_at_0.495"]["value"] == pytest.approx(0)
    assert slow["loss_at_10_percent_of_pairs"]["value"] == pytest.approx(0.25)  # 6 s
    assert slow["share_for_99_percent"]["value"] == pytest.approx(1 / 3)
    inclusive = table["slow"]["all_inclusive"]
    assert inclusive["f1_at_0.165"] is None and inclusive["loss_at_0.165"] is None
    assert inclusive["f1_at_0.495"]["value"] == pytest.approx(1.4 / 3)  # 44.55 s: C>A is there at 39, A>C at 51
    assert inclusive["loss_at_10_percent_of_pairs"]["value"] == pytest.approx(0.25)
    assert {curve.tenth for curve in drawn.values() if curve.accounting == "all_inclusive"} == {18 + 3 + 7.2}
    assert set(table["learnt"]["all_inclusive"].values()) == {None}
    assert table["learnt"]["paper"] == slow
    assert table["no_transfer"]["paper"]["share_for_99_percent"] is None  # never
    assert table["no_transfer"]["paper"]["loss_at_0.495"]["value"] == pytest.approx(0.25)


def test_random_order_spends_its_time_evenly(drawn):
    assert drawn["random", "paper"].seconds == pytest.approx(np.arange(7) * 10.0)
    assert drawn["random", "all_inclusive"].seconds == pytest.approx(18 + np.arange(7) * 12.0)


def test_a_random_orders_share_is_the_median_of_orders_not_their_expectations(drawn, study):
    curve, grid = drawn["random", "paper"], grid_of(*study)
    first = [
        (progress(order, grid).mean(axis=(0, 1)) >= 0.99 * 1.6 / 3).argmax()
        for order in itertools.permutations(CONFIGURATIONS)
    ]
    shares = curve.share_for(0.99)
    assert shares[0] == pytest.approx(np.median(first) / 6) and len(shares) == 1 + CONFIG.bootstrap
    assert set((6 * shares[1:]).round(6)) <= {0, 1, 2, 3, 4, 5, 6}
    assert shares[0] < dataclasses.replace(curve, first_enough=None).share_for(0.99)[0]


def test_intervals_resample_targets_and_seeds(study):
    singles, pairs = study
    draws = curves([no_transfer()], singles, pairs, Ranking(bootstrap=20_000), 0.0)[0].f1[1:, 0]
    assert draws.mean() == pytest.approx(0.4, abs=0.002)
    assert draws.var() == pytest.approx(np.var([0.4, 0.5, 0.3]) / 3, rel=0.05)
