"""The worked examples of the notebooks: every number that a reader can check by hand, and the notebooks' own cells."""

import json
import re

import pandas as pd
import pytest
from grids import grid

from lib.attribution.worked import ansat_by_text
from lib.errors import InputError
from lib.selection.contenders import Scored, static_mean
from lib.selection.worked import YOURS, judge_fusion, metrics_of_order
from lib.study.files import ROOT
from lib.study.sections import Ranking
from lib.time_saving.worked import losses_by_pair
from lib.transfer.pairs import CONFIGURATION, pair_configurations


def shown_by(notebook: str, function) -> tuple[str, pd.DataFrame]:
    """A notebook's prose about its worked example, and what the example's cell shows."""
    cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text())["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    place = next(place for place, source in enumerate(sources) if source.startswith("## A worked example"))
    *assignments, call = re.split(r"\n(?=\w)", sources[place + 1])
    names = {function.__name__: function}
    exec("\n".join(assignments), names)
    return sources[place], eval(call, names)


TEXTS = {"fire now": ([1.0, -2.0], [3.0, 0.3]), "go": ([0.5], [-0.1]), "a b c": ([0.0, 0.0, 0.0], [1.0, 2.0, 4.0])}


def test_ansat_is_the_mean_of_the_terms_that_are_active_in_both():
    """In the first text A has activities 0.5 and 1, B 1 and 0.1; the second has one term; A sees nothing in the third."""
    shown = ansat_by_text(TEXTS, 0.5)
    assert shown["active in A"].tolist() == ["fire, now", "go", "", ""]
    assert shown["active in B"].tolist() == ["fire", "go", "b, c", ""]
    assert shown["active in both"].tolist() == ["fire", "go", "", ""]
    assert shown["shared"].tolist() == [1, 1, 0, pytest.approx(2 / 3)] and shown.index[-1] == "ANSAT"
    assert ansat_by_text(TEXTS, 0.51)["active in A"].iloc[0] == "now"


def test_a_text_needs_as_many_numbers_as_words():
    with pytest.raises(InputError, match="'fire now' has 2 words; give as many numbers for each model"):
        ansat_by_text({"fire now": ([1.0], [1.0, 2.0])}, 0.5)


def test_the_worked_example_of_ansat_says_what_it_shows():
    prose, shown = shown_by("05_ansat", ansat_by_text)
    assert shown["shared"].tolist() == [1, 2, 0, 1] and "ANSAT is (1 + 2 + 0) / 3 = 1" in prose
    first = shown.loc["send clean water"]
    assert (first["active in A"], first["active in B"]) == ("send, water", "water")


def test_metrics_of_an_order_by_hand():
    """The order is b, a, c with F1 0.2, 0.4, 0.1: it regrets (0.4 - 0.2) / 0.4; ranks 2, 1, 3 against 1, 2, 3."""
    shown = metrics_of_order({"a": 2, "b": 3, "c": 1}, {"a": 0.4, "b": 0.2, "c": 0.1})
    assert shown["value"].to_dict() == pytest.approx({"regret_at_1": 0.5, "rank_of_best": 2, "spearman": 0.5})
    random = (0.4 - 0.7 / 3) / 0.4
    assert shown["random"].to_dict() == pytest.approx({"regret_at_1": random, "rank_of_best": 2, "spearman": 0})
    with pytest.raises(InputError, match="no score"):
        metrics_of_order({"a": 2}, {"a": 0.4, "b": 0.2})


def test_the_worked_example_of_regret_says_what_it_shows():
    prose, shown = shown_by("08_selectors", metrics_of_order)
    assert shown["value"].to_dict() == pytest.approx({"regret_at_1": 0.2, "rank_of_best": 2, "spearman": 0.5})
    assert "(0.50 - 0.40) / 0.50 = 0.20" in prose and "a correlation of 0.5" in prose
    assert f"regrets (0.50 - 0.367) / 0.50 = {shown.loc['regret_at_1', 'random']:.3f}" in prose


def test_losses_by_hand():
    """Validation never prefers b; a negative loss is F1 above the grid's."""
    shown = losses_by_pair((0.5, 0.3), {"a": (0.6, 0.5), "b": (0.55, 0.9), "c": (0.7, 0.4)})
    assert shown["used"].tolist() == ["no transfer", "a", "a", "c"]
    assert shown["test_f1"].tolist() == pytest.approx([0.3, 0.5, 0.5, 0.4])
    assert shown["lost"].tolist() == pytest.approx([0.25, -0.25, -0.25, 0])
    assert shown["share_of_time"].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])


def test_where_no_pair_beats_the_target_alone_nothing_is_lost():
    shown = losses_by_pair((0.5, 0.3), {"a": (0.5, 0.9)})
    assert shown["used"].tolist() == 2 * ["no transfer"] and shown["lost"].tolist() == [0, 0]


def test_the_worked_example_of_losses_says_what_it_shows():
    prose, shown = shown_by("07_time_saving_analysis", losses_by_pair)
    assert shown["lost"].tolist() == pytest.approx([0.2, 0.04, 0.12, 0])
    assert "(0.50 - 0.40) / 0.50 = 20 %" in prose and "*food*: 4 %" in prose and "rises to 12 %" in prose


@pytest.fixture(scope="module")
def scored():
    """Three selectors of a grid: the test F1 itself, its reverse, and the reference."""
    configurations = pair_configurations(grid(n_tasks=5)["pairs"])
    best = configurations[CONFIGURATION].assign(score=configurations["test_f1"])
    worst = best.assign(score=-best["score"])
    return configurations, [
        Scored("best", best),
        Scored("worst", worst),
        Scored("static_mean", static_mean(configurations)),
    ]


def test_a_fusion_of_ones_own_choice_is_judged_beside_its_parts(scored):
    configurations, selectors = scored
    alone = judge_fusion(selectors, ["best"], configurations, Ranking(bootstrap=50))
    assert alone["spearman"].to_dict() == pytest.approx({YOURS: 1, "best": 1}) and (alone["regret_at_1"] == 0).all()
    both = judge_fusion(selectors, ["best", "worst"], configurations, Ranking(bootstrap=50))
    assert list(both.index) == [YOURS, "best", "worst"] and both["spearman"]["worst"] == pytest.approx(-1)
    assert abs(both["spearman"][YOURS]) < 1 and list(both) == ["spearman", "low", "high", "regret_at_1"]
    with_reference = judge_fusion(selectors, ["best", "static_mean"], configurations, Ranking(bootstrap=50))
    assert list(with_reference.index) == [YOURS, "best", "static_mean"]


@pytest.mark.parametrize(("names", "told"), [(["bset"], "bset"), ([], "an empty list")])
def test_a_fusion_of_unknown_selectors_is_refused(scored, names, told):
    configurations, selectors = scored
    with pytest.raises(InputError, match=f"{told}.*choose selectors of this study, best, worst, static_mean"):
        judge_fusion(selectors, names, configurations, Ranking(bootstrap=50))
