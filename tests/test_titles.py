"""Titles of figures: true whatever the numbers are (rising, falling, nothing), and short."""

import numpy as np
import pandas as pd
import pytest
from prose import check

from lib.report.documents.pictures import collapse_finding, forest_finding
from lib.report.sentences import recipes, titles, titles_of_analyses
from lib.report.sentences.regression import PRIMARY

NAN = float("nan")
LONGEST = 190  # characters: two lines


def said(title: str) -> str:
    """The title, where it reads like a sentence and is short."""
    assert len(title) <= LONGEST, title
    check(f"{title}.")
    return title


def spread(value: float, half: float = 0.1) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def matrix_of(gains: dict[tuple[str, str], float], real: float = 0.05) -> pd.DataFrame:
    """A matrix of pairs that help or hurt where their gain is at least ``real``."""
    rows = pd.DataFrame([(*pair, gain) for pair, gain in gains.items()], columns=["source", "target", "gain"])
    return rows.assign(helps=rows["gain"] >= real, hurts=rows["gain"] <= -real)


@pytest.mark.parametrize(
    ("gains", "told", "graph"),
    [
        (
            (0.1, 0.2, -0.1),
            "2 of 3 pairs help and 1 hurts the target outside the noise",
            "No source helps more targets than b",
        ),
        ((0.1, 0.0, 0.0), "1 of 3 pairs helps and none hurts the target outside the noise", "than a (1 of 1)"),
        ((-0.1, 0.0, -0.2), "None of 3 pairs helps and 2 hurt the target outside the noise", "No source hurts more"),
        (
            (0.0, 0.0, 0.0),
            "None of 3 pairs helps or hurts its target outside the noise",
            "No task helps or hurts another",
        ),
    ],
)
def test_pairs(gains, told, graph):
    matrix = matrix_of(dict(zip((("a", "x"), ("b", "x"), ("a", "y")), gains, strict=True)))
    assert said(titles.pair_gains(matrix)) == told
    assert graph in said(titles.helpers(matrix))


def test_the_graph_names_the_target_with_most_sources():
    matrix = matrix_of({("a", "x"): 0.1, ("b", "x"): 0.1, ("a", "y"): 0.3, ("b", "y"): 0.0})
    assert said(titles.helpers(matrix)).endswith("than a (2 of 1); no target is helped by more sources than x (2)")


@pytest.mark.parametrize(
    ("helped", "hurt", "beats", "told"),
    [
        (
            (True, True),
            (False, False),
            (True, False),
            "2 of 2 targets gain and none loses outside the noise; 1 of the 2 beats",
        ),
        (
            (True, False),
            (False, True),
            (True, False),
            "1 of 2 targets gains and 1 loses outside the noise; this one beats",
        ),
        ((True, False), (False, False), (False, False), "not even this one beats longer training"),
        ((False, False), (True, True), (False, False), "none of 2 targets gains and 2 lose outside the noise"),
        ((False, False), (False, False), (False, False), "No choice of validation gains or loses outside the noise"),
    ],
)
def test_choices_of_validation(helped, hurt, beats, told):
    assert told in said(
        titles.chosen_sources(pd.DataFrame({"helped": helped, "hurt": hurt, "beats_step_matched": beats}))
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.3, "Gain rises with size"),
        (-0.3, "Gain falls with size"),
        (0.0, "Gain does not follow"),
        (NAN, "gain the same"),
    ],
)
def test_whether_gain_follows(value, told):
    assert told in said(titles.gain_follows(spread(value), "size"))


@pytest.mark.parametrize(
    ("value", "told"), [(0.3, "more than"), (-0.3, "less than"), (0.0, "no more than"), (NAN, "no more")]
)
def test_the_best_of_many(value, told):
    rows = {"pairs": spread(0.03), "reseeded": spread(0.02), "difference": spread(value)}
    assert f"gains {told}" in said(titles.choices(pd.DataFrame.from_dict(rows, orient="index")))


@pytest.mark.parametrize(
    ("value", "told"), [(0.3, "agree on"), (-0.3, "disagree"), (0.0, "do not agree"), (NAN, "cannot")]
)
def test_seeds(value, told):
    table = pd.DataFrame([{"metric": "spearman", "ranked_by": "test_f1", "other_seed": True, **spread(value)}])
    assert told in said(titles.repeatability(table))


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (2.0, "collapses 2 of 2 sources: the effective rank falls from 100.0 to 2.0"),
        (120.0, "collapses no source's representation: the effective rank rises from 100.0 to 120.0"),
        (100.0, "the effective rank stays at 100.0 (median)"),
    ],
)
def test_representations(after, told):
    table = pd.DataFrame({"task": ["", "a", "b"], "effective_rank": [100.0, after, after], "first_share": 0.1})
    assert told in said(titles.representations(table))
    found = said(collapse_finding({"hot": table}, {"hot": 0.25}))
    assert found == f"hot collapses {'2' if after == 2 else 'none'} of 2 sources, and 25 % of its pairs gain"


