"""One optimiser step of fine-tuning a small encoder, without what costs time and changes nothing.

On a CPU only the embeddings of the words in the training texts are trained: all others have a zero gradient and no weight
decay, so AdamW would leave them where they are, but would read and write them in every step. On a GPU launching a step's
hundreds of small kernels takes longer than running them: they are recorded once and replayed (CUDA graphs).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from lib.models.encoders import Tokens
from lib.study.sections import Setting, Training

NO_DECAY = ("bias", "norm", "embeddings")  # parts of names, in lower case
# Wordpieces that a step on a CPU takes at once: more fall out of a core's cache, and need more memory.
POSITIONS = 2**10
WIDTHS = 8  # recorded steps are padded to multiples of it: a recording has one shape
REHEARSALS = 3  # steps before a recording, in which libraries choose and set up their kernels


def autocast(device: str, precision: str, **options) -> torch.autocast:
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16", **options)


class PlainSteps:
    """Optimiser steps as they are written, each as long as its texts: what a CPU takes."""

    def __init__(
        self,
        model: torch.nn.Module,
        tokens: Tokens,
        rows: np.ndarray,
        labels: np.ndarray,
        setting: Setting,
        training: Training,
        precision: str,
    ):
        self.model, self.clip, self.precision = model, training.clip, precision
        self.tokens, self.vocabulary = compact_vocabulary(model, tokens, rows)
        self.parameters, self.optimiser = list(model.parameters()), optimiser(model, setting.weight_decay)
        self.weight = torch.tensor([1.0, setting.positive_weight], device=model.device)
        self.targets = torch.as_tensor(labels, dtype=torch.long)

    def take(self, batch: np.ndarray, rate: float) -> torch.Tensor:
        """One step at this learning rate on the texts at these positions; returns the loss before it."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        parts = max(1, -(-len(batch) * int(self.tokens.lengths[batch].max()) // POSITIONS))
        whole = self.weight[self.targets[batch]].sum()
        losses = [self._part(part, whole) for part in np.array_split(batch, min(parts, len(batch)))]
        torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return torch.stack(losses).sum()

    def _part(self, part: np.ndarray, whole: torch.Tensor) -> torch.Tensor:
        """Add the gradient of some texts of a batch whose weights sum to ``whole``; returns their part of the loss."""
        device = self.model.device
        ids, mask = (tensor.to(device) for tensor in self.tokens.batch(part))
        targets = self.targets[part].to(device)
        with autocast(device.type, self.precision):
            logits = self.model(input_ids=ids, attention_mask=mask).logits
        share = self.weight[targets].sum() / whole
        loss = torch.nn.functional.cross_entropy(logits.float(), targets, self.weight) * share
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


class RecordedSteps:
    """Optimiser steps of one shape each, recorded once per process and replayed: what a GPU takes.

    Batches are padded to a few widths, and the last ones to the full batch size by texts that weigh nothing. Results are
    those of ``PlainSteps`` but for the order of sums.
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
    ):
        self.model, self.lengths = model, tokens.lengths[rows]
        self.recorder = recorder(model, setting.batch_size, setting.weight_decay, training.clip, precision)
        self.recorder.forget()
        weights = np.where(labels, setting.positive_weight, 1.0)
        values = (*tokens.batch(rows), torch.as_tensor(labels, dtype=torch.long), torch.from_numpy(weights).float())
        self.ids, self.mask, self.targets, self.weights = (value.to(model.device) for value in values)

    def take(self, batch: np.ndarray, rate: float) -> torch.Tensor:
        """One step at this learning rate on the texts at these positions; returns the loss before it."""
        width = -(-int(self.lengths[batch].max()) // WIDTHS) * WIDTHS
        places = np.resize(batch, self.recorder.batch_size)
        counted = np.arange(len(places)) < len(batch)
        index, counted = (torch.from_numpy(value).to(self.model.device) for value in (places, counted))
        texts = (self.ids[index, :width], self.mask[index, :width], self.targets[index], self.weights[index] * counted)
        return self.recorder.step(texts, rate)

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """The model, for a while, as it will be afterwards."""
        yield
        self.model.train()

    def end(self) -> None:
        """Nothing to undo: the model is trained where it is."""


@dataclass
class Recording:
    """The tensors that a step of one width reads, the loss that it writes, and the graph of its kernels (on a GPU)."""

    inputs: tuple[torch.Tensor, ...]
    loss: torch.Tensor | None = None
    graph: "torch.cuda.CUDAGraph | None" = None


class Recorder:
    """A network with its optimiser, whose tensors stay where they are while one model after another is trained in it."""

    def __init__(self, model: torch.nn.Module, batch_size: int, weight_decay: float, clip: float, precision: str):
        self.model, self.batch_size, self.clip, self.precision = model, batch_size, clip, precision
        self.on_gpu, self.recordings = model.device.type == "cuda", {}
        self.pool = torch.cuda.graph_pool_handle() if self.on_gpu else None
        self.rate = torch.zeros((), device=model.device)
        self.optimiser = optimiser(model, weight_decay, lr=self.rate, capturable=self.on_gpu)
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        self.optimiser.step()  # at rate 0: makes the optimiser's own tensors
        self.optimiser.zero_grad()

    def forget(self) -> None:
        """Begin with another model, whose weights are already in the network."""
        for tensor in self._moments():
            tensor.zero_()

    def step(self, inputs: tuple[torch.Tensor, ...], rate: float) -> torch.Tensor:
        """One step on ids, mask (both texts x width), targets, weights (texts) at a learning rate; the loss before it."""
        self.rate.fill_(rate)
        width = inputs[0].shape[1]
        new = width not in self.recordings
        if new:
            self.recordings[width] = Recording(tuple(torch.empty_like(each) for each in inputs))
        recording = self.recordings[width]
        for kept, given in zip(recording.inputs, inputs, strict=True):
            kept.copy_(given)
        if new and self.on_gpu:
            self._record(recording)
        if recording.graph is None:
            return self._run(recording.inputs)
        recording.graph.replay()
        return recording.loss.clone()

    def _run(self, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        ids, mask, targets, weights = inputs
        self.optimiser.zero_grad(set_to_none=True)
        with autocast(ids.device.type, self.precision, cache_enabled=False):
            logits = self.model(input_ids=ids, attention_mask=mask).logits
        losses = torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")
        loss = (losses * weights).sum() / weights.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimiser.step()
        return loss.detach()

    def _record(self, recording: Recording) -> None:
        """Record the step, and leave everything as it was before; without a graph where the model cannot be recorded."""
        tensors = [*self.model.parameters(), *self._moments()]
        before, draws = [tensor.detach().clone() for tensor in tensors], torch.cuda.get_rng_state()
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(REHEARSALS):
                self._run(recording.inputs)
        torch.cuda.current_stream().wait_stream(aside)
        self.optimiser.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, pool=self.pool):
                recording.loss = self._run(recording.inputs)
            recording.graph = graph
        except torch.cuda.OutOfMemoryError:
            raise
        except RuntimeError as error:
            print(f"steps of this encoder cannot be recorded and are taken one by one: {error}", file=sys.stderr)
        self.optimiser.zero_grad(set_to_none=True)
        with torch.no_grad():
            for tensor, value in zip(tensors, before, strict=True):
                tensor.copy_(value)
        torch.cuda.set_rng_state(draws)

    def _moments(self) -> list[torch.Tensor]:
        return [tensor for state in self.optimiser.state.values() for tensor in state.values()]


recorder = lru_cache(maxsize=4)(Recorder)  # settings of one network that alternate keep their recordings


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
