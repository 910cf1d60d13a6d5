"""Sentences with numbers, of notebooks 6 to 11: true and readable whatever the numbers."""

import pandas as pd
import pytest
from prose import check

from lib.regression.protocols import PROTOCOLS
from lib.report.sentences import recommend, regression, selection, studies, time_saving
from lib.report.summary import PAPER
from lib.selection.comparison import PLANTED

NAN = float("nan")


# notebook 6


def regression_scores_of(own, without=(0.0, -0.1, 0.1), shuffled=(0.0, -0.1, 0.1), r2=0.5) -> pd.DataFrame:
    ranks = {"regression": own, "without_ansat": without, "shuffled_ansat": shuffled}
    rows = [(model, "spearman", *values) for model, values in ranks.items()]
    rows += [("regression", "mae", 0.1, 0.05, 0.2), ("regression", "r2", r2, 0.0, 1.0)]
    table = pd.DataFrame(rows, columns=["model", "score", "value", "low", "high"])
    return table.assign(protocol=regression.PRIMARY, judged_against="test_f1")


def test_the_primary_protocol_is_one_of_the_protocols():
    assert regression.PRIMARY in PROTOCOLS


@pytest.mark.parametrize(
    ("rank", "told"),
    [
        (
            (0.3, 0.1, 0.5),
            "orders its sources better than chance: the rank correlation with test F1 is 0.30 (0.10 to 0.50)",
        ),
        ((-0.3, -0.5, -0.1), "orders its sources worse than chance"),
        ((0.0, -0.2, 0.2), "does not order its sources measurably better than chance"),
        ((NAN, NAN, NAN), "there is no order to predict"),
    ],
)
def test_prediction_quality(rank, told):
    assert told in check(regression.prediction_quality(regression_scores_of(rank)))
    assert "pooled R2 undefined" in regression.prediction_quality(regression_scores_of(rank, r2=NAN))


@pytest.mark.parametrize(
    ("own", "told", "end"),
    [
        ((0.5, 0.4, 0.6), "ANSAT adds +0.50 over the better control", "The intervals do not overlap."),
        (
            (0.05, -0.2, 0.3),
            "ANSAT adds +0.05 over the better control",
            "The intervals overlap, so this may be chance.",
        ),
        ((-0.3, -0.4, -0.2), "ANSAT adds nothing over the better control (-0.30)", "with ANSAT shuffled."),
        ((0.001, -0.1, 0.1), "ANSAT adds nothing over the better control (0.00)", "with ANSAT shuffled."),
        ((NAN, NAN, NAN), "What ANSAT adds is undefined", "with ANSAT shuffled."),
    ],
)
def test_ansat_contribution(own, told, end):
    text = check(regression.ansat_contribution(regression_scores_of(own)))
    assert text.startswith(told) and text.endswith(end)


def ablations_of(none, ansat) -> pd.DataFrame:
    table = pd.DataFrame({"model": ["no attribution", "ANSAT"], "value": [none, ansat], "low": NAN, "high": NAN})
    return table.assign(score="spearman", judged_against="test_f1")


def test_best_feature_set():
    assert "*ANSAT* orders sources best: 0.20, against 0.10 without" in check(
        regression.best_feature_set(ablations_of(0.1, 0.2))
    )
    assert "the one without attribution orders sources best: 0.20." in check(
        regression.best_feature_set(ablations_of(0.2, 0.1))
    )
    assert "no set of features can order them" in check(regression.best_feature_set(ablations_of(NAN, NAN)))


def test_tree_gain():
    table = pd.DataFrame({"view": "family", "name": ["ANSAT", "sizes"], "share": [0.2, 0.8]})
    assert check(regression.tree_gain(table)).endswith("80 %, comes from *sizes*; ANSAT has 20 %.")
    assert check(regression.tree_gain(table.assign(share=[0.9, 0.1]))).endswith("90 %, comes from *ANSAT*.")
    assert check(regression.tree_gain(table[1:])).endswith("ANSAT has 0 %.")
    assert check(regression.tree_gain(table.assign(share=0.0))).startswith("The trees use no feature")


def test_target_errors():
    errors = pd.DataFrame({"target": ["a", "b"], "error": [-0.2, -0.1]})
    assert "ranges from -0.200 (`a`) to -0.100 (`b`)" in check(regression.target_errors(errors))
    assert check(regression.target_errors(errors[:1])) == "The mean error is -0.200 (`a`)."


# notebook 7


def losses_of(**values) -> pd.DataFrame:
    rows = {name: (value, value - 0.01, value + 0.01) for name, value in values.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])


