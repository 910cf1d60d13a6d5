"""The recipe: where a model starts, what its head reads and how it begins; each by hand on a tiny encoder."""

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
import torch
from captum.attr import LayerConductance
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from studies import OLDEST, tiny_study

from lib.attribution.conductance import POSITIVE, layer_conductances
from lib.models.encoders import MeanPooled, fresh_head, load_model, token_mean, tokenise
from lib.models.head import head_inputs, start_at_probe
from lib.models.training import predict
from lib.models.types.probe import INVERSE_PENALTY, probe
from lib.runs.engine import train_models
from lib.runs.plan import frozen_models, fused_models, single_models, transfer_models
from lib.runs.results import run_table, select_settings
from lib.runs.weights import load_start, load_weights, pretrained, worker_network
from lib.runs.workbench import open_workbench
from lib.runs.worker import BestState
from lib.study.parameters import Study
from lib.study.recipe import default_settings
from lib.study.sections import Encoder, Setting

MEAN = Encoder(name="tiny", max_length=16, pooling="mean")
GENTLE = {
    "encoder": {"name": "tiny", "max_length": 32, "pooling": "mean"},
    "transfer": {"head": "probe", "interpolation": 0.5},
}


@pytest.fixture(scope="module")
def tokens():
    rng = np.random.default_rng(0)
    words = ["bako", "rimetu", "sola", "zuvi", "nedo", "fapi"]
    return tokenise(MEAN, [" ".join(rng.choice(words, rng.integers(2, 7))) for _ in range(60)])


@pytest.fixture(scope="module")
def labels(tokens):
    word = tokenise(MEAN, ["bako"]).text(0)[1]
    return np.array([word in tokens.text(row) for row in range(60)], dtype=np.int8)


@pytest.fixture(params=["cls", "mean"])
def network(request):
    torch.manual_seed(0)
    network = load_model(MEAN.model_copy(update={"pooling": request.param}), 0.1, "cpu")
    fresh_head(network)
    return network.eval()


def test_the_mean_leaves_padding_out():
    outputs, mask = torch.tensor([[[1.0], [3.0], [99.0]]]), torch.tensor([[1, 1, 0]])
    assert token_mean(outputs, mask).item() == 2 and token_mean(outputs[:, :2], None).item() == 2


def test_mean_pooling_reads_the_mean_of_the_encoders_last_layer(tokens):
    network = load_model(MEAN, 0.0, "cpu").eval()
    ids, mask = tokens.batch(np.arange(4))
    with torch.no_grad():
        last = network.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        expected = torch.stack([last[row, : mask[row].sum()].mean(dim=0) for row in range(4)])
        logits = network(input_ids=ids, attention_mask=mask).logits
    torch.testing.assert_close(logits, network.classifier(expected), atol=1e-6, rtol=1e-5)
    assert not any("pooler" in name for name, _ in network.named_parameters())
    encoder, classifier = load_model(MEAN.model_copy(update={"pooling": "cls"}), 0.0, "cpu"), network
    ours, theirs = dict(classifier.named_parameters()), dict(encoder.named_parameters())
    assert {name for name in theirs if "pooler" not in name} == set(ours)  # one name for one weight, whatever is read


def test_a_head_starts_exactly_at_the_probe(network, tokens, labels):
    rows = np.arange(40)
    features = head_inputs(network, tokens, rows, "float32")
    start_at_probe(network, tokens, rows, labels[:40], 3.0, "float32")
    scaler = StandardScaler().fit(features)
    oracle = LogisticRegression(C=INVERSE_PENALTY, class_weight={0: 1, 1: 3}, solver="newton-cholesky")
    oracle.fit(scaler.transform(features), labels[:40])
    expected = oracle.predict_proba(scaler.transform(head_inputs(network, tokens, np.arange(60), "float32")))[:, 1]
    found = predict(network, tokens, np.arange(60), "float32")
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(found) > 0.02


