"""The rivals of a single source: which runs they are, what they start from, and what they cost."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from studies import tiny_study

from lib.models.head import last_linear
from lib.runs import rivals as module
from lib.runs.engine import train_missing, train_models
from lib.runs.plan import fused_models, single_models, transfer_models
from lib.runs.results import check_separation, run_table, select_settings
from lib.runs.rivals import (
    JOINT_SOURCE,
    fused_top_models,
    joint_models,
    joint_pair_models,
    joint_sources,
    rival_models,
    rival_table,
    train_rivals,
)
from lib.runs.weights import load_start, load_weights, pretrained, worker_network
from lib.runs.workbench import open_workbench
from lib.selection.promising import ranked_sources, train_asked_rivals
from lib.storage.tables import check
from lib.time_saving.estimate import planned_work

KINDS = ["fused", "fused_top", "joint", "joint_pair"]
TASKS = 5
STUDY = {
    "corpus": {"loader": "synthetic", "texts": 400, "tasks": TASKS},
    "rivals": {"kinds": KINDS, "joint_texts": 100, "top": [2, 3, 9]},
    "training": {"precision": "float32", "tries": 1},
}


def opened(folder, **changes):
    return open_workbench(tiny_study(folder, **STUDY | changes))


def ranked_of(bench) -> dict[str, list[str]]:
    """Any order of the sources that is not that of the tasks' names."""
    names = bench.tasks.names
    return {target: [task for task in reversed(names) if task != target] for target in names}


def weights_of(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.named_parameters()}


