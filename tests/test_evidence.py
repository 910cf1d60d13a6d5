"""What models make of texts: features, squared gradients, and the table of all selectors on a small study."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from studies import tiny_study

from lib import archive
from lib.encoders import fresh_head, load_model, tokenise
from lib.engine import train_models
from lib.evidence import PRETRAINED, gather_evidence, plan_evidence
from lib.features import encode
from lib.fisher import diagonal_fisher
from lib.ledger import Ledger
from lib.runs import open_workbench, run_table, select_settings, single_models
from lib.scoring import score_study, scores_record
from lib.selectors import FUSED, score_pairs
from lib.selectors.registry import EVIDENCE, SELECTORS
from lib.study import Encoder
from lib.tables import check

TEXTS = ["bado kimu", "lora", "bado bado lora kimu nefi nefi bado", "kimu nefi lora bado kimu"]
LABELS = np.array([0, 1, 1, 0])


@pytest.fixture(scope="module")
def tiny():
    """A network with a head that means something, and four tokenised texts."""
    encoder = Encoder(name="tiny", max_length=32)
    network = load_model(encoder, None, "cpu").eval()
    torch.manual_seed(1)
    fresh_head(network)
    with torch.no_grad():
        network.classifier.weight.normal_()
    return network, tokenise(encoder, TEXTS)


def one_by_one(network, tokens, row):
    ids = torch.as_tensor(tokens.text(row)[None].astype(np.int64))
    return network(input_ids=ids, output_hidden_states=True)


def test_features_are_those_of_each_text_alone(tiny):
    network, tokens = tiny
    found = encode(network, tokens, np.arange(4), "float32")
    for row in range(4):
        with torch.no_grad():
            output = one_by_one(network, tokens, row)
        assert found["cls"][row] == pytest.approx(output.hidden_states[-1][0, 0].numpy(), abs=1e-5)
        assert found["mean"][row] == pytest.approx(output.hidden_states[-1][0].mean(dim=0).numpy(), abs=1e-5)
        assert found["probabilities"][row] == pytest.approx(output.logits.softmax(1)[0, 1].item(), abs=1e-5)
    for name, values in encode(network, tokens, np.arange(4), "bfloat16").items():
        assert values.dtype == np.float32 and values == pytest.approx(found[name], abs=0.03)


def test_fisher_is_the_mean_of_squared_gradients_text_by_text(tiny):
    """Against autograd's gradients of one text at a time."""
    network, tokens = tiny
    found = diagonal_fisher(network, tokens, np.arange(4), LABELS)
    expected = {}
    for row in range(4):
        network.zero_grad()
        loss = torch.nn.functional.cross_entropy(one_by_one(network, tokens, row).logits, torch.tensor(LABELS[[row]]))
        loss.backward()
        for name, parameter in network.named_parameters():
            if ".embeddings." not in name:
                expected[name] = expected.get(name, 0) + parameter.grad.square().flatten() / 4
    network.zero_grad()
    heads = torch.cat([expected["classifier.weight"], expected["classifier.bias"]])
    assert np.sort(found["head"]) == pytest.approx(np.sort(heads.numpy()), rel=1e-3, abs=1e-9)
    for layer in (1, 2, 3):
        parts = [value for name, value in expected.items() if f".layer.{layer - 1}." in name]
        assert found[f"layer {layer}"].size == sum(part.numel() for part in parts)
        assert np.sort(found[f"layer {layer}"]) == pytest.approx(np.sort(torch.cat(parts).numpy()), rel=1e-3, abs=1e-8)
    assert set(found) == {"head", "pooler", *(f"{kind} {layer}" for kind in ("layer", "output") for layer in (1, 2, 3))}


def test_fisher_does_not_depend_on_the_batch_but_squared_batch_gradients_do(tiny):
    network, tokens = tiny
    alone = diagonal_fisher(network, tokens, np.arange(4), LABELS, positions=1)
    together = diagonal_fisher(network, tokens, np.arange(4), LABELS, positions=1_000)
    for name in alone:
        assert together[name] == pytest.approx(alone[name], rel=1e-3, abs=1e-9)
    network.zero_grad()
    ids, mask = tokens.batch(np.arange(4))
    logits = network(input_ids=ids, attention_mask=mask).logits
    torch.nn.functional.cross_entropy(logits, torch.tensor(LABELS)).backward()
    squared = network.classifier.bias.grad.square().numpy()
    network.zero_grad()
    assert np.abs(squared / alone["head"][-2:] - 1).min() > 0.1  # the usual shortcut is another quantity


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    study = tiny_study(tmp_path_factory.mktemp("evidence"), training={"tries": 1})
    bench = open_workbench(study)
    singles = select_settings(run_table(bench, train_models(bench, single_models(bench), "singles")))
    evidence = gather_evidence(bench, singles)
    return bench, singles, evidence, *score_pairs(evidence)


