"""The two accountings of time, by hand."""

import numpy as np
import pandas as pd
import pytest
from grids import pair, single

from lib.errors import InputError
from lib.time_saving.costs import attribution_seconds, grid_seconds, single_task_share_of_grid
from lib.time_saving.costs import clock as costs_clock


@pytest.fixture
def study():
    """Four single-task models of 10 s; A -> B and B -> A in two seeds, 5 and 7 s training, 8 and 12 s in all."""
    singles = [single(task, 0.5, 0.5, side, total=10.0, train=6.0) for task in "AB" for side in ("source", "target")]
    pairs = [pair("A", "B", 0.5, 0.5, seed=seed, train=5.0, total=8.0) for seed in (0, 1)]
    pairs += [pair("B", "A", 0.5, 0.5, seed=seed, train=7.0, total=12.0) for seed in (0, 1)]
    return pd.DataFrame(singles), pd.DataFrame(pairs)


ORDER = [("B", "A", 0), ("A", "B", 0)]


def test_the_papers_accounting_counts_training_of_pairs_only(study):
    clock = costs_clock("paper", *study, own_seconds=100.0, training_pairs=True)
    assert (clock.start, clock.grid) == (0.0, 24.0)
    assert clock.finished(ORDER).tolist() == [0.0, 14.0, 24.0]


def test_all_inclusive_counts_everything(study):
    clock = costs_clock("all_inclusive", *study, own_seconds=3.0)
    assert (clock.start, clock.grid) == (43.0, 80.0)  # attribution is no part of brute force
    assert clock.finished(ORDER).tolist() == [43.0, 67.0, 83.0]
    assert clock.finished([]).tolist() == [43.0]


def test_an_order_learnt_from_the_grid_starts_after_it(study):
    assert costs_clock("all_inclusive", *study, training_pairs=True).start == 80.0


def test_shares(study):
    assert grid_seconds(*study) == 80.0
    assert single_task_share_of_grid(*study) == 0.5
    assert attribution_seconds(pd.DataFrame({"seconds": [1.5, 2.5]})) == 4.0


def test_unselected_settings_and_both_sides_count(study):
    singles, pairs = study
    tried = singles.assign(selected=False, run=singles["run"] + "/tried")
    assert costs_clock("all_inclusive", pd.concat([singles, tried]), pairs).start == 80.0


def test_bad_input_is_named(study):
    singles, pairs = study
    with pytest.raises(InputError, match="accounting 'free'"):
        costs_clock("free", singles, pairs)
    with pytest.raises(InputError, match="table 'pairs'"):
        costs_clock("paper", singles, pairs.assign(train_seconds=np.nan))