def test_early_losses():
    text = check(time_saving.early_losses(losses_of(regression_sequential=0.02, random=0.05), {}))
    assert "2.0 % (1.0 % to 3.0 %) by *sequential regression* and 5.0 % (4.0 % to 6.0 %) by *random order*." in text
    assert check(time_saving.early_losses(losses_of(random=-0.02), {})).endswith(
        "-2.0 % (-3.0 % to -1.0 %) by *random order*."
    )
    assert check(time_saving.early_losses(losses_of(), {})).startswith("No order has a loss")


def test_first_batch():
    assert check(time_saving.first_batch(0, 20, 5)).startswith("By then the sequential regression has trained no pair")
    assert check(time_saving.first_batch(3, 20, 5)).endswith("label co-occurrence chose the first 3.")
    assert check(time_saving.first_batch(9, 20, 5)).endswith("label co-occurrence chose the first 5.")


def test_procedures():
    losses = losses_of(ansat=0.005, linear_probe=0.02, random=-0.5, no_transfer=0.07)
    text = check(time_saving.procedures(losses, {"ansat": "Mine"}))
    assert text.startswith("1 of 2 procedures loses at most 1 % of the grid's F1") and "of *Mine*." in text
    assert text.endswith("For comparison, *no transfer* loses 7.0 % and *random order* loses -50.0 %.")
    assert check(time_saving.procedures(losses_of(ansat=0.03), {})).startswith("0 of 1 procedure lose at most 1 %")
    assert check(time_saving.procedures(losses_of(random=0.1), {})).startswith("No procedure has a loss")


def test_limits():
    f1 = {"single_task_f1": 0.4, "grid_f1": 0.45, "oracle_f1": 0.5}
    assert check(time_saving.limits(f1)).endswith("choosing on validation costs 10.0 %, whatever the order.")
    assert check(time_saving.limits(dict.fromkeys(f1, 0.0))).endswith("0.000 with what test would choose.")


def summary_of(**values) -> dict:
    point = {"value": 0.02, "low": None, "high": None}
    points = {"loss_at_0.165": point, "loss_at_0.495": None}
    top = {"source": "a", "target": "b", "relative_gain": 0.3}
    told = {"tasks_gaining": 2, "n_tasks": 5, "mean_relative_gain_of_gaining": 0.2, "largest_gain": top}
    return told | {"selectors": {"regression": {"paper": points}}} | values


def test_the_papers_numbers_come_from_one_place():
    text = check(time_saving.paper_comparison(summary_of()))
    assert (
        f"In the paper {PAPER['tasks_helped']} of {PAPER['tasks']} tasks gain, by 12.4 % on average and by 341 % at most"
        in text
    )
    assert "here 2 of 5 do, by 20.0 % on average and by 30 % at most." in text
    assert "this study's loses 2.0 %." in text and "this study's is undefined." in text


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"tasks_gaining": 0, "mean_relative_gain_of_gaining": None, "largest_gain": None}, "here 0 of 5 do. After"),
        ({"tasks_gaining": 1}, "here 1 of 5 does, by 20.0 %. After"),
        ({"tasks_gaining": 1, "mean_relative_gain_of_gaining": None, "largest_gain": None}, "here 1 of 5 does. After"),
    ],
)
def test_few_or_no_tasks_gain(values, told):
    assert told in check(time_saving.paper_comparison(summary_of(**values)))


@pytest.mark.parametrize(("spent", "told"), [(3.0, "(+50 %)"), (1.0, "(-50 %)"), (2.0, "(0 %)")])
def test_estimate_quality(spent, told):
    table = pd.DataFrame({"estimated": [2.0, NAN], "spent": [spent, 9.0]})
    assert check(time_saving.estimate_quality(table)).endswith(f"against an estimate of 2 min 00 s {told}.")
    assert check(time_saving.estimate_quality(table[1:])) == "Nothing was estimated."


def test_time_spent_and_the_start_of_the_curves():
    seconds = pd.Series({"lost and collapsed tries": 0.0, "conductance": 90.0})
    summary = {"environment": {"device": "cpu", "cores": 1}, "conductance_share_of_grid": 0.05}
    assert "took 1 min 30 s of one worker (cpu, 1 worker). Attribution took 5.0 %" in check(
        time_saving.time_spent(seconds, summary)
    )
    assert "at 27.3 % of the grid's time" in check(time_saving.start_of_curves(0.273, 2.0))


# notebook 8


def metrics_of(metric, **values) -> pd.DataFrame:
    """Rank correlations with p-values by selector, as the table "selector_metrics"."""
    rows = [(name, metric, value, value - 0.1, value + 0.1, 0.0, p) for name, (value, p) in values.items()]
    return pd.DataFrame(rows, columns=["selector", "metric", "value", "low", "high", "random", "over_random_p"])


