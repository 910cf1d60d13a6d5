"""Exported models: loaded by libraries alone, equal to what was recorded, and never half there."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_fscore_support
from studies import tiny_study

from lib.errors import InputError
from lib.models.training import predict
from lib.predict.card import encoder_licence, part_scores, plain
from lib.predict.export import TOLERANCE, export_decided, export_model, export_models
from lib.predict.folder import exported_models, load_network, read_classifier
from lib.runs.engine import train_missing, train_models
from lib.runs.plan import frozen_models, fused_models, single_models, transfer_models
from lib.runs.results import run_table, select_settings
from lib.runs.rivals import joint_models, joint_sources
from lib.runs.weights import NETWORK, prune_weights
from lib.runs.workbench import open_workbench
from lib.stats.bootstrap import score_draws
from lib.stats.metrics import best_threshold
from lib.storage.replacing import _exchange, replacing_folder
from lib.study.files import ROOT
from lib.study.sections import Encoder

SENTENCE_TRANSFORMERS = """
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(folder)
probabilities = model.encode(texts)[:, 0]
"""
TRANSFORMERS = """
from transformers import pipeline
classify = pipeline("text-classification", folder, top_k=None)
found = classify(texts, truncation=True)
probabilities = [next(row["score"] for row in rows if row["label"] == label) for rows in found]
"""
ALONE = """
import json, sys
folder, label, texts = sys.argv[1], sys.argv[2], json.load(sys.stdin)
{body}
assert not [name for name in sys.modules if name == "lib" or name.startswith("lib.")]
print(json.dumps([float(each) for each in probabilities]))
"""


def trained_study(folder, **changes):
    """A workbench, and one trained model of each way of starting; nothing but what pairs start from has weights."""
    study = tiny_study(folder, training={"precision": "float32"}, rivals={"joint_texts": 64}, **changes)
    bench = open_workbench(study)
    models = train_models(bench, single_models(bench), "single")
    singles = select_settings(run_table(bench, models))
    joint = list(joint_sources(bench, singles).values())
    train_missing(bench, joint, "joint sources", weights=True)
    kinds = {
        "single": [next(m for m in models if m.run.id == singles[singles["selected"]].iloc[-1]["run"])],
        "transfer": transfer_models(bench, singles)[:1],
        "fused": fused_models(bench, singles)[:1],
        "frozen": frozen_models(bench, singles)[:1],
        "joint": joint_models(bench, singles)[:1],
    }
    chosen = {kind: train_models(bench, planned, kind)[0] for kind, planned in kinds.items()}
    prune_weights(bench, singles)
    for source in joint:
        bench.ledger.prune(source.run.id, "weights")
    return bench, chosen, joint


@pytest.fixture(scope="module")
def mean_study(tmp_path_factory):
    bench, chosen, joint = trained_study(tmp_path_factory.mktemp("mean"))
    return bench, chosen, export_models(bench, chosen, starts=joint)


def probabilities_by_a_library_alone(body, folder, label, texts):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", ALONE.format(body=body), str(folder), label],
        input=json.dumps(texts), capture_output=True, text=True, cwd=folder, env=environment | {"HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "MISSING" not in done.stderr and "newly initialized" not in done.stderr
    return np.array(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("kind", ["single", "transfer", "fused", "frozen", "joint"])
def test_exported_models_predict_what_was_recorded_on_validation(mean_study, kind):
    bench, chosen, folder = mean_study
    classifier = read_classifier(folder / kind)
    network = load_network(folder / kind, classifier, "cpu")
    found = predict(network, bench.tokens, bench.tasks.split["validation"], "float32")
    recorded = bench.validation_predictions(chosen[kind].run.id)
    assert recorded.std() > 1e-3
    assert np.abs(found - recorded).max() < 1e-6
    labels = bench.validation_labels(chosen[kind].target)
    assert classifier.threshold == best_threshold(labels, recorded)


@pytest.mark.parametrize("pooling, body", [("mean", SENTENCE_TRANSFORMERS), ("cls", TRANSFORMERS)])
def test_a_library_alone_gives_the_same_probabilities(tmp_path, pooling, body):
    bench, chosen, _ = trained_study(tmp_path, encoder={"name": "tiny", "max_length": 16, "pooling": pooling})
    model = chosen["transfer"]
    folder = export_model(bench, model, bench.study.folder / "models" / model.target)
    rows = bench.tasks.split["validation"]
    assert (bench.tokens.lengths[rows] == 16).any()  # texts are cut
    found = probabilities_by_a_library_alone(body, folder, model.target, [bench.tasks.texts[row] for row in rows])
    assert np.abs(found - bench.validation_predictions(model.run.id)).max() < TOLERANCE
    assert not [path for path in folder.rglob("*") if path.suffix not in ("", ".json", ".safetensors", ".md")]


def test_a_network_that_was_kept_is_exported_without_a_second_training(tmp_path, monkeypatch):
    """The kept network and one that is trained again are written alike, byte by byte; a decided one is kept no longer."""
    bench = open_workbench(
        tiny_study(tmp_path, training={"precision": "float32"}, budget_minutes=1000, engine={"workers": 1})
    )
    model = next(model for model in single_models(bench) if model.side != "source")
    train_missing(bench, [model], "single")
    with monkeypatch.context() as patched:
        patched.setattr("lib.predict.export.trained", None)
        assert export_decided(bench, {model.target: model}) == [model.target]
    assert not bench.ledger.size(model.run.id, NETWORK)
    kept, again = bench.study.folder / "models" / model.target, export_model(bench, model, tmp_path / "again")
    written = [
        {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} for folder in (kept, again)
    ]
    assert written[0] == written[1] and "classifier.json" in written[0]


def test_half_precision_as_in_the_ledger_would_move_probabilities_beyond_the_tolerance(mean_study):
    bench, chosen, folder = mean_study
    network = load_network(folder / "single", read_classifier(folder / "single"), "cpu")
    rounded = predict(network.half().float(), bench.tokens, bench.tasks.split["validation"], "float32")
    assert np.abs(rounded - bench.validation_predictions(chosen["single"].run.id)).max() > TOLERANCE


def test_an_exported_model_is_kept_and_another_choice_replaces_it(mean_study, tmp_path):
    bench, chosen, _ = mean_study
    folder = export_model(bench, chosen["single"], tmp_path / "a task")
    written = (folder / "README.md").stat().st_mtime_ns
    export_model(bench, chosen["single"], folder)
    assert (folder / "README.md").stat().st_mtime_ns == written
    export_model(bench, chosen["frozen"], folder)
    assert read_classifier(folder).run == chosen["frozen"].run.id
    assert [path.name for path in tmp_path.iterdir()] == ["a task"]


def test_a_model_that_is_not_finished_is_refused(mean_study, tmp_path):
    bench, chosen, _ = mean_study
    unknown = replace(chosen["frozen"], run=replace(chosen["frozen"].run, seed=77))
    with pytest.raises(InputError, match="so its model cannot be exported"):
        export_model(bench, unknown, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_where_training_does_not_repeat_the_scores_are_of_the_exported_model(mean_study, tmp_path):
    bench, chosen, _ = mean_study
    model, ledger = chosen["frozen"], bench.ledger
    entry, files = ledger.entry(model.run.id), ledger.arrays(model.run.id, "predictions")
    other = {part: np.clip(values + np.float32(0.05), 0, 1) for part, values in files.items()}
    moved = replace(bench, study=bench.study.model_copy(update={"results": str(tmp_path)}))
    moved = replace(moved, place=replace(bench.place, ledger=tmp_path / "ledger"))
    materials = ledger.arrays(bench.place.materials, "tokens")
    moved.ledger.put(bench.place.materials, ledger.entry(bench.place.materials)["record"], {}, {"tokens": materials})
    moved.ledger.put(model.run.id, entry["record"], entry["numbers"], {"predictions": other})
    folder = export_model(moved, model, tmp_path / "x")
    threshold = best_threshold(bench.validation_labels(model.target), files["validation"])
    assert read_classifier(folder).threshold == pytest.approx(threshold, abs=1e-6)
    assert "differs by up to 0.05" in (folder / "README.md").read_text()


def test_the_card_tells_data_recipe_scores_and_origin_without_a_text(mean_study):
    bench, chosen, folder = mean_study
    cards = {kind: (folder / kind / "README.md").read_text() for kind in chosen}
    source = chosen["transfer"].source.replace("_", "\\_")
    assert f"the encoder of the model of the task {source}" in cards["transfer"]
    assert "the mean of the encoders of the models of 2 tasks" in cards["fused"]
    assert "nothing was transferred" in cards["single"] and "one model of all other tasks" in cards["joint"]
    assert "none (its weights are random)" in cards["single"]
    model = chosen["single"]
    assert f"| training, as drawn for this model | {len(model.rows)} | {int(model.labels.sum())} |" in cards["single"]
    for part in ("validation", "test"):
        assert f"| {part} | {len(bench.tasks.split[part])} |" in cards["single"]
    for card in cards.values():
        assert not any(text in card for text in bench.tasks.texts)
        assert card.startswith("---\n") and "{{" not in card


def test_names_from_data_are_no_markup_in_a_card():
    assert plain("[x](javascript:1) | *b*\n# c") == r"\[x\](javascript:1) \| \*b\* # c"


def test_scores_of_a_card_are_sklearns_and_their_intervals_hold_them():
    generator = np.random.default_rng(0)
    labels = generator.random(300) < 0.3
    probabilities = np.round(np.clip(0.3 * labels + generator.random(300) * 0.7, 0, 1), 2)  # with ties
    weights = generator.integers(1, 4, 300).astype(float)
    counts = np.stack([weights, generator.integers(0, 3, 300) * weights])
    found = score_draws(counts, labels.astype(np.int8), probabilities, 0.5)
    for draw, sample in enumerate(counts):
        expected = precision_recall_fscore_support(labels, probabilities >= 0.5, average="binary", sample_weight=sample)
        for name, value in zip(("precision", "recall", "f1"), expected, strict=False):
            assert found[name][draw] == pytest.approx(value)
        average = average_precision_score(labels, probabilities, sample_weight=sample)
        assert found["average_precision"][draw] == pytest.approx(average)
    row = part_scores(labels.astype(np.int8), probabilities, weights, 0.5, "task")
    assert row["positives"] == labels.sum()
    assert row["f1"]["low"] < row["f1"]["value"] < row["f1"]["high"]
    nothing = score_draws(np.ones((1, 3)), np.zeros(3), np.array([0.1, 0.2, 0.3]), 0.9)
    assert {name: list(value) for name, value in nothing.items()} == dict.fromkeys(nothing, [0.0])


def test_the_encoders_licence_is_read_from_its_card(tmp_path):
    assert encoder_licence(Encoder(name="minilm")) == "apache-2.0"
    (tmp_path / "README.md").write_text("---\nlanguage: en\nlicense: mit\n---\nAn encoder.")
    assert encoder_licence(Encoder(name=str(tmp_path))) == "mit"
    (tmp_path / "README.md").write_text("An encoder.")
    assert encoder_licence(Encoder(name=str(tmp_path))) == "unknown"


KILLED = """
import os, sys
from pathlib import Path
from lib.storage import replacing
folder, moment = Path(sys.argv[1]), sys.argv[2]
kill = lambda *_, **__: os.kill(os.getpid(), 9)
if moment == "before exchange": replacing._put_in_place = kill
if moment == "after exchange": replacing.shutil.rmtree = kill
with replacing.replacing_folder(folder) as new:
    (new / "a").write_text("new")
    if moment == "half written": kill()
    (new / "b").write_text("new")
