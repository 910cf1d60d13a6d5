"""Scores, rank correlations, bootstrap and p-values: by hand, against scipy and scikit-learn."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lib.stats.bootstrap import draw_counts, f1_draws, interval, nested_weights
from lib.stats.metrics import best_threshold, collapsed, f1_at, predicted_positive
from lib.stats.metrics import scores as scores_of
from lib.stats.ranks import rank_agreement, spearman, winning_probability
from lib.stats.significance import discoveries, sign_flip_p, smallest_difference, two_sided
from lib.stats.spectrum import effective_rank, first_share


def test_scores_of_a_hand_worked_example():
    scores = scores_of(np.array([1, 1, 0, 0, 1]), np.array([0.9, 0.4, 0.6, 0.1, 0.5]))
    # predicted positive: texts 1, 3 and 5 (0.5 counts), so TP = 2, FP = 1, FN = 1
    assert scores["precision"] == pytest.approx(2 / 3)
    assert scores["recall"] == pytest.approx(2 / 3)
    assert scores["f1"] == pytest.approx(2 / 3)
    # positives stand at ranks 1, 3 and 4 of the falling probabilities
    assert scores["average_precision"] == pytest.approx((1 / 1 + 2 / 3 + 3 / 4) / 3)


def test_the_best_threshold_lies_halfway_below_the_last_text_that_counts():
    labels, probabilities = np.array([1, 0, 1, 0, 0]), np.array([0.4, 0.1, 0.3, 0.2, 0.35])
    # F1 of the first 1, 2, 3, 4, 5 texts: 2/3, 1/2, 4/5, 2/3, 4/7
    assert best_threshold(labels, probabilities) == pytest.approx(0.25)
    assert f1_at(0.25, labels, probabilities) == pytest.approx(4 / 5)
    assert f1_at(0.5, labels, probabilities) == 0
    assert best_threshold(np.zeros(5, int), probabilities) == 0.5


@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_does_better_than_the_best_one(seed):
    rng = np.random.default_rng(seed)
    labels, probabilities = rng.integers(0, 2, 40), np.round(rng.random(40), 1)  # with ties
    weights = rng.uniform(0.2, 3, 40)
    best = f1_at(best_threshold(labels, probabilities, weights), labels, probabilities, weights)
    assert best == pytest.approx(max(f1_at(t, labels, probabilities, weights) for t in np.linspace(0, 1, 201)))


def test_six_positives_can_show_a_difference_and_five_cannot():
    assert smallest_difference(6) == 1
    assert smallest_difference(40) == pytest.approx(0.15)
    assert np.isnan(smallest_difference(5))
    assert stats.binomtest(6, 6).pvalue <= 0.05 < stats.binomtest(5, 5).pvalue


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 0, 0]])
def test_scores_without_a_denominator_are_zero(labels):
    scores = scores_of(np.array(labels), np.full(3, 0.1))
    assert scores["f1"] == scores["precision"] == scores["recall"] == 0.0
    assert scores["average_precision"] == pytest.approx(np.mean(labels))


def test_scores_without_texts_are_undefined():
    nothing = np.empty(0, int), np.empty(0, np.float32)
    assert set(map(str, scores_of(*nothing).values())) == {"nan"} and np.isnan(f1_at(0.5, *nothing))
    assert list(scores_of(*nothing)) == list(scores_of(np.array([1, 0]), np.array([0.9, 0.1])))


def test_a_diverged_model_is_an_error_and_not_a_score():
    with pytest.raises(ValueError, match="not finite"):
        scores_of(np.array([1, 0]), np.array([np.nan, 0.2]))


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
    f1 = f1_draws(counts, labels, predicted_positive(probabilities))
    for draw in range(5):
        texts = np.repeat(np.arange(30), counts[draw].astype(int))
        expected = [scores_of(labels[texts], probabilities[texts, model])["f1"] for model in range(4)]
        assert f1[draw] == pytest.approx(expected)


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
    agreement = rank_agreement(scores, reference)
    for draw, value in enumerate(agreement):
        correlations = []
        for layer in range(2):
            for target in range(4):
                others = [task for task in range(4) if task != target]
                column = scores[draw, layer, others, target]
                correlation = stats.spearmanr(column, reference[layer, others, target])[0] if np.ptp(column) else 0.0
                correlations.append(correlation)
        assert value == pytest.approx(np.mean(correlations))
    assert rank_agreement(reference[None], reference) == pytest.approx(1.0)


def test_probabilities_of_winning_sum_to_that_of_drawing_any():
    wins = winning_probability(10, 10)
    assert wins.sum(axis=0) == pytest.approx([0] + [1] * 10)
    assert wins[2, 4] == pytest.approx(35 / 210)  # C(7, 3) / C(10, 4)


def test_many_doubtful_gains_are_not_discoveries():
    p = np.array([0.001, 0.02, 0.03, 0.9])
    assert discoveries(p).tolist() == [True, True, True, False]  # 0.03 <= 3/4 of 0.05
    assert discoveries(np.append(p, np.full(20, 0.8))).tolist() == [True] + 23 * [False]


def test_p_values_by_hand():
    draws = np.array([[1.0, -1.0, 0.0], [2.0, 1.0, 0.0], [3.0, 1.0, 0.0]])
    assert two_sided(0.0, draws) == pytest.approx([2 * 1 / 4, 2 * 2 / 4, 1.0])


def test_p_values_count_what_is_as_extreme():
    null = np.arange(1.0, 100.0)
    assert two_sided(50.0, null) == 1 and two_sided(98.0, null) == pytest.approx(0.06)
    assert two_sided(1_000.0, null) == pytest.approx(0.02) and np.isnan(two_sided(np.nan, null))


def test_the_sign_flip_test_is_over_all_signs():
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=3)))
    differences = pd.Series([0.1, 0.2, 0.3, np.nan])
    signs = np.c_[signs, np.ones(8)]
    assert sign_flip_p(signs, differences) == pytest.approx(2 * (1 + 1) / 9)  # one of 8 means is as large
    assert sign_flip_p(signs, -differences) == pytest.approx(2 * (1 + 1) / 9)
    assert sign_flip_p(signs, pd.Series([0.1, -0.1, 0.0, np.nan])) == 1
    assert np.isnan(sign_flip_p(signs, pd.Series([np.nan] * 4)))


def of_spectrum(*variances: float) -> np.ndarray:
    """Features that vary along the axes with these variances, up to a factor, around a mean that is not 0."""
    rows = np.diag(np.sqrt(variances))
    return np.concatenate([rows, -rows]) + 7.0


def test_effective_rank_counts_directions_of_equal_variance():
    for count in (1, 2, 5):
        features = of_spectrum(*[3.0] * count)
        assert effective_rank(features) == pytest.approx(count) and first_share(features) == pytest.approx(1 / count)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    assert effective_rank(1e-3 * of_spectrum(1.0, 1, 1, 1, 1) @ rotation) == pytest.approx(5)


def test_effective_rank_of_two_directions_by_hand():
    features = of_spectrum(9.0, 1.0)  # shares 0.9 and 0.1: exp(-(0.9 ln 0.9 + 0.1 ln 0.1))
    assert effective_rank(features) == pytest.approx(0.9**-0.9 * 0.1**-0.1)
    assert first_share(features) == pytest.approx(0.9)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [0.0, 0.1, -7e5])
def test_features_that_do_not_vary_count_as_one_direction(value):
    features = np.full((30, 4), value, dtype=np.float32)
    assert effective_rank(features) == first_share(features) == 1
    features[0, 0] += abs(value) + 1
    assert effective_rank(features) == pytest.approx(1) and first_share(features) == pytest.approx(1)
