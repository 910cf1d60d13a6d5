"""The selectors' inputs (features, squared gradients) and the table of all selectors on a small study."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from studies import OLDEST, tiny_study

from lib.models.encoders import fresh_head, load_model, tokenise
from lib.models.features import encode
from lib.models.fisher import diagonal_fisher
from lib.runs.archive import load, save
from lib.runs.engine import train_models
from lib.runs.plan import single_models
from lib.runs.results import run_table, select_settings
from lib.runs.workbench import open_workbench
from lib.selection.fusion import FUSED
from lib.selection.inputs import PRETRAINED, extract_missing, plan_inputs
from lib.selection.representations import representation_table
from lib.selection.scoring import score_study, scores_record
from lib.selectors.registry import INPUTS, all_selectors
from lib.stats import spectrum
from lib.storage.ledger import Ledger
from lib.storage.sources import code_fingerprint
from lib.storage.tables import check
from lib.study.sections import Encoder

TEXTS = ["bado kimu", "lora", "bado bado lora kimu nefi nefi bado", "kimu nefi lora bado kimu"]
LABELS = np.array([0, 1, 1, 0])


@pytest.fixture(scope="module")
def tiny():
    """A network with a head that means something, and four tokenised texts."""
    encoder = Encoder(name="tiny", max_length=32, pooling="cls")
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
    features = encode(network, tokens, np.arange(4), "float32")
    for row in range(4):
        with torch.no_grad():
            output = one_by_one(network, tokens, row)
        assert features["cls"][row] == pytest.approx(output.hidden_states[-1][0, 0].numpy(), abs=1e-5)
        assert features["mean"][row] == pytest.approx(output.hidden_states[-1][0].mean(dim=0).numpy(), abs=1e-5)
        assert features["probabilities"][row] == pytest.approx(output.logits.softmax(1)[0, 1].item(), abs=1e-5)
    for name, values in encode(network, tokens, np.arange(4), "bfloat16").items():
        assert values.dtype == np.float32 and values == pytest.approx(features[name], abs=0.03)


def test_fisher_is_the_mean_of_squared_gradients_text_by_text(tiny):
    """Against autograd's gradients of one text at a time."""
    network, tokens = tiny
    fisher = diagonal_fisher(network, tokens, np.arange(4), LABELS)
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
    assert np.sort(fisher["head"]) == pytest.approx(np.sort(heads.numpy()), rel=1e-3, abs=1e-9)
    for layer in (1, 2, 3):
        parts = [value for name, value in expected.items() if f".layer.{layer - 1}." in name]
        assert fisher[f"layer {layer}"].size == sum(part.numel() for part in parts)
        assert np.sort(fisher[f"layer {layer}"]) == pytest.approx(np.sort(torch.cat(parts).numpy()), rel=1e-3, abs=1e-8)
    assert set(fisher) == {
        "head",
        "pooler",
        *(f"{kind} {layer}" for kind in ("layer", "output") for layer in (1, 2, 3)),
    }


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
    study = tiny_study(tmp_path_factory.mktemp("inputs"), training={"tries": 1}, **OLDEST)
    bench = open_workbench(study)
    singles = select_settings(run_table(bench, train_models(bench, single_models(bench), "singles")))
    representation_table(bench, singles)
    tables = score_study(bench, singles)
    return bench, singles, plan_inputs(bench, singles), tables["selectors"], tables["selector_costs"]


def test_every_selector_scores_every_pair_and_has_its_price(scored):
    _, _, inputs, scores, costs = scored
    names = {*all_selectors(), *FUSED}
    assert set(scores["selector"]) == set(costs["selector"]) == names
    assert (scores.groupby("selector").size() == 6).all() and np.isfinite(scores["score"]).all()
    free = {"source_texts", "source_positives", "curve_slope", "vocabulary", "vocabulary_positives"}
    assert set(costs.loc[costs["extraction_seconds"] == 0, "selector"]) == free
    assert (costs["scoring_seconds"] > 0).all() and (costs["peak_memory_mb"] > 0).all()
    extractions = check("feature_extraction", inputs.table(), "test").set_index(["kind", "run"])
    assert len(extractions) == 3 + 1 + 3 + 1 + 6 and (extractions["seconds"] > 0).all()
    price = costs.set_index("selector")["extraction_seconds"]
    assert price["taskemb"] == pytest.approx(extractions.loc["fisher", "seconds"].sum())
    assert price["esm_logme"] == pytest.approx(extractions.loc["features", "seconds"].sum())
    sources = extractions.drop(index=PRETRAINED, level="run")["seconds"]
    assert price["linear_probe"] == pytest.approx(sources[["features", "validation"]].sum())
    assert price["effective_rank"] == pytest.approx(sources["validation"].sum())


