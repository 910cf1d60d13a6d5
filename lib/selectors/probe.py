"""Linear probe, the "linear proxy" of Renggli et al. (CVPR 2022, arXiv 2010.06402): a linear model on frozen features."""

from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lib.selectors.registry import selector

INVERSE_PENALTY = 0.01  # on standardised features; chosen before any score was seen


@selector("linear probe")
def linear_probe(features, labels, validation_features, validation_labels, validation_weights):
    """Average precision on the target's validation texts of a logistic regression on its training texts.

    No pair is trained for it, and yet the score is one on held-out texts, each with its weight.
    """
    classifier = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", solver="newton-cholesky")
    probe = make_pipeline(StandardScaler(), classifier).fit(features, labels)
    decisions = probe.decision_function(validation_features)
    return float(average_precision_score(validation_labels, decisions, sample_weight=validation_weights))
