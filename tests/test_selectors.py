"""The formulas of the selectors, against hand-worked values and against maintained libraries."""

import pkgutil

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import BayesianRidge, LinearRegression
from sklearn.metrics import average_precision_score, mutual_info_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from lib import selectors
from lib.errors import InputError
from lib.selection.fusion import fuse
from lib.selectors.curve import curve_slope
from lib.selectors.datasize import source_positives, source_texts
from lib.selectors.effective_rank import effective_rank
from lib.selectors.esm import esm_logme
from lib.selectors.hscore import hscore
from lib.selectors.knn import knn
from lib.selectors.leep import leep
from lib.selectors.logme import logme
from lib.selectors.nce import nce
from lib.selectors.probe import linear_probe
from lib.selectors.registry import all_selectors, selector
from lib.selectors.taskemb import taskemb
from lib.selectors.textemb import cosine, textemb, textemb_positives
from lib.selectors.vocabulary import overlap, vocabulary_positives


def problem(texts: int, size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features that tell something of the labels."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(texts) < 0.3).astype(int)
    return rng.normal(size=(texts, size)) + 0.8 * labels[:, None] * rng.normal(size=size), labels


@pytest.mark.parametrize("texts, size", [(60, 10), (30, 30), (20, 50)])
def test_logme_is_the_evidence_of_a_bayesian_linear_model(texts, size):
    """Against scikit-learn's marginal likelihood at its maximum, also where texts are fewer than features."""
    features, labels = problem(texts, size)
    evidence = []
    for y in (labels == 0, labels == 1):
        vague = dict.fromkeys(("alpha_1", "alpha_2", "lambda_1", "lambda_2"), 0.0)
        model = BayesianRidge(max_iter=100_000, tol=1e-12, fit_intercept=False, compute_score=True, **vague)
        evidence.append(model.fit(features, y.astype(float)).scores_[-1] / texts)
    assert logme(features, labels) == pytest.approx(np.mean(evidence), abs=1e-5)


def test_logme_is_the_density_of_the_labels_under_its_own_model():
    """log N(y; 0, (I + F F' / r) / beta), at no r and beta larger than what LogME finds."""
    features, labels = problem(12, 20)
    largest = logme(features, labels)
    classes = np.stack([labels == 0, labels == 1]).astype(float)
    best = np.full(2, -np.inf)
    for ratio, beta in np.exp(np.random.default_rng(0).uniform(-3, 6, size=(2_000, 2))):
        covariance = (np.eye(12) + features @ features.T / ratio) / beta
        misfit = (classes * np.linalg.solve(covariance, classes.T).T).sum(axis=1)
        density = -0.5 * (misfit + np.linalg.slogdet(covariance)[1] + 12 * np.log(2 * np.pi))
        best = np.maximum(best, density / 12)
    assert largest - 0.05 < best.mean() <= largest


def test_logme_prefers_features_that_tell_the_labels():
    features, labels = problem(100, 20)
    noise = np.random.default_rng(1).normal(size=features.shape)
    assert logme(features, labels) > logme(noise, labels)


def test_hscore_is_the_explained_variance_when_nothing_is_shrunk():
    """For two classes tr(S^-1 B) is R squared of the regression of the labels on the features."""
    features, labels = problem(20_000, 4)
    explained = LinearRegression().fit(features, labels).score(features, labels)
    assert hscore(features, labels) == pytest.approx(explained, abs=2e-3)


def test_hscore_shrinks_as_its_definition_says():
    features, labels = problem(30, 8)
    covariance, shrinkage = ledoit_wolf(features)
    centre, between = features.mean(axis=0), np.zeros((8, 8))
    for label in (0, 1):
        difference = features[labels == label].mean(axis=0) - centre
        between += (labels == label).mean() * np.outer(difference, difference)
    assert shrinkage > 0.05
    expected = np.trace(np.linalg.inv(covariance) @ ((1 - shrinkage) * between))
    assert hscore(features, labels) == pytest.approx(expected)


def test_leep_by_hand():
    """Two texts, theta (.75, .25) with label 0 and (.25, .75) with label 1: P(y | z) is .75 where they agree."""
    value = leep(np.array([0.25, 0.75]), np.array([0, 1]))
    assert value == pytest.approx(np.log(0.75 * 0.75 + 0.25 * 0.25))


def test_leep_of_predictions_that_say_nothing_is_minus_the_entropy():
    labels = np.array([0, 0, 0, 1])
    assert leep(np.full(4, 0.4), labels) == pytest.approx(0.75 * np.log(0.75) + 0.25 * np.log(0.25))


def test_nce_is_mutual_information_less_entropy():
    rng = np.random.default_rng(0)
    labels, probabilities = rng.integers(0, 2, 200), rng.random(200)
    probabilities[labels == 1] **= 0.5
    entropy = mutual_info_score(labels, labels)
    expected = mutual_info_score(labels, probabilities >= 0.5) - entropy
    assert nce(probabilities, labels) == pytest.approx(expected)
    assert nce(labels.astype(float), labels) == pytest.approx(0)


def test_knn_is_scikit_learns_left_one_out():
    features, labels = problem(40, 6)
    model = KNeighborsClassifier(5, metric="cosine", algorithm="brute")
    expected = (cross_val_predict(model, features, labels, cv=LeaveOneOut()) == labels).mean()
    assert knn(features, labels) == pytest.approx(expected)


def test_esm_of_a_model_that_is_linear_in_the_encoder_is_its_logme():
    rng = np.random.default_rng(0)
    base, weight = rng.normal(size=(2_000, 8)), rng.normal(size=(8, 8))
    features, labels = problem(100, 8)
    own = features @ np.linalg.inv(weight)
    assert esm_logme(base, base @ weight, own, labels) == pytest.approx(logme(features, labels), abs=1e-3)


def test_text_embeddings_are_compared_by_their_means():
    source, target = np.array([[2.0, 0.0], [0.0, 0.0]]), np.array([[0.0, 2.0], [2.0, 0.0]])
    assert textemb(source, target) == pytest.approx(np.sqrt(0.5))
    assert textemb_positives(source, np.array([1, 0]), target, np.array([0, 1])) == pytest.approx(1)
    assert cosine(np.zeros(2), np.ones(2)) == 0


def test_overlap_is_what_two_distributions_have_in_common():
    one, other = [np.array([1, 1]), np.array([2, 3])], [np.array([1, 4, 4, 4])]
    assert overlap(one, other) == pytest.approx(0.25)
    assert overlap(one, one) == pytest.approx(1)
    assert vocabulary_positives(one, np.array([0, 1]), other, np.array([1])) == 0


def test_size_counts_texts_and_positives():
    assert source_texts(np.array([0, 1, 1])) == 3 and source_positives(np.array([0, 1, 1])) == 2


@pytest.mark.parametrize("steps", [4, 50])
def test_the_slope_of_a_straight_curve_is_its_fall(steps):
    losses = 1 - 0.6 * np.arange(steps) / steps
    assert curve_slope(losses) == pytest.approx(0.6)


def test_taskemb_compares_component_by_component():
    one = {"layer 1": np.array([1.0, 0.0], np.float16), "head": np.array([1.0, 1.0], np.float16)}
    other = {"layer 1": np.array([1.0, 0.0], np.float16), "head": np.array([1.0, 0.0], np.float16)}
    assert taskemb(one, other) == pytest.approx([np.sqrt(0.5), 1], abs=1e-3)  # head, layer 1


def test_the_cosine_of_long_vectors_in_half_precision_is_exact():
    one, other = np.ones(200_000, np.float16), np.tile(np.array([1.0, 0.0], np.float16), 100_000)
    assert cosine(one, one) == pytest.approx(1) and cosine(one, other) == pytest.approx(np.sqrt(0.5), abs=1e-4)


def test_ranks_are_fused_within_a_target_and_seed():
    pairs = pd.DataFrame({"source": list("abab"), "target": list("ttuu"), "seed": 0})
    fused = fuse(pairs, np.array([[1.0, 5.0], [2.0, 9.0], [8.0, 3.0], [7.0, 4.0]]))
    assert fused == pytest.approx([2 / 62, 2 / 61, 1 / 61 + 1 / 62, 1 / 61 + 1 / 62])


def test_every_file_of_the_folder_brings_a_selector():
    files = {module.name for module in pkgutil.iter_modules(selectors.__path__)} - {"registry"}
    assert files == {each.score.__module__.rsplit(".", 1)[1] for each in all_selectors().values()}


def test_the_linear_probe_ranks_held_out_texts_by_the_penalised_likelihood_of_the_training_texts():
    """Against the same likelihood, all classes weighted equally, maximised by a general optimiser."""
    features, labels = problem(120, 5)
    (known, y), (held_out, truth) = (features[:80], labels[:80]), (features[80:], labels[80:])
    spread = known.std(axis=0)
    weights = len(y) / (2 * np.bincount(y))[y]

    def loss(parameters):
        logits = (known / spread) @ parameters[1:] + parameters[0]
        return weights @ np.logaddexp(0, np.where(y == 1, -logits, logits)) + parameters[1:] @ parameters[1:] / (
            2 * 0.01
        )

    best = minimize(loss, np.zeros(6)).x
    expected = average_precision_score(truth, (held_out / spread) @ best[1:])
    assert linear_probe(known, y, held_out, truth, None) == pytest.approx(expected)


def test_the_linear_probe_prefers_features_that_tell_the_labels():
    features, labels = problem(120, 20)
    noise = np.random.default_rng(5).normal(size=features.shape)
    scores = [linear_probe(each[:80], labels[:80], each[80:], labels[80:], None) for each in (features, noise)]
    assert scores[0] > scores[1] + 0.2


def test_the_linear_probe_counts_a_validation_text_as_often_as_its_weight_says():
    features, labels = problem(120, 5)
    known, held_out, truth = (features[:80], labels[:80]), features[80:], labels[80:]
    times = np.random.default_rng(2).integers(1, 5, len(truth))
    repeated = linear_probe(*known, held_out.repeat(times, axis=0), truth.repeat(times), None)
    assert linear_probe(*known, held_out, truth, times.astype(float)) == pytest.approx(repeated)
    assert linear_probe(*known, held_out, truth, None) != pytest.approx(repeated)


def test_effective_rank_prefers_a_source_whose_features_have_not_collapsed():
    features, _ = problem(100, 20)
    collapsed = features * np.r_[1.0, np.full(19, 0.01)]
    assert effective_rank(features) > 15 > 1.5 > effective_rank(collapsed) > 1


def test_who_sees_target_labels_is_told_from_the_parameters():
    blind = {name for name, each in all_selectors().items() if not each.sees_target_labels}
    expected = {"textemb", "vocabulary", "source_texts", "source_positives", "curve_slope", "effective_rank"}
    assert blind == expected


def test_a_selector_with_unknown_evidence_or_a_taken_name_is_refused():
    with pytest.raises(InputError, match="no input is called 'test_labels'; there are features, "):
        selector("peeks")(lambda features, test_labels: 0.0)

    def logme(features):
        return 0.0

    with pytest.raises(InputError, match="selector logme: the name is taken"):
        selector("again")(logme)
