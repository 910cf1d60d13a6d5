"""The heads of a network: how many there are, and how they start.

A network has one head, or a head for each of several labels. A head is two logits of the last linear map. A new head can
start as a logistic regression on the features that fine-tuning starts from (LP-FT). Kumar et al. (ICLR 2022, arXiv
2202.10054): a random head first turns the features to itself; one that already fits them leaves them as they are.
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


def set_heads(network: torch.nn.Module, heads: int) -> None:
    """Give a network this many heads: it keeps the first of those that it has, and those that it lacks are zero."""
    old = last_linear(network)
    if old.out_features == 2 * heads:
        return
    new = torch.nn.utils.skip_init(torch.nn.Linear, old.in_features, 2 * heads, device=old.weight.device)
    with torch.no_grad():
        for ours, theirs in ((new.weight, old.weight), (new.bias, old.bias)):
            kept = min(len(ours), len(theirs))
            ours.zero_()[:kept] = theirs[:kept]
    network.set_submodule(next(name for name, module in network.named_modules() if module is old), new)
    network.config.num_labels = 2 * heads


@contextmanager
def several_heads(network: torch.nn.Module, heads: int) -> Iterator[None]:
    """Inside, a network of one head has this many; afterwards it has the first of them."""
    set_heads(network, heads)
    try:
        yield
    finally:
        set_heads(network, 1)


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
        network: a classifier of two logits per head, its encoder where fine-tuning starts.
        tokens, rows, labels: the training texts, (n,), and their 0/1 labels, (n,) or (n, heads) with -1 where one is masked.
        positive_weight: of the positive class in the regression, as in the loss.
        precision: arithmetic in which the features are computed.

    Every head is fitted to the texts whose label it knows; a text that is there several times counts once. A head whose
    texts all have one label stays as it is.
    """
    heads, texts = labels.reshape(len(rows), -1).T, np.unique(rows)
    fitted = [head for head, own in enumerate(heads) if {0, 1} <= set(own.tolist())]
    features = head_inputs(network, tokens, texts, precision) if fitted else None
    for head in fitted:
        known = np.flatnonzero(heads[head] >= 0)
        own, first = np.unique(rows[known], return_index=True)
        weights, bias = probe(features[np.searchsorted(texts, own)], heads[head][known][first], positive_weight)
        set_logistic(network, torch.from_numpy(weights), bias, head)


def set_logistic(network: torch.nn.Module, weights: torch.Tensor, bias: float | torch.Tensor, head: int = 0) -> None:
    """Set one head of a network to a logistic regression: the softmax of (-z / 2, z / 2) is the logistic function of z.

    Args:
        network: a classifier of two logits per head.
        weights, bias: of z, (d,) and a number.
        head: which one.
    """
    last = last_linear(network)
    with torch.no_grad():
        for logit, half in enumerate((-0.5, 0.5), 2 * head):
            last.weight[logit] = (half * weights).to(last.weight)
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
        network: a classifier.
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
