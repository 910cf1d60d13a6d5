import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest
from grids import grid, pair, single

from lib.errors import InputError
from lib.regression.features import pair_features
from lib.selection.contenders import (
    Scored,
    ansat_fixed,
    best_single_source,
    label_cooccurrence,
    oracle,
    static_mean,
    tuned_elsewhere,
    validation_best,
)
from lib.stats.ranks import winning_probability
from lib.storage.tables import check
from lib.study.sections import Ranking, Regression
from lib.time_saving.curves import Grid, anytime_table, curves, grid_of, progress, random_progress
from lib.time_saving.curves import points as curves_points
from lib.time_saving.orders import (
    Order,
    halving_order,
    interleaved,
    no_transfer,
    overall,
    random_order,
    sequential_order,
)
from lib.transfer.pairs import CONFIGURATION, pair_configurations, setting_ranks, single_validation

QUICK, CONFIG = Regression(candidates=2, folds=2, repeats=1), Ranking(bootstrap=200)
AB, AC, BA, BC, CA, CB = configurations = [(a, b, 0) for a in "ABC" for b in "ABC" if a != b]


@pytest.fixture
def study():
    """Three targets. Without transfer: A .5/.4, B .4/.5, C .3/.3 (validation/test); pairs take 10 s, in all 12 s."""
    singles = [single("A", 0.5, 0.4, total=6.0), single("B", 0.4, 0.5, total=6.0), single("C", 0.3, 0.3, total=6.0)]
    scores = {BA: (0.6, 0.5), CA: (0.7, 0.6), AB: (0.3, 0.9), CB: (0.35, 0.2), AC: (0.6, 0.5), BC: (0.4, 0.7)}
    pairs = [pair(*configuration[:2], *f1, train=10.0, total=12.0) for configuration, f1 in scores.items()]
    return pd.DataFrame(singles), pd.DataFrame(pairs)


def scored(values: dict) -> pd.DataFrame:
    return pd.DataFrame(
        [(*configuration, score) for configuration, score in values.items()], columns=[*CONFIGURATION, "score"]
    )


def mean_f1(order: list, trained: Grid) -> list[float]:
    return progress(order, trained).mean(axis=(0, 1)).tolist()


# --- orders -----------------------------------------------------------------------------------------------------------


def test_interleaved_serves_every_target_before_any_second_choice(study):
    values = {BA: 0.6, CA: 0.7, AB: 0.3, CB: 0.35, AC: 0.6, BC: 0.42}
    # first choices C>A (+.2), C>B (-.05), A>C (+.3); second B>A (+.1), A>B (-.1), B>C (+.12)
    order = interleaved(scored(values), single_validation(study[0]))
    assert order == (AC, CA, CB, BC, BA, AB)


def test_the_literal_rule_looks_at_scores_only():
    assert overall(scored({BA: 0.6, CA: 0.7, AB: 0.3, AC: 0.6})) == (CA, BA, AC, AB)


def test_equal_scores_go_by_name_and_unknown_ones_last(study):
    single_f1 = pd.Series({"A": 0.5, "B": 0.5, "C": 0.5})
    assert interleaved(scored(dict.fromkeys(reversed(configurations), 1.0)), single_f1) == (BA, AB, AC, CA, CB, BC)
    assert interleaved(scored({BA: np.nan, CA: 0.1}), single_f1) == (CA, BA)