def differing(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in one if not torch.equal(one[name], other[name])}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A tiny study, its single-task models and all rivals trained."""
    bench = opened(tmp_path_factory.mktemp("rivals"), seeds=[0, 1])
    singles = select_settings(run_table(bench, train_models(bench, single_models(bench), "singles")))
    return bench, singles, train_rivals(bench, singles, ranked_of(bench))


def of_kind(models, kind: str) -> list:
    return [model for model in models if model.kind == kind]


def test_every_target_has_every_rival(trained):
    bench, singles, models = trained
    table = check("rivals", rival_table(bench, singles, models), "test")
    counts = table.groupby(["kind", "k"]).size().to_dict()
    assert counts == {
        ("fused", 0): 10,
        ("fused_top", 2): 10,
        ("fused_top", 3): 10,
        ("joint", 0): 10,
        ("joint_pair", 0): 10,
    }
    assert (table.groupby("kind")["target"].nunique() == TASKS).all() and not table["collapsed"].isna().any()
    others = table[table["kind"] != "fused_top"]
    assert others["selected"].all() and set(table["side"]) == {"target"}
    assert check_separation(bench, models) == len(models) == 60


def test_what_a_rival_needs_first_is_counted(trained):
    bench, singles, models = trained
    table, total = rival_table(bench, singles, models), singles.set_index("run")["total_seconds"]
    rows = {row.run: row for row in table.itertuples()}
    for model in models:
        if model.kind in ("fused", "fused_top"):
            assert rows[model.run.id].source_seconds == pytest.approx(sum(total[run] for run in model.run.sources))
        elif model.kind == "joint":
            numbers = bench.ledger.entry(model.run.source)["numbers"]
            assert rows[model.run.id].source_seconds == pytest.approx(
                numbers["total_seconds"] + numbers["failed_seconds"]
            )
        elif model.kind == "joint_pair":
            assert rows[model.run.id].source_seconds == 0
    assert (
        JOINT_SOURCE not in set(table["kind"])
        and (table.loc[table["kind"] != "joint_pair", "source_seconds"] > 0).all()
    )


def test_fused_top_starts_from_the_mean_of_the_first_ones(trained):
    bench, singles, models = trained
    task, network = singles.set_index("run")["target"], worker_network(bench.place.encoder, None, "cpu")
    sources = singles[singles["selected"] & (singles["side"] == "source")].set_index(["target", "seed"])["run"]
    for model in [next(m for m in of_kind(models, "fused_top") if len(m.run.sources) == k) for k in (2, 3)]:
        first = ranked_of(bench)[model.target][: len(model.run.sources)]
        assert {task[run] for run in model.run.sources} == set(first)
        states = []
        for name in first:
            load_weights(bench.place, network, sources[name, model.seed])
            states.append(weights_of(network))
        load_start(bench.place, network, model.run)
        for name, value in weights_of(network).items():
            torch.testing.assert_close(value, sum(state[name] for state in states) / len(states), atol=1e-6, rtol=1e-5)


def test_k_is_chosen_on_validation(monkeypatch):
    """Test would choose 2 for A. Of equal ones the smaller k stands; the choice is that of the mean over seeds."""
    validation = {("A", 2): (0.5, 0.1), ("A", 4): (0.4, 0.4), ("B", 2): (0.3, 0.3), ("B", 4): (0.3, 0.3)}
    rows = [
        {"run": f"{target}{k}{seed}", "kind": "fused_top", "target": target, "seed": seed, "total_seconds": 1.0,
         "validation_average_precision": values[seed], "test_average_precision": 0.9 if k == 2 else 0.1}
        for (target, k), values in validation.items() for seed in (0, 1)
    ]  # fmt: skip
    monkeypatch.setattr(module, "run_table", lambda bench, models: pd.DataFrame(rows))
    runs = [
        type("Run", (), {"sources": ("s",) * int(row["run"][1]), "starts": ("s",) * int(row["run"][1])}) for row in rows
    ]
    models = [type("Model", (), {"kind": "fused_top", "run": run}) for run in runs]
    table = rival_table(None, pd.DataFrame({"run": ["s"], "total_seconds": [5.0]}), models)
    chosen = table[table["selected"]]
    assert chosen[["target", "k", "seed"]].to_numpy().tolist() == [["A", 4, 0], ["A", 4, 1], ["B", 2, 0], ["B", 2, 1]]
    assert table["source_seconds"].tolist() == [10, 10, 20, 20] * 2


def test_a_joint_source_has_a_head_for_each_other_task(trained):
    bench, singles, models = trained
    sources = joint_sources(bench, singles)
    for (target, _), model in sources.items():
        others = [task for task in bench.tasks.names if task != target]
        drawn = np.unique(np.concatenate([bench.drawn(task, "source") for task in others]))
        assert len(model.rows) == 100 < len(drawn) and set(model.rows) <= set(drawn)
        expected = np.stack([bench.tasks.column(task)[model.rows] for task in others], axis=1)
        np.testing.assert_array_equal(model.labels, expected)
        assert model.type.heads == TASKS - 1 and bench.ledger.entry(model.run.id)["numbers"]["steps"] == 7
    assert [sources[model.target, model.seed].run.id for model in of_kind(models, "joint")] == [
        model.run.source for model in of_kind(models, "joint")
    ]


def test_the_setting_that_most_sources_select_trains_a_joint_source(trained):
    bench, singles, _ = trained
    chosen = dict(zip(bench.tasks.names, (1, 1, 0, 0, 1), strict=True))
    source = singles["side"] == "source"
    singles = singles.assign(
        selected=singles["selected"] & ~source | source & (singles["setting"] == singles["target"].map(chosen))
    )
    rates = {target: model.run.setting["learning_rate"] for (target, _), model in joint_sources(bench, singles).items()}
    assert list(rates.values()) == [3e-3, 3e-3, 1e-3, 1e-3, 3e-3]  # without the target: 1001, 1001, 1101, 1101, 1100


def flipped(bench, rows: np.ndarray, task: str):
    """The same study where these texts have the opposite label of a task."""
    labels = bench.tasks.labels.copy()
    labels[rows, bench.tasks.names.index(task)] ^= 1
    return replace(bench, tasks=replace(bench.tasks, labels=labels))


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_a_label_that_is_masked_changes_no_weight(tmp_path, pooling):
    """The target's label of source texts: in a joint source, in a joint pair, and in what starts from them."""
    encoder = {"name": "tiny", "max_length": 32, "pooling": pooling}
    bench = opened(tmp_path / "one", encoder=encoder, transfer={"head": "probe"})
    singles = select_settings(run_table(bench, train_models(bench, single_models(bench), "singles")))
    target, ranked = bench.tasks.names[0], ranked_of(bench)
    own = np.concatenate([bench.drawn(target, "target"), bench.tasks.split["validation"], bench.tasks.split["test"]])
    rows = np.setdiff1d(np.concatenate([model.rows for model in joint_sources(bench, singles).values()]), own)
    other = flipped(opened(tmp_path / "two", encoder=encoder, transfer={"head": "probe"}), rows, target)
    other.__dict__["_drawn"] = dict(bench._drawn)  # the draws of a task depend on its own labels
    states = []
    for each in (bench, other):
        source, pair = joint_sources(each, singles)[target, 0], joint_pair_models(each, singles, ranked)[0]
        train_missing(each, [source, pair], "joint", weights=False)
        states.append(
            [each.ledger.entry(model.run.id)["sha256"]["predictions.safetensors"] for model in (source, pair)]
        )
        states[-1] += [source.run.id, pair.run.id, each.ledger.entry(source.run.id)["sha256"]["weights.safetensors"]]
    assert states[0] == states[1] and pair.target == target
    assert (bench.tasks.column(target)[source.rows] != other.tasks.column(target)[source.rows]).mean() > 0.5
    known = flipped(bench, source.rows, bench.tasks.names[1])  # a label that is not masked decides
    assert joint_sources(known, singles)[target, 0].run.id != source.run.id