def test_who_ranks():
    metrics = metrics_of(
        "spearman", good=(0.5, 0.001), bad=(-0.5, 0.001), none=(0.1, 0.5), validation_best=(0.9, 0.001)
    )
    text = check(selection.who_ranks(metrics, {"good": "Good, tuned"}))
    assert text.startswith("1 of 3 selectors orders sources better than random order and 1 worse")
    assert "0.50 (0.40 to 0.60), of *Good, tuned*. The pairs' own validation F1, a bound, reaches 0.90" in text
    nobody = check(selection.who_ranks(metrics_of("spearman", a=(-0.2, 0.9), b=(-0.1, 0.9)), {}))
    assert nobody.startswith("0 of 2 selectors order sources better") and "is -0.10 (-0.20 to 0.00), of *b*." in nobody
    assert check(selection.who_ranks(metrics_of("spearman", a=(NAN, NAN)), {})) == selection.NOTHING_TO_RANK


def test_planted_recovery():
    assert "cannot tell" in check(selection.planted_recovery(metrics_of("spearman", a=(0.5, 0.001)), {}))
    assert "with the planted relatedness is 0.50" in check(
        selection.planted_recovery(metrics_of(PLANTED, a=(0.5, 0.001)), {})
    )


def test_prices():
    assert check(selection.prices({"a": 0.0, "b": 0.0}, {})) == "2 of 2 selectors cost nothing to compute."
    text = check(selection.prices({"a": 0.0, "b": 90.0}, {"b": "Dear"}))
    assert text.startswith(
        "1 of 2 selectors costs nothing to compute. The most expensive, *Dear*, needs 1 min 30 s of one worker"
    )


@pytest.mark.parametrize(
    ("value", "differs", "told"),
    [
        (0.5, True, "This is better than random order; it needs 59.0 s"),
        (-0.5, True, "This is worse than random order; it needs"),
        (0.0, False, "This is not measurably different from random order; it needs"),
        (NAN, False, "none can be judged"),
    ],
)
def test_advice_list(value, differs, told):
    row = {"kind": "Cheap", "selector": "a", "of": 3, "value": value, "low": value, "high": value, "differs": differs}
    assert told in check(selection.advice_list(pd.DataFrame([row | {"seconds": 59.0}]), {}))
    if value == value:
        assert "costs nothing" in check(selection.advice_list(pd.DataFrame([row | {"seconds": 0.0}]), {}))


# notebooks 9 and 10


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.01, 0.03, "targets gain from the average source; F1 changes by +0.020 (+0.010 to +0.030)"),
        (-0.03, -0.01, "targets lose from the average source; F1 changes by -0.020"),
        (-0.01, 0.01, "neither gain nor lose measurably from the average source; F1 changes by 0.000"),
    ],
)
def test_regime_gains(low, high, told):
    row = {"study": "x", "quantity": "mean_gain", "source_texts": 1024.0, "target_texts": 96.0}
    text = check(studies.regime_gains(pd.DataFrame([row | {"value": (low + high) / 2, "low": low, "high": high}])))
    assert text.startswith("- `x` (1,024 source texts, 96 target texts): ") and told in text


def test_ranks_in_all_regimes():
    ranks = pd.DataFrame({"x": [1.0, 0.4, 0.1], "y": [1.0, 0.2, NAN]}, index=["oracle", "ansat", "logme"])
    two = check(studies.ranks_in_all_regimes(ranks.assign(mean=ranks.mean(axis=1, skipna=False)), {}))
    assert two.endswith("by their mean rank correlation: *ANSAT* (0.30, lowest 0.20).")
    one = check(studies.ranks_in_all_regimes(ranks[["x"]].assign(mean=ranks["x"]), {}))
    assert (
        one
        == "In this regime these selectors order sources best, by their mean rank correlation: *ANSAT* (0.40) and *LogME* "
        "(0.10)."
    )
    assert check(studies.ranks_in_all_regimes(ranks[:1].assign(mean=1.0), {})).startswith("No selector")


def test_one_study_is_no_comparison():
    assert studies.only_one_regime(2, "x") == "" and "parameters of `x`." in check(studies.only_one_regime(1, "x"))
    assert "parameters of `x`." in check(studies.carried_over(pd.DataFrame(), "x"))


@pytest.mark.parametrize(
    ("value", "p", "told"),
    [
        (0.5, 0.01, "better than random order."),
        (-0.5, 0.01, "worse than random order."),
        (0.5, 0.2, "not measurably different from random order."),
        (NAN, NAN, "nothing can be ranked."),
    ],
)
def test_carried_over(value, p, told):
    ranks = metrics_of("spearman", carried_over_from_y=(value, p), regression=(0.9, 0.01)).assign(study="x")
    text = check(studies.carried_over(ranks, "x"))
    assert text.startswith("- On `x`, ") and text.endswith(told) and len(text.splitlines()) == 1


