"""Fine-tuning one classifier and predicting with it: the plain PyTorch loop that every number of the study rests on.

Batches hold texts of like length, so that little of them is padding; how a step is taken fast, ``lib.models.steps`` says.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lib.errors import InputError
from lib.models.encoders import Tokens
from lib.models.steps import Steps, autocast
from lib.models.types.base import MASKED, TaskType
from lib.models.types.classification import BINARY
from lib.study.sections import Setting, Training

WINDOW = 8  # batches that are sorted by length together
# Wordpieces in one batch of prediction: more fall out of a core's cache, at half the speed; a GPU wants to be filled.
PREDICT_POSITIONS = {"cpu": 2**10, "cuda": 2**15}


@dataclass(frozen=True)
class Fit:
    """What a fine-tuning was: optimiser steps, texts seen, seconds, the loss of every step (before it), (steps,)
    float32; and the seconds that visits took besides."""

    steps: int
    texts: int
    seconds: float
    losses: np.ndarray
    visits: float = 0.0


def fine_tune(
    model: torch.nn.Module,
    tokens: Tokens,
    rows: np.ndarray,
    labels: np.ndarray,
    setting: Setting,
    training: Training,
    precision: str,
    heartbeat: Callable[[], None] = lambda: None,
    checkpoints: Sequence[float] = (),
    visit: Callable[[float, int, float], None] = lambda checkpoint, step, seconds: None,
    type: TaskType | None = None,
) -> Fit:
    """Fine-tune a model in place, from torch's random state: AdamW, linear warm-up and decay, the loss of the type of task.

    Args:
        model: a network with as many outputs as the type of task has.
        tokens, rows, labels: the tokenised texts, the rows to train on, (n,), and their targets, (n, ...), with -1 where a
            label is masked. The loss is the mean over all labels that are not.
        setting, training: the hyperparameters; the largest norm of the gradient.
        precision, heartbeat: "float32" or "bfloat16" (autocast); what is called after every step.
        checkpoints: moments at which ``visit`` is called, see ``checkpoint_step``.
        visit: gets the checkpoint, the step and the seconds so far. It must draw nothing from torch's random state.
        type: of task; None: that of 0/1 labels, (n,) or (n, heads).

    Returns:
        Steps, texts, seconds and losses.

    Raises:
        InputError: the loss is not finite.
    """
    started = time.perf_counter()
    steps = Steps(model, tokens, rows, labels, setting, training, precision, type)
    batches = list(training_batches(tokens.lengths[rows], setting, np.random.default_rng(torch.initial_seed())))
    visits, losses = 0.0, torch.empty(len(batches), device=model.device)
    model.train()
    try:
        for step, batch in enumerate(batches):
            losses[step] = steps.take(batch, learning_rate(setting, step, len(batches)))
            heartbeat()
            for checkpoint in (each for each in checkpoints if checkpoint_step(each, len(batches)) == step + 1):
                losses[step].item()  # on a GPU: wait until it has come this far
                reached = time.perf_counter()
                with steps.interrupted():
                    visit(checkpoint, step + 1, reached - started - visits)
                visits += time.perf_counter() - reached
    finally:  # an interrupted cell too leaves a network that the next training can use
        steps.end()
    curve = _finite(losses.cpu().numpy(), setting)
    return Fit(len(batches), sum(map(len, batches)), time.perf_counter() - started - visits, curve, visits)


def _finite(losses: np.ndarray, setting: Setting) -> np.ndarray:
    """The loss of every step; InputError where training has ended in one that is not finite."""
    if not math.isfinite(losses[-1]):
        raise InputError(f"the loss is not finite at learning_rate {setting.learning_rate}: lower it in settings")
    return losses


def checkpoint_step(checkpoint: float, steps: int) -> int:
    """The step, 1 to ``steps``, that a checkpoint stands for: below 1 a share of all steps, else a number of steps."""
    return min(max(1, round(checkpoint * steps if checkpoint < 1 else checkpoint)), steps)


def training_batches(lengths: np.ndarray, setting: Setting, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Batches of positions into ``lengths``, texts of like length together; epochs in full, the last one as a fraction."""
    texts = math.ceil(setting.epochs * len(lengths) - 1e-6)  # the rounding of a fraction adds no text
    while texts > 0:
        order = generator.permutation(len(lengths))[:texts]
        texts -= len(order)
        window = WINDOW * setting.batch_size
        parts = [order[first : first + window] for first in range(0, len(order), window)]
        parts = [part[np.argsort(lengths[part], kind="stable")] for part in parts]
        batches = [
            part[first : first + setting.batch_size]
            for part in parts
            for first in range(0, len(part), setting.batch_size)
        ]
        yield from (batches[number] for number in generator.permutation(len(batches)))


