"""The regression: its features, protocols, tuning, scores and importance, on grids whose relations are planted."""

import joblib
import numpy as np
import pandas as pd
import pytest
from grids import grid
from sklearn.metrics import mean_absolute_error, r2_score

from lib.errors import InputError
from lib.regression.evaluation import predict_grid, regression_scores
from lib.regression.features import (
    ATTRIBUTION,
    MODELS,
    attribution_columns,
    controlled,
    feature_columns,
    feature_sets,
    pair_features,
)
from lib.regression.importance import feature_importance
from lib.regression.model import Candidate, Design, candidates, tune
from lib.regression.protocols import (
    PROTOCOLS,
    feasible_protocols,
    leave_both_tasks_out,
    leave_one_target_out,
    random_pairs,
)
from lib.storage.tables import check
from lib.study.sections import Regression

QUICK = Regression(candidates=2, folds=2, repeats=1)


def features_of(frames: dict, signed: bool = False) -> pd.DataFrame:
    more = frames["signed_similarity"] if signed else None
    return pair_features(frames["pairs"], frames["singles"], frames["tasks"], frames["ansat"], more)


@pytest.fixture(scope="module")
def frames():
    return grid(5, seeds=2)


@pytest.fixture(scope="module")
def features(frames):
    return features_of(frames)


def into(features: pd.DataFrame, *tasks: str) -> np.ndarray:
    return features[["source", "target"]].isin(tasks).any(axis=1).to_numpy()


# --- features ---------------------------------------------------------------------------------------------------------


def test_features_join_what_belongs_to_the_pair_and_seed(frames, features):
    assert len(features) == len(frames["pairs"])
    row = features.query("source == 'task01' and target == 'task03' and seed == 1").iloc[0]
    key = "source == 'task01' and target == 'task03' and seed == 1 and layer == 1 and threshold == 0.5"
    assert row["ansat_t0.5_l1"] == frames["ansat"].query(key)["ansat"].item()
    assert row["source_positives"] == 51 and row["target_positives"] == 25
    single = frames["singles"].query("target == 'task03' and side == 'target' and seed == 1").iloc[0]
    assert row["target_f1"] == single["validation_f1"] != single["test_f1"]


def test_siblings_are_features_only_when_given(frames, features):
    more = set(features_of(frames, signed=True)) - set(features)
    assert more == {"cosine_l0", "cosine_l1", "spearman_l0", "spearman_l1"}


def test_no_feature_is_a_test_score(frames, features):
    changed = frames | {
        name: frames[name].assign(**{column: 0.123 for column in frames[name] if column.startswith("test_")})
        for name in ("pairs", "singles")
    }
    columns = feature_columns(features)
    pd.testing.assert_frame_equal(features_of(changed)[columns], features[columns])


def test_a_missing_attribution_is_named(frames):
    gone = frames["ansat"].query("not (source == 'task01' and target == 'task00')")
    with pytest.raises(InputError, match="task01 -> task00 .* no ansat_t0.2_l0"):
        features_of(frames | {"ansat": gone})


# --- controls ---------------------------------------------------------------------------------------------------------


def test_shuffling_moves_whole_rows_of_attribution_within_the_target(frames):
    features = features_of(frames, signed=True)
    shuffled = controlled(features, "shuffled_ansat", 0)
    columns = attribution_columns(features)
    others = [name for name in features if name not in columns]
    pd.testing.assert_frame_equal(shuffled[others], features[others])
    for _, rows in features.groupby(["target", "seed"]):
        before, after = (frame.loc[rows.index, columns].to_numpy() for frame in (features, shuffled))
        assert sorted(map(tuple, before)) == sorted(map(tuple, after))
    assert (shuffled[columns] != features[columns]).any(axis=None)


def test_without_ansat_reads_no_attribution(frames):
    left = feature_columns(controlled(features_of(frames, signed=True), "without_ansat", 0))
    assert left and not [name for name in left if name.startswith(ATTRIBUTION)]


# --- protocols --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_row_is_predicted_once_by_a_fold_that_did_not_train_on_it(features, protocol):
    folds = list(PROTOCOLS[protocol](features, 0))
    assert (np.sum([fold.test for fold in folds], axis=0) == 1).all()
    for fold in folds:
        assert fold.train.any() and not (fold.train & fold.test).any()
        assert not (fold.tuning & ~fold.train).any()


def test_a_pair_is_never_split_over_random_folds(features):
    for fold in random_pairs(features, 0):
        tested = features[fold.test].groupby(["source", "target"]).size()
        assert (tested == 2).all()  # both seeds


def test_leave_one_target_out_never_trains_on_the_target(features):
    for fold in leave_one_target_out(features, 0):
        assert set(features.loc[fold.test, "target"]) == {fold.name}
        assert fold.name not in set(features.loc[fold.train, "target"])