def test_a_feature_that_hardly_varies_gets_no_weight():
    """MiniLM has such features: their weights would be 1e25, and nothing else would be trained."""
    rng = np.random.default_rng(0)
    features = np.stack([rng.normal(size=50), 0.5 + 1e-26 * rng.normal(size=50), np.ones(50)], axis=1)
    weights, bias = probe(features, (features[:, 0] > 0).astype(int))
    assert weights[0] > 0.1 and (weights[1:] == 0).all() and abs(bias) < 1


def test_a_head_whose_texts_have_one_label_stays_random(network, tokens):
    before = network.classifier.weight.clone()
    start_at_probe(network, tokens, np.arange(10), np.zeros(10, dtype=np.int8), 1.0, "float32")
    assert torch.equal(network.classifier.weight, before)


def test_conductance_under_mean_pooling_is_captums(tokens):
    """The last layer's conductance lies at every token now, not at [CLS] alone."""
    torch.manual_seed(0)
    network = load_model(MEAN, 0.0, "cpu").double().eval()
    fresh_head(network)
    text, steps = tokens.text(0), 50
    found = layer_conductances(network, [text], tokens.pad, steps, 2048, rule="left")
    ids = torch.as_tensor(text.astype(np.int64))[None]
    baseline = torch.full_like(ids, tokens.pad)
    baseline[:, [0, -1]] = ids[:, [0, -1]]
    embed = network.get_input_embeddings()
    layers = [network.encoder.embeddings, *network.encoder.encoder.layer]
    for number, layer in enumerate(layers):
        oracle = LayerConductance(lambda words: network(inputs_embeds=words).logits[:, POSITIVE], layer)
        values = oracle.attribute(embed(ids), embed(baseline), n_steps=steps, method="riemann_trapezoid")
        values = values[0] if isinstance(values, tuple) else values
        np.testing.assert_allclose(found.values[:, number], values[0].sum(dim=-1).detach(), atol=1e-7)
    assert (np.abs(found.values[1:-1, -1]) > 0).all()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A tiny study whose encoder has BERT's pooler, its single-task models trained."""
    study = tiny_study(
        tmp_path_factory.mktemp("recipe"),
        training={"tries": 1},
        **OLDEST | {"transfer": {"carried": "encoder", "head": "random"}},
    )
    bench = open_workbench(study)
    return bench, select_settings(run_table(bench, train_models(bench, single_models(bench), "singles")))


def state_of(bench, run) -> dict[str, torch.Tensor]:
    network = worker_network(bench.place.encoder, None, "cpu")
    load_weights(bench.place, network, run)
    return {name: value.detach().clone() for name, value in network.named_parameters()}


def started(bench, run) -> dict[str, torch.Tensor]:
    network = worker_network(bench.place.encoder, None, "cpu")
    load_start(bench.place, network, run)
    return {name: value.detach().clone() for name, value in network.named_parameters() if "classifier" not in name}


def test_a_pair_starts_between_the_pretrained_encoder_and_its_source(trained):
    bench, singles = trained
    pair, before = transfer_models(bench, singles)[0].run, pretrained(bench.place.encoder, "cpu")
    source = state_of(bench, pair.source)
    assert pair.recipe == {"carried": "encoder"}
    for share in (1.0, 0.5, 0.25):
        for carried in ("encoder", "encoder_and_pooler"):
            recipe = {"carried": carried, "interpolation": share}
            for name, value in started(bench, replace(pair, recipe=recipe)).items():
                own = "pooler" in name and carried == "encoder"
                expected = before[name] if own else before[name] + share * (source[name] - before[name])
                torch.testing.assert_close(value, expected, atol=1e-6, rtol=1e-5)
    assert not torch.equal(source["bert.pooler.dense.weight"], before["bert.pooler.dense.weight"])


