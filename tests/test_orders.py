"""Orders of training pairs: by scores, by the sequential regression, by successive halving."""

import numpy as np
import pandas as pd
import pytest
from grids import AB, AC, BA, BC, CA, CB, CONFIGURATIONS, grid, scores_of, three_targets

from lib.regression.features import pair_features
from lib.selection.contenders import (
    ansat_fixed,
    best_single_source,
    oracle,
    static_mean,
    tuned_elsewhere,
    validation_best,
)
from lib.study.sections import Ranking, Regression
from lib.time_saving.curves import curves
from lib.time_saving.orders import halving_order, interleaved, overall, sequential_order
from lib.transfer.pairs import CONFIGURATION, pair_configurations, setting_ranks, single_validation

QUICK, CONFIG = Regression(candidates=2, folds=2, repeats=1), Ranking(bootstrap=200)


@pytest.fixture
def study():
    return three_targets()


def test_interleaved_serves_every_target_before_any_second_choice(study):
    values = {BA: 0.6, CA: 0.7, AB: 0.3, CB: 0.35, AC: 0.6, BC: 0.42}
    # first choices C>A (+.2), C>B (-.05), A>C (+.3); second B>A (+.1), A>B (-.1), B>C (+.12)
    order = interleaved(scores_of(values), single_validation(study[0]))
    assert order == (AC, CA, CB, BC, BA, AB)


def test_the_literal_rule_looks_at_scores_only():
    assert overall(scores_of({BA: 0.6, CA: 0.7, AB: 0.3, AC: 0.6})) == (CA, BA, AC, AB)


def test_equal_scores_go_by_name_and_unknown_ones_last(study):
    single_f1 = pd.Series({"A": 0.5, "B": 0.5, "C": 0.5})
    assert interleaved(scores_of(dict.fromkeys(reversed(CONFIGURATIONS), 1.0)), single_f1) == (BA, AB, AC, CA, CB, BC)
    assert interleaved(scores_of({BA: np.nan, CA: 0.1}), single_f1) == (CA, BA)


def into(target: str, order: tuple) -> list[tuple[str, int]]:
    """Source and setting of an order's configurations into one target."""
    return [(source, setting) for source, name, setting in order if name == target]


def test_scores_that_know_no_settings_try_every_source_with_the_targets_best_one_first():
    rows = [("A", 0, 0.2), ("A", 1, 0.6), ("B", 0, 0.5), ("B", 1, 0.4)]
    singles = pd.DataFrame([(*row, "target", row[2] > 0.4) for row in rows])
    singles.columns = ["target", "setting", "validation_f1", "side", "selected"]
    singles = pd.concat([singles, singles.assign(side="source", validation_f1=1 - singles["validation_f1"])])
    ranks, single_f1 = setting_ranks(singles), pd.Series({"A": 0.6, "B": 0.5})
    assert ranks.to_dict() == {("A", 0): 1, ("A", 1): 0, ("B", 0): 0, ("B", 1): 1}
    blind = {(source, "A", setting): score for source, score in (("B", 0.1), ("C", 0.9)) for setting in (0, 1)}
    blind |= {(source, "B", setting): score for source, score in (("A", 0.8), ("C", 0.3)) for setting in (0, 1)}
    order = interleaved(scores_of(blind), single_f1, ranks)
    assert into("A", order) == [("C", 1), ("B", 1), ("C", 0), ("B", 0)]
    assert into("B", order) == [("A", 0), ("C", 0), ("A", 1), ("C", 1)]
    order = interleaved(scores_of(blind | {("C", "A", 0): 1.0}), single_f1, ranks)
    assert into("A", order)[:2] == [("C", 0), ("C", 1)]  # these scores know settings
    second = {(source, target, 2 + setting): score for (source, target, setting), score in blind.items()}
    order = interleaved(scores_of(blind | second), single_f1, ranks)
    assert into("A", order)[:2] == [("C", 1), ("C", 3)]  # from both of the source's models


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


def test_test_scores_move_no_order_but_the_oracle():
    frames = grid(5)
    pairs, singles = frames["pairs"], frames["singles"]
    twisted = pairs.assign(test_f1=1 - pairs["test_f1"])

    def orders(pairs):
        table, single_f1 = pair_configurations(pairs), single_validation(singles)
        scored = {
            "oracle": oracle(table), "validation_best": validation_best(table),
            "static": static_mean(table), "ansat": tuned_elsewhere(table, frames["ansat"], "ansat"),
            "single": best_single_source(table, singles),
        }  # fmt: skip
        scored = {name: interleaved(scores, single_f1) for name, scores in scored.items()}
        return scored | {"sequence": sequence(frames | {"pairs": pairs})}

    before, after = orders(pairs), orders(twisted)
    assert [name for name in before if before[name] != after[name]] == ["oracle"]


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
    prior = scores_of({BA: 2, CA: 1, AB: 1, CB: 2, AC: 1, BC: 2})
    order = halving_order(
        "halving", pair_configurations(study[1]), halfway(CONFIGURATIONS), prior, 0.5, own_seconds=9.0
    )
    assert set(order.configurations[:3]) == {BA, CB, BC} and set(order.configurations[3:]) == {CA, AB, AC}
    assert order.finished["paper"].tolist() == [18, 24, 30, 40, 50, 60]  # those outside are trained whole
    assert order.own_seconds == 9.0


def test_halving_goes_on_from_one_checkpoint_to_the_next(study):
    both = pd.concat(
        [halfway(CONFIGURATIONS).assign(checkpoint=3.0, steps=3, train_seconds=2.0), halfway(CONFIGURATIONS)]
    )
    order = halving_order("halving", pair_configurations(study[1]), both)
    # six for 2 s, one of two into each target on to 4 s, then their 6 s, then the dropped ones' 8 s
    assert order.finished["paper"].tolist() == [12 + 6 + n for n in (6, 12, 18, 26, 34, 42)]
    assert order.finished["all_inclusive"].tolist() == [18 + 9 + n for n in (8, 16, 24, 34, 44, 54)]