@pytest.mark.parametrize("n_tasks", [4, 9])
def test_leave_both_tasks_out_never_trains_on_either_task_in_any_role(n_tasks):
    features = features_of(grid(n_tasks))
    folds = list(leave_both_tasks_out(features, 0))
    assert len(folds) == n_tasks * (n_tasks - 1) // 2
    for fold in folds:
        tested = set(features.loc[fold.test, ["source", "target"]].to_numpy().ravel())
        trained = set(features.loc[fold.train, ["source", "target"]].to_numpy().ravel())
        assert len(tested) == 2 and not tested & trained
        assert len(trained) == n_tasks - 2


def test_protocols_that_leave_nothing_are_named():
    features = features_of(grid(3))
    assert feasible_protocols(features) == ["random_pairs", "leave_one_target_out"]
    with pytest.raises(InputError, match="more tasks"):
        predict_grid(features, "leave_both_tasks_out", QUICK)


# --- predictions ------------------------------------------------------------------------------------------------------


def test_predictions_know_nothing_of_test_scores():
    features = features_of(grid(4))
    twisted = features.assign(test_f1=features["test_f1"].sample(frac=1, random_state=0).to_numpy())
    for protocol in ("leave_one_target_out", "leave_both_tasks_out"):
        before, after = (predict_grid(table, protocol, QUICK)["predicted"] for table in (features, twisted))
        assert before.equals(after)


def test_a_left_out_targets_outcomes_do_not_touch_its_predictions(features):
    held = features["target"] == "task02"
    twisted = features.assign(validation_f1=features["validation_f1"].where(~held, 1 - features["validation_f1"]))
    before, after = (predict_grid(table, "leave_one_target_out", QUICK) for table in (features, twisted))
    held = before["target"] == "task02"
    assert before["predicted"][held].equals(after["predicted"][held])
    assert not before["predicted"][~held].equals(after["predicted"][~held])


def test_left_out_tasks_outcomes_do_not_touch_their_pairs_predictions(features):
    near = into(features, "task01", "task02")
    twisted = features.assign(validation_f1=features["validation_f1"].where(~near, 1 - features["validation_f1"]))
    before, after = (predict_grid(table, "leave_both_tasks_out", QUICK) for table in (features, twisted))
    fold = before["fold"] == "task01 + task02"
    assert fold.sum() == 4
    assert before["predicted"][fold].equals(after["predicted"][fold])
    assert not before["predicted"][~fold].equals(after["predicted"][~fold])


def test_predictions_do_not_depend_on_workers_or_on_the_order_of_rows():
    features = features_of(grid(4, seeds=2))
    one = predict_grid(features, "leave_one_target_out", QUICK)
    shuffled = features.sample(frac=1, random_state=1)
    with joblib.parallel_config(backend="threading"):  # as independent as processes, and they start at once
        two = predict_grid(shuffled, "leave_one_target_out", QUICK, n_jobs=2)
    pd.testing.assert_frame_equal(one, two)
    check("predictions", one, "test")


def test_candidates_are_seeded_and_begin_with_the_default():
    many = Regression(candidates=30)
    drawn = candidates([0.2, 0.5], many)
    assert drawn == candidates([0.2, 0.5], many)
    assert drawn[0] == Candidate() and len(set(drawn)) == 30
    assert {candidate.threshold for candidate in drawn} == {None, 0.2, 0.5}
    assert drawn[1:] != candidates([0.2, 0.5], Regression(candidates=30, seed=1))[1:]


def test_a_candidate_with_one_threshold_reads_only_its_columns(features):
    design = Design.of(features)
    read = {design.names[column] for column in design.columns(Candidate(threshold=0.2))}
    assert {"ansat_t0.2_l0", "ansat_t0.2_l1"} <= read
    assert not {"ansat_t0.5_l0", "ansat_t0.5_l1"} & read


def test_tuning_prefers_the_candidate_that_predicts_better(monkeypatch):
    features = features_of(grid(6))
    useless = Candidate(rounds=1, learning_rate=1e-6, offset=False)
    useful = Candidate()
    for options in ([useless, useful], [useful, useless]):
        monkeypatch.setattr("lib.regression.model.candidates", lambda thresholds, config, options=options: options)
        everything = np.ones(len(features), dtype=bool)
        assert tune(Design.of(features), everything, QUICK) == useful


@pytest.fixture(scope="module")
def planted_scores():
    predictions = []
    for name, signal in (("planted", 1.0), ("null", 0.0)):
        features = features_of(grid(9, signal))
        for model in MODELS:
            rows = predict_grid(features, "leave_one_target_out", QUICK, model)
            predictions.append(rows.assign(protocol=name))
    scores = regression_scores(pd.concat(predictions), draws=200)
    return scores.query("judged_against == 'test_f1' and score == 'spearman'").set_index(["protocol", "model"])


def test_a_planted_relation_is_found_through_ansat_only(planted_scores):
    planted = planted_scores.loc["planted"]
    assert planted.loc["regression", "value"] > 0.6 and planted.loc["regression", "low"] > 0.4
    assert abs(planted.loc["shuffled_ansat", "value"]) < 0.35
    assert abs(planted.loc["without_ansat", "value"]) < 0.35


