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
from scipy.interpolate import CubicSpline

from lib.errors import InputError
from lib.models.linear import FrozenLinearMaps

POSITIVE = 1  # index of the positive class's logit
PADDING_LIMIT = 0.1  # padded positions a pass may hold, as a share of its positions
SURVEY = 8  # equal intervals at which the logit is looked at, without gradients, before the points are placed
RULES = ("adaptive", "trapezoid", "left")


@dataclass(frozen=True)
class Conductances:
    """Conductances of several texts at layers 0 (output of the embeddings) to L (output of the last layer).

    values: (positions of all texts, L + 1) float32, text after text; text t owns rows offsets[t] to offsets[t + 1].
    Where the head reads only [CLS], every other position is exactly zero at layer L; it is kept for completeness.
    logit, baseline_logit: (texts,) F(x) and F(x').
    absolute_error: (texts, L + 1) |sum_i c_i - (F(x) - F(x'))|; relative_error: that over |F(x) - F(x')|, NaN where
    the text has no word, so that nothing changes along the path.
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
        known = (change > 0) & (np.diff(self.offsets) > 2)[:, None]  # more positions than [CLS] and [SEP]
        return np.divide(self.absolute_error, change, out=np.full_like(self.absolute_error, np.nan), where=known)

    @property
    def median_absolute_error(self) -> float:
        return float(np.median(self.absolute_error))

    @property
    def median_relative_error(self) -> float:
        """Median over texts and layers; NaN if no text has a word."""
        known = self.relative_error[~np.isnan(self.relative_error)]
        return float(np.median(known)) if known.size else float("nan")


def layer_conductances(
    model: torch.nn.Module,
    token_ids: Sequence[np.ndarray],
    pad_id: int,
    steps: int,
    positions: int,
    rule: str = "adaptive",
) -> Conductances:
    """Conductance of every position at every layer for the positive-class logit.

    One forward and one backward pass serve all layers.

    Fine-tuned encoders cross from one class to the other within a small part of the path, so that equal steps waste most of
    their points. Rules:
      adaptive: a forward pass at SURVEY equal intervals shows where F changes; the points crowd there (``path_points``), and
                gradients and outputs are integrated as cubic splines. It costs a third of a pass and saves several.
      trapezoid: equal steps; the mean of the two ends' gradients times the difference of the outputs.
      left: equal steps; the left end's gradient times the difference: captum's LayerConductance, "riemann_trapezoid".

    Args:
        model: a sequence classifier of two logits in eval mode, on any device; its weights get no gradients.
        token_ids: per text its wordpiece ids from [CLS] to [SEP], unpadded.
        pad_id: id of the padding token, the baseline of every other position.
        steps: intervals of the path.
        positions: wordpieces of interpolated texts in one pass (at least one text's path); bounds memory and changes
        results by
            rounding only.
        rule: one of RULES.

    Returns:
        Conductances in the model's float type, texts in the order given.

    Raises:
        InputError: for a model, texts, a padding token, a rule or steps that cannot be used.
    """
    _check(model, token_ids, pad_id)
    if rule not in RULES or steps < 1:
        raise InputError(f"conductance: rule {rule!r} with {steps} steps; use {', '.join(RULES)} and at least 1 step")
    lengths = np.array([len(ids) for ids in token_ids])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values, ends = [None] * len(lengths), np.empty((len(lengths), 2))
    with _frozen(model):
        for group in _groups(lengths, positions // (steps + 1)):
            group_values, ends[group] = _attribute([token_ids[text] for text in group], model, pad_id, steps, rule)
            for text, per_position in zip(group, group_values, strict=True):
                values[text] = per_position[: lengths[text]]
    return Conductances(np.concatenate(values), offsets, logit=ends[:, 1], baseline_logit=ends[:, 0])


def path_points(survey: np.ndarray, steps: int) -> np.ndarray:
    """Points 0 = a_0 < ... < a_steps = 1 that crowd where F changes: (texts, SURVEY + 1) logits -> (texts, steps + 1).

    Half of the points are spread evenly; the other half has a density proportional to |dF/da|^(2/3) (exponent, half and
    SURVEY were chosen on fine-tuned MiniLM models), linear between the surveyed points so that spacing changes gently.
    """
    change = np.abs(np.diff(survey, axis=1)) ** (2 / 3)
    total = change.sum(axis=1, keepdims=True)
    share = np.divide(change, total, out=np.full_like(change, 1 / change.shape[1]), where=total > 0)
    at_points = (np.pad(share, [(0, 0), (0, 1)], mode="edge") + np.pad(share, [(0, 0), (1, 0)], mode="edge")) / 2
    fine, surveyed = np.linspace(0, 1, 20 * change.shape[1] + 1), np.linspace(0, 1, survey.shape[1])
    points = np.empty((len(survey), steps + 1))
    for text, height in enumerate(at_points):
        density = 1 / change.shape[1] + np.interp(fine, surveyed, height)
        passed = np.concatenate([[0], np.cumsum(density[1:] + density[:-1])])
        points[text] = np.interp(np.linspace(0, passed[-1], steps + 1), passed, fine)
    return points


def path_slopes(points: np.ndarray, rule: str) -> np.ndarray:
    """The matrix S of a rule with c = sum_k g_k . (S y)_k, for gradients g and outputs y at one text's points."""
    if rule == "adaptive":
        return _spline_slopes(points)
    differences = np.eye(len(points), k=1) - np.eye(len(points))
    differences[-1] = 0
    return differences if rule == "left" else (differences + np.roll(differences, 1, axis=0)) / 2


def _spline_slopes(points: np.ndarray) -> np.ndarray:
    """S_km = integral of s_k ds_m, s_k being the cubic spline that is 1 at point k and 0 at all others."""
    abscissa, weight = np.polynomial.legendre.leggauss(3)  # exact for the degree, 3 + 2
    widths = np.diff(points)[:, None]
    inside = (points[:-1, None] + widths * (abscissa + 1) / 2).ravel()
    spline = CubicSpline(points, np.eye(len(points)))
    return spline(inside).T @ ((widths * weight / 2).reshape(-1, 1) * spline(inside, 1))


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
        with FrozenLinearMaps():
            yield
    finally:
        for weight in trained:
            weight.requires_grad_(True)


def _groups(lengths: np.ndarray, positions: int) -> Iterator[np.ndarray]:
    """Texts of like length: one, or several with so many padded positions at most, PADDING_LIMIT of them padding."""
    order = np.argsort(lengths, kind="stable")
    first = 0
    for last in range(1, len(order) + 1):
        if last < len(order):
            padded = lengths[order[last]] * (last + 1 - first)
            padding = padded - lengths[order[first : last + 1]].sum()
            if padded <= positions and padding <= PADDING_LIMIT * padded:
                continue
        yield order[first:last]
        first = last


def _attribute(
    texts: list[np.ndarray], model: torch.nn.Module, pad_id: int, steps: int, rule: str
) -> tuple[np.ndarray, np.ndarray]:
    """Conductances (texts, longest, L + 1) of texts that share a pass, and F at both ends of the path (texts, 2)."""
    start, end, mask = _ends(texts, model.get_input_embeddings(), pad_id)
    points = np.tile(np.linspace(0, 1, steps + 1), (len(texts), 1))
    if rule == "adaptive":
        points = path_points(_survey(model, start, end, mask), steps)
    slopes = torch.as_tensor(np.stack([path_slopes(each, rule) for each in points]), dtype=end.dtype, device=end.device)
    with torch.enable_grad():
        output = _forward(model, _along(start, end, points).requires_grad_(), mask, output_hidden_states=True)
        gradients = torch.autograd.grad(output.logits[:, POSITIVE].sum(), output.hidden_states)
    with torch.no_grad():
        pairs = zip(gradients, output.hidden_states, strict=True)
        values = torch.stack([_integrate(gradient, layer, slopes) for gradient, layer in pairs], dim=-1)
        logits = output.logits[:, POSITIVE].view(points.shape)[:, [0, -1]]
    return values.cpu().numpy(), logits.double().cpu().numpy()


def _ends(
    texts: list[np.ndarray], embedding: torch.nn.Module, pad_id: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Word embeddings e' and e, (texts, longest, hidden), and the attention mask (texts, longest) where padded."""
    lengths = torch.tensor([len(ids) for ids in texts])
    tokens = torch.full((len(texts), int(lengths.max())), pad_id)
    for row, ids in zip(tokens, texts, strict=True):
        row[: len(ids)] = torch.as_tensor(ids)
    baseline = torch.full_like(tokens, pad_id)
    baseline[:, 0] = tokens[:, 0]  # [CLS]
    last = (torch.arange(len(texts)), lengths - 1)
    baseline[last] = tokens[last]  # [SEP]
    device = embedding.weight.device
    mask = (torch.arange(tokens.shape[1]) < lengths[:, None]).to(device)
    with torch.no_grad():
        start, end = embedding(baseline.to(device)), embedding(tokens.to(device))
    return start, end, None if mask.all() else mask  # attention without a mask is faster


def _survey(model: torch.nn.Module, start: torch.Tensor, end: torch.Tensor, mask: torch.Tensor | None) -> np.ndarray:
    """F at equally spaced points of the path: (texts, SURVEY + 1)."""
    points = np.tile(np.linspace(0, 1, SURVEY + 1), (len(end), 1))
    with torch.no_grad():
        logits = _forward(model, _along(start, end, points), mask).logits[:, POSITIVE]
    return logits.view(points.shape).double().cpu().numpy()


def _along(start: torch.Tensor, end: torch.Tensor, points: np.ndarray) -> torch.Tensor:
    """Embeddings at every text's points: (texts x points, longest, hidden), text after text."""
    weight = torch.as_tensor(points, dtype=end.dtype, device=end.device)[:, :, None, None]
    return torch.lerp(start[:, None], end[:, None], weight).flatten(0, 1)


def _forward(model: torch.nn.Module, embeddings: torch.Tensor, mask: torch.Tensor | None, **options):
    if mask is not None:
        mask = mask.repeat_interleave(len(embeddings) // len(mask), dim=0)
    return model(inputs_embeds=embeddings, attention_mask=mask, **options)


def _integrate(gradients: torch.Tensor, outputs: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    """sum_k g_k . (S y)_k over points k and hidden units: (texts x points, positions, hidden) -> (texts, positions)."""
    outputs = outputs.unflatten(0, slopes.shape[:2])
    steps = torch.bmm(slopes, outputs.flatten(2)).view_as(outputs)
    return (gradients.view_as(outputs) * steps).sum(dim=(1, -1))
