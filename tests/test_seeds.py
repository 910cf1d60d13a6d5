"""Whether seeds agree: not at all where F1 is luck, fully where it depends on the source."""

import numpy as np
import pandas as pd
import pytest
from grids import grid, names, pair, single

from lib.report.figures.transfer import plot_choices, plot_repeatability
from lib.storage.tables import check
from lib.study.sections import Ranking
from lib.transfer.seeds import choice_gains, choices, mean_choice_gains, repeatability

CONFIG = Ranking(bootstrap=200)


def repeated(frames: dict) -> pd.DataFrame:
    table = check("repeatability", repeatability(frames["singles"], frames["pairs"], CONFIG), "test")
    return table.set_index(["ranked_by", "other_seed", "metric"])


def test_what_a_source_does_is_found_again_with_another_seed():
    metrics = repeated(grid(10, signal=3.0, seeds=3))
    assert metrics.loc[("test_f1", False, "spearman"), "value"] == pytest.approx(1)
    assert (metrics["value"].unstack("metric")["spearman"] > 0.9).all()
    gains = metrics["value"].unstack("metric")["gain"]
    assert gains["test_f1", True] == pytest.approx(gains["test_f1", False], abs=0.02) and (gains > 0.2).all()
    assert (metrics["low"] <= metrics["value"]).all() and (metrics["value"] <= metrics["high"]).all()


def test_luck_is_lost_with_another_seed():
    metrics = repeated(grid(20, signal=0.0, seeds=2))["value"].unstack("metric")
    assert abs(metrics["spearman"]["test_f1", True]) < 0.15 and abs(metrics["spearman"]["validation_f1", True]) < 0.15
    assert metrics["gain"]["test_f1", False] > metrics["gain"]["test_f1", True] + 0.02


def test_gains_are_over_no_transfer_of_the_same_seed_as_the_test():
    tasks = names(3)
    singles = [single(task, 0.5, 0.5 + 0.1 * seed, seed=seed) for task in tasks for seed in (0, 1)]
    pairs = [
        pair(source, target, 0.6, 0.7 + 0.1 * (source < target) + 0.1 * seed, seed=seed)
        for source in tasks for target in tasks if source != target for seed in (0, 1)
    ]  # fmt: skip
    metrics = repeated({"singles": pd.DataFrame(singles), "pairs": pd.DataFrame(pairs)})["value"]
    np.testing.assert_allclose(metrics["test_f1", True, "gain"], (0.2 + 0.3 + 0.3) / 3)
    np.testing.assert_allclose(metrics["validation_f1", True, "spearman"], 0)  # validation is equal: it ranks nothing


def reseeded(tasks: list[str], f1: np.ndarray) -> pd.DataFrame:
    """f1: (tasks, reseeded, 2), of validation and test."""
    return pd.DataFrame(
        single(task, *scores, seed=100 + number) | {"run": f"{task} again {number}"}
        for task, own in zip(tasks, f1.tolist(), strict=True) for number, scores in enumerate(own)
    )  # fmt: skip


def test_both_choices_are_made_on_validation_and_no_transfer_is_in_both_and_wins_ties():
    singles = pd.DataFrame([single(task, 0.5, 0.5, seed=seed) for task in "AB" for seed in (0, 1)])
    pairs = pd.DataFrame(
        [pair("B", "A", 0.7, 0.6), pair("B", "A", 0.6, 0.9, setting=1), pair("A", "B", 0.5, 0.9),
         pair("B", "A", 0.4, 0.9, seed=1), pair("A", "B", 0.6, 0.4, seed=1)]
    )  # fmt: skip
    again = reseeded(["A", "B"], np.array([[(0.6, 0.7), (0.4, 0.9)], [(0.5, 0.9), (0.2, 0.9)]]))
    chosen = check("choices", choices(singles, pairs, again), "test").set_index(["target", "seed", "among"])["test_f1"]
    assert chosen.unstack("among")["pairs"].tolist() == [0.6, 0.5, 0.5, 0.4]
    assert chosen.unstack("among")["reseeded"].tolist() == [0.7, 0.7, 0.5, 0.5]
    gains = choice_gains(chosen.reset_index())
    np.testing.assert_allclose(gains, [[0.05, 0.2], [-0.05, 0.0]])
    means = mean_choice_gains(chosen.reset_index(), CONFIG)
    np.testing.assert_allclose(means["value"], [0, 0.1, -0.1], atol=1e-12)
    assert (means["low"] <= means["value"]).all() and (means["value"] <= means["high"]).all()


def test_luck_gains_as_much_without_transfer_and_a_good_source_more():
    rng, means = np.random.default_rng(0), {}
    for signal in (0.0, 3.0):
        frames = grid(12, signal=signal, seeds=2)
        own = frames["singles"].query("side == 'target' and seed == 0").set_index("target")["test_f1"]
        luck = own.to_numpy()[:, None, None] + rng.normal(0, 0.02, (12, 11, 2))
        chosen = choices(frames["singles"], frames["pairs"], reseeded(list(own.index), luck))
        means[signal] = mean_choice_gains(chosen, CONFIG)
    assert means[0.0].loc["difference", "low"] < 0 < means[0.0].loc["difference", "high"]
    assert means[3.0].loc["difference", "low"] > 0.2
    assert plot_choices(choice_gains(chosen), means[3.0]).axes[0].get_yticklabels()[-1].get_text() == "mean"


def test_the_figure_shows_every_way_of_ranking_once():
    frames = grid(4, seeds=2)
    panels = plot_repeatability(repeatability(frames["singles"], frames["pairs"], CONFIG)).axes
    assert [tick.get_text() for tick in panels[0].get_yticklabels()][-1] == "test F1, same seed"
    assert panels[0].collections[1].get_offsets()[-1].tolist() == [1, 3] and all(axes.get_xlabel() for axes in panels)
