"""What a model makes of texts, read once for all selectors: [CLS] outputs, mean outputs and probabilities."""

import numpy as np
import torch

from lib.models.encoders import Tokens
from lib.models.steps import autocast
from lib.models.training import PREDICT_POSITIONS, prediction_batches


@torch.inference_mode()
def encode(network: torch.nn.Module, tokens: Tokens, rows: np.ndarray, precision: str) -> dict[str, np.ndarray]:
    """What a network makes of texts: its last encoder layer, pooled in two ways, and its decision.

    Args:
        network: a sequence classifier in eval mode.
        tokens, rows: the tokenised texts and the rows to read.
        precision: "float32" or "bfloat16" (autocast).

    Returns:
        "cls", the output at [CLS], and "mean", the mean over all wordpieces, (rows, d) each; "probabilities" of the positive
        class, (rows,). All float32.
    """
    parts: dict[str, list] = {"cls": [], "mean": [], "probabilities": []}
    batches = list(prediction_batches(tokens.lengths[rows], PREDICT_POSITIONS[network.device.type]))
    for batch in batches:
        ids, mask = (tensor.to(network.device) for tensor in tokens.batch(rows[batch]))
        with autocast(network.device.type, precision):
            output = network(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        last, weight = output.hidden_states[-1].float(), mask[:, :, None] / mask.sum(dim=1)[:, None, None]
        values = last[:, 0], (last * weight).sum(dim=1), output.logits.float().softmax(dim=1)[:, 1]
        for name, value in zip(parts, values, strict=True):
            parts[name].append(value.cpu().numpy())
    back = np.argsort(np.concatenate(batches), kind="stable")
    return {name: np.concatenate(arrays)[back] for name, arrays in parts.items()}