@pytest.mark.parametrize(
    ("test", "told"), [(0.6, "0.100 above F1"), (0.4, "0.100 below F1"), (0.5, "level with F1 on validation")]
)
def test_validation_against_test(test, told):
    assert told in said(titles.validation_gap(pd.DataFrame({"validation_f1": [0.5, 0.5], "test_f1": [test, test]})))


def test_tasks_and_their_labels():
    tasks = pd.DataFrame({"task": ["a_b", "c"], "train_positives": [1200, 3]})
    assert said(titles.prevalence(tasks)) == "From 3 (c) to 1,200 (a b) positives to train on"
    alike = said(titles.prevalence(tasks.assign(train_positives=3)))
    assert alike == "2 tasks, each with 3 positives to train on"
    for phi, told in (
        (0.5, "a and b occur together most (phi 0.50); 0 of 1 pair"),
        (-0.01, "No two"),
        (NAN, "undefined"),
    ):
        assert told in said(
            titles.cooccurrence(pd.DataFrame([[1, phi], [phi, 1]], index=["a", "b"], columns=["a", "b"]))
        )
    assert (
        said(titles.lengths(np.array([1, 1, 300])))
        == "Half of the texts have at most 1 word; one in 200 has 297 or more"
    )


def test_single_scores_that_differ_and_that_do_not():
    singles = pd.DataFrame({"target": ["a", "b"], "side": "target", "selected": True, "test_f1": [0.2, 0.8]})
    assert said(titles.single_scores(singles)).endswith("b is solved best (test F1 0.80), a worst (0.20)")
    assert "all targets have a test F1 of 0.50" in said(titles.single_scores(singles.assign(test_f1=0.5)))


def tradeoff_of(fewer: float, redrawn: float) -> pd.DataFrame:
    rows = [(8, 30, False, 1.0), (8, 30, True, redrawn), (4, 30, False, fewer)]
    return pd.DataFrame(rows, columns=["steps", "probe_texts", "resampled", "agreement"])


@pytest.mark.parametrize(("fewer", "told"), [(0.9, "more than 4"), (0.7, "less than 4"), (0.8, "as much as 4")])
def test_steps_and_texts(fewer, told):
    assert told in said(titles.tradeoff(tradeoff_of(fewer, 0.8)))
    assert "correlation of 0.80" in said(titles.tradeoff(tradeoff_of(fewer, 0.8)[:2]))


def test_errors_that_are_too_small_to_write():
    table = pd.DataFrame({"task": ["a", "b", "c"], "completeness_error_relative": [1e-6, 1e-6, 0.02]})
    told = said(titles.completeness(table))
    assert told == "Conductances miss less than 0.1 % of the logit's change in the median model, 2.0 % in the worst (c)"


def test_ansat():
    wide = pd.DataFrame([[NAN, 2.0, 3.0], [1.0, NAN, 3.0], [1.0, 2.0, NAN]], index=list("abc"), columns=list("abc"))
    assert said(titles.ansat_matrix(wide)).startswith("100 % of ANSAT's variance")
    assert "equally many" in said(titles.ansat_matrix(wide * 0 + 1))
    ansat = pd.DataFrame({"probe": "all", "threshold": [0.1, 0.2], "ansat": [5.0, 2.0]})
    assert said(titles.shared_terms(ansat)) == "Two models share 5.0 terms a text at threshold 0.1, 2.0 at 0.2"
    ranks = pd.DataFrame({"measure": ["ANSAT", "cosine"], "layer": [0, 1], "spearman": [-0.1, 0.2]})
    assert said(titles.measures(ranks)).endswith("from -0.10 (ANSAT, layer 0) to 0.20 (cosine, layer 1)")
    assert said(titles.measures(ranks.assign(spearman=NAN))).startswith("No measure")


def regression_scores(own: float, without: float = 0.0) -> pd.DataFrame:
    ranks = {"regression": own, "without_ansat": without, "shuffled_ansat": -0.1}
    rows = [{"model": name, "score": "spearman", **spread(value)} for name, value in ranks.items()]
    table = pd.DataFrame([*rows, {"model": "regression", "score": "r2", **spread(0.5)}])
    return table.assign(protocol=PRIMARY, judged_against="test_f1")


@pytest.mark.parametrize(
    ("own", "order", "ansat"),
    [
        (0.4, "better than chance", "ANSAT improves the order of a left-out target's sources: rank correlation 0.40"),
        (0.15, "better than chance", "sources within the noise"),
        (-0.4, "worse than chance", "adds nothing"),
        (0.0, "no better than chance", "adds nothing"),
        (NAN, "do not differ", "undefined"),
    ],
)
def test_regression(own, order, ansat):
    scores = regression_scores(own)
    assert order in said(titles_of_analyses.predictions(scores))
    assert ansat in said(titles_of_analyses.controls(scores))


@pytest.mark.parametrize(
    ("best", "told"), [(0.3, "1 of 2 sets of features orders"), (0.0, "None of 2 sets"), (NAN, "No set")]
)
def test_ablations(best, told):
    rows = [
        {"model": "no attribution", **spread(best and -0.2 if best == best else NAN)},
        {"model": "ANSAT", **spread(best)},
    ]
    table = pd.DataFrame(rows).assign(score="spearman", judged_against="test_f1")
    assert told in said(titles_of_analyses.ablations(table))


