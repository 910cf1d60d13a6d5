"""The estimate counts the work that a study plans, and leaves no trace."""

import numpy as np
import pandas as pd
import pytest
import torch
from studies import tiny_study

from lib.errors import InputError
from lib.runs.workbench import open_workbench
from lib.selection.promising import scouting
from lib.storage.tables import check
from lib.time_saving.budget import check_budget, decision_minutes
from lib.time_saving.estimate import estimate, planned_work

CHANGES = {"checkpoints": [0.5], "conductance": {"probe_texts": 6, "steps": 4, "compare_steps": [2]}, "seeds": [0, 1]}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return open_workbench(tiny_study(tmp_path_factory.mktemp("estimate"), **CHANGES))


def test_the_work_is_counted_by_hand(bench):
    """Three tasks, two settings of one epoch, two seeds; sources of 48 texts, targets of 32."""
    work = planned_work(bench).set_index("phase")
    validation, test = (len(bench.tasks.split[part]) for part in ("validation", "test"))
    assert work["models"].tolist() == [24, 12, 6, 42, 42, 12, 12, 12]
    assert work.loc["training single-task models", "trained"] == 3 * 2 * 2 * (48 + 32)
    assert work.loc["training transfer models", "trained"] == 6 * 2 * 32
    assert work.loc["training step-matched baselines", "trained"] == 3 * 2 * (48 + 32)
    assert work.loc["predicting", "predicted"] == 42 * (validation + test) + 12 * validation
    assert work.loc["conductance", "attributed"] == 12 * 6 * 5  # points of 4 steps
    assert work.loc["conductance with other steps", "attributed"] == 12 * 6 * 3  # of 2
    extractions = work.loc["feature extraction"]
    assert extractions["trained"] == 2 * 3 * (48 + 32)
    targets = np.concatenate([bench.drawn(task, "target") for task in bench.tasks.names])
    sources = [bench.drawn(task, "source") for task in bench.tasks.names]
    read = sum(len({*rows, *targets}) + validation for rows in sources)
    assert extractions["predicted"] == 2 * read + len({*targets, *np.concatenate(sources)}) + validation


def test_restarts_are_planned_where_the_study_asks_for_them(bench, tmp_path):
    work = planned_work(open_workbench(tiny_study(tmp_path, reseeded=True, **CHANGES))).set_index("phase")
    assert work.loc["training reseeded baselines", ["models", "trained"]].tolist() == [6, 6 * 32]
    assert work.loc["predicting", "models"] == 42 + 6
    assert "training reseeded baselines" not in planned_work(bench)["phase"].to_list()


def test_a_study_with_a_budget_only_scouts(tmp_path):
    bench = open_workbench(tiny_study(tmp_path, budget_minutes=5))
    extractions, scouts = planned_work(bench).set_index("phase").loc["feature extraction"], scouting(bench)
    sources, targets = ([scouts.drawn(task, side) for task in bench.tasks.names] for side in ("source", "target"))
    read = [len({*rows, *np.concatenate(targets)}) for rows in [*sources, np.concatenate(sources)]]
    assert extractions["trained"] == 0  # no gradient is squared
    assert extractions["predicted"] == sum(read) + len(read) * len(bench.tasks.split["validation"])


def test_a_budget_that_single_task_models_would_spend_is_refused():
    """Ten tasks, two workers. Single-task models take 10 minutes and predict for 2, and exported ones for 1; then
    every target is trained from the mean of all sources, for 1.1 minutes; tables and figures take 1."""
    phases = ["training single-task models", "training transfer models", "predicting", "loading and saving"]
    table = pd.DataFrame({"phase": [*phases, "feature extraction"], "models": [20, 90, 130, 130, 20]})
    table["seconds"] = [2 * 60 * minutes for minutes in (10.0, 90.0, 13.0, 0.0, 2.0)]
    assert decision_minutes(table, 10, workers=2) == (pytest.approx(13), 25)
    check_budget(13.1, table, 10, workers=2)
    check_budget(None, table, 10, workers=2)
    with pytest.raises(InputError) as caught:
        check_budget(12.5, table, 10, workers=2)
    assert str(caught.value) == (
        "budget_minutes: 12.5 minutes do not pay for the single-task models of 10 tasks, which take about 13 on this "
        "machine; give 25 or more, or name fewer tasks"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"corpus": {"loader": "synthetic", "texts": 240, "tasks": 2}}, "needs three"),
     ({"conductance": {"probe_texts": 10_000}}, "probe_texts is 10000")],
)  # fmt: skip
def test_what_could_not_be_analysed_is_refused_before_it_is_trained(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        estimate(open_workbench(tiny_study(tmp_path, **changes)))
    assert len(estimate(open_workbench(tiny_study(tmp_path, budget_minutes=5, **changes))))


def test_an_estimate_takes_time_from_every_phase_and_draws_nothing(bench):
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    table = check("estimate", estimate(bench), "test")
    assert (table["seconds"] > 0).all() and table["disk_mb"].gt(0).sum() == 3
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not bench.ledger.folder.joinpath("under_way").exists()
