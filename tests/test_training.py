"""Training: the shortcuts that make it cheap leave what is computed unchanged, and models learn."""

import numpy as np
import pytest
import torch

from lib.errors import InputError
from lib.models import precision
from lib.models.device_check import check_device, first_step
from lib.models.encoders import Tokens, fresh_head, is_head, load_model, tokenise, words_of
from lib.models.precision import resolve_precision
from lib.models.steps import POSITIONS, Steps, compact_vocabulary, restore_vocabulary
from lib.models.training import (
    epochs_of_steps,
    fine_tune,
    predict,
    prediction_batches,
    training_batches,
)
from lib.stats.metrics import scores
from lib.study.sections import Encoder, Setting, Training

TINY = Encoder(name="tiny", max_length=16)
SETTING = Setting(learning_rate=5e-3, epochs=15, batch_size=16)


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    rng = np.random.default_rng(0)
    words = ["bako", "rimetu", "sola", "zuvi", "nedo", "fapi"]
    return tokenise(TINY, [" ".join(rng.choice(words, rng.integers(2, 7))) for _ in range(160)])


@pytest.fixture
def model():
    torch.manual_seed(0)
    network = load_model(TINY, 0.0, "cpu")
    fresh_head(network)
    return network


def labels_of(tokens: Tokens) -> np.ndarray:
    word = tokenise(TINY, ["bako"]).text(0)[1]
    return np.array([word in tokens.text(row) for row in range(len(tokens.lengths))], dtype=np.int8)


def test_a_model_learns_which_texts_hold_a_word(tokens, model):
    labels = labels_of(tokens)
    torch.manual_seed(1)
    fit = fine_tune(model, tokens, np.arange(100), labels[:100], SETTING, Training(), "float32")
    found = predict(model, tokens, np.arange(100, 160), "float32")
    assert fit.texts == 15 * 100 and fit.steps == 15 * 7
    assert scores(labels[100:], found)["f1"] > 0.9


def test_a_visit_changes_nothing_and_sees_the_model_as_it_would_be_left(tokens):
    labels, rows = labels_of(tokens), np.arange(40)
    setting, seen = SETTING.model_copy(update={"epochs": 2.0}), []

    def trained(visit_at):
        torch.manual_seed(0)
        network = load_model(TINY, 0.1, "cpu")  # dropout draws in every step: a visit must not disturb its draws
        fresh_head(network)

        def visit(share, step, seconds):
            seen.append((share, step, predict(network, tokens, np.arange(40, 160), "float32")))

        return fine_tune(
            network, tokens, rows, labels[:40], setting, Training(), "float32", lambda: None, visit_at, visit
        ), network

    (fit, plain), (visited, shown) = trained([]), trained([0.01, 0.5, 6])
    for name, value in plain.state_dict().items():
        assert torch.equal(value, shown.state_dict()[name]), name
    assert [(share, step) for share, step, _ in seen] == [(0.01, 1), (0.5, 3), (6, 6)]
    np.testing.assert_array_equal(seen[-1][2], predict(plain, tokens, np.arange(40, 160), "float32"))
    assert not np.allclose(seen[0][2], seen[1][2]) and visited.visits > 0 == fit.visits


def test_training_only_the_used_embeddings_equals_training_all(tokens, model):
    """A dense reference: the same batches, AdamW over the whole embedding table."""
    labels, rows, start = labels_of(tokens), np.arange(40), {k: v.clone() for k, v in model.state_dict().items()}
    setting = SETTING.model_copy(update={"epochs": 2.0})
    torch.manual_seed(1)
    fine_tune(model, tokens, rows, labels[:40], setting, Training(), "float32")
    compact = {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(start)
    decayed = [
        p for n, p in model.named_parameters() if not any(x in n for x in ("bias", "LayerNorm.weight", "embeddings"))
    ]
    kept = [p for n, p in model.named_parameters() if any(x in n for x in ("bias", "LayerNorm.weight", "embeddings"))]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": kept, "weight_decay": 0.0}], lr=1.0
    )
    torch.manual_seed(1)
    batches = list(training_batches(tokens.lengths[rows], setting, np.random.default_rng(torch.initial_seed())))
    model.train()
    for step, batch in enumerate(batches):
        for group in optimiser.param_groups:
            group["lr"] = setting.learning_rate * min(step + 1, (len(batches) - step) / (len(batches) - 1))
        ids, mask = tokens.batch(rows[batch])
        loss = torch.nn.functional.cross_entropy(
            model(input_ids=ids, attention_mask=mask).logits, torch.tensor(labels[batch]).long()
        )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(compact[name], value, atol=2e-5, rtol=1e-3)


