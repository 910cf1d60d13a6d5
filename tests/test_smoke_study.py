"""The small study through all its notebooks, and what it must find: planted relations, and nothing where there are none."""

import json

import numpy as np
import pandas as pd
import pytest

from lib.attribution import attribute_models, similarity_tables
from lib.datasets.synthetic import planted_relatedness
from lib.engine import train_models
from lib.metrics import spearman
from lib.notebooks import run_study
from lib.regression import pair_features, predict_grid, regression_scores
from lib.report import headline
from lib.runs import open_workbench, pair_table, run_table, select_settings, single_models, transfer_models
from lib.study import Study
from lib.tables import SCHEMAS, read_table
from lib.tasks import task_table

KEYS = [
    "study", "dataset", "encoder", "n_tasks", "n_pairs", "models_trained", "grid_seconds", "grid_f1", "single_task_f1",
    "tasks_helped", "mean_relative_gain_of_helped", "largest_gain", "conductance_seconds", "conductance_share_of_grid",
    "completeness_error_median", "single_task_share_of_grid", "selectors", "environment",
]  # fmt: skip
POINTS = [
    "f1_at_0.165",
    "loss_at_0.165",
    "f1_at_0.495",
    "loss_at_0.495",
    "loss_at_10_percent_of_pairs",
    "share_for_99_percent",
]


def test_every_notebook_ran_and_wrote_its_tables_and_figures(finished_smoke):
    study, _ = finished_smoke
    for name in SCHEMAS:
        assert len(read_table(study.tables, name)) > 0
    copies = sorted(path.stem for path in (study.folder / "notebooks").glob("*.ipynb"))
    assert [name[:2] for name in copies] == ["01", "02", "03", "04", "05", "06", "07"]
    for number in range(1, 8):
        assert list(study.figures.glob(f"{number:02d}_*.svg")) and list(study.figures.glob(f"{number:02d}_*.png"))
    assert (study.folder / "report.html").exists()


def test_progress_names_the_models_done_and_the_time_left(finished_smoke):
    _, lines = finished_smoke
    assert any("transfer models: " in line and " left" in line for line in lines)


def test_the_summary_has_every_key(finished_smoke):
    study, _ = finished_smoke
    summary = json.loads((study.folder / "summary.json").read_text())
    assert set(KEYS) <= set(summary)
    for accountings in summary["selectors"].values():
        assert set(accountings) == {"paper", "all_inclusive"}
        assert all(set(POINTS) == set(points) for points in accountings.values())
    assert summary["models_trained"] == 20 + 20 and summary["n_pairs"] == 20
    assert all(isinstance(value, str) for _, value in headline(summary))


def test_attribution_is_accurate(finished_smoke):
    study, _ = finished_smoke
    assert read_table(study.tables, "conductance")["completeness_error_relative"].median() < 0.02


def test_a_second_call_runs_nothing(finished_smoke, smoke_study):
    study, path = smoke_study
    lines = []
    run_study(study, str(path), say=lines.append)
    assert sum("up to date" in line for line in lines) == 7


def planted_and(study, table: pd.DataFrame, score: str) -> tuple[np.ndarray, np.ndarray]:
    """Planted relatedness and a score, of every ordered pair."""
    planted = planted_relatedness(study.corpus)
    means = table.groupby(["source", "target"], as_index=False)[score].mean()
    return np.array([planted.loc[row.source, row.target] for row in means.itertuples()]), means[score].to_numpy()


def test_ansat_and_its_siblings_recover_the_planted_relations(finished_smoke):
    """Rank correlation over the 20 pairs; by chance it is 0."""
    study, _ = finished_smoke
    ansat, siblings = (read_table(study.tables, name) for name in ("ansat", "siblings"))
    rows = ansat[(ansat["probe"] == "all") & (ansat["threshold"] == 0.5) & (ansat["layer"] == 0)]
    assert spearman(*reversed(planted_and(study, rows, "ansat"))) > 0.2
    rows = siblings[(siblings["probe"] == "all") & (siblings["layer"] == 1)]
    assert spearman(*reversed(planted_and(study, rows, "cosine"))) > 0.6


def test_transfer_follows_the_planted_relations(finished_smoke):
    study, _ = finished_smoke
    pairs = read_table(study.tables, "pairs").rename(columns={"validation_average_precision": "score"})
    pairs["score"] -= pairs.groupby("target")["score"].transform("mean")
    assert spearman(*reversed(planted_and(study, pairs, "score"))) > 0.2


@pytest.fixture(scope="module")
def null_study(tmp_path_factory):
    """The analysis of a corpus whose labels are shuffled: (pairs, the regression's scores)."""
    values = {
        "name": "null", "corpus": {"loader": "synthetic", "texts": 800, "tasks": 4, "null": True},
        "encoder": {"name": "tiny", "max_length": 64}, "training": {"precision": "float32"},
        "source": {"n": 160, "positives": 0.3}, "target": {"n": 160, "positives": 0.3},
        "settings": [{"learning_rate": 5e-3, "epochs": 4, "batch_size": 32}],
        "conductance": {"probe_texts": 16}, "ansat": {"thresholds": [0.3, 0.5]},
        "regression": {"candidates": 1, "folds": 2, "repeats": 1}, "results": str(tmp_path_factory.mktemp("null")),
    }  # fmt: skip
    study = Study.parse(values)
    bench = open_workbench(study)
    models = single_models(bench)
    train_models(bench, models, "singles", weights=True)
    singles = select_settings(run_table(bench, models))
    transfers = transfer_models(bench, singles)
    train_models(bench, transfers, "pairs")
    pairs = pair_table(run_table(bench, transfers))
    attribute_models(bench, singles)
    ansat, _ = similarity_tables(bench, singles)
    features = pair_features(pairs, singles, task_table(bench.tasks, study.source, study.target), ansat)
    predictions = predict_grid(features, "leave_one_target_out", study.regression)
    return pairs, regression_scores(predictions).set_index(["judged_against", "score"])


def test_on_the_null_corpus_nothing_is_predictable(null_study):
    pairs, scores = null_study
    assert pairs["test_average_precision"].mean() < 0.45  # chance is the prevalence, at most 0.35
    assert not scores.loc[("test_f1", "spearman"), "low"] > 0  # undefined where no model predicts a positive


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_no_figure_is_empty(finished_smoke, suffix):
    study, _ = finished_smoke
    assert all(path.stat().st_size > 5_000 for path in study.figures.glob(f"*.{suffix}"))
