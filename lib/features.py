"""What a model makes of texts, read once for all selectors: [CLS] outputs, mean outputs and probabilities."""

import numpy as np
import torch

from lib.encoders import Tokens
from lib.training import prediction_batches


@torch.inference_mode()
def encode(network: torch.nn.Module, tokens: Tokens, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Of the last encoder layer the output at [CLS] ("cls") and the mean over all wordpieces ("mean"), (rows, d) each;
    and the positive class's "probabilities", (rows,). All float32, from a network in eval mode, in float32 arithmetic.
    """
    device, order = network.device, np.argsort(tokens.lengths[rows], kind="stable")
    found: dict[str, list] = {"cls": [], "mean": [], "probabilities": []}
    for batch in prediction_batches(tokens.lengths[rows[order]]):
        ids, mask = (tensor.to(device) for tensor in tokens.batch(rows[order[batch]]))
        output = network(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        last, weight = output.hidden_states[-1], mask[:, :, None] / mask.sum(dim=1)[:, None, None]
        values = last[:, 0], (last * weight).sum(dim=1), output.logits.softmax(dim=1)[:, 1]
        for name, value in zip(found, values, strict=True):
            found[name].append(value.cpu().numpy())
    back = np.argsort(order, kind="stable")
    return {name: np.concatenate(parts)[back] for name, parts in found.items()}