def test_a_joint_pair_sees_both_sides_equally_often_for_as_long_as_a_pair(trained):
    bench, singles, models = trained
    steps = singles[singles["selected"]].set_index(["side", "target", "seed"])["steps"]
    for model in of_kind(models, "joint_pair"):
        assert model.source == ranked_of(bench)[model.target][0] and model.run.source == ""
        known, n = model.labels >= 0, len(model.rows) // 2
        assert known.sum(axis=1).tolist() == [1] * 2 * n and known[:, 0].sum() == n == 48
        for head, (task, side) in enumerate([(model.target, "target"), (model.source, "source")]):
            rows, drawn = model.rows[known[:, head]], bench.drawn(task, side)
            assert set(rows) == set(drawn) and np.ptp(np.unique(rows, return_counts=True)[1]) <= 1
            np.testing.assert_array_equal(model.labels[known[:, head], head], bench.tasks.column(task)[rows])
        together = steps["source", model.source, model.seed] + steps["target", model.target, model.seed]
        assert bench.ledger.entry(model.run.id)["numbers"]["steps"] == together
        single = next(
            m for m in single_models(bench) if (m.target, m.side, m.setting) == (model.target, "target", model.setting)
        )
        assert model.run.setting == single.run.setting | {"epochs": model.run.setting["epochs"]}
    table = rival_table(bench, singles, models)
    row = table[table["kind"] == "joint_pair"].iloc[0]
    both = np.union1d(bench.drawn(row["target"], "target"), bench.drawn(row["source"], "source"))
    target = singles[singles["selected"] & (singles["side"] == "target") & (singles["target"] == row["target"])]
    assert row["texts"] == len(both) and row["positives"] == target["positives"].iloc[0]


def test_ids_change_with_what_decides_a_rival_and_plain_models_keep_theirs(trained, tmp_path):
    bench, singles, models = trained
    ids, ranked = {model.run.id for model in models}, ranked_of(bench)
    plain = [
        model.run.id
        for model in [*single_models(bench), *transfer_models(bench, singles), *fused_models(bench, singles)]
    ]
    assert len(ids) == len(models)
    without = opened(tmp_path, seeds=[0, 1], rivals={})
    again = [*single_models(without), *transfer_models(without, singles), *fused_models(without, singles)]
    assert [model.run.id for model in again] == plain and not rival_models(without, singles, ranked)
    assert ids & set(plain) == {model.run.id for model in of_kind(models, "fused")}
    fewer = opened(tmp_path, seeds=[0, 1], rivals=STUDY["rivals"] | {"joint_texts": 90})
    backwards = {target: sources[::-1] for target, sources in ranked.items()}

    def joint(bench):
        return {model.run.id for model in [*joint_sources(bench, singles).values(), *joint_models(bench, singles)]}

    def seconds(bench, ranked):
        return {
            m.run.id for m in [*joint_pair_models(bench, singles, ranked), *fused_top_models(bench, singles, ranked)]
        }

    assert not joint(fewer) & ids and seconds(fewer, ranked) <= ids and not seconds(bench, backwards) & ids
    head = opened(tmp_path, seeds=[0, 1], transfer={"head": "random", "interpolation": 0.5})
    assert not {model.run.id for model in rival_models(head, singles, ranked)} & ids
    pairs = {model.run.recipe.get("interpolation") for model in rival_models(head, singles, ranked)}
    assert pairs == {0.5, None}
    assert {m.run.recipe.get("interpolation") for m in joint_models(head, singles)} == {0.5}
    assert "interpolation" not in joint_pair_models(head, singles, ranked)[0].run.recipe


