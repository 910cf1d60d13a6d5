"""Runs and the engine: interrupted or not, on one worker or two, the tables are the same; test labels choose nothing."""

import dataclasses
import os
import shutil
import zipfile
from itertools import groupby

import numpy as np
import pandas as pd
import pytest
from studies import tiny_study

from lib.errors import InputError
from lib.models.training import checkpoint_step
from lib.runs.archive import load, save
from lib.runs.engine import order_of_work, train_missing, train_models
from lib.runs.plan import (
    reseeded_models,
    single_models,
    single_tries,
    sources_to_train,
    step_matched_models,
    transfer_models,
)
from lib.runs.records import next_try
from lib.runs.results import check_separation, checkpoint_table, pair_table, run_table, select_settings
from lib.runs.weights import prune_weights
from lib.runs.workbench import open_workbench
from lib.runs.worker import RESULTS, Heartbeat, lost_seconds
from lib.storage.ledger import Ledger
from lib.storage.tables import check
from lib.transfer.pairs import pair_configurations

MEASURED = ["train_seconds", "predict_seconds", "other_seconds", "failed_seconds", "total_seconds", "peak_memory_mb"]


def grid(bench) -> pd.DataFrame:
    """Train the whole grid as the notebooks do; the table of all runs without what is measured."""
    singles = train_models(bench, single_models(bench), "singles")
    table = select_settings(run_table(bench, singles))
    prune_weights(bench, table)
    pairs = transfer_models(bench, table)
    train_missing(bench, sources_to_train(bench, pairs), "weights", weights=True)
    pairs = train_models(bench, pairs, "pairs")
    return pd.concat([table, run_table(bench, pairs)], ignore_index=True).drop(columns=MEASURED)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, grid(open_workbench(tiny_study(folder)))


def test_two_workers_after_an_interruption_give_the_tables_of_one(tmp_path, whole):
    bench = open_workbench(tiny_study(tmp_path))
    models = single_models(bench)
    train_missing(bench, models[::3], "before an interruption")
    train_missing(bench, models, "after it")
    pd.testing.assert_frame_equal(grid(open_workbench(tiny_study(tmp_path, workers=2))), whole[1])


def test_a_second_call_trains_nothing_even_after_weights_were_pruned(whole):
    bench = open_workbench(tiny_study(whole[0]))
    before = {path: path.stat().st_mtime_ns for path in whole[0].rglob("entry.json")}
    pd.testing.assert_frame_equal(grid(bench), whole[1])
    assert before == {path: path.stat().st_mtime_ns for path in whole[0].rglob("entry.json")}


def test_where_only_weights_are_missing_only_they_are_made_again(whole):
    folder, table = whole
    bench = open_workbench(tiny_study(folder))
    chosen = set(table.loc[table["selected"].eq(True), "run"])
    model = next(model for model in single_tries(bench) if model.run.id in chosen)
    run = model.run.id
    train_missing(bench, [model], "weights", weights=True)
    before, files = bench.ledger.entry(run), {name: bench.ledger.arrays(run, name) for name in RESULTS}
    bench.ledger.prune(run, "weights")
    train_missing(bench, [model], "weights", weights=True)
    after = bench.ledger.entry(run)
    assert after["numbers"] == before["numbers"] and after["sha256"] == before["sha256"]
    for name, arrays in files.items():
        assert {key: value.tobytes() for key, value in bench.ledger.arrays(run, name).items()} == {
            key: value.tobytes() for key, value in arrays.items()
        }


def test_two_processes_at_one_run_do_not_stop_each_other(tmp_path):
    with lost_seconds(tmp_path, "run") as slower:
        with lost_seconds(tmp_path, "run"):
            pass  # the faster one has ended, and its marker is gone
        slower.last = 0.0
        slower.beat()
    assert not (tmp_path / "under_way" / "run").exists()


def test_a_damaged_prediction_is_trained_again(whole):
    bench = open_workbench(tiny_study(whole[0]))
    model = single_models(bench)[0]
    path = bench.ledger.path(model.run.id) / "predictions.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    pd.testing.assert_frame_equal(grid(bench), whole[1])


def test_runs_that_travelled_are_not_trained_again(whole, tmp_path):
    here, there = (open_workbench(tiny_study(folder)) for folder in (whole[0], tmp_path / "there"))
    path = tmp_path / "runs.zip"
    runs = whole[1]["tries"].sum()  # those that collapsed travel too: their seconds count
    assert save(here.ledger, here.place.materials, path) == runs
    assert load(there.ledger, path) == runs and load(there.ledger, path) == 0
    lost = whole[1].iloc[-1]
    shutil.rmtree(there.ledger.path(lost["run"]))
    pd.testing.assert_frame_equal(grid(there), whole[1])
    assert [run for run in there.ledger.ids() if there.ledger.has(run, ("weights",))] == [lost["source_run"]]


