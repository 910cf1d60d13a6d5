"""One optimiser step of fine-tuning a small encoder, without what costs time and changes nothing.

Only the embeddings of the words in the training texts are trained: all others have a zero gradient and no weight decay, so
that AdamW would leave them where they are, but would read and write them in every step.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import torch

from lib.models.bfloat16 import RoundedProducts, lacks_products
from lib.models.encoders import Tokens
from lib.models.types.base import TaskType
from lib.models.types.classification import binary
from lib.study.sections import Setting, Training

NO_DECAY = ("bias", "norm", "embeddings")  # parts of names, in lower case
# Wordpieces that a step takes at once: on a CPU more fall out of a core's cache, and need more memory.
POSITIONS = {"cpu": 2**10, "cuda": 2**20}


@contextmanager
def autocast(device: str, precision: str) -> Iterator[None]:
    """Inside, networks compute in this precision: "float32", or "bfloat16" wherever torch's autocast allows it."""
    half = precision == "bfloat16"
    products = RoundedProducts() if half and lacks_products(device) else nullcontext()
    with torch.autocast(device, torch.bfloat16, enabled=half), products:
        yield


class Steps:
    """The optimiser steps of one fine-tuning.

    Args:
        model: a network with as many outputs as the type of task has; its weights are trained in place.
        tokens, rows, labels: the training texts: their row numbers, (n,), and their targets, (n, ...). A label
            of -1 is masked: it has no part in the loss. Every text has a label that is not masked.
        setting, training: batch size, weight decay, weight of the positive class; the largest norm of the gradient.
        precision: "float32" or "bfloat16" (autocast).
        type: of task; None: that of 0/1 labels, (n,) or (n, heads).
    """

    def __init__(
        self,
        model: torch.nn.Module,
        tokens: Tokens,
        rows: np.ndarray,
        labels: np.ndarray,
        setting: Setting,
        training: Training,
        precision: str,
        type: TaskType | None = None,
    ):
        self.model, self.clip, self.precision = model, training.clip, precision
        self.type = binary(labels) if type is None else type
        self.tokens, self.vocabulary = compact_vocabulary(model, tokens, rows)
        self.parameters, self.optimiser = list(model.parameters()), optimiser(model, setting.weight_decay)
        self.positive_weight, self.targets = setting.positive_weight, self.type.tensor(labels)

    def take(self, batch: np.ndarray, rate: float) -> torch.Tensor:
        """One step at this learning rate on the texts at these positions; returns the loss before it."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss, _ = self.backward(batch)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return loss

    def backward(self, batch: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss of the texts at these positions and the norm of its gradient, which is left in the model, clipped."""
        positions = len(batch) * int(self.tokens.lengths[batch].max())
        parts = max(1, -(-positions // POSITIONS[self.model.device.type]))
        whole = self.type.amount(self.targets[batch], self.positive_weight)
        losses = [self._part(part, whole) for part in np.array_split(batch, min(parts, len(batch)))]
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
        return torch.stack(losses).sum(), norm

    def _part(self, part: np.ndarray, whole: torch.Tensor) -> torch.Tensor:
        """Add the gradient of some texts of a batch that counts ``whole``; returns their part of the loss."""
        device = self.model.device
        ids, mask = (tensor.to(device) for tensor in self.tokens.batch(part))
        targets = self.targets[part].to(device)
        with autocast(device.type, self.precision):
            logits = self.model(input_ids=ids, attention_mask=mask).logits
        share = self.type.amount(targets, self.positive_weight) / whole.to(device)
        loss = self.type.loss(logits.float(), targets, self.positive_weight) * share
        loss.backward()
        return loss.detach()

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """The model, for a while, as it will be afterwards, with its whole vocabulary."""
        compact = self.model.get_input_embeddings()
        self.end()
        yield
        self.model.set_input_embeddings(compact)
        self.model.train()

    def end(self) -> None:
        """Leave the model as it is, with its whole vocabulary."""
        if self.model.get_input_embeddings() is not self.vocabulary[0]:
            restore_vocabulary(self.model, self.vocabulary)


def compact_vocabulary(model: torch.nn.Module, tokens: Tokens, rows: np.ndarray) -> tuple[Tokens, tuple]:
    """Swap the word embeddings for those of the words in these texts; returns their tokens and what undoes the swap."""
    full = model.get_input_embeddings()
    texts = [tokens.text(row) for row in rows]
    used, ids = np.unique(np.concatenate([[tokens.pad], *texts]), return_inverse=True)
    compact = torch.nn.Embedding(len(used), full.embedding_dim, device=full.weight.device)
    with torch.no_grad():
        compact.weight.copy_(full.weight[torch.from_numpy(used).to(full.weight.device)])
    model.set_input_embeddings(compact)
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
    return Tokens(ids[1:].astype(np.int32), np.empty(0, np.int32), offsets, int(ids[0])), (full, used)


def restore_vocabulary(model: torch.nn.Module, vocabulary: tuple[torch.nn.Embedding, np.ndarray]) -> None:
    """Put the trained embeddings back into the full table, and the table back into the model."""
    full, used = vocabulary
    with torch.no_grad():
        full.weight[torch.from_numpy(used).to(full.weight.device)] = model.get_input_embeddings().weight
    model.set_input_embeddings(full)


def optimiser(model: torch.nn.Module, weight_decay: float, **options) -> torch.optim.AdamW:
    """AdamW that decays no bias, norm or embedding. options: those of torch's AdamW."""
    decayed, kept = [], []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            (kept if any(part in name.lower() for part in NO_DECAY) else decayed).append(parameter)
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, fused=True, **options)
