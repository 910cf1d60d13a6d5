"""The diagonal of a model's empirical Fisher information: the mean over texts of *squared* gradients of their losses.

The square is taken text by text. The square of a batch's gradient is another quantity, which depends on the batch's
size: gradients of its texts cancel before they are squared.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch

from lib.models.encoders import Tokens, is_head
from lib.models.training import prediction_batches
from lib.models.types.base import TaskType
from lib.models.types.classification import BINARY

POSITIONS = 512  # wordpieces in one pass: per-text gradients of a whole weight matrix are held for each of its texts
_LAYER = re.compile(r"\.(\d+)\.")


def diagonal_fisher(
    network: torch.nn.Module,
    tokens: Tokens,
    rows: np.ndarray,
    labels: np.ndarray,
    positions: int = POSITIONS,
    type: TaskType = BINARY,
) -> dict[str, np.ndarray]:
    """The mean over texts of the squared gradients of their losses, by component of the network.

    Components are the weights and biases of each encoder layer's linear maps and norms ("layer 3"), of the "pooler"
    and of the "head"; and each layer's outputs ("output 3"), averaged over a text's wordpieces. Embeddings are left
    out, as in Vu et al.

    Args:
        network: with the outputs of the type, in eval mode.
        tokens, rows, labels: the tokenised texts, the rows to read, (n,), and their targets, (n, ...).
        positions: wordpieces in one pass; bounds memory and changes results by rounding only.
        type: of task; by default that of 0/1 labels.

    Returns:
        Component -> (k,) float32.
    """
    totals: dict[str, torch.Tensor] = {}
    with _watched(network, totals):
        for batch in prediction_batches(tokens.lengths[rows], positions):
            _add_batch(network, tokens, rows[batch], type.tensor(labels[batch]), type, totals)
    parts = defaultdict(list)
    for name, total in totals.items():
        parts[_component(network, name)].append(total.flatten().cpu().numpy() / len(rows))
    return {name: np.concatenate(values).astype(np.float32) for name, values in parts.items()}


def _add_batch(
    network: torch.nn.Module,
    tokens: Tokens,
    rows: np.ndarray,
    targets: torch.Tensor,
    type: TaskType,
    totals: dict[str, torch.Tensor],
) -> None:
    """Add the squared gradients of these texts to the totals: of weights by their hooks, of layers' outputs here."""
    ids, mask = (tensor.to(network.device) for tensor in tokens.batch(rows))
    words = network.get_input_embeddings()(ids).detach().requires_grad_(True)
    output = network(inputs_embeds=words, attention_mask=mask, output_hidden_states=True)
    loss = type.text_losses(output.logits, targets.to(network.device))  # a text's gradient is its own
    share = mask[:, :, None] / mask.sum(dim=1)[:, None, None]
    _, *layers = torch.autograd.grad(loss, output.hidden_states)  # down to the embeddings, past the lowest layer
    for layer, gradient in enumerate(layers, 1):
        _add(totals, f"output.{layer}.", (gradient.square() * share).sum(dim=(0, 1)))


@contextmanager
def _watched(network: torch.nn.Module, totals: dict[str, torch.Tensor]) -> Iterator[None]:
    """Inside, every backward pass adds the squared per-text gradients of linear maps and norms to the totals."""
    kinds = {torch.nn.Linear: _add_linear, torch.nn.LayerNorm: _add_norm}
    hooks = []
    for name, module in network.named_modules():
        if type(module) in kinds and ".embeddings." not in name:
            hooks.append(module.register_forward_hook(partial(_watch, name, kinds[type(module)], totals)))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _watch(name, add_weight, totals, module, inputs, output) -> None:
    """When the output's gradient is known, add the squared gradients of the module's weight and bias."""
    seen = inputs[0].detach()

    def after(gradient: torch.Tensor) -> None:
        gradient = gradient.reshape(len(gradient), -1, gradient.shape[-1])  # (texts, wordpieces, features)
        if f"{name}.weight" not in totals:
            totals[f"{name}.weight"] = torch.zeros_like(module.weight)
        add_weight(totals[f"{name}.weight"], module, seen.reshape(len(seen), -1, seen.shape[-1]), gradient)
        if module.bias is not None:
            _add(totals, f"{name}.bias", gradient.sum(dim=1).square().sum(dim=0))

    output.register_hook(after)


def _add_linear(total: torch.Tensor, module: torch.nn.Linear, inputs: torch.Tensor, gradient: torch.Tensor) -> None:
    """Text by text: one text's gradient of a weight matrix still fits a processor's cache, a batch's does not."""
    own = torch.empty_like(total)
    for text, back in zip(inputs, gradient, strict=True):
        torch.mm(back.T, text, out=own)
        total.addcmul_(own, own)


def _add_norm(total: torch.Tensor, module: torch.nn.LayerNorm, inputs: torch.Tensor, gradient: torch.Tensor) -> None:
    normed = torch.nn.functional.layer_norm(inputs, module.normalized_shape, eps=module.eps)
    total += (gradient * normed).sum(dim=1).square().sum(dim=0)


def _add(totals: dict[str, torch.Tensor], name: str, value: torch.Tensor) -> None:
    totals[name] = totals[name] + value if name in totals else value


def _component(network: torch.nn.Module, name: str) -> str:
    if name.startswith("output."):
        return f"output {name.split('.')[1]}"
    if is_head(network, name):
        return "head"
    found = _LAYER.search(name)
    return f"layer {int(found[1]) + 1}" if found else "pooler"
