"""Conductance against completeness, against captum's LayerConductance, and against itself in other batches."""

import numpy as np
import pytest
import torch
from captum.attr import LayerConductance
from transformers import BertConfig, BertForSequenceClassification

from lib.attribution.conductance import RULES, SURVEY, layer_conductances, path_points, path_slopes
from lib.errors import InputError

PAD, CLS, SEP, LAYERS = 0, 1, 2, 3


class FromEmbeddings(torch.nn.Module):
    """The model as captum wants it: word embeddings in, positive-class logit out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, embeddings):
        return self.model(inputs_embeds=embeddings).logits[:, 1]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tiny passes are slower on several threads, and much slower on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=60,
        hidden_size=16,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        num_labels=2,
        attn_implementation="sdpa",
        initializer_range=0.3,
    )
    return BertForSequenceClassification(config).eval().double()


def texts(*lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [np.array([CLS, *rng.integers(3, 60, length - 2), SEP]) for length in lengths]


@pytest.fixture(scope="module")
def ragged():
    return texts(5, 9, 5, 2, 14, 9, 6, 5)


def test_completeness_error_shrinks_with_the_steps(model, ragged):
    for rule in ("trapezoid", "adaptive"):
        errors = [
            layer_conductances(model, ragged, PAD, steps, 512, rule).absolute_error.max() for steps in (4, 16, 64)
        ]
        assert errors[0] > 4 * errors[1] > 16 * errors[2], rule
        assert errors[2] < 1e-2


def test_logits_are_the_models_own(model, ragged):
    found = layer_conductances(model, ragged, PAD, 4, 512)
    for ids, logit, baseline in zip(ragged, found.logit, found.baseline_logit, strict=True):
        blank = [CLS, *[PAD] * (len(ids) - 2), SEP]
        with torch.no_grad():
            expected = [model(input_ids=torch.tensor([tokens])).logits[0, 1].item() for tokens in (ids.tolist(), blank)]
        assert (logit, baseline) == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(found.relative_error[3], np.nan)  # [CLS] [SEP] alone: nothing changes along the path
    np.testing.assert_allclose(found.values[found.offsets[3] : found.offsets[4]], 0, atol=1e-14)
    assert np.isfinite([found.median_relative_error, found.median_absolute_error]).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_layer_equals_captum(model, dtype):
    steps, ids = 7, texts(9)[0]
    model = model.to(dtype)
    try:
        found = layer_conductances(model, [ids], PAD, steps, 512, "left").values
        embed = model.get_input_embeddings()
        blank = torch.tensor([[CLS, *[PAD] * (len(ids) - 2), SEP]])
        ends = [embed(tokens).detach() for tokens in (torch.tensor(ids)[None], blank)]
        for layer, module in enumerate([model.bert.embeddings, *model.bert.encoder.layer]):
            captum = LayerConductance(FromEmbeddings(model), module)
            expected = captum.attribute(*ends, n_steps=steps, method="riemann_trapezoid").sum(-1)[0]
            assert expected.abs().max() > 1e-3
            np.testing.assert_allclose(found[:, layer], expected.detach(), atol=1e-5)
    finally:
        model.double()


def test_only_cls_has_conductance_at_the_last_layer(model, ragged):
    found = layer_conductances(model, ragged, PAD, 4, 512)
    rest = np.delete(found.values, found.offsets[:-1], axis=0)
    assert (rest[:, LAYERS] == 0).all() and (rest[:, :LAYERS] != 0).any(axis=0).all()
    np.testing.assert_allclose(found.values[found.offsets[:-1], LAYERS], found.logit - found.baseline_logit, atol=0.2)


def test_results_do_not_depend_on_batches_or_order(model, ragged):
    whole = layer_conductances(model, ragged, PAD, 6, 4096)
    for positions in (1, 200):
        other = layer_conductances(model, ragged, PAD, 6, positions)
        np.testing.assert_allclose(other.values, whole.values, atol=1e-10)
        np.testing.assert_allclose(other.logit, whole.logit, atol=1e-10)
    order = np.random.default_rng(0).permutation(len(ragged))
    shuffled = layer_conductances(model, [ragged[k] for k in order], PAD, 6, 300)
    for place, text in enumerate(order):
        part, same = (
            found.values[found.offsets[k] : found.offsets[k + 1]] for found, k in ((shuffled, place), (whole, text))
        )
        np.testing.assert_allclose(part, same, atol=1e-10)


def test_padding_inside_a_pass_changes_nothing(model):
    ragged = texts(14, 15, 14)  # near enough in length to share a pass
    together = layer_conductances(model, ragged, PAD, 6, 512)
    alone = np.concatenate([layer_conductances(model, [ids], PAD, 6, 512).values for ids in ragged])
    np.testing.assert_allclose(together.values, alone, atol=1e-10)


def test_weights_keep_their_gradient_state(model, ragged):
    frozen = model.classifier.bias.requires_grad_(False)
    try:
        layer_conductances(model, ragged[:2], PAD, 2, 512)
        assert not frozen.requires_grad and model.classifier.weight.requires_grad
        assert all(weight.grad is None for weight in model.parameters())
    finally:
        frozen.requires_grad_(True)


def test_attribution_works_where_gradients_are_off(model, ragged):
    with torch.no_grad():
        inside = layer_conductances(model, ragged[:2], PAD, 3, 512)
    np.testing.assert_array_equal(inside.values, layer_conductances(model, ragged[:2], PAD, 3, 512).values)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("steps", [1, 2, 5, 12])
def test_a_rule_is_exact_where_the_gradient_is_constant(rule, steps):
    points = np.linspace(0, 1, steps + 1) ** 2
    outputs = np.random.default_rng(0).normal(size=steps + 1)
    assert (path_slopes(points, rule) @ outputs).sum() == pytest.approx(outputs[-1] - outputs[0])


@pytest.mark.parametrize(("rule", "order"), [("left", 1), ("trapezoid", 2), ("adaptive", 4)])
def test_rules_reach_their_order(rule, order):
    """Integral of sin(a) d(exp a) from 0 to 1, (e (sin 1 - cos 1) + 1) / 2: twice the steps, 2^order the gain."""
    errors = []
    for steps in (16, 32):
        points = np.linspace(0, 1, steps + 1)
        found = np.sin(points) @ path_slopes(points, rule) @ np.exp(points)
        errors.append(abs(found - (np.e * (np.sin(1) - np.cos(1)) + 1) / 2))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.8)


def test_points_crowd_where_the_logit_changes():
    surveyed = np.linspace(0, 1, SURVEY + 1)
    early = np.tanh(40 * (surveyed - 0.25))
    points = path_points(np.stack([early, -3 * early, surveyed, np.zeros(SURVEY + 1)]), 12)
    assert (points[:, 0] == 0).all() and (points[:, -1] == 1).all() and (np.diff(points) > 0).all()
    assert ((points[0] > 0.15) & (points[0] < 0.35)).sum() >= 5  # equal steps would put 2 there
    np.testing.assert_allclose(points[1], points[0])  # neither sign nor size of the change matters
    np.testing.assert_allclose(points[2:], np.tile(np.linspace(0, 1, 13), (2, 1)), atol=1e-12)


def test_adaptive_points_beat_equal_steps_on_a_sharp_transition(model):
    """Word embeddings far apart make the decision flip within a small part of the path, as in a fine-tuned model."""
    embedding = model.get_input_embeddings().weight
    before = embedding.detach().clone()
    with torch.no_grad():
        embedding[3:] *= 8
    try:
        ids = texts(9, 12, 10, 11, 8, 9, seed=2)
        errors = {
            rule: layer_conductances(model, ids, PAD, 12, 512, rule).median_absolute_error
            for rule in ("adaptive", "trapezoid")
        }
        assert errors["adaptive"] < errors["trapezoid"] / 2
    finally:
        with torch.no_grad():
            embedding.copy_(before)


def test_bad_input_is_refused(model, ragged):
    with pytest.raises(InputError, match="rule"):
        layer_conductances(model, ragged, PAD, 4, 512, rule="simpson")
    with pytest.raises(InputError, match="at least 1 step"):
        layer_conductances(model, ragged, PAD, 0, 512)
    with pytest.raises(InputError, match="pad_id 60"):
        layer_conductances(model, ragged, 60, 4, 512)
    with pytest.raises(InputError, match="at least one text"):
        layer_conductances(model, [], PAD, 4, 512)
    model.train()
    try:
        with pytest.raises(InputError, match="eval mode"):
            layer_conductances(model, ragged, PAD, 4, 512)
    finally:
        model.eval()
