"""The field's metrics of a selector, and the comparison of selectors with each other."""

import itertools

import numpy as np
import pandas as pd
import pytest
from grids import grid, pair

from lib.errors import InputError
from lib.selection.comparison import advice, compare, random_means, selector_metrics
from lib.selection.contenders import Scored, oracle, static_mean
from lib.stats.significance import discoveries
from lib.storage.tables import check
from lib.study.sections import Ranking
from lib.transfer.pairs import CONFIGURATION, pair_configurations

CONFIG = Ranking(bootstrap=500)


def one_target(f1: list[float], score: list[float]) -> dict[str, pd.Series]:
    sources = [f"s{i}" for i in range(len(f1))]
    pairs = pd.DataFrame([pair(source, "T", 0.5, value) for source, value in zip(sources, f1, strict=True)])
    scores = pd.DataFrame({"source": sources, "target": "T", "setting": 0, "score": score})
    return selector_metrics(scores, pair_configurations(pairs)).set_index("metric")


def test_metrics_of_a_hand_worked_ranking():
    metrics = one_target([0.2, 0.8, 0.4, 0.6], [4.0, 3.0, 2.0, 1.0])["value"]  # ranked: .2 .8 .4 .6
    assert metrics["regret_at_1"] == pytest.approx(0.75)
    assert metrics["regret_at_3"] == metrics["regret_at_5"] == 0
    assert metrics["rank_of_best"] == 2 and metrics["reciprocal_rank"] == 0.5
    discount = 1 / np.log2([2, 3, 4, 5])
    assert metrics["ndcg_linear"] == pytest.approx(discount @ [0.2, 0.8, 0.4, 0.6] / (discount @ [0.8, 0.6, 0.4, 0.2]))
    assert metrics["spearman"] == pytest.approx(-0.4)  # ranks 1 4 2 3 against 4 3 2 1: 1 - 6 (9 + 1 + 0 + 4) / 60


@pytest.mark.parametrize("f1", [[0.2, 0.8, 0.4], [0.8, 0.8, 0.4, 0.1]])
def test_random_metrics_are_the_mean_over_all_rankings(f1):
    rankings = [one_target(f1, list(order)) for order in itertools.permutations(range(len(f1)))]
    expected, random = pd.concat([table["value"] for table in rankings], axis=1).mean(axis=1), rankings[0]["random"]
    assert random.to_numpy() == pytest.approx(expected[random.index].to_numpy())


def test_a_constant_selector_is_worth_random_order():
    metrics = one_target([0.2, 0.8, 0.4, 0.6], [1.0] * 4)
    assert metrics["value"].to_numpy() == pytest.approx(metrics["random"].to_numpy(), abs=0.15)
    assert metrics.loc["spearman", "value"] == 0


def test_the_planted_truth_judges_within_targets():
    """Each target's sources in the order planted, in the opposite order, and in none; a target that has no order."""
    configurations, tasks = pair_configurations(grid(4)["pairs"]), sorted(grid(4)["tasks"]["task"])
    planted = pd.DataFrame(np.random.default_rng(0).random((4, 4)), index=tasks, columns=tasks)
    planted[tasks[0]] = 0.5
    scores = configurations[CONFIGURATION].assign(
        score=[planted.loc[row.source, row.target] for row in configurations.itertuples()]
    )
    scored = [
        Scored("planted", scores),
        Scored("opposite", scores.assign(score=-scores["score"])),
        Scored("constant", scores.assign(score=1.0)),
        Scored("static_mean", static_mean(configurations)),
    ]
    table = compare(scored, configurations, CONFIG, planted).set_index(["metric", "selector"])
    planted_metrics = table.loc["spearman_with_planted"]
    assert planted_metrics["value"][["planted", "opposite", "constant"]].tolist() == pytest.approx([1, -1, 0])
    assert (planted_metrics["random"] == 0).all() and planted_metrics.loc["planted", "low"] == pytest.approx(1)
    assert planted_metrics.loc["planted", "over_random_p"] < 0.05 < planted_metrics.loc["constant", "over_random_p"]


def test_metrics_without_a_best_are_undefined():
    metrics = one_target([0.0, 0.0, 0.0], [1.0, 2.0, 3.0])["value"]
    assert metrics[["regret_at_1", "ndcg_linear", "spearman"]].isna().all()