def test_scores_that_know_no_settings_try_every_source_with_the_targets_best_one_first():
    rows = [("A", 0, 0.2), ("A", 1, 0.6), ("B", 0, 0.5), ("B", 1, 0.4)]
    singles = pd.DataFrame([(*row, "target", row[2] > 0.4) for row in rows])
    singles.columns = ["target", "setting", "validation_f1", "side", "selected"]
    singles = pd.concat([singles, singles.assign(side="source", validation_f1=1 - singles["validation_f1"])])
    turns = setting_ranks(singles)
    assert turns.to_dict() == {("A", 0): 1, ("A", 1): 0, ("B", 0): 0, ("B", 1): 1}
    blind = {(source, "A", setting): score for source, score in (("B", 0.1), ("C", 0.9)) for setting in (0, 1)}
    blind |= {(source, "B", setting): score for source, score in (("A", 0.8), ("C", 0.3)) for setting in (0, 1)}
    order = interleaved(scored(blind), pd.Series({"A": 0.6, "B": 0.5}), turns)
    assert [configuration for configuration in order if configuration[1] == "A"] == [
        ("C", "A", 1),
        ("B", "A", 1),
        ("C", "A", 0),
        ("B", "A", 0),
    ]
    assert [configuration for configuration in order if configuration[1] == "B"] == [
        ("A", "B", 0),
        ("C", "B", 0),
        ("A", "B", 1),
        ("C", "B", 1),
    ]
    seeing = blind | {("C", "A", 0): 1.0}
    first = [
        configuration
        for configuration in interleaved(scored(seeing), pd.Series({"A": 0.6, "B": 0.5}), turns)
        if configuration[1] == "A"
    ]
    assert first[:2] == [("C", "A", 0), ("C", "A", 1)]
    started = {(source, target, 2 + setting): score for (source, target, setting), score in blind.items()}
    of_all = interleaved(scored(blind | started), pd.Series({"A": 0.6, "B": 0.5}), turns)
    assert [configuration for configuration in of_all if configuration[1] == "A"][:2] == [
        ("C", "A", 1),
        ("C", "A", 3),
    ]  # both of the source's models


def test_scores_by_source(study):
    singles, pairs = study
    table = pair_configurations(pairs)
    by_configuration = ["source", "target", "setting"]
    best = best_single_source(table, singles).set_index(by_configuration)["score"]
    assert best[AB] == best[AC] == 0.5 and best[CA] == 0.3


def test_static_mean_leaves_the_target_out(study):
    static = static_mean(pair_configurations(study[1])).set_index(["source", "target", "setting"])["score"]
    assert static[AB] == pytest.approx(0.6)  # of A>C
    assert static[CA] == pytest.approx(0.35)  # of C>B


def test_static_mean_is_over_every_setting_and_other_target():
    frames = grid(4, settings=2)
    table = pair_configurations(frames["pairs"])
    found = static_mean(table).query("source == 'task00' and target == 'task02'")["score"]
    others = table.query("source == 'task00' and target != 'task02'")["validation_f1"]
    assert found.to_numpy() == pytest.approx([others.mean()] * 2)


def test_cooccurrence_reads_the_pairs_cell(study):
    pairs = itertools.product("ABC", repeat=2)
    table = pd.DataFrame(pairs, columns=["source", "target"]).assign(phi=np.arange(9.0))
    assert label_cooccurrence(pair_configurations(study[1]), table)["score"].tolist() == [1, 2, 3, 5, 6, 7]


def test_what_is_tuned_elsewhere_is_chosen_on_the_other_targets_validation():
    frames = grid(6)
    table, ansat = pair_configurations(frames["pairs"]), frames["ansat"]
    chosen = tuned_elsewhere(table, ansat, "ansat")
    assert set(chosen["layer"]) == {1}  # where the relation was planted
    held = table["target"] == "task03"
    twisted = table.assign(validation_f1=table["validation_f1"].where(~held, 1 - table["validation_f1"]), test_f1=0.5)
    same = tuned_elsewhere(twisted, ansat, "ansat")
    pd.testing.assert_frame_equal(chosen[chosen["target"] == "task03"], same[same["target"] == "task03"])
    fixed = ansat_fixed(table, ansat, 1, 0.5).set_index(["source", "target"])["score"]
    assert (
        fixed["task01", "task02"]
        == ansat.query("source == 'task01' and target == 'task02' and layer == 1 and threshold == 0.5")["ansat"].item()
    )
    with pytest.raises(InputError, match="no layer 7"):
        ansat_fixed(table, ansat, 7, 0.5)


# --- the sequential procedure -----------------------------------------------------------------------------------------


