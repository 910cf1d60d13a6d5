"""On a corpus whose labels are shuffled there is nothing to find, and the study finds nothing."""

import pytest

from lib.attribution.models import attribute_models, similarity_tables
from lib.datasets.describe import task_table
from lib.regression.evaluation import predict_grid, regression_scores
from lib.regression.features import pair_features
from lib.runs.engine import train_models
from lib.runs.plan import single_models, transfer_models
from lib.runs.results import pair_table, run_table, select_settings
from lib.runs.workbench import open_workbench
from lib.study.parameters import Study
from lib.transfer.pairs import selected_singles


@pytest.fixture(scope="module")
def null_study(tmp_path_factory):
    """The analysis of a corpus whose labels are shuffled: (single-task models, pairs, the regression's scores)."""
    values = {
        "name": "null", "corpus": {"loader": "synthetic", "texts": 800, "tasks": 4, "null": True},
        "encoder": {"name": "tiny", "max_length": 64}, "training": {"precision": "float32"},
        "source": {"n": 160, "positives": 0.3}, "target": {"n": 160, "positives": 0.3},
        "settings": [{"learning_rate": 5e-3, "epochs": 4, "batch_size": 32}],
        "conductance": {"probe_texts": 16}, "ansat": {"thresholds": [0.3, 0.5]},
        "regression": {"candidates": 1, "folds": 2, "repeats": 1}, "engine": {"workers": 1},
        "results": str(tmp_path_factory.mktemp("null")),
    }  # fmt: skip
    study = Study.parse(values)
    bench = open_workbench(study)
    models = train_models(bench, single_models(bench), "singles")
    singles = select_settings(run_table(bench, models))
    transfers = train_models(bench, transfer_models(bench, singles), "pairs")
    pairs = pair_table(run_table(bench, transfers))
    attribute_models(bench, singles)
    ansat, _ = similarity_tables(bench, singles)
    features = pair_features(pairs, singles, task_table(bench.tasks, study.source, study.target), ansat)
    predictions = predict_grid(features, "leave_one_target_out", study.regression)
    return (
        selected_singles(singles, "target"),
        pairs,
        regression_scores(predictions).set_index(["judged_against", "score"]),
    )


def test_on_the_null_corpus_nothing_is_predictable(null_study):
    _, pairs, scores = null_study
    assert pairs["test_average_precision"].mean() < 0.45  # chance is the prevalence, at most 0.35
    assert not scores.loc[("test_f1", "spearman"), "low"] > 0  # undefined where no model predicts a positive


def test_on_the_null_corpus_no_source_helps(null_study):
    singles, pairs, _ = null_study
    alone = singles.groupby("target")["test_average_precision"].mean()
    gains = pairs["test_average_precision"] - pairs["target"].map(alone)
    assert gains.mean() < 0.02  # of an average precision of about 0.25; a source may well hurt
