"""Gains over no transfer, their verdicts and their summary, by hand."""

import numpy as np
import pandas as pd
import pytest
from grids import pair, single

from lib.errors import InputError
from lib.stats.metrics import scores
from lib.storage.tables import check
from lib.transfer.gains import average_precision_summary, target_table, transfer_matrix, transfer_summary
from lib.transfer.pairs import best_settings, pair_configurations

N = 400
LABELS = (np.arange(N) % 4 == 0).astype(int)


def probabilities_with_recall(share: float, shift: int = 0) -> np.ndarray:
    """Probabilities of a model that finds this share of the positives and nothing else."""
    positives = np.flatnonzero(LABELS)
    probabilities = np.full(N, 0.1)
    probabilities[np.roll(positives, shift)[: round(share * len(positives))]] = 0.9
    return probabilities


@pytest.fixture
def study():
    """A helped by B, hurt by C; B unchanged by A, and not transferred to by C's lower validation; two seeds."""
    models = {"A": (0.5, 0.5), "B": (0.6, 0.6), "C": (0.0, 0.0)}
    transfers = {"B>A": (0.9, 0.9), "C>A": (0.1, 0.2), "A>B": (0.6, 0.6), "C>B": (0.5, 0.7), "A>C": (0.4, 0.4)}
    step_matched_share = {"A": 0.7, "B": 0.6, "C": 0.4}
    probabilities, singles, step_matched, pairs = {}, [], [], []
    for seed in (0, 1):
        for task, (validation, share) in models.items():
            singles.append(single(task, validation, 0.0, seed=seed))
            probabilities[singles[-1]["run"]] = probabilities_with_recall(share)
            step_matched.append(single(task, validation, 0.0, "step_matched", seed))
            probabilities[step_matched[-1]["run"]] = probabilities_with_recall(step_matched_share[task])
        for name, (validation, share) in transfers.items():
            pairs.append(pair(*name.split(">"), validation, 0.0, seed=seed))
            probabilities[pairs[-1]["run"]] = probabilities_with_recall(share)
    for row in singles + step_matched + pairs:
        row["test_f1"] = scores(LABELS, probabilities[row["run"]])["f1"]
    return *map(pd.DataFrame, (singles, pairs, step_matched)), probabilities, dict.fromkeys("ABC", LABELS)


def f1(share: float) -> float:
    return 2 * share / (1 + share)  # precision is 1, recall the share


def test_gains_are_differences_to_the_single_task_model(study):
    matrix = check("transfer_matrix", transfer_matrix(*study), "test")
    matrix = matrix.set_index(["source", "target"])
    helped, hurt, same, collapsed = (matrix.loc[key] for key in [("B", "A"), ("C", "A"), ("A", "B"), ("A", "C")])
    assert helped["gain"] == pytest.approx(f1(0.9) - f1(0.5))
    assert helped["relative_gain"] == pytest.approx(f1(0.9) / f1(0.5) - 1)
    assert helped["helps"] and not helped["hurts"]
    assert hurt["hurts"] and not hurt["helps"]
    assert (same["gain_low"], same["gain_high"]) == (0, 0)  # paired: equal predictions differ in no resample
    assert not same["helps"] and not same["hurts"]
    assert collapsed["single_test_f1"] == 0 and np.isnan(collapsed["relative_gain"])
    for name in ("gain", "gain_over_step_matched"):
        assert (matrix[f"{name}_low"] <= matrix[name]).all() and (matrix[name] <= matrix[f"{name}_high"]).all()
    assert helped["gain_over_step_matched"] == pytest.approx(f1(0.9) - f1(0.7))
    assert helped["gain_p"] == pytest.approx(2 / 1001) and same["gain_p"] == 1


def test_validation_chooses_and_test_reports(study):
    matrix = transfer_matrix(*study)
    assert set(zip(*matrix.loc[matrix["chosen"], ["source", "target"]].T.to_numpy(), strict=True)) == {
        ("B", "A"), ("A", "B"), ("A", "C"),
    }  # fmt: skip
    table = target_table(matrix).set_index("target")
    assert table["source"].to_dict() == {"A": "B", "B": "", "C": "A"}  # a tie goes to no transfer
    assert table["helped"].to_dict() == {"A": True, "B": False, "C": True}
    assert table.loc["B", "best_f1"] == table.loc["B", "single_f1"]
    assert table["beats_step_matched"].to_dict() == {
        "A": True,
        "B": False,
        "C": False,
    }  # C's step-matched model does as well


