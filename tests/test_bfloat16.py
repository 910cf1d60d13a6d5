"""bfloat16 without instructions for it gives what PyTorch's own products give, and float32 is left alone."""

from contextlib import nullcontext

import pytest
import torch
from torch.nn.functional import linear, scaled_dot_product_attention

from lib.models import steps
from lib.models.bfloat16 import RoundedProducts, lacks_products
from lib.models.steps import autocast

ULP = 2**-7  # of a bfloat16 number, relative to it


def attention(query, key, value):
    return scaled_dot_product_attention(query, key, value, attn_mask=torch.ones(7, 7, dtype=torch.bool))


CASES = {
    "linear": (linear, [(2, 7, 24), (40, 24), (40,)]),
    "linear without bias": (linear, [(7, 24), (40, 24), None]),
    "matmul": (torch.matmul, [(2, 7, 24), (2, 24, 7)]),
    "@": (lambda left, right: left @ right, [(7, 24), (24, 40)]),
    "attention": (attention, [(2, 3, 7, 24)] * 3),
}


def outcome(case, rounded):
    """The outputs of a case under autocast, and their gradients."""
    function, shapes = CASES[case]
    torch.manual_seed(0)
    given = [torch.randn(shape, requires_grad=True) if shape else None for shape in shapes]
    with torch.autocast("cpu", torch.bfloat16), RoundedProducts() if rounded else nullcontext():
        output = function(*given)
    output.backward(torch.randn(output.shape).bfloat16())
    return output, [values.grad for values in given if values is not None]


@pytest.mark.parametrize("case", CASES)
def test_outputs_and_gradients_are_pytorchs_but_for_the_last_bits(case):
    (expected, wanted), (found, ours) = outcome(case, rounded=False), outcome(case, rounded=True)
    assert found.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(found, expected, rtol=2 * ULP, atol=2 * ULP)
    for own, gradient in zip(ours, wanted, strict=True):
        assert own.dtype == torch.float32
        torch.testing.assert_close(own, gradient, rtol=2 * ULP, atol=4 * ULP * gradient.std().item())


def test_a_sum_is_kept_in_float32_and_rounded_once():
    """256 + 1 - 256 is 1 where the sum is float32's; numbers of 8 bits would lose the 1."""
    values, ones = torch.tensor([[256.0, 1.0, -256.0]]), torch.ones(1, 3)
    with torch.autocast("cpu", torch.bfloat16), RoundedProducts():
        assert linear(values, ones).item() == 1.0
        assert linear(torch.tensor([[257.0]]), torch.ones(1, 1)).item() == 256.0  # what goes in is rounded


def test_a_device_without_onednn_lacks_the_products_and_a_gpu_does_not(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert lacks_products("cpu") and not lacks_products("cuda")


@pytest.mark.parametrize("lacking", [True, False])
def test_only_bfloat16_on_a_device_that_lacks_its_products_is_changed(monkeypatch, lacking):
    seen = []
    monkeypatch.setattr(steps, "lacks_products", lambda device: lacking)
    monkeypatch.setattr(RoundedProducts, "__enter__", lambda self: seen.append(self))
    monkeypatch.setattr(RoundedProducts, "__exit__", lambda self, *_: None)
    with autocast("cpu", "float32"):
        pass
    assert not seen
    with autocast("cpu", "bfloat16"):
        assert torch.is_autocast_enabled("cpu")
    assert len(seen) == lacking
