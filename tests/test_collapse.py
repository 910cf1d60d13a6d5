"""Collapsed representations: which sources have one, and whether gains follow the effective rank."""

import numpy as np
import pandas as pd
import pytest

from lib.stats.bootstrap import interval
from lib.study.sections import Ranking
from lib.transfer.collapse import (
    collapsed_representations,
    gains_by_rank,
    gains_by_source,
    rank_correlation,
    rank_summary,
)

CONFIG = Ranking(bootstrap=200)


def representations(**ranks) -> pd.DataFrame:
    """The table of this name: a pretrained encoder of rank 50, and sources with a rank for each of their seeds."""
    rows = [("", 0, 50.0), *((task, seed, rank) for task, each in ranks.items() for seed, rank in enumerate(each))]
    table = pd.DataFrame(rows, columns=["task", "seed", "effective_rank"])
    return table.assign(run=table["task"], texts=100, first_share=0.5)


def matrix(**gains) -> pd.DataFrame:
    """Pairs within the noise, from each target's gains by source."""
    rows = [(source, target, gain) for target, own in gains.items() for source, gain in own.items()]
    return pd.DataFrame(rows, columns=["source", "target", "gain"]).assign(helps=False, hurts=False)


def test_a_representation_has_collapsed_below_a_tenth_of_the_pretrained_encoders_rank():
    table = representations(a=[4.9, 30.0], b=[5.0, 60.0], c=[1.0, 1.0])
    assert collapsed_representations(table)[["task", "seed"]].to_numpy().tolist() == [["a", 0], ["c", 0], ["c", 1]]
    assert rank_summary(table) == {"pretrained": 50.0, "sources_median": 4.95, "sources_min": 1.0}


def test_gains_are_compared_with_the_rank_of_their_source_within_the_target():
    gains = gains_by_rank(
        matrix(a={"b": 0.1, "c": 0.2, "d": 0.3}, b={"a": -0.3, "c": -0.2, "d": -0.4}),
        representations(a=[2.0, 4.0], b=[1.0, 1.0], c=[9.0, 11.0], d=[20.0, 20.0]),
    )
    assert gains["effective_rank"].tolist() == [1, 10, 20, 3, 10, 20]  # means over seeds
    found = rank_correlation(gains, CONFIG)
    assert found["value"] == pytest.approx((1.0 - 0.5) / 2)  # ranks 1 2 3 and 2 3 1
    assert (found["low"], found["high"]) == pytest.approx((-0.5, 1.0))


@pytest.mark.filterwarnings("error")
def test_targets_whose_sources_gain_the_same_say_nothing():
    ranks = representations(a=[2.0], b=[3.0], c=[9.0])
    same, falling = {"b": 0.1, "c": 0.1}, {"b": 0.2, "c": 0.1}
    assert rank_correlation(gains_by_rank(matrix(a=same, d=falling), ranks), CONFIG)["value"] == pytest.approx(-1)
    assert np.isnan(rank_correlation(gains_by_rank(matrix(a=same), ranks), CONFIG)["value"])


def test_the_mean_gain_of_a_source_has_the_interval_of_its_targets():
    gains = {target: {"s": 0.01 * number} for number, target in enumerate("abcdefgh")}
    table = gains_by_source(gains_by_rank(matrix(**gains), representations(s=[7.0])), Ranking(bootstrap=4000))
    own = table.loc["s"]
    assert own["value"] == pytest.approx(0.035) and own["effective_rank"] == 7
    draws = np.random.default_rng(1).choice(0.01 * np.arange(8), size=(4000, 8)).mean(axis=1)
    assert own[["low", "high"]].tolist() == pytest.approx(list(interval(draws)), abs=0.002)
