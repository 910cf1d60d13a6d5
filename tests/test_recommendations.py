"""Recommendations within a budget: what is promising is trained first, what is known wins, and the clock is kept."""

import time
from types import SimpleNamespace

import grids
import numpy as np
import pandas as pd
import pytest
from studies import tiny_study

from lib.notebooks.plan import NOTEBOOKS, plan
from lib.notebooks.run import run_study
from lib.recommend.budget import most_promising_first, seconds_taken, train_within_budget
from lib.recommend.recommendations import FEWEST, conformal_width, recommendations
from lib.report.headline import NO_PAIR, closing_lines
from lib.report.pages import write_report
from lib.runs.engine import train_models
from lib.runs.plan import single_models, transfer_models
from lib.runs.results import run_table, select_settings
from lib.runs.workbench import open_workbench
from lib.selection.promising import PROMISING
from lib.storage.tables import check, read_table, write_for_spreadsheets, write_table
from lib.study.parameters import Study
from lib.study.sections import Regression

CONFIG = Regression(candidates=1, repeats=1)


@pytest.fixture(scope="module")
def grid():
    """Six tasks, 30 pairs, and a selector's scores that are the pairs' validation F1 with noise."""
    tables = grids.grid(6)
    pairs, rng = tables["pairs"], np.random.default_rng(0)
    scores = pairs["validation_f1"] + rng.normal(0, 0.01, len(pairs))
    tables["selectors"] = pairs[["source", "target", "seed"]].assign(selector=PROMISING, score=scores)
    return tables


@pytest.fixture(scope="module")
def models(grid):
    rows = grid["pairs"].itertuples()
    return [
        SimpleNamespace(source=r.source, target=r.target, setting=0, seed=0, run=SimpleNamespace(source=r.source_run))
        for r in rows
    ]


def recommend(grid, models, pairs):
    table = recommendations(models, pairs, grid["singles"], grid["tasks"], grid["selectors"], CONFIG)
    return check("recommendations", table, "test")


def test_every_targets_first_choice_comes_before_any_second(grid, models):
    order = most_promising_first(models, grid["singles"], grid["selectors"])
    assert len(order) == 30 and {pair.target for pair in order[:6]} == set(grids.names(6))
    scores = grid["selectors"].set_index(["source", "target"])["score"]
    for target in grids.names(6):
        own = [scores[pair.source, pair.target] for pair in order if pair.target == target]
        assert own == sorted(own, reverse=True)


def test_with_nothing_trained_no_transfer_is_recommended_and_promise_orders(grid, models):
    table = recommend(grid, models, None)
    first = table[table["rank"] == 1]
    assert len(table) == 36 and first["recommended"].all() and (first["source"] == "").all()
    assert table["predicted_f1"].isna().all() and table["test_f1"].notna().sum() == 6
    scores = grid["selectors"].set_index(["source", "target"])["score"]
    rest = table[table["source"] != ""]
    promises = [scores[row.source, row.target] for row in rest.itertuples() if row.target == "task00"]
    assert promises == sorted(promises, reverse=True)


def test_what_is_trained_is_recommended_by_validation_and_the_rest_is_predicted(grid, models):
    pairs = grid["pairs"].sample(FEWEST + 5, random_state=1)
    table = recommend(grid, models, pairs)
    assert table["predicted_f1"].notna().sum() == 30 and table["validation_f1"].notna().sum() == 6 + len(pairs)
    known = (table["predicted_low"] <= table["predicted_f1"]) & (table["predicted_f1"] <= table["predicted_high"])
    assert known[table["source"] != ""].all()
    for _, rows in table.groupby("target"):
        best = rows.loc[rows["validation_f1"].idxmax()]
        assert rows.loc[rows["recommended"], "source"].tolist() == [best["source"]]
        expected = rows["validation_f1"].fillna(rows["predicted_f1"]).to_numpy()
        assert (np.diff(expected) <= 1e-12).all() and rows["rank"].tolist() == list(range(1, 7))


def test_seeds_of_a_pair_are_one_measurement():
    tables = grids.grid(6, seeds=2)
    pairs = tables["pairs"]
    scores = pairs[["source", "target", "seed"]].assign(selector=PROMISING, score=pairs["validation_f1"])
    models = [
        SimpleNamespace(
            source=r.source, target=r.target, setting=0, seed=r.seed, run=SimpleNamespace(source=r.source_run)
        )
        for r in pairs.itertuples()
    ]
    for n in (FEWEST - 1, FEWEST):
        trained = pairs.merge(pairs[["source", "target"]].drop_duplicates().head(n))
        assert len(trained) == 2 * n
        table = recommend(tables | {"selectors": scores}, models, trained)
        assert table["predicted_f1"].notna().any() == (n == FEWEST)


def test_test_scores_recommend_nothing(grid, models):
    pairs = grid["pairs"].sample(15, random_state=2)
    changed = recommend(grid, models, pairs.assign(test_f1=pairs["test_f1"].to_numpy()[::-1]))
    same = ["target", "rank", "source", "recommended", "predicted_f1"]
    pd.testing.assert_frame_equal(recommend(grid, models, pairs)[same], changed[same])


