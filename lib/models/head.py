"""The heads of a network: how many outputs they have, what they read, and how they start.

A network's last linear map has the outputs of its type of task: two logits for each of its heads, a logit for every class
or tag. A new one can start as a linear model of the features that fine-tuning starts from (LP-FT). Kumar et al. (ICLR 2022,
arXiv 2202.10054): a random head first turns the features to itself; one that already fits them leaves them as they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
import torch

from lib.models.encoders import Tokens
from lib.models.training import predict
from lib.models.types.base import TaskType
from lib.models.types.classification import BINARY, binary
from lib.models.types.probe import HALVES


def set_outputs(network: torch.nn.Module, outputs: int, reads: str = "mean") -> None:
    """Give a network's last linear map this many outputs: it keeps the first of those that it has, and those that it lacks
    are zero. reads: what it reads, see ``TaskType``; only a network that pools by the mean can read positions."""
    if hasattr(network, "reads"):
        network.reads = reads
    old = last_linear(network)
    if old.out_features == outputs:
        return
    new = torch.nn.utils.skip_init(torch.nn.Linear, old.in_features, outputs, device=old.weight.device)
    with torch.no_grad():
        for ours, theirs in ((new.weight, old.weight), (new.bias, old.bias)):
            kept = min(len(ours), len(theirs))
            ours.zero_()[:kept] = theirs[:kept]
    network.set_submodule(next(name for name, module in network.named_modules() if module is old), new)
    network.config.num_labels = outputs


@contextmanager
def head_of(network: torch.nn.Module, type: TaskType) -> Iterator[None]:
    """Inside, a network of one binary head has the outputs of this type; afterwards it has the first two of them."""
    set_outputs(network, type.outputs, type.reads)
    try:
        yield
    finally:
        set_outputs(network, BINARY.outputs)


def start_at_probe(
    network: torch.nn.Module,
    tokens: Tokens,
    rows: np.ndarray,
    labels: np.ndarray,
    positive_weight: float,
    precision: str,
    type: TaskType | None = None,
) -> None:
    """Set a network's last linear map to a linear model of what it reads of the training texts.

    Args:
        network: with the outputs of the type, its encoder where fine-tuning starts.
        tokens, rows, labels: the training texts, (n,), and their targets, (n, ...), with -1 where one is masked.
        positive_weight: of the positive class in the regression, as in the loss.
        precision: arithmetic in which the features are computed.
        type: of task; None: that of 0/1 labels, (n,) or (n, heads).

    Outputs that no linear model can start stay as they are.
    """
    type, texts = binary(labels) if type is None else type, np.unique(rows)
    features = cache(lambda: head_inputs(network, tokens, texts, precision, type))
    last = last_linear(network)
    with torch.no_grad():
        for outputs, weights, biases in type.fitted(features, np.searchsorted(texts, rows), labels, positive_weight):
            last.weight[outputs] = torch.from_numpy(weights).to(last.weight)
            last.bias[outputs] = torch.from_numpy(biases).to(last.bias)


def set_logistic(network: torch.nn.Module, weights: torch.Tensor, bias: float | torch.Tensor) -> None:
    """Set a network's first head to a logistic regression.

    Args:
        network: a classifier of two logits per head.
        weights, bias: of z, (d,) and a number.
    """
    last = last_linear(network)
    with torch.no_grad():
        for logit, half in enumerate(HALVES):
            last.weight[logit] = (half * weights).to(last.weight)
            last.bias[logit] = half * bias


def head_inputs(
    network: torch.nn.Module, tokens: Tokens, rows: np.ndarray, precision: str, type: TaskType = BINARY
) -> np.ndarray | list[np.ndarray]:
    """What a network's last linear map reads of texts, without dropout.

    Args:
        network: with the outputs of the type.
        tokens, rows: the tokenised texts and the rows to read.
        precision: "float32" or "bfloat16" (autocast).
        type: of task.

    Returns:
        Features (rows, d), float64, in the order of ``rows``; where the type reads positions a list of (positions, d).
    """
    order, parts = [], []
    with _watched(last_linear(network), parts):
        predict(network, tokens, rows, precision, order.append, type)
    back = np.argsort(np.concatenate(order), kind="stable")
    if type.reads == "mean":
        return np.concatenate(parts)[back]
    found = [text for part in parts for text in part]
    return [found[place][: tokens.lengths[row]] for place, row in zip(back, rows, strict=True)]


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
