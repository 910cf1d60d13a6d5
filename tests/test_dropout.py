"""Cheap dropout is dropout: the right rate, the right scale, the same gradient, and nothing at all in evaluation."""

import numpy as np
import pytest
import torch

from lib.models.dropout import CheapDropout, attention, dropped
from lib.models.encoders import load_model
from lib.study.sections import Encoder


@pytest.mark.parametrize("shape", [(1001, 97), (3,), (0, 4)])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_elements_are_dropped_at_the_rate_and_the_others_scaled(shape, kind):
    torch.manual_seed(0)
    found = dropped(torch.ones(shape, dtype=kind), 0.1)
    assert found.shape == shape and found.dtype == kind
    assert set(found.unique().tolist()) <= {0.0, torch.tensor(1 / 0.9, dtype=kind).item()}
    if found.numel() > 1000:
        share, error = (found == 0).double().mean().item(), np.sqrt(0.09 / found.numel())
        assert share == pytest.approx(0.1, abs=4 * error)
        zeros = (found == 0).double()
        together = (zeros[:, :-1] * zeros[:, 1:]).mean().item()  # four elements share a draw: they must not depend
        assert together == pytest.approx(0.01, abs=4 * np.sqrt(0.01 / found.numel()))


def test_the_seed_decides_and_the_gradient_follows_the_mask():
    values = torch.randn(40, 30, requires_grad=True)
    torch.manual_seed(1)
    first = dropped(values, 0.3)
    torch.manual_seed(1)
    assert torch.equal(first, dropped(values, 0.3)) and not torch.equal(first, dropped(values, 0.3))
    first.sum().backward()
    torch.testing.assert_close(values.grad, (first != 0) / 0.7)


def test_attention_is_pytorchs_own_and_averages_to_it_over_many_draws():
    torch.manual_seed(2)
    query, key, value = (torch.randn(2, 3, 5, 4) for _ in range(3))
    mask = torch.ones(2, 1, 5, 5, dtype=torch.bool)
    mask[1, :, :, 3:] = False
    module = torch.nn.Module()
    exact = torch.nn.functional.scaled_dot_product_attention(query, key, value, mask).transpose(1, 2)
    torch.testing.assert_close(attention(module, query, key, value, mask)[0], exact)
    half, _ = attention(module, query.bfloat16(), key.bfloat16(), value.bfloat16(), mask)
    torch.testing.assert_close(half.float(), exact, atol=0.05, rtol=0)
    many = [each.repeat(4000, 1, 1, 1) for each in (query, key, value, mask)]
    drawn, _ = attention(module, *many, dropout=0.2)
    torch.testing.assert_close(drawn.view(4000, *exact.shape).mean(0), exact, atol=0.05, rtol=0)
    value[1, :, 3:] = 1e6  # masked positions have no say
    assert attention(module, query, key, value, mask, dropout=0.2)[0][1].abs().max() < 100


def test_a_loaded_model_drops_in_training_only():
    model = load_model(Encoder(name="tiny", max_length=16), 0.5, "cpu")
    assert not any(isinstance(module, torch.nn.Dropout) for name, module in model.named_modules())
    assert sum(isinstance(module, CheapDropout) for module in model.modules()) > 3
    ids, mask = torch.randint(5, 30, (4, 9)), torch.ones(4, 9, dtype=torch.int64)
    mask[2, 6:] = 0

    def logits():
        return model(input_ids=ids, attention_mask=mask).logits

    model.train()
    assert not torch.equal(logits(), logits())
    model.eval()
    mine = logits()
    model.set_attn_implementation("eager")
    torch.testing.assert_close(mine, logits(), atol=1e-6, rtol=1e-5)