# notebook 11


def recommendations_of(**columns) -> pd.DataFrame:
    """A row of the table "recommendations", or several where columns are lists."""
    row = {
        "target": "a", "verdict": "transfer", "leader": "transfer", "sources": "b", "used": "transfer",
        "expected_gain": 0.03, "low": 0.01, "high": 0.05, "validation_texts": 400, "validation_positives": 1200,
        "candidates": 3, "minutes": 2.0, "more_seeds": NAN, "more_texts": NAN,
        "test_gain": 0.02, "test_low": -0.01, "test_high": 0.05,
    } | columns  # fmt: skip
    n = max(len(value) if isinstance(value, list) else 1 for value in row.values())
    return pd.DataFrame({name: value if isinstance(value, list) else [value] * n for name, value in row.items()})


def test_budget_spent():
    assert check(recommend.budget_spent(1, 60.0, 1, None)).startswith(
        "1 model is trained. The study has taken 1 min 00 s with 1 worker"
    )
    assert "2 models are trained" in recommend.budget_spent(2, 60.0, 2, 30.0)
    assert "its budget is 30 min 00 s." in check(recommend.budget_spent(2, 60.0, 2, 30.0))


@pytest.mark.parametrize(
    ("verdict", "leader", "used", "sources", "told"),
    [
        ("transfer", "transfer", "transfer", "b", "transfer from b"),
        ("fuse", "fused_top", "fused_top", "b, c", "fuse b, c"),
        ("fuse", "fused", "fused", "b, c, d, e", "fuse all 4 others"),
        ("do_not_transfer", "transfer", "single", "b", "do not transfer"),
        ("do_not_transfer", "frozen", "frozen", "", "do not transfer: use the frozen encoder"),
        ("cannot_tell", "transfer", "transfer", "b", "cannot tell: best guess, transfer from b"),
        ("cannot_tell", "", "single", "", "cannot tell: train it alone"),
    ],
)
def test_a_decision_in_words(verdict, leader, used, sources, told):
    assert recommend.decided(verdict, leader, used, sources) == told


def settling(verdict="cannot_tell", **columns) -> str:
    return recommend.decisions(recommendations_of(verdict=verdict, **columns))[0].settle


def test_what_would_settle_a_decision():
    assert settling("transfer", more_seeds=1.0) == ""
    assert settling(more_seeds=1.0) == "training both 1 more time"
    assert settling(more_seeds=2.0) == "training both 2 more times"
    for texts, told in ((143, "150"), (150, "150"), (430, "450"), (1001, "1,500")):
        assert settling(more_texts=float(texts)) == f"about {told} more labelled texts"
    assert "few thousand" in settling()
    assert (
        settling(leader="")
        == settling(leader="frozen", candidates=1)
        == ("a larger budget_minutes: no other task was tried")
    )
    assert "few thousand" in settling(leader="frozen")
    assert settling(leader="", validation_positives=5) == "at least 6 positives to validate on"


def test_decisions_on_the_terminal_are_aligned_and_say_what_they_rest_on():
    table = recommendations_of(target=["a", "longer"], verdict=["transfer", "cannot_tell"], expected_gain=[0.03, NAN])
    first, *lines = recommend.decision_lines(table)
    assert first.startswith("task    decision ") and lines[0].startswith("a       transfer from b")
    assert "+0.030 (+0.010 to +0.050)" in lines[0] and "1,200" in lines[0]
    assert check(lines[-1]).startswith("Gains are those on 400 validation texts")
    assert lines[-1].endswith("On test, the 2 models that are not trained alone gain +0.020 on average.")
    alone = recommendations_of(used="single")
    assert check(recommend.basis(alone)).endswith("All tasks are trained alone, so test has no gain to confirm.")
    untested = recommendations_of(test_gain=NAN, test_low=NAN, test_high=NAN)
    assert "There is no test part" in check(recommend.basis(untested))
    told = [recommend.decisions(each)[0].on_test for each in (untested, alone, recommendations_of())]
    assert told[:2] == ["", ""] and told[2]


def test_decided_tasks():
    verdicts = ["transfer", "fuse", "do_not_transfer", "cannot_tell"]
    text = check(recommend.decided_tasks(recommendations_of(verdict=verdicts)))
    assert text.startswith("Of 4 tasks, 1 should start from one source, 1 from the mean of several")
    assert check(recommend.decided_tasks(recommendations_of())) == "Of 1 task, 1 should start from one source."


def test_exported_models():
    assert "1 model is in" in check(recommend.exported(["a"])) and "`a` and `b`" in check(
        recommend.exported(["a", "b"])
    )
    assert check(recommend.exported([])).startswith("No model was exported")