def sequence(frames: dict) -> tuple:
    features = pair_features(frames["pairs"], frames["singles"], frames["tasks"], frames["ansat"])
    first = ansat_fixed(pair_configurations(frames["pairs"]), frames["ansat"], 1, 0.5)
    return sequential_order(features, QUICK, 6, first, setting_ranks(frames["singles"]))


def test_the_sequence_sees_only_what_it_has_trained():
    frames = grid(6)
    order = sequence(frames)
    assert len(order) == len(set(order)) == 30
    assert {configuration[1] for configuration in order[:6]} == set(frames["tasks"]["task"])
    pairs = frames["pairs"]
    later = ~pd.MultiIndex.from_frame(pairs[["source", "target", "setting"]]).isin(order[:12])
    twisted = frames | {"pairs": pairs.assign(validation_f1=pairs["validation_f1"].where(~later, 0.0), test_f1=0.5)}
    changed = sequence(twisted)
    assert changed[:18] == order[:18]  # the third batch was chosen from the outcomes of the first two
    assert changed[18:] != order[18:]


def test_the_first_batch_is_every_targets_best_by_the_scores_given():
    frames = grid(6)
    first = ansat_fixed(pair_configurations(frames["pairs"]), frames["ansat"], 1, 0.5)
    order = sequence(frames)
    for source, target, _ in order[:6]:
        assert source == first[first["target"] == target].set_index("source")["score"].idxmax()


# --- F1 after n configurations --------------------------------------------------------------------------------


def test_each_target_uses_the_validation_best_of_what_is_trained(study):
    # A: .4, by C>A .6, and B>A is worse on validation. B: .5, for A>B loses on validation whatever its test F1.
    # C: .3, by B>C .7, then A>C is better on validation and worse on test: .5
    sums = [1.2, 1.4, 1.4, 1.4, 1.8, 1.6]
    assert mean_f1([CA, BA, AB, BC, AC], grid_of(*study)) == pytest.approx(np.array(sums) / 3)


def test_the_last_value_does_not_depend_on_the_order(study):
    trained = grid_of(*study)
    final = trained.final().mean()
    assert final == pytest.approx((0.6 + 0.5 + 0.5) / 3)
    for order in itertools.permutations(configurations):
        assert mean_f1(order, trained)[-1] == pytest.approx(final, abs=1e-12)


@pytest.mark.parametrize("tied", [False, True])
def test_random_order_is_the_mean_over_all_orders(study, tied):
    singles, pairs = study
    if tied:
        pairs = pairs.assign(validation_f1=0.45)
    trained = grid_of(singles, pairs)
    expected = np.mean([mean_f1(order, trained) for order in itertools.permutations(configurations)], axis=0)
    found = random_progress(trained).mean(axis=(0, 1))
    assert found == pytest.approx(expected)


def test_random_order_agrees_with_simulation_on_a_larger_grid():
    frames = grid(6, seeds=2, settings=2)
    study = grid_of(frames["singles"], frames["pairs"])
    rng, every = np.random.default_rng(0), list(study.row)
    simulated = [mean_f1([every[place] for place in rng.permutation(60)], study) for _ in range(300)]
    error = np.std(simulated, axis=0) / np.sqrt(300)
    found = random_progress(study).mean(axis=(0, 1))
    assert (np.abs(found - np.mean(simulated, axis=0)) <= 4 * error + 1e-9).all()


def test_probabilities_of_winning_sum_to_that_of_drawing_any():
    found = winning_probability(10, 10)
    assert found.sum(axis=0) == pytest.approx([0] + [1] * 10)
    assert found[2, 4] == pytest.approx(35 / 210)  # C(7, 3) / C(10, 4)


def test_f1_only_rises_where_test_equals_validation():
    frames = grid(5)
    same = [frames[name].assign(test_f1=frames[name]["validation_f1"]) for name in ("singles", "pairs")]
    study = grid_of(*same)
    order = [list(study.row)[place] for place in np.random.default_rng(0).permutation(20)]
    for values in (progress(order, study), random_progress(study)):
        assert (np.diff(values, axis=2) >= -1e-12).all()


