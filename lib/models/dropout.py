"""Dropout at the price of sixteen random bits per element: on a CPU, drawing the elements is most of dropout's cost.

PyTorch draws a random number for every element, one after another. Here one 64-bit draw of its generator decides four
elements. It is the same dropout (Srivastava et al. 2014), with its rate rounded to a multiple of 2^-16.
"""

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION = "sdpa_cheap_dropout"  # the name under which transformers knows the attention below


def dropped(values: torch.Tensor, rate: float) -> torch.Tensor:
    """Each element with probability ``rate`` set to 0, else divided by 1 - rate; torch's random state decides."""
    draws = torch.empty(-(-values.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    sixteen = draws.view(torch.int16)[: values.numel()].view(values.shape)
    kept = sixteen >= round(rate * 2**16) - 2**15
    return values * kept.to(values.dtype).mul_(1 / (1 - rate))


class CheapDropout(torch.nn.Module):
    """Takes the place of torch.nn.Dropout; ``p`` is the rate."""

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return dropped(values, self.p) if self.training and self.p > 0 else values


def attention(module, query, key, value, attention_mask, scaling=None, dropout=0.0, **options) -> tuple:
    """Attention whose weights are dropped cheaply.

    Its formula is written out: in bfloat16 and for short texts that is also faster than PyTorch's fused attention,
    which serves where nothing is dropped and the numbers are longer.

    Args:
        module, scaling, dropout, options: as transformers passes them to an attention function.
        query, key, value: (texts, heads, positions, size).
        attention_mask: bool, broadcast over heads; None: all positions.

    Returns:
        The output, (texts, positions, heads, size), and None in place of the weights, as transformers' own functions do.
    """
    if dropout == 0.0 and query.dtype != torch.bfloat16:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **options)
    scores = query @ key.transpose(2, 3) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    weights = torch.softmax(scores, dim=-1)
    if dropout > 0.0:
        weights = dropped(weights, dropout)
    return (weights @ value).transpose(1, 2).contiguous(), None


def use_cheap_dropout(model: torch.nn.Module) -> None:
    """Replace every dropout of a model on the CPU; attention too, where it is PyTorch's fused one."""
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, torch.nn.Dropout):
                setattr(parent, name, CheapDropout(child.p))
    if model.config._attn_implementation == "sdpa":
        AttentionInterface.register(ATTENTION, attention)
        AttentionMaskInterface.register(ATTENTION, sdpa_mask)
        model.set_attn_implementation(ATTENTION)
