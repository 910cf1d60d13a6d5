"""Attributes a model's decision to the positions of a text at every layer at once, so that attribution costs seconds.

Conductance (Dhamdhere, Sundararajan & Yan 2018, "How important is a neuron?") of position i of layer y is

    c_i = sum over hidden units j of  integral_0^1  dF/dy_ij(a) * dy_ij/da  da

along the straight path e' + a (e - e') of word embeddings, where F is the logit of the positive class and e' has PAD's
embedding at every position but [CLS] and [SEP]. Each layer's output is a cut of the network, so that
sum_i c_i = F(x) - F(x') (completeness): how far the two sides are apart is the error of the integral.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from lib.errors import InputError

POSITIVE = 1  # index of the positive class's logit
PADDING_LIMIT = 0.1  # padded positions a pass may hold, as a share of its positions


@dataclass(frozen=True)
class Conductances:
    """Conductances of several texts at layers 0 (output of the embeddings) to L (output of the last layer).

    values: (positions of all texts, L + 1) float32, text after text; text t owns rows offsets[t] to offsets[t + 1].
    At layer L the head reads only [CLS], so every other position is exactly zero there; it is kept for completeness.
    logit, baseline_logit: (texts,) F(x) and F(x').
    absolute_error: (texts, L + 1) |sum_i c_i - (F(x) - F(x'))|; relative_error: that over |F(x) - F(x')|, NaN where
    F(x) = F(x'), as in a text without words.
    """

    values: np.ndarray
    offsets: np.ndarray
    logit: np.ndarray
    baseline_logit: np.ndarray

    @property
    def absolute_error(self) -> np.ndarray:
        total = np.add.reduceat(self.values.astype(np.float64), self.offsets[:-1], axis=0)
        return np.abs(total - (self.logit - self.baseline_logit)[:, None])

    @property
    def relative_error(self) -> np.ndarray:
        change = np.abs(self.logit - self.baseline_logit)[:, None]
        return np.divide(self.absolute_error, change, out=np.full_like(self.absolute_error, np.nan), where=change > 0)

    @property
    def median_absolute_error(self) -> float:
        return float(np.median(self.absolute_error))

    @property
    def median_relative_error(self) -> float:
        """Median over texts and layers; NaN if no text has a word."""
        known = self.relative_error[~np.isnan(self.relative_error)]
        return float(np.median(known)) if known.size else float("nan")


def layer_conductances(
    model: torch.nn.Module, token_ids: Sequence[np.ndarray], pad_id: int, steps: int, rows: int, rule: str = "lobatto"
) -> Conductances:
    """Conductance of every position at every layer for the positive-class logit, in float32 (or the model's type).

    model: a 2-logit sequence classifier of transformers in eval mode, on any device; its weights get no gradients.
    token_ids: per text its wordpiece ids from [CLS] to [SEP], unpadded. steps: intervals of the path.
    rows: interpolated texts in one pass (at least one text's path); bounds memory, changes results only by rounding.
    rule: see path_rule. Returns texts in the order given. One forward and one backward serve all layers.
    """
    _check(model, token_ids, pad_id)
    points, slopes = path_rule(rule, steps)
    lengths = np.array([len(ids) for ids in token_ids])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values, ends = [None] * len(lengths), np.empty((len(lengths), 2))
    with _frozen(model):
        for group in _groups(lengths, max(1, rows // len(points))):
            found, ends[group] = _attribute([token_ids[text] for text in group], model, pad_id, points, slopes)
            for text, per_position in zip(group, found, strict=True):
                values[text] = per_position[: lengths[text]]
    return Conductances(np.concatenate(values), offsets, logit=ends[:, 1], baseline_logit=ends[:, 0])


def path_rule(rule: str, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Points a_0 = 0 to a_steps = 1 of the path, and S with c = sum_k g_k . (S y)_k for gradients g and outputs y.

    lobatto: y' is the slope of the polynomial through y at the Gauss-Lobatto points, and sum_k w_k g_k . y'_k is
    Lobatto's quadrature: for a smooth path the error falls faster than any power of the steps.
    trapezoid: equal steps; the mean of the two ends' gradients times the difference of the outputs.
    left: equal steps; the left end's gradient times the difference: captum's LayerConductance with "riemann_trapezoid".
    """
    if rule not in _RULES or steps < 1:
        raise InputError(f"conductance: rule {rule!r} with {steps} steps; use {', '.join(_RULES)} and at least 1 step")
    return _RULES[rule](steps)


def _lobatto(steps: int) -> tuple[np.ndarray, np.ndarray]:
    legendre = np.polynomial.legendre.Legendre.basis(steps)
    points = np.concatenate([[-1.0], np.sort(legendre.deriv().roots().real), [1.0]])  # extrema of Legendre's P_steps
    quadrature = 2 / (steps * (steps + 1) * legendre(points) ** 2)
    gaps = points[:, None] - points + np.eye(steps + 1)
    barycentric = 1 / gaps.prod(axis=1)
    slopes = barycentric / barycentric[:, None] / gaps  # derivative at point k of the Lagrange polynomial of point m
    np.fill_diagonal(slopes, 0)
    np.fill_diagonal(slopes, -slopes.sum(axis=1))
    return (points + 1) / 2, quadrature[:, None] * slopes


def _trapezoid(steps: int) -> tuple[np.ndarray, np.ndarray]:
    differences = _left(steps)[1]
    return np.linspace(0, 1, steps + 1), (differences + np.roll(differences, 1, axis=0)) / 2


def _left(steps: int) -> tuple[np.ndarray, np.ndarray]:
    differences = np.eye(steps + 1, k=1) - np.eye(steps + 1)
    differences[-1] = 0
    return np.linspace(0, 1, steps + 1), differences


_RULES = {"lobatto": _lobatto, "trapezoid": _trapezoid, "left": _left}


def _check(model: torch.nn.Module, token_ids: Sequence[np.ndarray], pad_id: int) -> None:
    if model.training or model.config.num_labels != 2:
        raise InputError("conductance needs a model in eval mode with 2 logits; call model.eval() and use num_labels=2")
    if not len(token_ids) or min(len(ids) for ids in token_ids) < 2:
        raise InputError("conductance needs at least one text, and [CLS] and [SEP] in every text's token_ids")
    vocabulary = model.get_input_embeddings().num_embeddings
    if not 0 <= pad_id < vocabulary:
        raise InputError(f"pad_id {pad_id} is not in the model's vocabulary of {vocabulary}: use its tokenizer's")


@contextmanager
def _frozen(model: torch.nn.Module) -> Iterator[None]:
    """Weights ask for no gradient inside, so that the backward pass computes only those of the layers' outputs."""
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    for weight in trained:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in trained:
            weight.requires_grad_(True)


def _groups(lengths: np.ndarray, texts: int) -> Iterator[np.ndarray]:
    """Texts of like length, at most ``texts`` together and with at most PADDING_LIMIT of their positions padded."""
    order = np.argsort(lengths, kind="stable")
    first = 0
    for last in range(1, len(order) + 1):
        if last < len(order) and last - first < texts:
            longer = lengths[order[last]] * (last + 1 - first)
            if longer - lengths[order[first : last + 1]].sum() <= PADDING_LIMIT * longer:
                continue
        yield order[first:last]
        first = last


def _attribute(
    texts: list[np.ndarray], model: torch.nn.Module, pad_id: int, points: np.ndarray, slopes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Conductances (texts, longest, L + 1) of texts that share a pass, and F at both ends of the path (texts, 2)."""
    path, mask = _path(texts, model.get_input_embeddings(), pad_id, points)
    shape = (len(points), len(texts))
    with torch.enable_grad():
        output = model(inputs_embeds=path.requires_grad_(), attention_mask=mask, output_hidden_states=True)
        gradients = torch.autograd.grad(output.logits[:, POSITIVE].sum(), output.hidden_states)
    slopes = torch.as_tensor(slopes, dtype=path.dtype, device=path.device)
    with torch.no_grad():
        layers = [
            _integrate(gradient.unflatten(0, shape), layer.unflatten(0, shape), slopes)
            for gradient, layer in zip(gradients, output.hidden_states, strict=True)
        ]
        logits = output.logits[:, POSITIVE].unflatten(0, shape)[[0, -1]].T
    return torch.stack(layers, dim=-1).cpu().numpy(), logits.double().cpu().numpy()


def _path(
    texts: list[np.ndarray], embedding: torch.nn.Module, pad_id: int, points: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Word embeddings (points x texts, longest, hidden) along the path, point after point, and their attention mask."""
    lengths = torch.tensor([len(ids) for ids in texts])
    tokens = torch.full((len(texts), int(lengths.max())), pad_id)
    for row, ids in zip(tokens, texts, strict=True):
        row[: len(ids)] = torch.as_tensor(ids)
    baseline = torch.full_like(tokens, pad_id)
    baseline[:, 0] = tokens[:, 0]  # [CLS]
    ends = (torch.arange(len(texts)), lengths - 1)
    baseline[ends] = tokens[ends]  # [SEP]
    device, dtype = embedding.weight.device, embedding.weight.dtype
    with torch.no_grad():
        start, end = embedding(baseline.to(device)), embedding(tokens.to(device))
        along = torch.as_tensor(points, dtype=dtype, device=device)[:, None, None, None]
        path = torch.lerp(start, end, along).flatten(0, 1)
    if lengths.min() == lengths.max():
        return path, None  # no padding: attention without a mask is faster
    mask = (torch.arange(tokens.shape[1]) < lengths[:, None]).to(device)
    return path, mask.repeat(len(points), 1)


def _integrate(gradients: torch.Tensor, outputs: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    """sum_k g_k . (S y)_k over points k and hidden units: (points, texts, positions, hidden) -> (texts, positions)."""
    steps = (slopes @ outputs.flatten(1)).view_as(outputs)
    return (gradients * steps).sum(dim=(0, -1))
