"""bfloat16's products on CPUs without instructions for them, where PyTorch's own take twelve times float32's time.

A product of bfloat16 numbers adds up in float32 and rounds once. So does float32's product of numbers that were rounded
before, at about float32's speed: the two differ by the order of the sum alone.
"""

import torch
from torch.nn.functional import linear, scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from lib.models.linear import onednn_has

PRODUCTS = {linear, scaled_dot_product_attention, torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__}


def lacks_products(device: str) -> bool:
    """Whether this device has no fast products of bfloat16 numbers: oneDNN, which PyTorch ships, knows."""
    if device != "cpu":
        return False
    return not (onednn_has("_is_mkldnn_bf16_supported") and torch.ops.mkldnn._is_mkldnn_bf16_supported())


class RoundedProducts(TorchFunctionMode):
    """Inside this context, which autocast to bfloat16 surrounds, products and their gradients are float32's of rounded
    numbers, rounded."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function not in PRODUCTS:
            return function(*args, **(kwargs or {}))
        with torch.autocast("cpu", enabled=False):
            return function(*map(_rounded, args), **(kwargs or {})).bfloat16()


def _rounded(given: torch.Tensor | None) -> torch.Tensor | None:
    """Floating-point numbers rounded to bfloat16, as float32; anything else as it is."""
    return given if given is None or not given.is_floating_point() else given.bfloat16().float()
