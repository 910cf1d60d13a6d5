"""Linear maps of frozen networks are the same through oneDNN, and others are left alone."""

import pytest
import torch

from lib.models.linear import FrozenLinearMaps


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return torch.nn.Linear(24, 40)


@pytest.mark.parametrize("shape", [(24,), (7, 24), (3, 5, 24)])
@pytest.mark.parametrize("bias", [True, False])
def test_outputs_and_gradients_are_pytorchs(shape, bias):
    torch.manual_seed(0)
    layer = torch.nn.Linear(24, 40, bias=bias)
    values, weight = torch.randn(shape, requires_grad=True), torch.randn(*shape[:-1], 40)
    expected = layer(values)
    gradient = torch.autograd.grad((expected * weight).sum(), values)[0]
    with FrozenLinearMaps():
        found = layer(values)
        ours = torch.autograd.grad((found * weight).sum(), values)[0]
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(ours, gradient)


def test_weights_get_no_gradient(layer):
    values = torch.randn(3, 24, requires_grad=True)
    with FrozenLinearMaps():
        layer(values).sum().backward()
    assert layer.weight.grad is None and values.grad is not None


def test_other_types_and_autocast_are_left_alone(layer):
    values = torch.randn(3, 24)
    with FrozenLinearMaps():
        torch.testing.assert_close(layer.double()(values.double()), layer(values.double()), rtol=0, atol=0)
        with torch.autocast("cpu", torch.bfloat16):
            assert layer.float()(values).dtype == torch.bfloat16


def test_outside_nothing_changes(layer):
    with FrozenLinearMaps():
        pass
    layer(torch.randn(3, 24)).sum().backward()
    assert layer.weight.grad is not None
