"""The scores of pairs that are compared: reference scores, tuned similarities, the field's selectors, short training."""

import itertools

import numpy as np
import pandas as pd
import pytest
from grids import AB, AC, CA, grid, three_targets

from lib.errors import InputError
from lib.selection.comparison import selector_metrics
from lib.selection.contenders import (
    Scored,
    ansat_fixed,
    best_single_source,
    field_scores,
    label_cooccurrence,
    oracle,
    short_training_scores,
    static_mean,
    tuned_elsewhere,
)
from lib.time_saving.orders import Order, as_scores
from lib.transfer.pairs import pair_configurations


@pytest.fixture
def study():
    return three_targets()


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
    scores = static_mean(table).query("source == 'task00' and target == 'task02'")["score"]
    others = table.query("source == 'task00' and target != 'task02'")["validation_f1"]
    assert scores.to_numpy() == pytest.approx([others.mean()] * 2)


def test_cooccurrence_reads_the_pairs_cell(study):
    pairs = itertools.product("ABC", repeat=2)
    table = pd.DataFrame(pairs, columns=["source", "target"]).assign(phi=np.arange(9.0))
    assert label_cooccurrence(pair_configurations(study[1]), table)["score"].tolist() == [1, 2, 3, 5, 6, 7]


def test_what_is_tuned_elsewhere_is_chosen_on_the_other_targets_validation():
    frames = grid(6)
    table, ansat = pair_configurations(frames["pairs"]), frames["ansat"]
    chosen = tuned_elsewhere(table, ansat, "ansat")
    assert set(chosen["layer"]) == {1}  # where the relation was planted
    is_target = table["target"] == "task03"
    twisted = table.assign(
        validation_f1=table["validation_f1"].where(~is_target, 1 - table["validation_f1"]), test_f1=0.5
    )
    unchanged = tuned_elsewhere(twisted, ansat, "ansat")
    pd.testing.assert_frame_equal(chosen[chosen["target"] == "task03"], unchanged[unchanged["target"] == "task03"])
    fixed = ansat_fixed(table, ansat, 1, 0.5).set_index(["source", "target"])["score"]
    assert (
        fixed["task01", "task02"]
        == ansat.query("source == 'task01' and target == 'task02' and layer == 1 and threshold == 0.5")["ansat"].item()
    )
    with pytest.raises(InputError, match="no layer 7"):
        ansat_fixed(table, ansat, 7, 0.5)


def test_scores_that_are_all_alike_rank_nothing():
    scores = pd.DataFrame({"source": list("bcac"), "target": list("aabb"), "setting": 0, "score": [1.0, 1.0, 2.0, 2.0]})
    assert not Scored("size", scores).ranks_something
    assert Scored("size", scores.assign(score=[1.0, 2.0, 2.0, 2.0])).ranks_something


def test_field_scores_are_means_over_seeds_with_their_price():
    configurations = pair_configurations(grid(3, seeds=2)["pairs"])
    first = (configurations["source"] == configurations["source"].min()).astype(float)
    keys = [configurations.assign(seed=seed, score=seed + first, selector="logme") for seed in (0, 1)]
    size = configurations.assign(
        seed=0, score=48.0, selector="source_positives"
    )  # of sources of one size: it ranks nothing
    costs = pd.DataFrame({"selector": ["logme", "source_positives"], "extraction_seconds": 2.0, "scoring_seconds": 1.0})
    (logme,) = field_scores(configurations, pd.concat([*keys, size]), costs)
    assert (logme.scores["score"] == 0.5 + first).all() and len(logme.scores) == 6 and logme.own_seconds == 3


def test_the_oracle_is_the_bound_of_pairs_with_several_settings_too():
    configurations = pair_configurations(grid(6, settings=4, signal=0.2)["pairs"])
    values = selector_metrics(oracle(configurations), configurations).groupby("metric")["value"].mean()
    assert values["spearman"] == pytest.approx(1) and values["regret_at_1"] == 0


def test_short_training_costs_what_it_took_and_orders_become_scores():
    keys = {"source": ["a", "b"], "target": ["b", "a"], "setting": 0, "seed": 0}
    seconds = {"train_seconds": [3.0, 4.0], "predict_seconds": [1.0, 2.0]}
    scores = {"validation_f1": [0.0, 0.5], "validation_average_precision": [0.3, 0.2]}
    once = pd.DataFrame(keys | seconds | scores)
    both = pd.concat([once.assign(checkpoint=0.25), once.assign(checkpoint=10.0)])
    by_f1, by_ap, *later = short_training_scores(both)
    assert (by_f1.name, by_ap.name) == ("f1_after_25_percent", "average_precision_after_25_percent")
    assert [scores.name for scores in later] == ["f1_after_10_steps", "average_precision_after_10_steps"]
    assert by_f1.own_seconds == 10 and list(by_ap.scores["score"]) == [0.3, 0.2]
    placed = as_scores(Order("halving", (("b", "a", 0), ("a", "b", 0))))
    assert list(placed["source"]) == ["b", "a"] and placed["score"].is_monotonic_decreasing