def test_what_one_selector_needs_is_read_alone_and_serves_those_that_need_no_more(scored):
    bench, singles, _, scores, costs = scored
    needs = all_selectors()["logme"].needs
    assert {(kind, run == PRETRAINED) for kind, run in plan_inputs(bench, singles, needs).extractions} == {
        ("features", False)
    }
    tables = score_study(bench, singles, needs)
    some, prices = tables["selectors"], tables["selector_costs"]
    extractions = costs.set_index("selector")["extraction_seconds"]
    free = set(extractions.index[extractions == 0])
    assert set(some["selector"]) == free | {"logme", "hscore", "knn", "leep", "nce"}
    kept = scores[scores["selector"].isin(some["selector"])]
    pd.testing.assert_frame_equal(some.reset_index(drop=True), kept.reset_index(drop=True))
    assert prices.set_index("selector")["extraction_seconds"]["logme"] == extractions["logme"]


def test_selector_inputs_are_complete_and_none_is_of_a_test_text(scored):
    bench, _, inputs, *_ = scored
    split = bench.tasks.split
    for (kind, _), extraction in inputs.extractions.items():
        part = "validation" if kind == "validation" else "train"
        assert np.isin(extraction.rows, split[part]).all() and not np.isin(extraction.rows, split["test"]).any()
    values = {name: get() for name, get in inputs.of("task_1", "task_2", 0).items()}
    assert set(values) == set(INPUTS)
    assert values.pop("validation_weights") is None
    sizes = {name: len(value) for name, value in values.items() if "fisher" not in name and name != "source_losses"}
    expected = {"source": 48, "validation": len(split["validation"])}
    assert all(size == expected.get(name.split("_")[0], 32) for name, size in sizes.items())
    assert (values["validation_labels"] == bench.tasks.column("task_2")[split["validation"]]).all()


def nothing_is_left(place, extraction):
    raise AssertionError(f"{extraction.kind} of {extraction.run} is read again")


def test_inputs_are_extracted_once_and_again_where_its_models_are_gone(scored, monkeypatch):
    bench, singles, inputs, *_ = scored
    monkeypatch.setattr("lib.selection.inputs.extract", nothing_is_left)
    extract_missing(inputs)
    monkeypatch.undo()
    run = inputs.sides["source"]["task_1", 0]
    before = inputs.of("task_1", "task_2", 0)["features"]()
    bench.ledger.prune(run, "weights")
    bench.ledger.prune(inputs.extractions["features", run].id, "features")
    extracted_again = plan_inputs(bench, singles)
    extract_missing(extracted_again)
    assert extracted_again.of("task_1", "task_2", 0)["features"]() == pytest.approx(before, abs=1e-6)


def nothing_is_computed(bench, work, jobs, is_finished, name):
    assert all(is_finished(job) for job in jobs), f"{name} are computed again"


def test_scores_are_kept_and_travel_without_weights_and_features(scored, tmp_path, monkeypatch):
    bench, singles, *_ = scored
    tables = score_study(bench, singles)
    save(bench.ledger, bench.place.materials, tmp_path / "runs.zip")
    place = replace(bench.place, ledger=tmp_path / "ledger")
    load(Ledger(place.ledger), tmp_path / "runs.zip")
    other_bench = replace(bench, place=place)
    monkeypatch.setattr("lib.selection.inputs.compute_from_weights", nothing_is_computed)
    for each_bench in (bench, other_bench):
        scored_again = score_study(each_bench, singles)
        for name, table in tables.items():
            pd.testing.assert_frame_equal(scored_again[name], check(name, table, "test"))
    probe = all_selectors()["linear_probe"]
    monkeypatch.setitem(
        probe.__dict__, "formula", "another one"
    )  # only what this selector looks at is extracted scored_again
    with pytest.raises(AssertionError, match="feature extraction are computed again"):
        score_study(other_bench, singles)
    extracted = []
    monkeypatch.setattr(
        "lib.selection.inputs.compute_from_weights", lambda bench, work, jobs, *rest: extracted.extend(jobs)
    )
    with pytest.raises(TypeError):  # nothing was extracted
        score_study(other_bench, singles)
    assert {job.kind for job in extracted} == {"features", "validation"} and PRETRAINED not in {
        job.run for job in extracted
    }


