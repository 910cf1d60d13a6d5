"""A regression carried over from one grid to another, and regimes of one corpus side by side."""

import numpy as np
import pandas as pd
import pytest
from grids import grid

from lib.errors import InputError
from lib.regression.evaluation import predict_grid
from lib.regression.features import pair_features
from lib.stats.ranks import spearman
from lib.storage.tables import check
from lib.studies.generalisation import carried_over, comparable, judge
from lib.studies.regimes import gains_by_target, regime_table, same_but_for_regimes
from lib.studies.tables import StudyTables, of_other_corpora
from lib.study.corpora import Table
from lib.study.parameters import Study
from lib.study.sections import Ranking, Regression
from lib.transfer.pairs import CONFIGURATION, pair_configurations

REGRESSION = Regression(candidates=2, folds=2, repeats=1)
RANKING = Ranking(bootstrap=300)

CHEAP = ["logme", "vocabulary_positives", "consensus"]


def finished(study: str, tasks: int, signal: float = 1.0, seed: int = 0) -> StudyTables:
    """The tables of a grid, with those that later notebooks would add."""
    tables = grid(tasks, signal=signal, seed=seed)
    features = pair_features(*(tables[name] for name in ("pairs", "singles", "tasks", "ansat")))
    predictions = [
        predict_grid(features, "leave_one_target_out", REGRESSION, model) for model in ("regression", "without_ansat")
    ]
    keys, rng = tables["pairs"][["source", "target", "seed"]].drop_duplicates(), np.random.default_rng(seed)
    selectors = [keys.assign(selector=name, score=rng.random(len(keys))) for name in CHEAP]
    price = {"extraction_seconds": 1.0, "scoring_seconds": 0.5}
    return StudyTables(
        study,
        tables
        | {
            "predictions": pd.concat(predictions),
            "cooccurrence": keys[["source", "target"]].assign(phi=0.1),
            "conductance": pd.DataFrame({"seconds": [2.0]}),
            "selectors": pd.concat(selectors),
            "selector_costs": pd.DataFrame({"selector": CHEAP}).assign(**price),
        },
    )


@pytest.fixture(scope="module")
def corpora():
    return {"known": finished("known", 8, seed=1), "new": finished("new", 6, seed=2)}


def quality(scores: pd.DataFrame, new: StudyTables) -> float:
    """Mean rank correlation with test F1 within targets."""
    rows = pair_configurations(new["pairs"]).merge(scores, on=CONFIGURATION, validate="one_to_one")
    return np.mean([spearman(g["score"].to_numpy(), g["test_f1"].to_numpy()) for _, g in rows.groupby("target")])


def test_comparable_features_are_ranks_within_the_target():
    frame = pd.DataFrame(
        {
            "source": ["a", "b", "c", "a"], "target": ["T", "T", "T", "U"], "setting": 0, "seed": 0,
            "validation_f1": [0.1, 0.3, 0.2, 0.9], "test_f1": [0.5, 0.6, 0.7, 0.8], "target_f1": 0.4,
            "target_positives": [10, 10, 10, 20], "source_positives": [10, 20, 20, 10],
            "ansat_t0.5_l1": [7.0, 9.0, 8.0, 1.0],
        }
    )  # fmt: skip
    ranks = comparable(frame)
    assert ranks["ansat_t0.5_l1"].tolist() == pytest.approx([-1 / 3, 1 / 3, 0, 0])
    assert ranks["validation_f1"].tolist() == pytest.approx([-1 / 3, 1 / 3, 0, 0])
    assert ranks["source_positives"].tolist() == pytest.approx([-1 / 3, 1 / 6, 1 / 6, 0])
    assert ranks["size_ratio"].tolist() == pytest.approx([0, np.log(2), np.log(2), -np.log(2)])
    assert ranks["test_f1"].tolist() == [0.5, 0.6, 0.7, 0.8] and "target_positives" not in ranks


def test_what_one_grid_teaches_ranks_the_pairs_of_another(corpora):
    assert quality(carried_over([corpora["known"]], corpora["new"], REGRESSION), corpora["new"]) > 0.5


def test_a_grid_without_signal_teaches_nothing(corpora):
    correlations = [
        quality(carried_over([finished("noise", 6, signal=0.0, seed=seed)], corpora["new"], REGRESSION), corpora["new"])
        for seed in range(3)
    ]
    assert abs(np.mean(correlations)) < 0.35


def test_no_trained_pair_of_the_new_grid_is_seen(corpora):
    new = corpora["new"]
    rng = np.random.default_rng(0)
    other = {name: rng.permutation(new["pairs"][name]) for name in ("validation_f1", "test_f1")}
    changed = StudyTables("new", {**new.tables, "pairs": new["pairs"].assign(**other)})
    before, after = (carried_over([corpora["known"]], each, REGRESSION) for each in (new, changed))
    pd.testing.assert_frame_equal(before, after)