def test_nothing_is_found_where_nothing_is(planted_scores):
    assert (planted_scores.loc["null", "value"].abs() < 0.35).all()


# --- scores and importance --------------------------------------------------------------------------------------------


def table_of(targets: list[str], predicted: list[float], truth: list[float]) -> pd.DataFrame:
    keys = {"protocol": "p", "model": "m", "setting": 0, "seed": 0, "source": [f"s{i}" for i in range(len(targets))]}
    return pd.DataFrame({"target": targets, "predicted": predicted, "test_f1": truth, "validation_f1": 0.5} | keys)


def test_scores_are_those_of_scikit_learn_and_of_hand_worked_ranks():
    predicted, truth = [0.1, 0.2, 0.3, 0.3, 0.2, 0.5], [0.1, 0.3, 0.2, 0.1, 0.2, 0.3]
    predictions = table_of(list("AAABBB"), predicted, truth)
    scores = regression_scores(predictions, draws=50).query("judged_against == 'test_f1'").set_index("score")
    assert scores.loc["mae", "value"] == pytest.approx(mean_absolute_error(truth, predicted))
    assert scores.loc["r2", "value"] == pytest.approx(r2_score(truth, predicted))
    # ranks in A: 1 2 3 against 1 3 2; in B: 2 1 3 against 1 2 3; both are 1 - 6 * 2 / 24
    assert scores.loc["spearman", "value"] == pytest.approx(0.5)
    assert (scores["low"] <= scores["value"]).all() and (scores["value"] <= scores["high"]).all()


def test_targets_without_a_difference_do_not_count_as_unranked():
    predictions = table_of(list("AAABBB"), [0.1, 0.2, 0.3] * 2, [0.1, 0.2, 0.3, 0.5, 0.5, 0.5])
    scores = regression_scores(predictions, draws=50).set_index(["judged_against", "score"])["value"]
    assert scores["test_f1", "spearman"] == 1.0
    assert np.isnan(scores["validation_f1", "spearman"]) and np.isnan(scores["validation_f1", "r2"])


def test_seeds_are_averaged_before_scores():
    once = table_of(list("AAA"), [0.1, 0.2, 0.3], [0.1, 0.2, 0.3])
    noisy = [once.assign(predicted=once["predicted"] + noise, seed=seed) for seed, noise in enumerate((0.1, -0.1))]
    scores = regression_scores(pd.concat(noisy), draws=50).set_index(["judged_against", "score"])["value"]
    assert scores["test_f1", "mae"] == pytest.approx(0)


def test_settings_of_a_pair_are_not_sources():
    truth = [0.1, 0.2, 0.3]
    once = table_of(list("AAA"), truth, truth)
    settings = [once.assign(setting=n, predicted=0.5 + n, test_f1=once["test_f1"] + n, validation_f1=n) for n in (0, 1)]
    scores = regression_scores(pd.concat(settings), draws=50).set_index(["judged_against", "score"])["value"]
    assert scores["test_f1", "spearman"] == 0  # it ranks settings, but no source
    right = [rows.assign(predicted=truth) for rows in settings]
    scores = regression_scores(pd.concat(right), draws=50).set_index(["judged_against", "score"])["value"]
    assert scores["test_f1", "spearman"] == 1


def test_importance_goes_to_the_planted_layer():
    table = feature_importance(features_of(grid(6)).assign(logme=1.0), QUICK)
    shares = table.set_index(["view", "name"])["share"]
    assert shares["family"].sum() == pytest.approx(1) and shares["feature"].sum() == pytest.approx(1)
    assert shares["family"]["ANSAT"] == pytest.approx(shares["layer"].sum()) == pytest.approx(shares["threshold"].sum())
    assert shares["layer"]["1"] > 0.5 > shares["layer"]["0"]
    assert shares["family"]["other selectors"] == 0


def test_feature_sets_differ_in_what_attribution_gives_only():
    made = grid(n_tasks=4)
    ansat = pd.concat([made["ansat"], made["ansat"].assign(probe="positives")])
    sets = feature_sets(made["pairs"], made["singles"], made["tasks"], ansat, made["signed_similarity"])
    shown = {name: attribution_columns(features) for name, features in sets.items()}
    ansat, signed = shown["ANSAT"], shown["signed cosine and rank correlation"]
    assert len(ansat) == 4 and len(signed) == 4 and shown["no attribution"] == []
    assert shown["ANSAT at layer 1"] == ["ansat_t0.2_l1", "ansat_t0.5_l1"]
    assert shown["ANSAT at threshold 0.5"] == ["ansat_t0.5_l0", "ansat_t0.5_l1"]
    assert set(shown["ANSAT and signed measures"]) == {*ansat, *signed}
    others = {name: sorted(set(features.columns) - set(shown[name])) for name, features in sets.items()}
    assert all(columns == others["ANSAT"] for columns in others.values())