def test_scores_are_made_anew_for_other_labels_or_models_but_not_for_test_labels(scored):
    bench, singles, inputs, *_ = scored
    logme = all_selectors()["logme"]
    record = scores_record(inputs, logme)
    assert scores_record(plan_inputs(bench, singles), logme) == record
    assert scores_record(plan_inputs(bench, singles, logme.needs), logme) == record
    labels, split = bench.tasks.labels.copy(), bench.tasks.split
    labels[split["test"][0], 0] ^= 1
    tasks = replace(bench.tasks, labels=labels)
    assert scores_record(replace(inputs, bench=replace(bench, tasks=tasks)), logme) == record
    labels[split["validation"][0], 0] ^= 1
    changed = replace(inputs, bench=replace(bench, tasks=replace(bench.tasks, labels=labels)))
    assert scores_record(changed, logme)["labels"] != record["labels"]
    assert scores_record(inputs, all_selectors()["taskemb"])["inputs"] != record["inputs"]


def test_a_formula_is_known_by_its_code_and_not_by_its_words():
    code = 'from lib.a import b\n\n\ndef f(x):\n    """One."""\n    return b(x) + 1  # more\n'
    moved = '"""A file."""\n\nfrom lib.other import b\n\n\ndef f(x):\n    """Another."""\n    return b(x) + 1\n'
    assert code_fingerprint(code) == code_fingerprint(moved)
    assert code_fingerprint(code) != code_fingerprint(code.replace("+ 1", "+ 2"))
    assert code_fingerprint("if x:\n    y()\nz()\n") != code_fingerprint("if x:\n    y()\n    z()\n")


def test_features_follow_the_pooling_and_so_do_the_scores(scored):
    bench, _, inputs, *_ = scored
    encoder = bench.study.encoder.model_copy(update={"pooling": "mean"})
    pooled = replace(inputs, bench=replace(bench, study=bench.study.model_copy(update={"encoder": encoder})))
    cls, mean = (each.of("task_1", "task_2", 0) for each in (inputs, pooled))
    assert np.array_equal(mean["base_features"](), mean["target_embeddings"]())
    assert np.array_equal(mean["source_base_features"](), mean["source_embeddings"]())
    for name in filter(lambda name: name.endswith(("features", "embeddings", "probabilities")), INPUTS):
        assert np.array_equal(cls[name](), mean[name]()) == (not name.endswith("features")), name
    logme = all_selectors()["logme"]
    assert scores_record(pooled, logme) == scores_record(inputs, logme) | {"pooling": "mean"}


def test_weights_of_validation_texts_reach_the_selector_that_reads_them(scored):
    bench, _, inputs, *_ = scored
    weights = np.linspace(1, 2, len(bench.tasks.split["validation"]))
    tasks = replace(bench.tasks, weights={"validation": weights})
    weighted = replace(inputs, bench=replace(bench, tasks=tasks))
    assert np.array_equal(weighted.of("task_1", "task_2", 0)["validation_weights"](), weights)
    probe, logme = (all_selectors()[name] for name in ("linear_probe", "logme"))
    assert scores_record(weighted, logme) == scores_record(inputs, logme)
    assert scores_record(weighted, probe).keys() - scores_record(inputs, probe) == {"weights"}


def test_representations_are_those_of_the_validation_texts_and_travel_without_weights(scored, tmp_path, monkeypatch):
    bench, singles, inputs, *_ = scored
    table = check("representations", representation_table(bench, singles), "test")
    assert table["task"].tolist() == ["", *bench.tasks.names] and (table["seed"] == 0).all()
    for row in table.itertuples():
        features = bench.ledger.arrays(inputs.extractions["validation", row.run].id, "validation")["cls"]
        assert row.effective_rank == spectrum.effective_rank(features) and row.texts == len(features)
        assert row.first_share == spectrum.first_share(features)
    save(bench.ledger, bench.place.materials, tmp_path / "runs.zip")
    place = replace(bench.place, ledger=tmp_path / "ledger")
    load(Ledger(place.ledger), tmp_path / "runs.zip")
    monkeypatch.setattr("lib.selection.inputs.compute_from_weights", nothing_is_computed)
    pd.testing.assert_frame_equal(representation_table(replace(bench, place=place), singles), table)
    encoder = bench.study.encoder.model_copy(update={"pooling": "mean"})
    pooled = replace(bench, study=bench.study.model_copy(update={"encoder": encoder}))  # from the same extractions
    assert (representation_table(pooled, singles)["effective_rank"] != table["effective_rank"]).all()