def test_importance():
    family = pd.DataFrame({"name": ["ANSAT", "sizes"], "share": [0.25, 0.75]})
    assert said(titles_of_analyses.importance(family)) == "75 % of the trees' gain comes from sizes"
    assert "no feature" in said(titles_of_analyses.importance(family.assign(share=0.0)))


def test_losses():
    found = pd.DataFrame.from_dict({"probe": spread(0.005), "random": spread(0.03)}, orient="index")
    assert said(titles_of_analyses.losses(found, {})).startswith("1 of 1 procedure loses at most 1 %")
    assert said(titles_of_analyses.losses(found + 0.1, {})).startswith("None of 1 procedure loses at most 1 %")
    assert "No procedure" in said(titles_of_analyses.losses(found.loc[["random"]], {}))
    told = said(titles_of_analyses.anytime(found, {"probe": "the probe"}, "probe"))
    assert "the order by the probe has lost 0.5 % (-9.5 % to 10.5 %) of the grid's F1, a random order 3.0 %" in told
    assert "No order" in said(titles_of_analyses.anytime(found.iloc[:0], {}, "probe"))
    seconds = pd.Series({"training_pairs": 60.0, "conductance": 20.0})
    assert said(titles_of_analyses.time_spent(seconds)).startswith("Training pairs takes most, 75 % of 1 min 20 s;")


@pytest.mark.parametrize(
    ("value", "p", "told"),
    [
        (0.3, 0.001, "1 of 1 selector orders sources by test F1 better than chance; best"),
        (-0.3, 0.001, "None of 1 selector orders sources by test F1 better than chance, 1 worse"),
        (0.3, 0.5, "None of 1 selector orders sources by test F1 better than chance; best"),
        (NAN, NAN, "nothing can be ranked"),
    ],
)
def test_selectors(value, p, told):
    ranks = pd.DataFrame.from_dict({"logme": spread(value) | {"over_random_p": p}}, orient="index")
    assert told in said(titles_of_analyses.selectors(ranks, {"logme": "LogME"}, "test F1"))


def test_price():
    front = pd.DataFrame({"minutes": [0.0, 2.0], "value": [0.04, 0.02]}, index=["free", "dear"])
    assert said(titles_of_analyses.price(front, 9, {})) == (
        "2 of 9 selectors are worth their price: free (free) loses 4.0 %, dear (2 min 00 s) 2.0 %"
    )
    assert "Paying more buys nothing" in said(titles_of_analyses.price(front[:1], 9, {}))
    assert "nothing can be ranked" in said(titles_of_analyses.price(front[:0], 9, {}))


@pytest.mark.parametrize(
    ("value", "told"), [(0.3, "gains in 2 and loses in 0"), (-0.3, "gains in 0 and loses in 2"), (0, "0 and")]
)
def test_regimes(value, told):
    rows = [{"study": name, "quantity": "mean_gain", **spread(value)} for name in "ab"]
    table = pd.DataFrame(rows).assign(source_texts=100.0, target_texts=[10.0, 1000.0])
    assert told in said(titles_of_analyses.regimes(table))


@pytest.mark.parametrize(
    ("value", "p", "told"), [(0.3, 0.01, "1 of 1"), (-0.3, 0.01, "None of 1"), (0.3, 0.5, "None of 1")]
)
def test_carried_over(value, p, told):
    ranks = pd.DataFrame([{"selector": "carried_over_from_all", "over_random_p": p, **spread(value)}])
    assert said(titles_of_analyses.generalisation(ranks)).startswith(f"{told} regression carried over")


@pytest.mark.parametrize(
    ("gain", "told"), [(0.3, "helps under 2 and hurts under 0"), (-0.3, "0 and hurts under 2"), (0, "0 and")]
)
def test_recipes(gain, told):
    quantities = {"pair_gain": gain, "baseline_gap": 0.0, "over_best_baseline": gain}
    rows = [
        {"recipe": name, "quantity": key, **spread(value)}
        for name in ("hot", "gentle")
        for key, value in quantities.items()
    ]
    assert told in said(recipes.finding(pd.DataFrame(rows)))


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        (("transfer", "fuse"), "2 of 2 tasks gain beyond doubt"),
        (("transfer", "cannot_tell"), "1 of 2 tasks gains beyond doubt; for 1 it cannot be told"),
        (("do_not_transfer", "cannot_tell"), "None of 2 tasks gains beyond doubt; for 1 it cannot be told"),
    ],
)
def test_decisions(verdicts, told):
    assert said(titles_of_analyses.decisions(pd.DataFrame({"verdict": verdicts}))) == told


@pytest.mark.parametrize(
    ("value", "told"), [(0.3, "3 of 3 selectors order sources"), (0.0, "None of 3 selectors orders sources")]
)
def test_all_selectors(value, told):
    names = ("linear_probe", "ansat", "regression", "validation_best")
    pooled = pd.DataFrame.from_dict({name: spread(value) for name in names}, orient="index")
    found = said(forest_finding(pooled, {}, 6))
    assert found.startswith(told) and "linear probe" in found