def test_every_selector_scores_every_pair_and_has_its_price(scored):
    _, _, evidence, scores, costs = scored
    names = {*SELECTORS, *FUSED}
    assert set(scores["selector"]) == set(costs["selector"]) == names
    assert (scores.groupby("selector").size() == 6).all() and np.isfinite(scores["score"]).all()
    free = {"source_texts", "source_positives", "curve_slope", "vocabulary", "vocabulary_positives"}
    assert set(costs.loc[costs["reading_seconds"] == 0, "selector"]) == free
    assert (costs["scoring_seconds"] > 0).all() and (costs["peak_memory_mb"] > 0).all()
    readings = check("readings", evidence.table(), "test").set_index(["kind", "run"])
    assert len(readings) == 3 + 1 + 3 + 6 and (readings["seconds"] > 0).all()
    price = costs.set_index("selector")["reading_seconds"]
    assert price["taskemb"] == pytest.approx(readings.loc["fisher", "seconds"].sum())
    assert price["esm_logme"] == pytest.approx(readings.loc["features", "seconds"].sum())
    sources = readings.drop(index=("features", PRETRAINED)).loc[["features", "validation"], "seconds"]
    assert price["linear_probe"] == pytest.approx(sources.sum())


def test_what_one_selector_needs_is_read_alone_and_serves_those_that_need_no_more(scored):
    bench, singles, _, scores, costs = scored
    evidence = gather_evidence(bench, singles, SELECTORS["logme"].needs)
    assert {(kind, run == PRETRAINED) for kind, run in evidence.readings} == {("features", False)}
    some, prices = score_pairs(evidence)
    readings = costs.set_index("selector")["reading_seconds"]
    free = set(readings.index[readings == 0])
    assert set(some["selector"]) == free | {"logme", "hscore", "knn", "leep", "nce"}
    kept = scores[scores["selector"].isin(some["selector"])]
    pd.testing.assert_frame_equal(some.reset_index(drop=True), kept.reset_index(drop=True))
    assert prices.set_index("selector")["reading_seconds"]["logme"] == readings["logme"]


def test_evidence_is_complete_and_none_of_it_is_of_a_test_text(scored):
    bench, _, evidence, *_ = scored
    split = bench.tasks.split
    for (kind, _), reading in evidence.readings.items():
        part = "validation" if kind == "validation" else "train"
        assert np.isin(reading.rows, split[part]).all() and not np.isin(reading.rows, split["test"]).any()
    seen = {name: get() for name, get in evidence.of("task_1", "task_2", 0).items()}
    assert set(seen) == set(EVIDENCE)
    sizes = {name: len(value) for name, value in seen.items() if "fisher" not in name and name != "source_losses"}
    expected = {"source": 48, "validation": len(split["validation"])}
    assert all(size == expected.get(name.split("_")[0], 32) for name, size in sizes.items())
    assert (seen["validation_labels"] == bench.tasks.column("task_2")[split["validation"]]).all()


def nothing_is_left(place, reading):
    raise AssertionError(f"{reading.kind} of {reading.run} is read again")


def test_evidence_is_read_once_and_again_where_its_models_are_gone(scored, monkeypatch):
    bench, singles, evidence, *_ = scored
    monkeypatch.setattr("lib.evidence.read_texts", nothing_is_left)
    gather_evidence(bench, singles)
    monkeypatch.undo()
    run = evidence.sides["source"]["task_1", 0]
    before = evidence.of("task_1", "task_2", 0)["features"]()
    bench.ledger.prune(run, "weights")
    bench.ledger.prune(evidence.readings["features", run].id, "features")
    again = gather_evidence(bench, singles)
    assert again.of("task_1", "task_2", 0)["features"]() == pytest.approx(before, abs=1e-6)


def nothing_is_computed(bench, work, pieces, is_finished, name):
    assert all(is_finished(piece) for piece in pieces), f"{name} are computed again"


def test_scores_are_kept_and_travel_without_weights_and_features(scored, tmp_path, monkeypatch):
    bench, singles, *_ = scored
    found = score_study(bench, singles)
    archive.save(bench.ledger, bench.place.materials, tmp_path / "runs.zip")
    place = replace(bench.place, ledger=tmp_path / "ledger")
    archive.load(Ledger(place.ledger), tmp_path / "runs.zip")
    elsewhere = replace(bench, place=place)
    monkeypatch.setattr("lib.evidence.compute_from_weights", nothing_is_computed)
    for there in (bench, elsewhere):
        again = score_study(there, singles)
        for name, table in found.items():
            pd.testing.assert_frame_equal(again[name], check(name, table, "test"))
    monkeypatch.setattr("lib.scoring.CODE_VERSION", -1)  # other formulas: features would have to be read
    with pytest.raises(AssertionError, match="readings are computed again"):
        score_study(elsewhere, singles)


def test_scores_are_made_anew_for_other_labels_or_models_but_not_for_test_labels(scored):
    bench, singles, evidence, *_ = scored
    record = scores_record(evidence)
    assert scores_record(plan_evidence(bench, singles)) == record
    labels, split = bench.tasks.labels.copy(), bench.tasks.split
    labels[split["test"][0], 0] ^= 1
    tasks = replace(bench.tasks, labels=labels)
    assert scores_record(replace(evidence, bench=replace(bench, tasks=tasks))) == record
    labels[split["validation"][0], 0] ^= 1
    changed = replace(evidence, bench=replace(bench, tasks=replace(bench.tasks, labels=labels)))
    assert scores_record(changed)["labels"] != record["labels"]
    assert scores_record(plan_evidence(bench, singles, SELECTORS["logme"].needs))["readings"] != record["readings"]