"""


@pytest.mark.parametrize("moment", ["half written", "before exchange", "after exchange"])
@pytest.mark.parametrize("there", [True, False])
def test_a_kill_leaves_the_old_or_the_new_folder_whole(tmp_path, moment, there):
    folder = tmp_path / "model [1]"
    if there:
        folder.mkdir()
        for name in "ab":
            (folder / name).write_text("old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder), moment], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    found = {path.name: path.read_text() for path in folder.iterdir()} if folder.exists() else {}
    assert found == (
        dict.fromkeys("ab", "new") if moment == "after exchange" else dict.fromkeys("ab", "old") if there else {}
    )
    with replacing_folder(folder) as new:
        (new / "a").write_text("third")
    assert [path.name for path in tmp_path.iterdir()] == ["model [1]"]  # what the killed call left is gone
    assert (folder / "a").read_text() == "third" and not (folder / "b").exists()


def test_folders_are_replaced_where_the_system_cannot_exchange_them(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    assert _exchange(first, second) or sys.platform not in ("linux", "darwin")
    monkeypatch.setattr("lib.storage.replacing._exchange", lambda *_: False)
    with replacing_folder(second) as new:
        (new / "a").touch()
    assert (second / "a").exists() and sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]


def test_an_error_while_exporting_leaves_the_previous_model(mean_study, tmp_path, monkeypatch):
    bench, chosen, _ = mean_study
    folder = export_model(bench, chosen["single"], tmp_path / "x")
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    monkeypatch.setattr(
        "lib.predict.folder._save_tokenizer", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(InputError, match="cannot write .*: No space left on device; make space"):
        export_model(bench, chosen["frozen"], folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_folder_without_models_is_refused(tmp_path):
    with pytest.raises(InputError, match="no exported models"):
        exported_models(tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "classifier.json").write_text("{")
    with pytest.raises(InputError, match="is damaged; delete"):
        exported_models(tmp_path)
