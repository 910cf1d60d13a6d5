"""A new head that starts as a logistic regression on the features that fine-tuning starts from (LP-FT).

Kumar et al. (ICLR 2022, arXiv 2202.10054): a random head first turns the features to itself; one that already fits them
leaves them as they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from lib.models.encoders import Tokens
from lib.models.training import predict

INVERSE_PENALTY = 0.01  # of the logistic regression, on standardised features
SMALLEST_SPREAD = 1e-3  # of a feature that counts, as a share of the largest one's


def start_at_probe(
    network: torch.nn.Module,
    tokens: Tokens,
    rows: np.ndarray,
    labels: np.ndarray,
    positive_weight: float,
    precision: str,
) -> None:
    """Set a network's last linear map to a logistic regression on what it reads of the training texts.

    Args:
        network: a classifier of two logits, its encoder where fine-tuning starts.
        tokens, rows, labels: the training texts and their 0/1 labels, both (n,).
        positive_weight: of the positive class in the regression, as in the loss.
        precision: arithmetic in which the features are computed.

    A network whose texts all have one label keeps the head that it has.
    """
    if len(np.unique(labels)) < 2:
        return
    weights, bias = probe(head_inputs(network, tokens, rows, precision), labels, positive_weight)
    last = last_linear(network)
    with torch.no_grad():
        for logit, half in enumerate((-0.5, 0.5)):  # softmax of (-z / 2, z / 2) is the logistic function of z
            last.weight[logit] = torch.from_numpy(half * weights).to(last.weight)
            last.bias[logit] = half * bias


def probe(features: np.ndarray, labels: np.ndarray, positive_weight: float = 1.0) -> tuple[np.ndarray, float]:
    """Weights (d,) and bias of a logistic regression of 0/1 labels (n,) on features (n, d), standardised inside.

    Features that hardly vary get no weight: standardised, they would need weights so large that the norm of the loss's
    gradient, which is clipped, would be theirs alone.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0)
    varies = spread > SMALLEST_SPREAD * spread.max()
    classifier = LogisticRegression(
        C=INVERSE_PENALTY, class_weight={0: 1.0, 1: positive_weight}, solver="newton-cholesky"
    ).fit((features - mean)[:, varies] / spread[varies], labels)
    weights = np.zeros(len(mean))
    weights[varies] = classifier.coef_[0] / spread[varies]
    return weights, float(classifier.intercept_[0] - weights @ mean)


def head_inputs(network: torch.nn.Module, tokens: Tokens, rows: np.ndarray, precision: str) -> np.ndarray:
    """What a network's last linear map reads of texts, without dropout.

    Args:
        network: a classifier of two logits.
        tokens, rows: the tokenised texts and the rows to read.
        precision: "float32" or "bfloat16" (autocast).

    Returns:
        Features (rows, d), float64, in the order of ``rows``.
    """
    order, parts = [], []
    with _watched(last_linear(network), parts):
        predict(network, tokens, rows, precision, order.append)
    found = np.concatenate(parts)
    return found[np.argsort(np.concatenate(order), kind="stable")]


@contextmanager
def _watched(module: torch.nn.Module, parts: list[np.ndarray]) -> Iterator[None]:
    """Inside, what the module reads is appended to the parts."""
    hook = module.register_forward_pre_hook(lambda _, inputs: parts.append(inputs[0].double().cpu().numpy()))
    try:
        yield
    finally:
        hook.remove()


def last_linear(network: torch.nn.Module) -> torch.nn.Linear:
    """The linear map that gives the logits: the last one with as many outputs."""
    size = network.config.num_labels
    return [each for each in network.modules() if isinstance(each, torch.nn.Linear) and each.out_features == size][-1]
