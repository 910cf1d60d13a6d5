"""Float32 linear maps through oneDNN, for networks whose weights are not trained.

PyTorch hands float32 matrix products on a CPU to MKL, which keeps to half of the vector width on processors that are not
Intel's; oneDNN, which PyTorch ships too and uses for bfloat16, does not. The products are the same but for rounding.
"""

import torch
from torch.overrides import TorchFunctionMode


def _product(values: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """values (..., in) times weight (out, in) transposed, plus bias (out,)."""
    return torch.ops.mkldnn._linear_pointwise(values, weight, bias, "none", [], "")


class _FrozenLinear(torch.autograd.Function):
    """A linear map that passes gradients on to its input and none to its weights."""

    @staticmethod
    def forward(context, values, weight, bias):
        context.weight = weight
        return _product(values, weight, bias)

    @staticmethod
    def backward(context, gradient):
        return _product(gradient.contiguous(), context.weight.t(), None), None, None


class FrozenLinearMaps(TorchFunctionMode):
    """Inside this context float32 linear maps on a CPU are oneDNN's, and their weights get no gradients."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.nn.functional.linear and not kwargs and _suits(args[0]):
            values, weight, bias = args if len(args) == 3 else (*args, None)
            return _FrozenLinear.apply(values, weight, bias)
        return function(*args, **(kwargs or {}))


def onednn_has(operation: str) -> bool:
    """Whether this PyTorch ships oneDNN, with an operation of this name in ``torch.ops.mkldnn``."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, operation)


def _suits(values: torch.Tensor) -> bool:
    float32 = values.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    return onednn_has("_linear_pointwise") and float32 and values.device.type == "cpu"