def test_an_unscored_pair_is_named():
    configurations = pair_configurations(grid(3)["pairs"])
    with pytest.raises(InputError, match="no score for task02 -> task01"):
        selector_metrics(
            oracle(configurations).drop(
                index=configurations[(configurations.source == "task02") & (configurations.target == "task01")].index
            ),
            configurations,
        )


def test_the_oracle_is_better_than_random_and_noise_is_not():
    configurations = pair_configurations(grid(8)["pairs"])
    noise = configurations[CONFIGURATION].assign(score=np.random.default_rng(0).random(len(configurations)))
    scored = [
        Scored("oracle", oracle(configurations)),
        Scored("noise", noise),
        Scored("static_mean", static_mean(configurations)),
    ]
    table = check("selector_metrics", compare(scored, configurations, CONFIG), "test").set_index(["selector", "metric"])
    assert table.loc[("oracle", "spearman"), "value"] == pytest.approx(1)
    assert table.loc[("oracle", "regret_at_1"), "value"] == 0
    assert (table["over_random_p"]["oracle"].drop(index="regret_at_5") < 0.05).all()  # 5 of 7 often hold the best
    assert (table["over_static_mean_p"]["oracle"][["regret_at_1", "spearman"]] < 0.05).all()
    assert not discoveries(table["over_random_p"]["noise"].to_numpy()).any()
    assert (table["low"] <= table["value"] + 1e-12).all() and (table["value"] <= table["high"] + 1e-12).all()
    assert table["over_static_mean_p"]["static_mean"].isna().all()  # it does not differ from itself


def test_targets_without_a_metric_are_left_out():
    pairs = grid(4)["pairs"]
    pairs.loc[pairs["target"] == "task00", "test_f1"] = 0.0
    configurations = pair_configurations(pairs)
    scored = [Scored("oracle", oracle(configurations)), Scored("static_mean", static_mean(configurations))]
    table = compare(scored, configurations, CONFIG).set_index(["selector", "metric"])
    assert table.loc[("oracle", "regret_at_1"), "value"] == 0
    assert np.isfinite(table.loc[("oracle", "spearman"), "low"])


def test_random_means_have_the_exact_expectation():
    configurations = pair_configurations(grid(5)["pairs"])
    expected = selector_metrics(oracle(configurations), configurations).groupby("metric")["random"].mean()
    means = random_means(configurations, 4_000, 0)
    assert set(means) == set(expected.index)
    for metric, draws in means.items():
        assert draws.mean() == pytest.approx(expected[metric], abs=4 * draws.std() / np.sqrt(4_000))


def test_what_ranks_nothing_is_rarely_told_from_random_order():
    """Noise on 20 grids of 12 targets: an error rate of 5 % and intervals of 95 % are about what they say."""
    misses, errors = 0, 0
    for seed in range(20):
        configurations = pair_configurations(grid(12, seed=seed)["pairs"])
        noise = configurations[CONFIGURATION].assign(score=np.random.default_rng(seed).random(len(configurations)))
        scored = [Scored("noise", noise), Scored("static_mean", static_mean(configurations))]
        table = compare(scored, configurations, CONFIG).set_index(["selector", "metric"]).loc[("noise", "spearman")]
        misses += not table["low"] <= 0 <= table["high"]
        errors += table["over_random_p"] < 0.05
    assert misses <= 4 and errors <= 3


def test_advice_names_the_best_of_each_kind_and_no_selector_with_a_caveat():
    frames = grid(6, signal=1.0, seed=0)
    configurations = pair_configurations(frames["pairs"])
    right, wrong = (configurations[CONFIGURATION].assign(score=sign * configurations["test_f1"]) for sign in (1, -1))
    scored = [
        Scored("free", right), Scored("worse", wrong), Scored("dear", wrong, 60.0), Scored("doubtful", right, 60.0),
        Scored("short", right, 30.0, short_training=True),
        Scored("static_mean", static_mean(configurations), training_pairs=True),
    ]  # fmt: skip
    metrics = compare(scored, configurations, Ranking(bootstrap=200))
    table = advice(scored, metrics, pd.Series({"doubtful": "its tasks share their texts"})).set_index("kind")
    assert table["selector"].to_dict() == {
        "Nothing to compute": "free", "Single-task models only": "dear", "A part of every pair's training": "short",
    }  # fmt: skip
    assert table["of"].tolist() == [2, 1, 1] and table["seconds"].tolist() == [0, 60, 30]
    assert table.loc["Nothing to compute", "differs"] and table["value"].tolist() == pytest.approx([1, -1, 1])
