"""Several heads on one encoder: how they start, what masked labels do, and that one head is trained as ever."""

import numpy as np
import pytest
import torch

from lib.models.encoders import fresh_head, load_model, tokenise
from lib.models.head import head_inputs, head_of, last_linear, set_outputs, start_at_probe
from lib.models.steps import POSITIONS, Steps
from lib.models.training import fine_tune, predict
from lib.models.types.classification import Classification
from lib.models.types.probe import probe
from lib.study.sections import Encoder, Setting, Training

TINY = Encoder(name="tiny", max_length=16)
SETTING = Setting(learning_rate=5e-3, epochs=3, batch_size=16, positive_weight=3.0)


@pytest.fixture(scope="module")
def tokens():
    rng = np.random.default_rng(0)
    words = ["bako", "rimetu", "sola", "zuvi", "nedo", "fapi"]
    return tokenise(TINY, [" ".join(rng.choice(words, rng.integers(2, 7))) for _ in range(60)])


@pytest.fixture(scope="module")
def labels(tokens):
    """Of two heads, (60, 2): does the text hold this word?"""
    words = [tokenise(TINY, [word]).text(0)[1] for word in ("bako", "sola")]
    return np.array([[word in tokens.text(row) for word in words] for row in range(60)], dtype=np.int8)


def network_of(pooling: str, heads: int = 1, dropout: float = 0.0) -> torch.nn.Module:
    torch.manual_seed(0)
    network = load_model(TINY.model_copy(update={"pooling": pooling}), dropout, "cpu")
    set_outputs(network, 2 * heads)
    fresh_head(network)
    return network


def weights_of(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.named_parameters()}


def differing(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in one if not torch.equal(one[name], other[name])}


# heads


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_heads_come_and_go_and_the_first_one_predicts(tokens, pooling):
    network = network_of(pooling)
    before, alone = weights_of(network), predict(network, tokens, np.arange(60), "float32")
    with head_of(network, Classification(heads=3)):
        last = last_linear(network)
        assert last.out_features == network.config.num_labels == 6 and not last.weight[2:].any()
        torch.nn.init.ones_(last.bias[2:])
        np.testing.assert_allclose(predict(network, tokens, np.arange(60), "float32"), alone, atol=1e-6)
        assert network(input_ids=tokens.batch(np.arange(2))[0]).logits.shape == (2, 6)
        with torch.no_grad():
            last.bias[0] += 1
        assert not np.allclose(predict(network, tokens, np.arange(60), "float32"), alone)
        with torch.no_grad():
            last.bias[0] -= 1
    assert last_linear(network).out_features == network.config.num_labels == 2
    assert differing(before, weights_of(network)) <= {"classifier.bias"}
    torch.testing.assert_close(network.classifier.bias, before["classifier.bias"])


def test_a_network_has_one_head_again_after_an_error():
    network = network_of("mean")
    with pytest.raises(ZeroDivisionError), head_of(network, Classification(heads=2)):
        raise ZeroDivisionError
    assert last_linear(network).out_features == 2


def test_every_head_starts_at_the_probe_of_the_texts_whose_label_it_knows(tokens, labels):
    network = network_of("mean", heads=3)
    rows = np.concatenate([np.arange(40), np.arange(10), np.arange(10)])  # what the second head knows twice counts once
    known = np.full((60, 3), -1, dtype=np.int8)
    known[:30, 0], known[20:, 1], known[:, 2] = labels[rows[:30], 0], labels[rows[20:], 1], 1
    random = last_linear(network).weight[4:].clone()
    features = head_inputs(network, tokens, np.arange(40), "float32")
    start_at_probe(network, tokens, rows, known, 3.0, "float32")
    last = last_linear(network)
    texts = [np.arange(30), np.arange(40)]
    for head, own in enumerate([texts[0], np.setdiff1d(texts[1], np.arange(10, 20))]):
        weights, bias = probe(features[own], labels[own, head], 3.0)
        for logit, half in enumerate((-0.5, 0.5), 2 * head):
            np.testing.assert_allclose(last.weight[logit].detach(), half * weights, atol=1e-6)
            assert last.bias[logit].item() == pytest.approx(half * bias, abs=1e-6)
    assert torch.equal(last.weight[4:], random)  # all its labels are 1


# the loss