def test_an_archive_that_is_damaged_or_foreign_is_refused(whole, tmp_path):
    ledger, path = Ledger(tmp_path / "ledger"), tmp_path / "runs.zip"
    path.write_bytes(b"PK")
    with pytest.raises(InputError, match="not a readable archive of runs"):
        load(ledger, path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../0123456789abcdef/entry.json", "{}")
    with pytest.raises(InputError, match="is no part of an archive of runs"):
        load(ledger, path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0123456789abcdef/entry.json", "{}")
    assert load(ledger, path) == 0 and ledger.ids() == []


def test_test_labels_change_no_run_and_no_selection(whole):
    bench = open_workbench(tiny_study(whole[0]))
    labels = bench.tasks.labels.copy()
    labels[bench.tasks.split["test"]] = 1 - labels[bench.tasks.split["test"]]
    flipped = dataclasses.replace(bench, tasks=dataclasses.replace(bench.tasks, labels=labels))
    models = train_models(flipped, single_models(flipped), "with other test labels")
    assert [m.run.id for m in models] == [m.run.id for m in train_models(bench, single_models(bench), "as before")]
    table = select_settings(run_table(flipped, models))
    original = whole[1][whole[1]["kind"] == "single"].reset_index(drop=True)
    assert not np.allclose(table["test_f1"], original["test_f1"])
    assert (table["selected"] == original["selected"].astype(bool)).all()
    pairs = train_models(flipped, transfer_models(flipped, table), "pairs")
    assert {model.run.id for model in pairs} <= set(whole[1]["run"])


def collapse(bench, model) -> None:
    """Enter a run in the ledger that predicts no positive and took 100 seconds."""
    predictions = {part: np.full(len(bench.tasks.split[part]), 0.1, np.float32) for part in ("validation", "test")}
    numbers = {
        "steps": 1, "texts": 1, "train_seconds": 60.0, "predict_seconds": 30.0, "total_seconds": 100.0,
        "failed_seconds": 5.0, "device": "cpu", "threads": 1, "peak_memory_mb": 1,
    }  # fmt: skip
    bench.ledger.put(model.run.id, dataclasses.asdict(model.run), numbers, {"predictions": predictions})


def test_a_model_that_collapses_is_tried_again_and_its_seconds_count(tmp_path):
    bench = open_workbench(tiny_study(tmp_path))
    once, always, never = single_models(bench)[:3]
    for model in (once, always, next_try(always)):
        collapse(bench, model)
    standing = train_models(bench, [once, always, never], "models")
    assert [len(model.earlier) for model in standing[:2]] == [1, 1]
    assert standing[1].run.id == next_try(always).run.id  # two tries are all
    table = run_table(bench, standing)
    assert table["tries"].tolist()[:2] == [2, 2] and bool(table["collapsed"][1])
    assert table["failed_seconds"].tolist()[:2] == [105, 110]
    assert table["total_seconds"][1] == 210
    assert [model.run.id for model in train_models(bench, [once, always, never], "again")] == table["run"].tolist()


def test_the_longer_baseline_takes_the_steps_of_the_whole_pair(whole):
    bench = open_workbench(tiny_study(whole[0]))
    singles = whole[1][whole[1]["kind"] == "single"]
    singles = singles.assign(selected=singles["selected"].astype(bool))
    models = step_matched_models(bench, singles)
    assert [model.target for model in models] == sorted(bench.tasks.names)
    steps = singles[singles["selected"]].set_index(["side", "target"])["steps"]
    for model in models:
        texts = model.run.setting["epochs"] * len(model.rows)
        assert texts / 16 == pytest.approx(steps["target", model.target] + steps["source"].max())


def test_restarts_are_as_many_as_pairs_from_seeds_that_no_pair_has(tmp_path):
    settings = [{"learning_rate": 3e-3, "epochs": 1}, {"learning_rate": 1e-5, "epochs": 1}]
    more = {"settings": settings, "target_setting": "all", "seeds": [0, 2]}
    bench = open_workbench(tiny_study(tmp_path, reseeded=True, **more))
    table = pd.DataFrame([vars(model) for model in single_models(bench)])
    singles = table.assign(selected=table["setting"] == 1)
    pairs = transfer_models(bench, singles.assign(run=[run.id for run in table["run"]]))
    models = reseeded_models(bench, singles)
    for task in bench.tasks.names:
        own = [model for model in models if model.target == task]
        assert len(own) == sum(pair.target == task and pair.seed == 0 for pair in pairs) == 4
        assert [model.seed for model in own] == [1, 3, 4, 5] and {model.setting for model in own} == {1}
        assert {model.run.source for model in own} == {""}
    assert not {model.run.id for model in models} & {model.run.id for model in single_models(bench)}
    assert not reseeded_models(open_workbench(tiny_study(tmp_path, **more)), singles)


def test_models_that_would_be_trained_twice_alike_are_one_or_refused(tmp_path):
    everything = {"n": None, "positives": None}
    bench = open_workbench(tiny_study(tmp_path, source=everything, target={"n": 10_000, "positives": 0.4}))
    assert {model.side for model in single_models(bench)} == {"both"}
    settings = [{"learning_rate": 1e-3, "epochs": epochs} for epochs in (1, 2)]
    bench = open_workbench(tiny_study(tmp_path, source={"n": 48, "epochs": 2}, settings=settings))
    with pytest.raises(InputError, match="settings 0 .source. and 1 .source..*source.epochs"):
        single_models(bench)


def test_the_longest_models_come_first_and_those_with_one_start_together(whole):
    bench = open_workbench(tiny_study(whole[0]))
    singles = train_models(bench, single_models(bench), "singles")
    pairs = transfer_models(bench, select_settings(run_table(bench, singles)))
    ordered = sorted([*pairs, *singles], key=order_of_work)
    lengths = [len(model.rows) * model.run.setting["epochs"] for model in ordered]
    assert lengths == sorted(lengths, reverse=True) and len(set(lengths)) > 1
    starts = [start for start, _ in groupby(model.run.starts for model in ordered if model.kind == "transfer")]
    assert len(starts) == len(set(starts)) == len(bench.tasks.names)


def test_a_longer_baseline_may_take_more_epochs_than_a_user_may_ask_for(tmp_path):
    bench = open_workbench(tiny_study(tmp_path))
    model = single_models(bench)[0]
    setting = {**model.run.setting, "epochs": 1001.0}
    long = dataclasses.replace(
        model, run=dataclasses.replace(model.run, setting=setting), rows=model.rows[:2], labels=np.array([0, 1])
    )
    assert run_table(bench, train_models(bench, [long], "step_matched"))["steps"].tolist() == [1001]


def test_the_longest_pair_decides_where_pairs_have_all_settings(tmp_path):
    settings = [{"learning_rate": 3e-3, "epochs": 1}, {"learning_rate": 1e-5, "epochs": 3}]
    bench = open_workbench(tiny_study(tmp_path, settings=settings, target_setting="all"))
    table = run_table(bench, train_models(bench, single_models(bench), "singles"))
    singles = table.assign(selected=table["setting"] == 0)
    assert {model.run.setting["epochs"] * 2 for model in step_matched_models(bench, singles)} == {
        3 + 6
    }  # batches of 16
    bench = dataclasses.replace(bench, study=bench.study.model_copy(update={"target_setting": "best"}))
    assert {model.run.setting["epochs"] * 2 for model in step_matched_models(bench, singles)} == {3 + 2}


def test_seeds_share_the_setting_that_is_best_in_their_mean(tmp_path):
    bench = open_workbench(tiny_study(tmp_path, seeds=[0, 1]))
    singles = run_table(bench, train_models(bench, single_models(bench), "singles"))
    first = (singles["seed"] == 0) & (singles["setting"] == 0)
    disagree = 0.5 + 0.3 * first - 0.1 * (singles["setting"] == 0)  # 0.7 and 0.4; 0.5 and 0.5
    singles = select_settings(singles.assign(validation_f1=disagree))
    assert (singles["selected"] == (singles["setting"] == 0)).all()
    pairs = train_models(bench, transfer_models(bench, singles), "pairs")
    configurations = pair_configurations(pair_table(run_table(bench, pairs)))  # which asks that each has all seeds
    assert len(configurations) == 6 and set(configurations["setting"]) == {0}


def test_checkpoints_change_no_run_and_are_kept_for_pairs(whole):
    bench = open_workbench(tiny_study(whole[0], checkpoints=[2, 0.3]))
    pd.testing.assert_frame_equal(grid(bench), whole[1])  # pairs are trained again, with the same result
    singles = select_settings(run_table(bench, train_models(bench, single_models(bench), "singles")))
    pairs = train_models(bench, transfer_models(bench, singles), "pairs")
    table = check("checkpoints", checkpoint_table(bench, pairs), "test")
    assert len(table) == 2 * len(pairs) and sorted(set(table["checkpoint"])) == [0.3, 2]
    runs = run_table(bench, pairs).set_index("run")
    early, late = (table[table["checkpoint"] == checkpoint] for checkpoint in (0.3, 2))
    assert (late["train_seconds"].to_numpy() > early["train_seconds"].to_numpy()).all()
    assert (early["steps"] == 1).all() and (late["steps"] == runs["steps"].min()).all()


@pytest.mark.parametrize(("checkpoint", "step"), [(0.01, 1), (0.5, 5), (1, 1), (7, 7), (25, 10)])
def test_a_checkpoint_is_a_share_or_a_number_of_steps_within_the_training(checkpoint, step):
    assert checkpoint_step(checkpoint, 10) == step


def test_pairs_can_start_from_all_models_of_a_source(tmp_path):
    bench = open_workbench(tiny_study(tmp_path, source_setting="all", target_setting="all"))
    singles = select_settings(run_table(bench, train_models(bench, single_models(bench), "singles")))
    assert prune_weights(bench, singles) > 0  # of targets' models that were not selected
    pairs = transfer_models(bench, singles)
    assert len(pairs) == 3 * 2 * 2 * 2 and sorted({pair.setting for pair in pairs}) == [0, 1, 2, 3]
    setting_of = singles.set_index("run")["setting"]
    for pair in pairs:
        assert pair.setting == 2 * setting_of[pair.run.source] + [3e-3, 1e-3].index(pair.run.setting["learning_rate"])
    assert not sources_to_train(bench, train_models(bench, pairs[:4], "pairs"))
    assert {pair.run.id for pair in pairs} > {
        pair.run.id for pair in transfer_models(open_workbench(tiny_study(tmp_path)), singles)
    }


def test_a_run_depends_on_all_that_decides_it(whole, tmp_path):
    bench = open_workbench(tiny_study(whole[0]))
    ids = {model.run.id for model in single_models(bench)}
    changes = [
        {"seeds": [1]},
        {"encoder": {"name": "tiny", "max_length": 16}},
        {"training": {"dropout": 0.0}},
        {"target": {"n": 40, "positives": 0.4}, "source": {"n": 56, "positives": 0.4}},
        {"settings": [{"learning_rate": 2e-3, "epochs": 1}]},
        {"corpus": {"loader": "synthetic", "texts": 240, "tasks": 3, "seed": 1}},
    ]
    for change in changes:
        other = {model.run.id for model in single_models(open_workbench(tiny_study(tmp_path, **change)))}
        assert not ids & other, change
    assert ids == {model.run.id for model in single_models(open_workbench(tiny_study(tmp_path, workers=2)))}


def test_no_source_trains_on_a_validation_or_test_text(whole):
    bench = open_workbench(tiny_study(whole[0]))
    held_out = np.concatenate([bench.tasks.split["validation"], bench.tasks.split["test"]])
    for model in single_models(bench):
        assert not np.isin(model.rows, held_out).any()


def test_a_pair_trained_on_a_held_out_text_is_found(whole):
    bench = open_workbench(tiny_study(whole[0]))
    singles = select_settings(run_table(bench, train_models(bench, single_models(bench), "singles")))
    pairs = train_models(bench, transfer_models(bench, singles), "pairs")
    assert check_separation(bench, pairs) == len(pairs) == 6
    split = bench.tasks.split | {"test": np.append(bench.tasks.split["test"], pairs[0].rows[0])}
    leaking = dataclasses.replace(bench, tasks=dataclasses.replace(bench.tasks, split=split))
    with pytest.raises(InputError, match="was not trained on its task's training texts"):
        check_separation(leaking, pairs)
    pairs[1].labels[0] = 1 - pairs[1].labels[0]
    with pytest.raises(InputError, match=pairs[1].run.id):
        check_separation(bench, pairs)


def test_two_dask_workers_give_the_tables_of_one(tmp_path, whole):
    distributed = pytest.importorskip("distributed", reason="dask is an optional extra: requirements-cluster.lock")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        study = tiny_study(tmp_path, engine={"scheduler": cluster.scheduler_address})
        pd.testing.assert_frame_equal(grid(open_workbench(study)), whole[1])


def test_seconds_of_a_lost_run_are_counted(tmp_path):
    path = tmp_path / "under_way" / "run"
    first = Heartbeat(path)
    assert first.lost == 0
    os.utime(path, (first.last + 7, first.last + 7))
    second = Heartbeat(path)
    assert second.lost == pytest.approx(7, abs=0.1)
    os.utime(path, (second.last + 3, second.last + 3))
    assert Heartbeat(path).lost == pytest.approx(10, abs=0.1)