def test_summary_counts_by_hand(study):
    summary = transfer_summary(transfer_matrix(*study))
    assert summary["grid_f1"] == pytest.approx((f1(0.9) + f1(0.6) + f1(0.4)) / 3)
    assert summary["single_task_f1"] == pytest.approx((f1(0.5) + f1(0.6)) / 3)
    assert (summary["tasks_helped"], summary["tasks_beating_step_matched"]) == (2, 1)
    assert summary["step_matched_f1"] == pytest.approx((f1(0.7) + f1(0.6) + f1(0.4)) / 3)
    assert summary["mean_relative_gain_of_helped"] == pytest.approx(f1(0.9) / f1(0.5) - 1)  # C's is undefined
    assert summary["largest_gain"]["source"] == "B" and summary["largest_gain"]["target"] == "A"
    assert summary["negative_transfer_rate"] == pytest.approx(1 / 5)
    assert summary["significantly_negative_transfer_rate"] == pytest.approx(1 / 5)


def test_average_precision_is_of_the_models_that_f1_is_told_of(study):
    singles, pairs, *_ = study
    singles["test_average_precision"] = singles["target"].map({"A": 0.5, "B": 0.6, "C": 0.2})
    pairs["test_average_precision"] = pairs["source"].map({"B": 0.4, "A": 0.3, "C": 0.9}) + 0.1 * pairs["seed"]
    summary = average_precision_summary(transfer_matrix(*study), singles, pairs, 2000, 0)
    assert summary["single_task_average_precision"] == pytest.approx(1.3 / 3)
    assert summary["grid_average_precision"] == pytest.approx((0.45 + 0.6 + 0.35) / 3)  # B to A, none to B, A to C
    gain = summary["average_precision_gain"]
    assert gain["value"] == pytest.approx(0.1 / 3)
    assert (gain["low"], gain["high"]) == pytest.approx((-0.05, 0.15))  # of -0.05, 0, 0.15: one target thrice


def test_seeds_that_disagree_widen_the_interval(study):
    singles, pairs, step_matched, probabilities, labels = study
    narrow = transfer_matrix(*study).set_index(["source", "target"]).loc[("B", "A")]
    run = "B>A/0/1"
    probabilities = probabilities | {run: probabilities_with_recall(0.3)}
    pairs.loc[pairs["run"] == run, "test_f1"] = f1(0.3)
    matrix = transfer_matrix(singles, pairs, step_matched, probabilities, labels)
    wide = matrix.set_index(["source", "target"]).loc[("B", "A")]
    assert wide["gain_high"] - wide["gain_low"] > 2 * (narrow["gain_high"] - narrow["gain_low"])
    assert not wide["helps"]


def test_the_best_setting_of_a_pair_is_chosen_on_validation():
    rows = [pair("A", "B", 0.4, 0.9, 0), pair("A", "B", 0.6, 0.1, 1), pair("A", "B", 0.6, 0.2, 2)]
    best = best_settings(pair_configurations(pd.DataFrame(rows)))
    assert best["setting"].tolist() == [1]


@pytest.mark.parametrize("damage", ["absent", "different", "seed", "selected", "step_matched"])
def test_what_does_not_fit_together_is_named(study, damage):
    singles, pairs, step_matched, probabilities, labels = study
    if damage == "absent":
        del probabilities["B>A/0/0"]
    if damage == "different":
        probabilities["B>A/0/0"] = probabilities_with_recall(0.2)
    if damage == "seed":
        pairs = pairs[pairs["run"] != "B>A/0/0"]
    if damage == "selected":
        singles = singles.assign(selected=singles["run"] != "B/both/1")
    if damage == "step_matched":
        step_matched = step_matched[step_matched["target"] != "C"]
    named = {"seed": "B -> A", "selected": "B must have one", "step_matched": "'step_matched' and 'pairs' differ in C"}
    with pytest.raises(InputError, match=named.get(damage, "B>A/0/0")):
        transfer_matrix(singles, pairs, step_matched, probabilities, labels)