def epochs_of(setting: Setting, texts: int) -> float:
    """The epochs that a setting stands for on so many texts."""
    if setting.steps is not None:
        return epochs_of_steps(setting.steps, texts, setting.batch_size)
    steps = math.ceil(setting.epochs * texts / setting.batch_size)
    bounded = min(max(steps, setting.min_steps or steps), setting.max_steps or math.inf)
    return setting.epochs if bounded == steps else epochs_of_steps(bounded, texts, setting.batch_size)


def epochs_of_steps(steps: int, texts: int, batch_size: int) -> float:
    """The epochs in which ``training_batches`` makes exactly so many batches; an epoch's last one may be smaller."""
    passes, batches = divmod(steps, math.ceil(texts / batch_size))
    return (passes * texts + batches * batch_size) / texts


@torch.inference_mode()
def predict(
    model: torch.nn.Module,
    tokens: Tokens,
    rows: np.ndarray,
    precision: str,
    visit: Callable[[np.ndarray], object] = lambda batch: None,
    type: TaskType = BINARY,
) -> np.ndarray:
    """Predict texts in batches of like length, in eval mode.

    Args:
        model: a network with as many outputs as the type of task has.
        tokens, rows: the tokenised texts and the rows to predict.
        precision: "float32" or "bfloat16" (autocast).
        visit: gets each batch, as positions into ``rows``, before it is predicted.
        type: of task; by default the first head of two logits predicts.

    Returns:
        What the type makes of them, (rows, ...): probabilities of the positive class, (rows,) float32, by default. Rows
        shorter than the longest are filled up with -1.

    Raises:
        InputError: a prediction is not finite.
    """
    device = next(model.parameters()).device
    model.eval()
    batches, found = list(prediction_batches(tokens.lengths[rows], PREDICT_POSITIONS[device.type])), []
    for batch in batches:
        ids, mask = (tensor.to(device) for tensor in tokens.batch(rows[batch]))
        visit(batch)
        with autocast(device.type, precision):
            logits = model(input_ids=ids, attention_mask=mask).logits.float().cpu()
        found.append(type.decode(logits, tokens.words_in(rows[batch]) if type.reads == "positions" else None))
    predicted = _in_order(found, batches)
    if not np.isfinite(predicted).all():
        raise InputError("a model predicts values that are not finite: lower the learning_rate in settings")
    return predicted


def _in_order(parts: list[np.ndarray], batches: list[np.ndarray]) -> np.ndarray:
    """What was found batch by batch, in the order of the rows, filled up with -1."""
    if not parts:
        return np.empty(0, np.float32)
    shape = tuple(max(sizes) for sizes in zip(*(part.shape[1:] for part in parts), strict=True))
    whole = np.full((sum(map(len, batches)), *shape), MASKED, dtype=parts[0].dtype)
    for batch, part in zip(batches, parts, strict=True):
        whole[(batch, *(slice(size) for size in part.shape[1:]))] = part
    return whole


def prediction_batches(lengths: np.ndarray, positions: int) -> Iterator[np.ndarray]:
    """All positions into ``lengths``, texts of like length together: at most so many padded wordpieces, or one text."""
    order, first = np.argsort(lengths, kind="stable"), 0
    while first < len(order):
        sizes = lengths[order[first:]] * np.arange(1, len(order) - first + 1)
        count = max(1, int(np.searchsorted(sizes, positions, side="right")))
        yield order[first : first + count]
        first += count


def learning_rate(setting: Setting, step: int, steps: int) -> float:
    """Linear from near 0 to the peak over the warm-up, then linear to 0 at the end; step: from 0."""
    warmup = max(1, round(setting.warmup * steps))
    return setting.learning_rate * min((step + 1) / warmup, (steps - step) / max(1, steps - warmup), 1.0)
