import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lib.stats.bootstrap import draw_counts, f1_draws, interval, nested_weights
from lib.stats.metrics import collapsed, predicted_positive
from lib.stats.metrics import scores as metrics_scores
from lib.stats.ranks import rank_agreement, spearman


def test_scores_of_a_hand_worked_example():
    found = metrics_scores(np.array([1, 1, 0, 0, 1]), np.array([0.9, 0.4, 0.6, 0.1, 0.5]))
    # predicted positive: texts 1, 3 and 5 (0.5 counts), so TP = 2, FP = 1, FN = 1
    assert found["precision"] == pytest.approx(2 / 3)
    assert found["recall"] == pytest.approx(2 / 3)
    assert found["f1"] == pytest.approx(2 / 3)
    # positives stand at ranks 1, 3 and 4 of the falling probabilities
    assert found["average_precision"] == pytest.approx((1 / 1 + 2 / 3 + 3 / 4) / 3)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 0, 0]])
def test_scores_without_a_denominator_are_zero(labels):
    found = metrics_scores(np.array(labels), np.full(3, 0.1))
    assert found["f1"] == found["precision"] == found["recall"] == 0.0
    assert found["average_precision"] == pytest.approx(np.mean(labels))


def test_a_diverged_model_is_an_error_and_not_a_score():
    with pytest.raises(ValueError, match="not finite"):
        metrics_scores(np.array([1, 0]), np.array([np.nan, 0.2]))


def test_collapsed_means_no_predicted_positive():
    assert collapsed(np.array([0.1, 0.49]))
    assert not collapsed(np.array([0.1, 0.5]))


def test_spearman_is_scipys_and_defined_for_constants():
    scores, outcomes = np.array([3.0, 1.0, 1.0, 5.0, 2.0]), np.array([0.3, 0.1, 0.2, 0.2, 0.9])
    assert spearman(scores, outcomes) == pytest.approx(stats.spearmanr(scores, outcomes).statistic)
    assert spearman(np.ones(5), outcomes) == 0.0
    assert np.isnan(spearman(scores, np.ones(5)))


def test_drawn_counts_are_draws_with_replacement():
    counts = draw_counts(50, 2000, np.random.default_rng(0))
    assert (counts.sum(axis=1) == 50).all()
    assert counts.var() == pytest.approx(1 - 1 / 50, rel=0.03)  # of a binomial with n = 50, p = 1 / 50
    assert np.array_equal(counts, draw_counts(50, 2000, np.random.default_rng(0)))


def test_nested_weights_draw_seeds_anew_inside_every_drawn_target():
    weights = nested_weights(4, 3, 20_000, np.random.default_rng(0))
    assert weights.sum(axis=(1, 2)) == pytest.approx(np.ones(20_000))
    assert weights.mean(axis=0) == pytest.approx(np.full((4, 3), 1 / 12), rel=0.05)
    # a seed effect alone: variance s2 / 3 inside each of 4 drawn targets, so s2 / 12; here s2 = 2 / 3
    centred = np.tensordot(weights, np.tile([-1.0, 0.0, 1.0], (4, 1)), axes=2)
    assert centred.var() == pytest.approx(2 / 3 / 12, rel=0.05)


def test_resampled_f1_equals_f1_of_the_repeated_texts():
    rng = np.random.default_rng(1)
    labels, probabilities = rng.integers(0, 2, 30), rng.random((30, 4))
    counts = draw_counts(30, 5, rng)
    found = f1_draws(counts, labels, predicted_positive(probabilities))
    for draw in range(5):
        texts = np.repeat(np.arange(30), counts[draw].astype(int))
        expected = [metrics_scores(labels[texts], probabilities[texts, model])["f1"] for model in range(4)]
        assert found[draw] == pytest.approx(expected)


def test_f1_of_nothing_to_find_is_zero():
    assert f1_draws(np.ones((1, 3)), np.zeros(3), np.zeros((3, 1), dtype=bool)) == 0.0


def test_interval_keeps_never_and_skips_undefined():
    low, high = interval(np.arange(1000.0))
    assert (low, high) == (24.0, 974.0)
    low, high = interval(np.r_[np.ones(50), np.full(50, np.inf), np.full(10, np.nan)])
    assert (low, high) == (1.0, np.inf)
    undefined = interval(np.full(5, np.nan))
    assert np.isnan(undefined).all()
    assert pd.Series(undefined).dtype == float  # numbers, which a table takes, not arrays without axes


def test_rank_agreement_is_the_mean_of_scipys_over_draws_layers_and_targets():
    rng = np.random.default_rng(3)
    scores, reference = rng.integers(0, 6, (5, 2, 4, 4)).astype(float), rng.normal(size=(2, 4, 4))
    scores[0, 1, :, 2] = 1.0  # ranks nothing: counts as 0
    found = rank_agreement(scores, reference)
    for draw, value in enumerate(found):
        each = []
        for layer in range(2):
            for target in range(4):
                others = [task for task in range(4) if task != target]
                column = scores[draw, layer, others, target]
                rho = stats.spearmanr(column, reference[layer, others, target])[0] if np.ptp(column) else 0.0
                each.append(rho)
        assert value == pytest.approx(np.mean(each))
    assert rank_agreement(reference[None], reference) == pytest.approx(1.0)