def test_a_fused_start_is_the_mean_of_the_stored_weights(trained):
    bench, singles = trained
    model = fused_models(bench, singles)[0]
    assert len(model.run.sources) == 2 and model.kind == "fused" and model.run.source == ""
    states = [state_of(bench, run) for run in model.run.sources]
    run = replace(model.run, recipe={})
    for name, value in started(bench, run).items():
        torch.testing.assert_close(value, (states[0][name] + states[1][name]) / 2, atol=1e-6, rtol=1e-5)
    table = run_table(bench, train_models(bench, [model], "fused"))
    assert table["kind"].tolist() == ["fused"] and table["validation_f1"].notna().all()


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_a_frozen_model_is_the_probe_of_the_pretrained_features(tmp_path, pooling):
    """Trained once for all seeds, without a step, and not again where it predicts no positive."""
    setting = {"learning_rate": 1e-3, "epochs": 1, "positive_weight": 2.0}
    encoder = {"name": "tiny", "max_length": 32, "pooling": pooling}
    changes = {"settings": [setting], "seeds": [0, 1], "source": {"n": 32, "positives": 0.4}}
    study = tiny_study(tmp_path, encoder=encoder, training={"precision": "float32"}, **changes)
    bench = open_workbench(study)
    singles = select_settings(run_table(bench, train_models(bench, single_models(bench), "singles")))
    models = frozen_models(bench, singles)
    table = run_table(bench, train_models(bench, models, "frozen"))
    assert table.groupby("target")["run"].nunique().tolist() == [1] * 3 and len(table) == 6
    assert set(table["seed"]) == {0, 1} and (table[["steps", "seen"]] == 0).all(axis=None)
    assert (table[["train_seconds", "predict_seconds"]] > 0).all(axis=None) and (table["tries"] == 1).all()
    model, network = models[0], worker_network(study.encoder, None, "cpu")
    load_weights(bench.place, network, "")
    texts = bench.tasks.split["validation"]
    weights, bias = probe(head_inputs(network, bench.tokens, model.rows, "float32"), model.labels, 2.0)
    expected = 1 / (1 + np.exp(-(head_inputs(network, bench.tokens, texts, "float32") @ weights + bias)))
    np.testing.assert_allclose(bench.validation_predictions(model.run.id), expected, atol=1e-5)
    assert np.ptp(expected) > 0.02
    assert bench.ledger.entry(model.run.id)["record"]["recipe"]["frozen"] is True


def test_a_frozen_models_id_changes_with_what_decides_its_result(tmp_path):
    plain = {"learning_rate": 3e-3, "epochs": 1}
    common = {"source": {"n": 32, "positives": 0.4}, "settings": [plain], "training": {"precision": "float32"}}

    def id_of(**changes) -> str:
        study = tiny_study(tmp_path, **OLDEST | common | changes)
        bench = open_workbench(study)
        rows = [(each.target, each.side, each.setting, each.seed, True) for each in single_models(bench)]
        singles = pd.DataFrame(rows, columns=["target", "side", "setting", "seed", "selected"])
        return frozen_models(bench, singles)[0].run.id

    same = [{"settings": [{"learning_rate": 1e-4, "epochs": 3, "batch_size": 8, "early_stopping": 2}]}, {"seeds": [4]}]
    same += [{"transfer": {"head": "probe", "carried": "encoder", "interpolation": 0.5}}]
    same += [{"training": {"precision": "float32", "dropout": 0.3}}]
    other = [{"settings": [plain | {"positive_weight": 2.0}]}, {"encoder": OLDEST["encoder"] | {"max_length": 16}}]
    other += [{"encoder": {"name": "tiny", "max_length": 32, "pooling": "mean"}}]
    other += [{"training": {"precision": "bfloat16"}}]
    other += [{"target": {"n": 24, "positives": 0.4}}, {"target": {"n": 32, "positives": 0.4, "seed": 1}}]
    assert {id_of(**each) for each in same} == {id_of()}
    assert len({id_of(), *(id_of(**each) for each in other)}) == len(other) + 1