def test_test_scores_move_no_order_but_the_oracle():
    frames = grid(5)
    pairs, singles = frames["pairs"], frames["singles"]
    twisted = pairs.assign(test_f1=1 - pairs["test_f1"])

    def orders(pairs):
        table, single_f1 = pair_configurations(pairs), single_validation(singles)
        found = {
            "oracle": oracle(table), "validation_best": validation_best(table),
            "static": static_mean(table), "ansat": tuned_elsewhere(table, frames["ansat"], "ansat"),
            "single": best_single_source(table, singles),
        }  # fmt: skip
        found = {name: interleaved(scores, single_f1) for name, scores in found.items()}
        return found | {"sequence": sequence(frames | {"pairs": pairs})}

    before, after = orders(pairs), orders(twisted)
    assert [name for name in before if before[name] != after[name]] == ["oracle"]


def test_an_order_of_unknown_pairs_is_named(study):
    with pytest.raises(InputError, match="A -> Z"):
        mean_f1([("A", "Z", 0)], grid_of(*study))


def halfway(configurations: list, seconds: float = 4.0) -> pd.DataFrame:
    """Checkpoints at a half of every pair, after 4 s and one more of prediction; average precision falls along
    configurations."""
    rows = [
        {"checkpoint": 0.5, "steps": 6, "seed": 0, "validation_average_precision": 1 - 0.1 * place, "train_seconds": seconds,
         "predict_seconds": 1.0} | dict(zip(CONFIGURATION, configuration, strict=True))
        for place, configuration in enumerate(configurations)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_halving_trains_the_better_half_on_and_the_others_last(study):
    checkpoints = halfway([CA, CB, AC, BA, AB, BC])  # into each target the first two are better than the last
    order = halving_order("halving", pair_configurations(study[1]), checkpoints)
    assert order.configurations == (CA, CB, AC, BA, AB, BC)
    # all six are trained for 4 s; then every one goes on for the 6 s (of 10; in all 8 of 12) that are left
    assert order.finished["paper"].tolist() == [24 + 6 * n for n in range(1, 7)]
    assert order.finished["all_inclusive"].tolist() == [30 + 8 * n for n in range(1, 7)]
    curve = curves([order], *study, CONFIG, 0.0)[0]
    assert curve.at(29.9)[0] == pytest.approx(1.2 / 3) and curve.at(30)[0] == pytest.approx(1.4 / 3)


def test_only_what_a_prior_lets_in_is_halved(study):
    prior = scored({BA: 2, CA: 1, AB: 1, CB: 2, AC: 1, BC: 2})
    order = halving_order(
        "halving", pair_configurations(study[1]), halfway(configurations), prior, 0.5, own_seconds=9.0
    )
    assert set(order.configurations[:3]) == {BA, CB, BC} and set(order.configurations[3:]) == {CA, AB, AC}
    assert order.finished["paper"].tolist() == [18, 24, 30, 40, 50, 60]  # those outside are trained whole
    assert order.own_seconds == 9.0


def test_halving_goes_on_from_one_checkpoint_to_the_next(study):
    both = pd.concat(
        [halfway(configurations).assign(checkpoint=3.0, steps=3, train_seconds=2.0), halfway(configurations)]
    )
    order = halving_order("halving", pair_configurations(study[1]), both)
    # six for 2 s, one of two into each target on to 4 s, then their 6 s, then the dropped ones' 8 s
    assert order.finished["paper"].tolist() == [12 + 6 + n for n in (6, 12, 18, 26, 34, 42)]
    assert order.finished["all_inclusive"].tolist() == [18 + 9 + n for n in (8, 16, 24, 34, 44, 54)]


# --- F1 as a function of time -----------------------------------------------------------------------------------------


@pytest.fixture
def found(study):
    """Curves of C>A, A>C, then the rest; brute force takes 60 s (paper) or 18 + 72 = 90 s; attribution 3 s."""
    order = (CA, AC, BA, BC, AB, CB)
    orders = [
        Order("slow", order, own_seconds=9.0), Order("learnt", order, training_pairs=True),
        random_order(), no_transfer(),
    ]  # fmt: skip
    return {(curve.order, curve.accounting): curve for curve in curves(orders, *study, CONFIG, 3.0)}


def test_a_curve_steps_when_a_pair_is_finished(found):
    curve = found["slow", "paper"]
    assert curve.at(9.9)[0] == pytest.approx(1.2 / 3)
    assert curve.at(10.0)[0] == pytest.approx(1.4 / 3)
    assert curve.at(60.0)[0] == curve.grid_f1[0] == pytest.approx(1.6 / 3)
    assert curve.loss_at(10.0)[0] == pytest.approx(0.2 / 1.6)
    assert curve.share_for(0.99)[0] == pytest.approx(20 / 60)


def test_all_inclusive_starts_after_single_tasks_and_attribution(found):
    curve = found["slow", "all_inclusive"]
    assert curve.at(17.9) is None
    assert curve.at(18.0)[0] == curve.at(38.9)[0] == pytest.approx(1.2 / 3)  # no transfer, until the first pair
    assert curve.at(39.0)[0] == pytest.approx(1.4 / 3)
    assert curve.share_for(0.99)[0] == pytest.approx((18 + 9 + 24) / 90)


def test_the_anytime_table_is_null_exactly_before_the_single_tasks(found):
    table = check("anytime", anytime_table(list(found.values())), "test")
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


def test_scores_that_are_all_alike_rank_nothing():
    scores = pd.DataFrame({"source": list("bcac"), "target": list("aabb"), "setting": 0, "score": [1.0, 1.0, 2.0, 2.0]})
    assert not Scored("size", scores).ranks_something
    assert Scored("size", scores.assign(score=[1.0, 2.0, 2.0, 2.0])).ranks_something


def test_points_are_nested_as_in_the_summary(found):
    points = curves_points(list(found.values()))
    slow = points["slow"]["paper"]
    assert set(slow) == {
        "f1_at_0.165", "loss_at_0.165", "f1_at_0.495", "loss_at_0.495",
        "loss_at_10_percent_of_pairs", "share_for_99_percent",
    }  # fmt: skip
    assert slow["f1_at_0.165"]["value"] == pytest.approx(1.2 / 3)  # 9.9 s: nothing is finished
    assert slow["f1_at_0.495"]["value"] == pytest.approx(1.6 / 3)  # 29.7 s: two pairs
    assert slow["loss_at_0.495"]["value"] == pytest.approx(0)
    assert slow["loss_at_10_percent_of_pairs"]["value"] == pytest.approx(0.25)  # 6 s
    assert slow["share_for_99_percent"]["value"] == pytest.approx(1 / 3)
    inclusive = points["slow"]["all_inclusive"]
    assert inclusive["f1_at_0.165"] is None and inclusive["loss_at_0.165"] is None
    assert inclusive["f1_at_0.495"]["value"] == pytest.approx(1.4 / 3)  # 44.55 s: C>A is there at 39, A>C at 51
    assert inclusive["loss_at_10_percent_of_pairs"]["value"] == pytest.approx(0.25)
    assert {curve.tenth for curve in found.values() if curve.accounting == "all_inclusive"} == {18 + 3 + 7.2}
    assert set(points["learnt"]["all_inclusive"].values()) == {None}
    assert points["learnt"]["paper"] == slow
    assert points["no_transfer"]["paper"]["share_for_99_percent"] is None  # never
    assert points["no_transfer"]["paper"]["loss_at_0.495"]["value"] == pytest.approx(0.25)


def test_random_order_spends_its_time_evenly(found):
    assert found["random", "paper"].seconds == pytest.approx(np.arange(7) * 10.0)
    assert found["random", "all_inclusive"].seconds == pytest.approx(18 + np.arange(7) * 12.0)


def test_a_random_orders_share_is_the_median_of_orders_not_their_expectations(found, study):
    curve, grid = found["random", "paper"], grid_of(*study)
    first = [
        (progress(order, grid).mean(axis=(0, 1)) >= 0.99 * 1.6 / 3).argmax()
        for order in itertools.permutations(configurations)
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
