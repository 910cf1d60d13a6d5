"""The small study through all its notebooks, and the planted relations that it must find."""

import json

import numpy as np
import pandas as pd
import pytest

from lib.datasets.synthetic import planted_relatedness
from lib.notebooks.run import run_study
from lib.report.captions import CAPTIONS
from lib.report.headline import headline
from lib.selection.fusion import FUSED
from lib.selectors.registry import all_selectors
from lib.stats.ranks import spearman
from lib.storage.schemas import SCHEMAS
from lib.storage.tables import read_table
from lib.storage.writers import WRITERS
from lib.transfer.rivals import BEST_PAIR, RIVALS

KEYS = [
    "study", "dataset", "encoder", "n_tasks", "n_pairs", "models_trained", "grid_seconds", "grid_f1", "single_task_f1",
    "tasks_helped", "mean_relative_gain_of_helped", "largest_gain", "conductance_seconds", "conductance_share_of_grid",
    "completeness_error_median", "single_task_share_of_grid", "selectors", "environment",
    "effective_rank", "recipe", "share_of_pairs_that_gain", "mean_gain_of_pairs", "rivals", "seed_agreement",
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
    elsewhere = {"candidates", "recommendations", "left_out", "repeatability", "reseeded", "recipes", "recipe_scores"}
    elsewhere |= {"target_sizes", "target_size_gains", *WRITERS["14_task_types"]}
    elsewhere |= set() if study.compare else {"generalisation", "carried_anytime"}
    for name in set(SCHEMAS) - elsewhere:  # of a budget, of several seeds, of reseeded, of several corpora
        assert len(read_table(study.tables, name)) > 0
    copies = sorted(path.stem for path in (study.folder / "notebooks").glob("*.ipynb"))
    assert [name[:2] for name in copies] == [f"{number:02d}" for number in range(1, 11)]
    for number in [*range(1, 9), *([10] if study.compare else [])]:  # that of notebook 9 needs several regimes
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
    assert set(summary["effective_rank"]) == {"pretrained", "sources_median", "sources_min"}
    assert set(summary["mean_gain_of_pairs"]) == {"f1", "f1_tuned", "average_precision"}
    assert set(summary["rivals"]) == set(RIVALS) - {"reseeded"} <= {BEST_PAIR, *summary["selectors"]}
    assert {"f1", "average_precision", "gain"} <= set(summary["rivals"]["fused"])
    assert summary["seed_agreement"] is None  # one seed
    assert summary["models_trained"] == 5 + 10 + 20 and summary["n_pairs"] == 20
    assert all(isinstance(value, str) for _, value in headline(summary))


def test_every_extraction_is_on_the_clock_once(finished_smoke):
    """Notebook 2 reads the validation texts with the five sources and the pretrained encoder, notebook 4 the rest."""
    study, _ = finished_smoke
    representations, extractions = (
        read_table(study.tables, name) for name in ("representations", "feature_extraction")
    )
    read = extractions[extractions["kind"] == "validation"]
    assert len(representations) == 6 and sorted(read["run"]) == sorted(representations["run"])
    assert not extractions.duplicated(["kind", "run"]).any() and len(extractions) == 6 + 6 + 10


def test_attribution_is_accurate(finished_smoke):
    study, _ = finished_smoke
    assert read_table(study.tables, "conductance")["completeness_error_relative"].median() < 0.02


def test_a_second_call_runs_nothing(finished_smoke, smoke_study):
    study, path = smoke_study
    lines = []
    run_study(study, str(path), say=lines.append)
    assert sum("up to date" in line for line in lines) == 10


def planted_and(study, table: pd.DataFrame, score: str) -> tuple[np.ndarray, np.ndarray]:
    """Planted relatedness and a score, of every ordered pair."""
    planted = planted_relatedness(study.corpus)
    means = table.groupby(["source", "target"], as_index=False)[score].mean()
    return np.array([planted.loc[row.source, row.target] for row in means.itertuples()]), means[score].to_numpy()


def test_ansat_and_signed_similarity_recover_the_planted_relations(finished_smoke):
    """Rank correlation over the 20 pairs; by chance it is 0."""
    study, _ = finished_smoke
    ansat, signed = (read_table(study.tables, name) for name in ("ansat", "signed_similarity"))
    rows = ansat[ansat["probe"] == "all"]
    ranks = [spearman(*reversed(planted_and(study, cell, "ansat"))) for _, cell in rows.groupby(["layer", "threshold"])]
    assert np.mean(ranks) > 0.1 and np.mean(np.array(ranks) > 0) > 0.8  # a single rank varies by 0.2 with the draw
    rows = signed[(signed["probe"] == "all") & (signed["layer"] == 1)]
    assert spearman(*reversed(planted_and(study, rows, "cosine"))) > 0.2


def test_transfer_follows_the_planted_relations(finished_smoke):
    study, _ = finished_smoke
    pairs = read_table(study.tables, "pairs").rename(columns={"validation_average_precision": "score"})
    pairs["score"] -= pairs.groupby("target")["score"].transform("mean")
    assert spearman(*reversed(planted_and(study, pairs, "score"))) > 0.2


LEAST = {  # rank correlation with the planted relatedness; by chance it is 0
    "label_cooccurrence": 0.5, "vocabulary_positives": 0.5, "textemb_positives": 0.3, "hscore": 0.5, "logme": 0.5,
    "linear_probe": 0.4, "knn": 0.4, "nce": 0.4, "leep": 0.35, "ansat": 0.1,
}  # fmt: skip


@pytest.mark.parametrize("selector", LEAST)
def test_selectors_that_look_at_labels_or_terms_recover_the_planted_order(finished_smoke, selector):
    study, _ = finished_smoke
    metrics = read_table(study.tables, "selector_metrics").set_index(["metric", "selector"])["value"]
    assert metrics["spearman_with_planted", selector] > LEAST[selector]


def test_selectors_are_compared_and_the_oracle_is_best(finished_smoke):
    study, _ = finished_smoke
    ranks = read_table(study.tables, "selector_metrics").set_index(["metric", "selector"])["value"]
    expected = set(all_selectors()) | set(FUSED) | {"halving", "regression_on_all_selectors"}
    assert expected - {"source_texts"} <= set(ranks["spearman"].index)  # all sources have as many texts
    assert ranks["spearman"]["oracle"] == pytest.approx(1) and ranks["regret_at_1"]["oracle"] == 0


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_no_figure_is_empty(finished_smoke, suffix):
    study, _ = finished_smoke
    assert all(path.stat().st_size > 5_000 for path in study.figures.glob(f"*.{suffix}"))


def test_every_figure_has_a_caption_in_the_report(finished_smoke):
    study, _ = finished_smoke
    assert {path.stem for path in study.figures.glob("*.png")} <= set(CAPTIONS)


def test_sources_that_share_words_with_the_target_help_it_and_others_do_not(finished_smoke):
    """Planted: tasks share three quarters to nothing of their words. Judged by test average precision."""
    study, _ = finished_smoke
    matrix, planted = read_table(study.tables, "transfer_matrix"), planted_relatedness(study.corpus)
    shared = np.array([planted.loc[row.source, row.target] for row in matrix.itertuples()])
    gains = matrix["average_precision_gain"]
    assert gains[shared >= 0.5].mean() > 0 > gains[shared == 0].mean()
