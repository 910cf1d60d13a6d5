"""Whether a device computes what a CPU computes, looked at before a study trains on it."""

import numpy as np
import torch

from lib.errors import InputError
from lib.models.encoders import Tokens, fresh_head, load_model
from lib.models.head import set_outputs
from lib.models.steps import Steps
from lib.models.types.base import TaskType
from lib.models.types.classification import BINARY
from lib.study.sections import Encoder, Setting, Training

TOLERANCES = {"loss": 0.02, "gradient norm": 0.1}  # relative differences that bfloat16 explains


def check_device(
    encoder: Encoder,
    tokens: Tokens,
    rows: np.ndarray,
    labels: np.ndarray,
    device: str,
    precision: str,
    type: TaskType = BINARY,
) -> str:
    """Compare one training step on a device with the same step on the CPU in float32.

    Args:
        encoder: the pretrained encoder, without dropout, under a head drawn from a fixed seed.
        tokens, rows, labels: the texts of the step, (n,), and their targets, as ``training.fine_tune`` takes them.
        device, precision: where and in which arithmetic the study trains.
        type: of task.

    Returns:
        One line that says loss and gradient norm of both.

    Raises:
        InputError: they differ by more than TOLERANCES.
    """
    expected = first_step(encoder, tokens, rows, labels, "cpu", "float32", type)
    measured = first_step(encoder, tokens, rows, labels, device, precision, type)
    parts = [f"{name} {measured[name]:.5g} (CPU, float32: {expected[name]:.5g})" for name in TOLERANCES]
    line = f"one training step on {device} in {precision}: {', '.join(parts)}"
    wrong = [name for name, most in TOLERANCES.items() if not abs(measured[name] / expected[name] - 1) <= most]
    if wrong:
        raise InputError(
            f"{line}: the {' and the '.join(wrong)} differ; set engine.device: cpu or training.precision: float32"
        )
    return line


def first_step(
    encoder: Encoder,
    tokens: Tokens,
    rows: np.ndarray,
    labels: np.ndarray,
    device: str,
    precision: str,
    type: TaskType = BINARY,
) -> dict[str, float]:
    """Loss and gradient norm of one batch of texts before any training.

    Args:
        encoder, tokens, rows, labels, device, precision, type: as for ``check_device``.

    Returns:
        "loss" and "gradient norm".
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = load_model(encoder, 0.0, "cpu")
        set_outputs(model, type.outputs, type.reads)
        fresh_head(model)
    setting = Setting(learning_rate=1.0e-4, epochs=1, batch_size=len(rows))
    steps = Steps(model.to(device).eval(), tokens, rows, labels, setting, Training(), precision, type)
    loss, norm = steps.backward(np.arange(len(rows)))
    return {"loss": loss.item(), "gradient norm": norm.item()}