def test_an_interrupted_study_goes_on_and_ends_with_the_same_predictions(trained, tmp_path, monkeypatch):
    whole, _, models = trained
    bench = opened(tmp_path, seeds=[0, 1])
    singles = select_settings(run_table(bench, train_models(bench, single_models(bench), "singles")))
    ranked, calls = ranked_of(bench), []

    def stop(clock):
        calls.append(clock)
        if len(calls) > 150:  # among the joint sources and what starts from them
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("lib.runs.worker.Heartbeat.beat", stop)
        with pytest.raises(KeyboardInterrupt):
            train_rivals(bench, singles, ranked)
    done = [model for model in models if bench.ledger.has(model.run.id, ("predictions",))]
    assert 0 < len(done) < len(models)
    before = {m.run.id: bench.ledger.entry(m.run.id)["numbers"] for m in done}
    again = train_rivals(bench, singles, ranked)
    assert [model.run.id for model in again] == [model.run.id for model in models]
    for model in again:
        expected = whole.ledger.arrays(model.run.id, "predictions")["test"]
        np.testing.assert_array_equal(bench.ledger.arrays(model.run.id, "predictions")["test"], expected)
        assert before.get(model.run.id) in (None, bench.ledger.entry(model.run.id)["numbers"])


def test_weights_of_joint_sources_go_when_their_targets_are_finished_and_come_back_when_needed(trained):
    bench, singles, models = trained
    sources = of_kind(models, JOINT_SOURCE)
    assert not any(bench.ledger.size(model.run.id, "weights") for model in sources)
    one = of_kind(models, "joint")[0]
    entry = {m.run.id: bench.ledger.path(m.run.id).joinpath("entry.json").stat().st_mtime_ns for m in models}
    (bench.ledger.path(one.run.id) / "predictions.safetensors").unlink()
    train_rivals(bench, singles, ranked_of(bench))
    now = {m.run.id: bench.ledger.path(m.run.id).joinpath("entry.json").stat().st_mtime_ns for m in models}
    assert {run for run in now if now[run] != entry[run]} == {one.run.id, one.run.source}
    assert not bench.ledger.size(one.run.source, "weights")


def test_a_network_of_several_heads_leaves_the_next_run_as_it_was(trained):
    bench, singles, models = trained
    network = worker_network(bench.place.encoder, None, "cpu")
    assert last_linear(network).out_features == 2 and network.config.num_labels == 2
    load_weights(bench.place, network, "")
    assert not differing(weights_of(network), dict(pretrained(bench.place.encoder, "cpu")))


def test_rivals_are_planned_in_the_estimate(trained, tmp_path):
    """Five tasks, two seeds; sources of 48 texts and targets of 32, one epoch; joint sources of 100 texts."""
    bench, _, models = trained
    work = planned_work(bench).set_index("phase")
    assert work.loc["training rivals", "models"] == len(models) == 60
    assert work.loc["training rivals", "trained"] == 10 * (32 + 2 * 32 + (100 + 32) + (48 + 32))
    assert "training rivals" not in set(planned_work(opened(tmp_path, rivals={}))["phase"])


def test_sources_are_ranked_by_the_probes_score_in_the_mean_of_seeds():
    rows = [
        ("B", "A", 0, 0.9),
        ("B", "A", 1, 0.1),
        ("C", "A", 0, 0.6),
        ("C", "A", 1, 0.6),
        ("D", "A", 0, 0.6),
        ("D", "A", 1, 0.6),
    ]
    selectors = pd.DataFrame(rows, columns=["source", "target", "seed", "score"]).assign(selector="linear_probe")
    other = selectors.assign(selector="logme", score=-selectors["score"])
    assert ranked_sources(pd.concat([selectors, other])) == {"A": ["C", "D", "B"]}


def test_no_rival_is_trained_where_the_study_asks_for_none(tmp_path):
    assert train_asked_rivals(opened(tmp_path, rivals={}), pd.DataFrame()) == []