@pytest.mark.parametrize("positions", [1024, 64, 1])
def test_the_loss_is_the_weighted_mean_over_labels_that_are_not_masked(tokens, labels, positions, monkeypatch):
    """By hand, whatever the number of parts: sum of w(label) x -log p(label), over the sum of w(label)."""
    network, masked = network_of("mean", heads=2), labels.copy()
    masked[:8, 1], masked[8:16, 0] = -1, -1
    ids, mask = tokens.batch(np.arange(16))
    logs = network(input_ids=ids, attention_mask=mask).logits.reshape(16, 2, 2).log_softmax(dim=2)
    cells = [(row, head) for row in range(16) for head in range(2) if masked[row, head] >= 0]
    weight = {0: 1.0, 1: 3.0}
    loss = -sum(weight[masked[cell]] * logs[(*cell, int(masked[cell]))] for cell in cells)
    loss = loss / sum(weight[masked[cell]] for cell in cells)
    loss.backward()
    expected = network.classifier.weight.grad.clone()
    network.zero_grad()
    monkeypatch.setitem(POSITIONS, "cpu", positions)
    steps = Steps(network, tokens, np.arange(60), masked, SETTING, Training(clip=1e6), "float32")
    found, _ = steps.backward(np.arange(16))
    steps.end()
    assert found.item() == pytest.approx(loss.item(), rel=1e-5)
    torch.testing.assert_close(network.classifier.weight.grad, expected, atol=1e-6, rtol=1e-4)


class PlainSteps(Steps):
    """The loss as it was when there was one head: no flattening, no mask."""

    def backward(self, batch):
        self.plain = torch.tensor([1.0, self.positive_weight])
        positions = len(batch) * int(self.tokens.lengths[batch].max())
        parts = max(1, -(-positions // POSITIONS[self.model.device.type]))
        whole = self.plain[self.targets[batch]].sum()
        losses = [self._part(part, whole) for part in np.array_split(batch, min(parts, len(batch)))]
        return torch.stack(losses).sum(), torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)

    def _part(self, part, whole):
        ids, mask = self.tokens.batch(part)
        logits, targets = self.model(input_ids=ids, attention_mask=mask).logits, self.targets[part]
        share = self.plain[targets].sum() / whole
        loss = torch.nn.functional.cross_entropy(logits.float(), targets, self.plain) * share
        loss.backward()
        return loss.detach()


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_one_head_is_trained_as_before_bit_by_bit(tokens, labels, pooling, monkeypatch):
    def trained():
        network = network_of(pooling, dropout=0.1)
        start_at_probe(network, tokens, np.arange(60), labels[:, 0], 3.0, "float32")
        torch.manual_seed(1)
        fit = fine_tune(network, tokens, np.arange(60), labels[:, 0], SETTING, Training(), "float32")
        return weights_of(network), fit.losses

    weights, losses = trained()
    monkeypatch.setattr("lib.models.training.Steps", PlainSteps)
    monkeypatch.setitem(POSITIONS, "cpu", POSITIONS["cpu"])
    plain, before = trained()
    np.testing.assert_array_equal(losses, before)
    assert not differing(weights, plain)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_several_heads_learn_their_labels(tokens, labels, pooling):
    network = network_of(pooling, heads=2)
    setting = SETTING.model_copy(update={"epochs": 40.0, "positive_weight": 1.0})
    fine_tune(network, tokens, np.arange(60), labels, setting, Training(), "float32")
    first = predict(network, tokens, np.arange(60), "float32")
    with torch.no_grad():  # the second one takes the first one's place
        last = last_linear(network)
        last.weight[:2], last.bias[:2] = last.weight[2:].clone(), last.bias[2:].clone()
    second = predict(network, tokens, np.arange(60), "float32")
    assert ((first >= 0.5) == labels[:, 0]).mean() > 0.9 and ((second >= 0.5) == labels[:, 1]).mean() > 0.9


def test_a_head_whose_labels_are_all_masked_is_as_if_it_were_not_there(tokens, labels):
    masked = np.stack([labels[:, 0], np.full(60, -1)], axis=1)
    start = weights_of(network_of("mean", heads=2))

    def trained(heads, known):
        network = network_of("mean", heads=2, dropout=0.1)
        set_outputs(network, 2 * heads)
        torch.manual_seed(1)
        fine_tune(network, tokens, np.arange(60), known, SETTING, Training(), "float32")
        return weights_of(network)

    alone, beside = trained(1, labels[:, 0]), trained(2, masked)
    for name, value in alone.items():
        torch.testing.assert_close(beside[name][: len(value)], value, atol=1e-5, rtol=1e-4)
    assert torch.equal(
        beside["classifier.bias"][2:], start["classifier.bias"][2:]
    )  # no gradient, and biases do not decay
    assert not torch.equal(trained(2, labels)["classifier.bias"][2:], start["classifier.bias"][2:])