def test_ids_change_with_every_key_of_the_recipe_and_old_ones_stay(tmp_path):
    """A record names only what departs from the old recipe, so entries from before it are served, and only to it."""

    def ids(**changes) -> tuple[str, str]:
        study = tiny_study(tmp_path, training={"tries": 1}, **OLDEST | changes)
        bench = open_workbench(study)
        single = single_models(bench)[0].run
        return single.id, replace(single, source="0" * 16, recipe=recipe_of_pair(study)).id

    def recipe_of_pair(study: Study) -> dict:
        from lib.runs.plan import recipe_of

        return recipe_of(study, starts_from_source=True)

    old = ids()
    tiny, transfer = OLDEST["encoder"], OLDEST["transfer"]
    single_too = [{"encoder": tiny | {"pooling": "mean"}}, {"transfer": transfer | {"head": "probe"}}]
    pairs_only = [
        {"transfer": transfer | {key: value}} for key, value in (("carried", "encoder"), ("interpolation", 0.5))
    ]
    found = [ids(**changes) for changes in single_too + pairs_only]
    assert all(single != old[0] for single, _ in found[:2]) and all(single == old[0] for single, _ in found[2:])
    assert len({pair for _, pair in [old, *found]}) == 5
    study = tiny_study(tmp_path, **OLDEST)
    record = single_models(open_workbench(study))[0].run.record
    assert {"recipe", "sources"}.isdisjoint(record) and set(record["setting"]) == {
        "learning_rate", "epochs", "batch_size", "warmup", "weight_decay", "positive_weight"
    }  # fmt: skip


def test_settings_of_either_side_and_steps_for_epochs(tmp_path):
    one, two = {"learning_rate": 1e-3, "epochs": 1}, {"learning_rate": 2e-3, "steps": 7}
    values = {"source": {"n": 48, "settings": [one]}, "target": {"n": 32, "settings": [one, two]}, "settings": None}
    bench = open_workbench(tiny_study(tmp_path, **values))
    models = single_models(bench)
    assert [sum(model.side == side for model in models) for side in ("source", "target", "both")] == [3, 6, 0]
    stepped = [model.run.setting for model in models if model.run.setting["learning_rate"] == 2e-3]
    assert all(setting["epochs"] == pytest.approx(7 * 16 / 32) for setting in stepped)
    with pytest.raises(Exception, match="give either epochs or steps"):
        Setting(learning_rate=1e-3, epochs=1, steps=2)
    unset = tiny_study(tmp_path, settings=None)
    assert unset.settings_of("target") == default_settings("target", "tiny") != unset.settings_of("source")


def test_early_stopping_keeps_the_state_that_validation_likes_best():
    network = torch.nn.Linear(1, 1)
    states, labels = iter([[0.1, 0.9], [0.9, 0.1], [0.2, 0.9]]), np.array([0, 1])
    model = type("Labels", (), {"validation_labels": labels, "validation_weights": None})
    best = BestState(network, lambda: np.array(next(states)), model)
    for value in (1.0, 2.0, 3.0):
        with torch.no_grad():
            network.weight.fill_(value)
        best.look()
    best.restore()
    assert network.weight.item() == 1.0 and best.score == 1.0  # the earliest of equal ones
    assert BestState.moments(4) == [0.25, 0.5, 0.75, 1e9]


def test_a_study_with_the_new_recipe_trains_and_is_served_from_the_ledger(tmp_path):
    settings = [{"learning_rate": 1e-3, "epochs": 2, "early_stopping": 2}]
    study = tiny_study(tmp_path, training={"tries": 1}, settings=settings, **GENTLE)
    bench = open_workbench(study)
    assert isinstance(worker_network(study.encoder, None, "cpu"), MeanPooled)
    singles = select_settings(run_table(bench, train_models(bench, single_models(bench), "singles")))
    pairs = train_models(bench, transfer_models(bench, singles), "pairs")
    entry = bench.ledger.entry(pairs[0].run.id)
    assert entry["record"]["recipe"] == {"pooling": "mean", "head": "probe", "interpolation": 0.5}
    start = worker_network(study.encoder, None, "cpu")
    load_weights(bench.place, start, pairs[0].run.source)
    moved = [(value - pretrained(study.encoder, "cpu")[name]).abs().max() for name, value in start.named_parameters()]
    assert float(torch.stack(moved).max()) < 10 and float(torch.stack(moved).median()) > 1e-4  # every layer was trained
    assert entry["record"] == pairs[0].run.record and "recipe" in asdict(pairs[0].run)
    assert entry["numbers"]["total_seconds"] >= entry["numbers"]["train_seconds"] + entry["numbers"]["predict_seconds"]