def test_contenders_are_judged_on_the_new_grid(corpora):
    table, anytime = judge([corpora["known"]], corpora["new"], REGRESSION, RANKING)
    table, anytime = check("generalisation", table, "test"), check("carried_anytime", anytime, "test")
    values = table.set_index(["metric", "selector"])["value"]
    assert values["spearman", "oracle"] == pytest.approx(1)
    assert values["spearman", "carried_over_from_known"] > values["spearman", "logme"]
    losses = values["loss_at_10_percent_of_pairs"]
    assert "regression" not in losses and {"carried_over_from_known", "logme"} <= set(losses.index)
    assert set(table["study"]) == set(anytime["study"]) == {"new"}
    assert set(anytime["order"]) == {"random", *losses.dropna().index}
    ends = anytime[anytime["share_of_time"] == 1].set_index("order")["loss"]
    assert ends["logme"] == pytest.approx(0) and not anytime.loc[anytime["share_of_time"] == 0, "loss"].notna().any()


def test_regimes_are_compared_over_the_same_targets():
    one, two = finished("one", 4), finished("two", 4)
    better = two["pairs"].assign(test_f1=two["pairs"]["test_f1"] + 0.05)
    two = StudyTables("two", {**two.tables, "pairs": better})
    table = check("regimes", regime_table([one, two], RANKING), "test").set_index(["study", "quantity"])
    assert table.loc[("two", "mean_gain"), "difference"] == pytest.approx(0.05)
    assert table.loc["one", "difference"].isna().all()
    gains = gains_by_target(one)
    single = one["singles"].query("selected and side == 'target'").set_index("target")["test_f1"]
    into = one["pairs"].groupby("target")["test_f1"].mean()
    assert gains["mean_gain"].to_numpy() == pytest.approx((into - single).loc[gains.index].to_numpy())
    assert table.loc[("one", "mean_gain"), "value"] == pytest.approx(gains["mean_gain"].mean())


def test_regimes_are_compared_with_the_selected_settings_only():
    one = finished("one", 4)
    singles = [one["singles"].assign(setting=n, selected=n == 0, run=one["singles"]["run"] + f"/{n}") for n in (0, 1)]
    starts = one["pairs"]["source_run"]
    pairs = [
        one["pairs"].assign(setting=2 * first + n, source_run=starts + f"/{first}", test_f1=one["pairs"]["test_f1"] + n)
        for first in (0, 1) for n in (0, 1)
    ]  # fmt: skip
    many = StudyTables("many", {**one.tables, "singles": pd.concat(singles), "pairs": pd.concat(pairs)})
    pd.testing.assert_frame_equal(gains_by_target(many), gains_by_target(one))


def test_only_studies_that_differ_in_their_regimes_are_regimes():
    values = {"corpus": {"loader": "synthetic"}, "settings": [{"learning_rate": 1e-3, "epochs": 1}]}
    study = Study.parse(values | {"name": "mine", "compare": ["smoke", "shuffled"]})
    smoke = Study.load("smoke").model_copy(update={"compare": ["smoke", "shuffled"]})
    assert same_but_for_regimes(study) == [] and same_but_for_regimes(smoke) == ["smoke"]


@pytest.mark.parametrize(
    ("other", "message"),
    [("other", "'compare': study other has no tables; run ./run_all.sh other first"), ("nowhere", "no parameters at")],
)
def test_a_study_to_compare_with_that_is_missing_is_named(tmp_path, monkeypatch, other, message):
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "other.yaml").touch()
    monkeypatch.chdir(tmp_path)
    values = {"name": "mine", "corpus": {"loader": "synthetic"}, "settings": [{"learning_rate": 1e-3, "epochs": 1}]}
    with pytest.raises(InputError, match=message):
        Study.parse(values | {"compare": [other], "results": str(tmp_path)}).compared_tables()


def test_what_is_known_comes_from_other_corpora_not_from_other_regimes():
    grids = {name: StudyTables(name, {}, Study.load(name).corpus) for name in ("demo", "hot", "newsgroups", "reuters")}
    others = of_other_corpora(list(grids.values()), grids["demo"])
    assert [grid.study for grid in others] == ["newsgroups", "reuters"]


def test_the_same_texts_fetched_or_with_other_labels_are_the_same_corpus():
    fetched = Study.load("trecis").corpus.model_copy(update={"fetch": True})
    assert fetched.texts_of == Study.load("trecis_gpu").corpus.texts_of
    one, two = (
        Table(loader="table", path=path, labels=labels) for path, labels in (("a.csv", ["x", "y"]), ("./a.csv", None))
    )
    assert one.texts_of == two.texts_of != Table(loader="table", path="b.csv").texts_of
    assert Study.load("smoke").corpus.texts_of != Study.load("shuffled").corpus.texts_of
