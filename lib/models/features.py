"""What a model makes of texts, read once for all selectors: [CLS] outputs, mean outputs and probabilities."""

import numpy as np
import torch

from lib.models.encoders import Tokens
from lib.models.steps import autocast
from lib.models.training import PREDICT_POSITIONS, prediction_batches


@torch.inference_mode()
def encode(network: torch.nn.Module, tokens: Tokens, rows: np.ndarray, precision: str) -> dict[str, np.ndarray]:
    """Of the last encoder layer the output at [CLS] ("cls") and the mean over all wordpieces ("mean"), (rows, d) each;
    and the positive class's "probabilities", (rows,). All float32, from a network in eval mode, in the arithmetic that
    ``precision`` names.
    """
    found: dict[str, list] = {"cls": [], "mean": [], "probabilities": []}
    batches = list(prediction_batches(tokens.lengths[rows], PREDICT_POSITIONS[network.device.type]))
    for batch in batches:
        ids, mask = (tensor.to(network.device) for tensor in tokens.batch(rows[batch]))
        with autocast(network.device.type, precision):
            output = network(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        last, weight = output.hidden_states[-1].float(), mask[:, :, None] / mask.sum(dim=1)[:, None, None]
        values = last[:, 0], (last * weight).sum(dim=1), output.logits.float().softmax(dim=1)[:, 1]
        for name, value in zip(found, values, strict=True):
            found[name].append(value.cpu().numpy())
    back = np.argsort(np.concatenate(batches), kind="stable")
    return {name: np.concatenate(parts)[back] for name, parts in found.items()}