def test_conformal_widths_by_hand():
    assert conformal_width(np.arange(1.0, 10.0)) == 9  # the 9th of 9: ceil(0.9 x 10)
    assert conformal_width(np.arange(1.0, 20.0)) == 18
    assert np.isnan(conformal_width(np.arange(8.0)))


def test_conformal_intervals_cover_as_often_as_they_say():
    rng = np.random.default_rng(0)
    draws = np.abs(rng.normal(size=(4000, 21)))
    covered = [row[-1] <= conformal_width(row[:-1]) for row in draws]
    assert np.mean(covered) == pytest.approx(0.905, abs=0.02)  # 19 of 21


def test_training_stops_with_the_budget_and_a_second_call_ends_where_the_first_did(tmp_path):
    bench = open_workbench(tiny_study(tmp_path, budget_minutes=2))
    singles = select_settings(run_table(bench, train_models(bench, single_models(bench), "singles")))
    models, kept = transfer_models(bench, singles), []
    assert train_within_budget(bench, models, 121.0 / 2, 0.0, kept.append) is None and kept == [None]
    pairs = train_within_budget(bench, models, 0.0, 120.0, kept.append)
    assert len(pairs) == 2 and len(kept) == 3  # one batch was expected to cost nothing
    again = train_within_budget(bench, models, 0.0, 120.0, kept.append)
    pd.testing.assert_frame_equal(pairs, again)
    assert len(train_within_budget(bench, models, 0.0, 0.0, kept.append)) == len(models) == 6


def test_the_budget_counts_what_was_recorded_or_this_call_if_that_is_longer(monkeypatch):
    monkeypatch.delenv("WHENCE_STARTED", raising=False)
    assert seconds_taken(90.0, 2) == 45.0
    monkeypatch.setenv("WHENCE_STARTED", str(time.monotonic() - 60))
    assert seconds_taken(90.0, 2) == pytest.approx(60, abs=5) and seconds_taken(200.0, 2) == 100.0


def test_formulas_in_names_are_texts_in_spreadsheets(tmp_path):
    frame = pd.DataFrame({"target": ["=1+1", "ok"], "rank": [1, 2], "gain": [-0.5, np.nan]})
    write_for_spreadsheets(tmp_path / "r.csv", frame)
    assert (tmp_path / "r.csv").read_text() == "target,rank,gain\n'=1+1,1,-0.5000\nok,2,\n"


def test_own_data_from_a_table_to_recommendations(tmp_path):
    """As a user would: a CSV with three labels, a budget, one command."""
    rng = np.random.default_rng(0)
    words = {"a": "flood water rain", "b": "water thirst drink", "c": "fire smoke burn"}
    rows = []
    for _ in range(240):
        labels = {name: int(rng.random() < 0.35) for name in words}
        text = " ".join(["said", str(rng.integers(10_000)), *(words[name] for name in words if labels[name])])
        rows.append({"message": text, **labels})
    pd.DataFrame(rows).to_csv(tmp_path / "mine.csv", index=False)
    changes = {
        "name": "mine", "budget_minutes": 5, "regression": {"candidates": 1, "repeats": 1},
        "corpus": {"loader": "table", "path": str(tmp_path / "mine.csv"), "text": "message"},
    }  # fmt: skip
    study, path = tiny_study(tmp_path / "results", **changes), tmp_path / "mine.yaml"
    path.write_text(study.model_dump_json())
    study = Study.load(path)
    assert [job.name[:2] for job in plan(study, {"study_name": str(path)}, NOTEBOOKS)] == ["01", "02", "11"]
    lines = []
    run_study(study, str(path), say=lines.append)
    shown = "\n".join(lines)
    assert "3 tasks" in shown and "until 5 minutes are over" in shown and "test F1" in lines[-3]
    table = read_table(study.tables, "recommendations")
    assert len(table) == 9 and table.groupby("target")["recommended"].sum().eq(1).all()
    assert table["validation_f1"].notna().all()  # five minutes are enough for six small pairs
    assert len(pd.read_csv(study.folder / "recommendations.csv")) == 9
    assert len(closing_lines(study)) == 3
    page = (study.folder / "report.html").read_text()
    assert "11_recommendations" in page and "Which source to train each task from" in page


def test_a_budget_that_was_too_small_is_told_as_that(tmp_path, grid, models):
    study = Study.parse(
        {"name": "mine", "corpus": {"loader": "synthetic"}, "budget_minutes": 2, "results": str(tmp_path),
         "settings": [{"learning_rate": 1e-4, "epochs": 1}]}
    )  # fmt: skip
    for pairs, warned in ((None, True), (grid["pairs"].sample(15, random_state=2), False)):
        write_table(study.tables, "recommendations", recommend(grid, models, pairs))
        lines, page = closing_lines(study), write_report(study.folder, "mine").read_text()
        assert (lines[-1] == NO_PAIR) == warned == (NO_PAIR in page) and len(lines) == 6 + warned