@pytest.mark.parametrize("positions", [1024, 64, 1])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(tokens, model, positions, monkeypatch):
    setting, rows = SETTING.model_copy(update={"positive_weight": 3.0}), np.arange(7, 50)
    labels, batch = labels_of(tokens)[rows], np.arange(16)
    weight = torch.tensor([1.0, 3.0])
    ids, mask = tokens.batch(rows[batch])
    expected = torch.nn.functional.cross_entropy(
        model(input_ids=ids, attention_mask=mask).logits, torch.tensor(labels[batch]).long(), weight
    )
    expected.backward()
    gradient = model.classifier.weight.grad.clone()
    norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    model.zero_grad()
    monkeypatch.setitem(POSITIONS, "cpu", positions)
    steps = Steps(model, tokens, rows, labels, setting, Training(clip=1e6), "float32")
    loss, total = steps.backward(batch)
    steps.end()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5) and total.item() == pytest.approx(
        norm.item(), rel=1e-4
    )
    torch.testing.assert_close(model.classifier.weight.grad, gradient, atol=1e-6, rtol=1e-4)


def test_a_device_is_checked_against_the_cpu(tokens, monkeypatch):
    """Here the CPU against itself: equal in float32, close in bfloat16, refused where it computes something else."""
    texts = (tokens, np.arange(16), labels_of(tokens)[:16])
    one, other = (first_step(TINY, *texts, "cpu", precision) for precision in ("float32", "bfloat16"))
    assert one == first_step(TINY, *texts, "cpu", "float32") and one["loss"] == pytest.approx(np.log(2), rel=0.2)
    assert other["loss"] == pytest.approx(one["loss"], rel=0.02) and other != one
    assert f"loss {one['loss']:.5g} (CPU, float32: {one['loss']:.5g})" in check_device(TINY, *texts, "cpu", "float32")
    whole = Steps.backward
    monkeypatch.setattr(Steps, "backward", lambda self, batch: whole(self, batch[: len(batch) // self.half]))
    monkeypatch.setattr(Steps, "half", property(lambda self: 1 if self.precision == "float32" else 8), raising=False)
    with pytest.raises(InputError, match="gradient norm differ"):
        check_device(TINY, *texts, "cpu", "bfloat16")


@pytest.mark.parametrize(("device", "amx", "avx512", "ratio", "expected"), [
    ("cpu", True, True, None, "bfloat16"), ("cpu", False, False, None, "float32"), ("cuda", False, False, None, "bfloat16"),
    ("cpu", False, True, 4.5, "bfloat16"), ("cpu", False, True, 0.7, "float32"), ("cpu", False, True, 1.1, "float32"),
])  # fmt: skip
def test_a_machine_trains_in_the_precision_in_which_it_is_fast(device, amx, avx512, ratio, expected, monkeypatch):
    """Products are timed only where the processor's flags do not tell; `ratio`: float32's seconds over bfloat16's."""
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(precision, "product_seconds", lambda dtype: ratio if dtype == torch.float32 else 1.0)
    assert resolve_precision(Training(), device) == expected
    assert resolve_precision(Training(precision="float32"), device) == "float32"


def test_products_are_timed_on_one_thread_and_once():
    threads = torch.get_num_threads()
    first = precision.product_seconds(torch.float32)
    assert 0 < first == precision.product_seconds(torch.float32) < 1 and torch.get_num_threads() == threads


def test_an_interrupted_training_leaves_a_network_that_the_next_can_use(tokens, model):
    table, rows = model.get_input_embeddings(), np.arange(16)

    def stop(*_):
        raise KeyboardInterrupt

    for where in ({"heartbeat": stop}, {"checkpoints": [1.0], "visit": stop}):
        with pytest.raises(KeyboardInterrupt):
            fine_tune(model, tokens, rows, labels_of(tokens)[rows], SETTING, Training(), "float32", **where)
        assert model.get_input_embeddings() is table


def test_the_compact_vocabulary_gives_the_same_embeddings_and_goes_without_a_trace(tokens, model):
    table = model.get_input_embeddings()
    before = table.weight.clone()
    compact, undo = compact_vocabulary(model, tokens, np.array([3, 5]))
    ids, _ = compact.batch(np.array([0, 1]))
    full, _ = tokens.batch(np.array([3, 5]))
    torch.testing.assert_close(model.get_input_embeddings()(ids), before[full])
    restore_vocabulary(model, undo)
    assert model.get_input_embeddings() is table
    torch.testing.assert_close(table.weight, before)


@pytest.mark.parametrize(("epochs", "expected"), [(1.0, 50), (2.5, 125), (0.3, 15)])
def test_batches_hold_every_text_once_per_epoch(epochs, expected):
    lengths = np.random.default_rng(0).integers(3, 30, 50)
    setting = SETTING.model_copy(update={"epochs": epochs, "batch_size": 8})
    batches = list(training_batches(lengths, setting, np.random.default_rng(1)))
    seen = np.bincount(np.concatenate(batches), minlength=50)
    assert seen.sum() == expected and seen.max() - seen.min() <= 1 and max(map(len, batches)) <= 8


@pytest.mark.parametrize("texts", [7, 11, 48, 100])
def test_epochs_can_be_given_as_steps(texts):
    for steps in range(1, 40):
        setting = SETTING.model_copy(update={"epochs": epochs_of_steps(steps, texts, 16), "batch_size": 16})
        assert len(list(training_batches(np.ones(texts), setting, np.random.default_rng(1)))) == steps


def test_prediction_does_not_depend_on_the_order_or_company_of_texts(tokens, model):
    rows = np.random.default_rng(0).permutation(160)
    together = predict(model, tokens, rows, "float32")
    alone = np.concatenate([predict(model, tokens, rows[[place]], "float32") for place in range(5)])
    np.testing.assert_allclose(together[:5], alone, atol=1e-5)
    batches = list(prediction_batches(tokens.lengths, 64))
    assert sorted(np.concatenate(batches)) == list(range(160))
    assert all(tokens.lengths[batch].max() * len(batch) <= 64 for batch in batches)


def test_a_diverged_run_says_what_to_lower(tokens, model):
    setting = Setting(learning_rate=0.1, epochs=1, batch_size=16)
    with torch.no_grad():
        model.get_input_embeddings().weight.fill_(float("nan"))
    with pytest.raises(InputError, match="lower it in settings"):
        fine_tune(model, tokens, np.arange(32), labels_of(tokens)[:32], setting, Training(), "float32")


def test_a_new_head_changes_the_head_only(model):
    before = {name: value.clone() for name, value in model.named_parameters()}
    fresh_head(model)
    changed = {name for name, value in model.named_parameters() if not torch.equal(before[name], value)}
    assert changed == {"classifier.weight"} and all(is_head(model, name) for name in changed)


def test_words_are_named_as_the_tokenizer_cuts_them():
    tokens = tokenise(TINY, ["bako, rimetu!"])
    assert words_of(TINY, "bako, rimetu!") == ["bako", ",", "rimetu", "!"]
    assert tokens.words.max() == 3 and (tokens.words == -1).sum() == 2


def test_unknown_encoders_are_refused_in_one_line(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="encoder.name 'nobody/nothing' cannot be loaded") as caught:
        load_model(Encoder(name="nobody/nothing"), None, "cpu")
    assert "\n" not in str(caught.value)
