"""What one may do instead of choosing a source: scores, prices and curves, by hand."""

import numpy as np
import pandas as pd
import pytest
from grids import grid, row, three_targets
from prose import check

from lib.report.figures.rivals import plot_rivals
from lib.report.sentences import rivals as sentences
from lib.report.sentences import titles
from lib.study.sections import Ranking
from lib.time_saving.curves import comparison
from lib.time_saving.rivals import rival_curves
from lib.transfer.rivals import BEST_PAIR, rival_costs, rival_models, rival_scores, rivals_summary
from lib.transfer.seeds import choices

CONFIG = Ranking(bootstrap=200)


def rival(kind: str, target: str, validation: float, test: float, seed: int = 0, k: int = 0, **more) -> dict:
    keys = {"kind": kind, "target": target, "seed": seed, "k": k, "selected": True, "source_seconds": 0.0}
    return row(f"{kind}/{target}/{seed}/{k}", validation, test, **(keys | more))


@pytest.fixture
def study():
    """Without transfer A .5/.4, B .4/.5, C .3/.3 (validation/test); fused beats it everywhere but on C's validation."""
    singles, pairs = three_targets()
    step_matched = singles.assign(run=singles["run"] + "+", test_f1=0.45, total_seconds=9.0)
    reseeded = pd.concat([singles.assign(run=singles["run"] + "r", seed=1, validation_f1=0.45)] * 2)
    fused = [rival("fused", "A", 0.6, 0.5, source_seconds=12.0), rival("fused", "B", 0.5, 0.6, source_seconds=12.0)]
    fused.append(rival("fused", "C", 0.2, 0.6, source_seconds=12.0))
    top = [
        rival("fused_top", target, 0.5, 0.4, k=k, selected=k == 2, source_seconds=6.0 * k, total=1.0)
        for target in "ABC"
        for k in (1, 2)
    ]
    return singles, pairs, step_matched, reseeded, pd.DataFrame(fused + top)


def test_gains_are_means_over_targets_and_leads_are_of_the_pairs(study):
    singles, pairs, step_matched, reseeded, rivals = study
    chosen = choices(singles, pairs, reseeded)
    models, costs = (
        rival_models(chosen, step_matched, rivals),
        rival_costs(singles, pairs, step_matched, reseeded, rivals),
    )
    scores = rival_scores(singles, models, costs, CONFIG)
    f1 = scores[scores["metric"] == "f1"].set_index("rival")
    assert f1.loc["fused", "gain"] == pytest.approx((0.1 + 0.1 + 0.3) / 3)
    assert f1.loc["fused", "share_gaining"] == 1
    assert f1.loc["step_matched", "gain"] == pytest.approx(0.45 - 0.4)
    assert f1.loc[BEST_PAIR, "pair_lead"] == 0
    # validation chooses C for A (.6), no source for B (.5), A for C (.5): mean .5333; fused .5667
    assert f1.loc["fused", "pair_lead"] == pytest.approx((0.6 + 0.5 + 0.5) / 3 - 1.7 / 3)
    assert {"low", "high", "value"} == set(rivals_summary(scores)["fused"]["gain"])


def test_prices_count_what_has_to_be_trained_for_one_target(study):
    singles, pairs, step_matched, reseeded, rivals = study
    costs = rival_costs(singles, pairs, step_matched, reseeded, rivals)
    assert costs.loc[(BEST_PAIR, "A"), ["total_seconds", "source_seconds"]].tolist() == [
        24,
        12,
    ]  # two pairs, two sources
    assert costs.loc[("reseeded", "A"), ["total_seconds", "source_seconds"]].tolist() == [12, 0]
    assert costs.loc[("fused", "A"), ["total_seconds", "source_seconds"]].tolist() == [2, 12]
    assert costs.loc[("fused_top", "A"), ["total_seconds", "source_seconds"]].tolist() == [
        2,
        12,
    ]  # both k, sources once


def test_a_rival_is_trained_target_by_target_and_validation_may_decline_it(study):
    singles, pairs, step_matched, _, rivals = study
    chosen = choices(singles, pairs, None)
    models, costs = rival_models(chosen, step_matched, rivals), rival_costs(singles, pairs, step_matched, None, rivals)
    drawn = {(c.order, c.accounting): c for c in rival_curves(singles, pairs, models, costs, CONFIG, 3.0)}
    assert {order for order, _ in drawn} == {"step_matched", "fused", "fused_top"}
    fused = drawn["fused", "all_inclusive"]
    assert fused.ready == 18  # the single-task models, which serve as both sides here
    assert fused.seconds.tolist() == [18, 20, 22, 24]
    assert fused.f1[0] == pytest.approx([1.2 / 3, 1.3 / 3, 1.4 / 3, 1.4 / 3])  # C's validation prefers no transfer
    assert drawn["fused", "paper"].seconds.tolist() == [0, 1, 2, 3]
    assert fused.grid_f1 == pytest.approx(comparison(singles, pairs, CONFIG, 3.0).grid_f1)


def test_a_model_without_a_seed_stands_for_all_seeds():
    tables = grid(4, seeds=2)
    singles, pairs = tables["singles"], tables["pairs"]
    step_matched = singles[singles["side"] == "target"]
    frozen = pd.DataFrame([rival("frozen", target, 1.0, 1.0) for target in sorted(set(singles["target"]))])
    chosen = choices(singles, pairs, None)
    models, costs = rival_models(chosen, step_matched, frozen), rival_costs(singles, pairs, step_matched, None, frozen)
    curve = rival_curves(singles, pairs, models[models["rival"] == "frozen"], costs, CONFIG, 0.0)[0]
    assert curve.f1[0, -1] == pytest.approx(1)


def a_row(name: str, metric: str, gain: float, lead: float) -> dict:
    ends = {f"{of}_{end}": value + step for of, value in (("gain", gain), ("pair_lead", lead))
            for end, step in (("low", -0.01), ("high", 0.01))}  # fmt: skip
    keys = {"rival": name, "metric": metric, "value": 0.5, "share_gaining": 0.5, "minutes": 2.0}
    return keys | {"gain": gain, "pair_lead": lead} | ends


@pytest.mark.parametrize("gain", [-0.05, 0.0, 0.05])
@pytest.mark.parametrize("lead", [-0.05, 0.0, 0.05])
def test_sentences_say_who_gains_and_who_is_beaten(gain, lead):
    metrics = ("f1", "f1_tuned", "average_precision")
    rows = [a_row(name, metric, gain, lead) for name in (BEST_PAIR, "fused", "frozen") for metric in metrics]
    scores = pd.DataFrame(rows)
    told = [check(say(scores)) for say in (sentences.best_rival, sentences.lead_of_pairs, sentences.both_gains)]
    assert {-0.05: "Even this loses", 0.0: "is within the noise", 0.05: "It gains +0.050"}[gain] in told[0]
    words = {-0.05: "lose against", 0.0: "cannot be told apart from", 0.05: "beat "}[lead]
    assert words in told[1]
    assert ("No way" in titles.rivals(scores)) == (gain <= 0)
    figure = plot_rivals(scores)
    assert [panel.get_xlabel().replace("\n", " ") for panel in figure.axes][0] == "gain in average precision"
    assert np.isfinite(figure.axes[0].get_xlim()).all()
