"""Sentences with numbers, of notebooks 1 to 5 and of every published study: true and readable whatever the numbers."""

import json

import numpy as np
import pandas as pd
import pytest
from prose import check

from lib.report.sentences import attribution, data, regression, selection, studies, time_saving, training, transfer
from lib.report.sentences.words import (
    change,
    code,
    counted,
    known,
    listing,
    number,
    percent,
    relative_change,
    side_of_zero,
    with_interval,
)
from lib.report.summary import beside_the_estimate, priced_tables, procedure_losses, seconds_by_phase
from lib.stats.significance import smallest_difference
from lib.storage.tables import read_table
from lib.studies.regimes import rank_correlations_by_regime
from lib.study.files import ROOT
from lib.study.parameters import Study
from lib.time_saving.costs import grid_seconds
from lib.transfer.collapse import rank_correlation
from lib.transfer.gains import pair_gains_summary
from lib.transfer.seeds import mean_choice_gains

NAN = float("nan")
PUBLISHED = sorted(path.parent.name for path in (ROOT / "figures").glob("*/summary.json"))


# words


def test_numbers_have_no_negative_zero_and_no_nan():
    assert [number(value) for value in (0.125, -0.004, 1234.5, None, NAN)] == [
        "0.12",
        "0.00",
        "1,234.50",
        *2 * ["undefined"],
    ]
    assert [change(value) for value in (0.0124, -0.0124, 0.0, -0.0004, NAN)] == [
        "+0.012",
        "-0.012",
        "0.000",
        "0.000",
        "undefined",
    ]
    assert [percent(value) for value in (0.1237, -0.0001, 3.41, None)] == ["12.4 %", "0.0 %", "341.0 %", "undefined"]
    assert [relative_change(value, 0) for value in (0.2, -0.2, 0.001)] == ["+20 %", "-20 %", "0 %"]
    assert known(0.0, 1) and not known(0.0, None) and not known(NAN) and not known(float("inf"))


def test_an_interval_is_left_out_where_it_is_missing():
    assert with_interval({"value": 0.31, "low": 0.1, "high": 0.5}) == "0.31 (0.10 to 0.50)"
    assert with_interval({"value": 0.31, "low": NAN, "high": 0.5}) == "0.31"
    assert with_interval({"value": 0.01, "low": None, "high": None}, percent) == "1.0 %"


@pytest.mark.parametrize(
    ("low", "high", "side"),
    [(0.1, 0.2, 1), (-0.2, -0.1, -1), (-0.1, 0.1, 0), (0.0, 0.1, 0), (NAN, 0.1, 0), (None, None, 0)],
)
def test_side_of_zero(low, high, side):
    assert side_of_zero({"low": np.float64(low) if low is not None else None, "high": high}) == side


def test_counts_and_lists():
    assert [counted(count, "pair") for count in (0, 1, 2, 1234)] == ["0 pairs", "1 pair", "2 pairs", "1,234 pairs"]
    assert listing(["a"]) == "a" and listing(["a", "b"]) == "a and b" and listing("abc") == "a, b and c"


def test_names_from_data_stand_for_themselves():
    assert code("food") == "`food`"
    assert code("a`b") == "``a`b``" and code("`x`") == "`` `x` ``"
    assert code("two\nlines  <b>") == "`two lines <b>`"


# notebook 1


def tasks_of(positives, test_positives) -> pd.DataFrame:
    frame = pd.DataFrame({"train_positives": positives, "test_positives": test_positives, "n_test": 10})
    return frame.assign(task=[f"t{n}" for n in range(len(frame))], prevalence=frame["train_positives"] / 100)


def test_the_task_with_fewest_test_positives_need_not_be_the_rarest():
    text = check(data.task_sizes(tasks_of([10, 20, 1], [5, 2, 9])))
    assert (
        "from 1.0 % (`t2`, 1 positive) to 20.0 % (`t1`, 20 positives)" in text
        and "the fewest positives: 2 in `t1`." in text
    )


def test_task_sizes_that_are_alike():
    assert check(data.task_sizes(tasks_of([10, 10], [3, 3]))).startswith("All 2 tasks have 10.0 % positives")
    assert "test has the fewest positives: 3 in `t0` and `t1`." in data.task_sizes(tasks_of([10, 10], [3, 3]))
    assert "the fewest positives: 3 in 5 tasks." in data.task_sizes(tasks_of([1, 2, 3, 4, 5], [3] * 5))


def own_tasks(positives, n_test=0) -> pd.DataFrame:
    """Tasks of 70 training and 20 validation texts. positives: of the validation texts."""
    visible = [smallest_difference(count) for count in positives]
    tasks = tasks_of(positives, [0] * len(positives)).assign(n_train=70, n_validation=20, n_test=n_test)
    return tasks.assign(validation_positives=positives, validation_smallest_difference=visible)


def left_out_of(**reasons) -> pd.DataFrame:
    return pd.DataFrame(reasons.items(), columns=["label", "reason"])


def test_a_corpus_as_tasks():
    none, few = left_out_of(), "fewer than 8 positives in training"
    told = data.corpus_as_tasks(own_tasks([10, 6], n_test=10), none)
    assert check(told) == "There are 2 tasks over 70 training, 20 validation and 10 test texts."
    told = data.corpus_as_tasks(own_tasks([10, 6]), left_out_of(a=few, b="no positive in test", c=few))
    assert check(told) == (
        "There are 2 tasks over 70 training, 20 validation and no test texts. 3 labels do not become tasks: `a` and `c` "
        "(fewer than 8 positives in training); `b` (no positive in test)."
    )
    within = check(data.corpus_as_tasks(own_tasks([10, 6]), left_out_of(a=few), budget_minutes=5))
    assert "1 label does not become a task: `a`" in within and within.endswith(
        "With 20 validation texts, a gain in recall below 60 % to 100 %, by task, cannot be seen."
    )


@pytest.mark.parametrize(
    ("positives", "told"),
    [
        ([12, 12], "a gain in recall below 50 % cannot be seen."),
        ([12, 5], "below 50 % cannot be seen, and no gain at all in 1 task with fewer than 6 positives there."),
        ([5, 4], "no gain can be seen: every task has fewer than 6 positives there. More validation texts show more."),
    ],
)
def test_what_validation_can_show(positives, told):
    assert check(data.visible_gains(own_tasks(positives))).endswith(told)


def test_without_test_texts_the_sentences_are_about_validation():
    tasks = own_tasks([12, 8])
    assert check(data.task_sizes(tasks)).endswith(
        "No test texts: everything is decided and reported on validation. F1 is least certain where validation has the "
        "fewest positives: 8 in `t1`."
    )
    assert "can be seen on validation is 62 % in the median task" in check(data.smallest_differences(tasks))
    assert check(data.smallest_differences(own_tasks([1, 1]))).endswith(
        "No task has that many positives in validation, so no difference can be seen."
    )
    parts = duplicates(0, 0).assign(texts=[80, 20, 0])
    assert check(data.split_sizes(parts)) == (
        "80 texts are for training, 20 for validation and none for test. No validation text nearly repeats a training text."
    )
    assert "2 of the validation texts nearly repeat" in check(data.split_sizes(parts.assign(repeat_training=[0, 2, 0])))
    singles = singles_of(test_f1=NAN, test_average_precision=NAN, validation_f1=[0.4, 0.1, 0.6, 0.3])
    assert check(training.single_scores(singles)).startswith(
        "No test texts: the scores are those that selected the models. The models that validation selects have a mean "
        "validation F1 of 0.500 with a source's"
    )
    assert check(training.selection_noise(singles)) == (
        "No test texts: how far the selection can be trusted is not known."
    )


def duplicates(validation, test) -> pd.DataFrame:
    parts = {"part": ["train", "validation", "test"], "texts": [80, 10, 10], "repeat_training": [0, validation, test]}
    return pd.DataFrame(parts)


def test_near_duplicates_across_the_split():
    assert check(data.split_sizes(duplicates(0, 0))).endswith(
        "No validation or test text nearly repeats a training text."
    )
    assert "2 of the validation texts and 0 of the test texts nearly repeat" in check(
        data.split_sizes(duplicates(2, 0))
    )


def test_corrections():
    assert check(data.corrections({})) == check(data.corrections({"empty": 0})) != check(data.corrections({"empty": 3}))


def phi_of(*values) -> pd.DataFrame:
    """Three tasks' correlations, from those of (a, b), (a, c) and (b, c)."""
    ab, ac, bc = values
    return pd.DataFrame([[1, ab, ac], [ab, 1, bc], [ac, bc, 1]], index=list("abc"), columns=list("abc"), dtype=float)


def test_labels_are_called_independent_only_where_phi_is_small():
    assert check(data.label_overlap(phi_of(0.5, 0.3, 0.2))).startswith(
        "`a` and `b` occur together most (phi 0.50). 0 of 3"
    )
    assert "2 of 3 pairs of labels are nearly independent" in check(data.label_overlap(phi_of(0.5, 0.05, -0.05)))
    assert "more often than by chance (largest phi -0.20)" in check(data.label_overlap(phi_of(-0.5, -0.3, -0.2)))
    assert "1 of 1 pair of labels is" in check(data.label_overlap(phi_of(0.0, NAN, NAN)))
    assert check(data.label_overlap(phi_of(NAN, NAN, NAN))).startswith("Phi is undefined")


def test_text_lengths():
    words = np.array([1, 2, 3])
    assert check(data.text_lengths(words, words, 64)).endswith("No text reaches the limit of 64 wordpieces.")
    assert check(data.text_lengths(words, words, 3)).endswith(
        "1 of 3 texts reaches the limit of 3 wordpieces and may lose its end."
    )
    assert check(data.text_lengths(words, words, 2)).endswith(
        "2 of 3 texts reach the limit of 2 wordpieces and may lose their end."
    )


def test_planned_work_counts_every_model_that_is_trained():
    phases = ["training single-task models", "training reseeded baselines", "conductance"]
    table = pd.DataFrame({"phase": phases, "models": [4, 3, 4], "seconds": [60.0, 30.0, 10.0]})
    assert check(data.planned_work(table, 1)) == "To be trained and analysed: 7 models, about 1 min 40 s of one worker."
    assert "50.0 s with 2 workers" in check(data.planned_work(table, 2))
    assert "until its budget of 1 minute is spent" in check(data.planned_work(table, 2, 1.0))
    assert "until its budget of 2.5 minutes is spent" in check(data.planned_work(table, 2, 2.5))


# notebook 2


def singles_of(**columns) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"target": ["a", "a", "b", "b"], "side": ["source", "target"] * 2, "selected": True, "tries": 1}
    )
    scores = {f"{part}_{score}": 0.5 for part in ("validation", "test") for score in ("f1", "average_precision")}
    return frame.assign(**scores, collapsed=False, total_seconds=2.0, peak_memory_mb=1500).assign(**columns)


def test_single_scores_by_side():
    text = check(training.single_scores(singles_of(test_f1=[0.4, 0.1, 0.6, 0.3])))
    assert "0.500 with a source's training texts" in text and "0.200 with a target's training texts" in text
    assert text.endswith("The target with the lowest F1 is `a` (0.100).")
    assert "0.500 with the training texts that serve both sides" in check(
        training.single_scores(singles_of(side="both"))
    )


@pytest.mark.parametrize(
    ("validation", "told"), [(0.6, "0.100 above test"), (0.4, "0.100 below test"), (0.5, "level with test")]
)
def test_selection_noise(validation, told):
    assert check(training.selection_noise(singles_of(validation_f1=validation))).endswith(f"validation is {told}.")


def test_collapsed_models():
    never = training.collapsed_models(singles_of())
    assert check(never) == "None of the 4 single-task models collapsed."
    once = check(training.collapsed_models(singles_of(tries=[2, 1, 1, 1])))
    assert (
        once
        == "1 of 4 single-task models collapsed at the first try, 0 of them also at the last. No selected model did."
    )
    with_one_try = check(training.collapsed_models(singles_of(collapsed=[False, True, False, True])))
    assert "2 of 4 single-task models collapsed at the first try, 2 of them also at the last." in with_one_try
    assert "2 of the 4 selected models are among them (`a` and `b`)" in with_one_try


def test_costs_and_deleted_weights():
    assert check(training.training_cost(singles_of(), 1, 500)).endswith(
        "A worker needed at most 1,500 MB of memory, this notebook 500 MB."
    )
    assert "Libraries that the 2 workers share" in check(training.training_cost(singles_of(), 2, 500))
    assert check(training.deleted_weights(0, 45_100_000)).startswith("There was nothing to delete.")
    assert check(training.deleted_weights(2_000_000, 45_100_000)).startswith(
        "2.0 MB of weights that no later notebook needs"
    )


def representations_of(*ranks) -> pd.DataFrame:
    """A pretrained encoder of rank 60, and sources a, b, ... of these ranks."""
    table = pd.DataFrame({"effective_rank": [60.0, *ranks], "seed": 0, "first_share": 0.5})
    return table.assign(task=["", *"abcdefg"[: len(ranks)]])


def test_a_collapsed_representation_is_a_warning_that_names_its_tasks():
    kept = check(training.representations_left(representations_of(30.0, 6.0, 20.0)))
    assert kept == (
        "The pretrained encoder's features have an effective rank of 60.0, those of the 3 source models a median of 20.0; "
        "the smallest is 6.0 (`b`). No representation has collapsed."
    )
    one = check(training.representations_left(representations_of(30.0, 5.9)))
    assert "**Warning:** 1 of 2 representations has collapsed (`b`): the effective rank is below a tenth" in one
    two = check(training.representations_left(representations_of(1.2, 30.0, 1.1)))
    assert "2 of 3 representations have collapsed (`a` and `c`)" in two and "the smallest is 1.1 (`c`)" in two


# notebook 3


def matrix_of(validation, test, single=(0.5, 0.5), p=1.0) -> pd.DataFrame:
    """Two targets with a source each, as the table "transfer_matrix"; single: test F1 without transfer."""
    frame = pd.DataFrame({"source": ["b", "a"], "target": ["a", "b"], "validation_f1": validation, "test_f1": test})
    frame = frame.assign(
        single_test_f1=single, single_validation_f1=0.5, step_matched_test_f1=0.5, setting=0, chosen=True
    )
    gain, real = frame["test_f1"] - frame["single_test_f1"], p < 0.05
    for name in ("gain", "gain_over_step_matched"):
        frame = frame.assign(**{name: gain, f"{name}_low": gain - 0.1, f"{name}_high": gain + 0.1, f"{name}_p": p})
    relative = gain / frame["single_test_f1"].where(frame["single_test_f1"] > 0)
    return frame.assign(relative_gain=relative, helps=real & (gain > 0), hurts=real & (gain < 0))


def test_f1_rises_falls_or_stays_as_it_does():
    chosen = (0.9, 0.9)
    assert "mean test F1 rises from 0.500 to 0.600." in check(transfer.chosen_sources(matrix_of(chosen, (0.6, 0.6))))
    assert "mean test F1 falls from 0.500 to 0.400." in check(transfer.chosen_sources(matrix_of(chosen, (0.4, 0.4))))
    assert "mean test F1 stays at 0.500." in check(transfer.chosen_sources(matrix_of(chosen, (0.6, 0.4))))
    assert "mean test F1 stays at 0.500." in check(transfer.chosen_sources(matrix_of(chosen, (0.5001, 0.5))))


def test_what_validation_chooses_where_nothing_gains():
    none = check(transfer.chosen_sources(matrix_of((0.1, 0.1), (0.9, 0.9))))
    assert none == "Validation prefers no transfer for every target, so mean test F1 stays at 0.500."
    losing = check(transfer.chosen_sources(matrix_of((0.9, 0.9), (0.4, 0.3))))
    assert "No target gains; 2 targets lose, 0 outside the noise." in losing and "largest" not in losing


def test_what_validation_chooses_beyond_the_noise():
    helped = check(transfer.chosen_sources(matrix_of((0.9, 0.1), (0.6, 0.5), p=0.001)))
    assert "Validation chooses a source for 1 of 2 targets" in helped
    assert (
        "1 target gains, 1 outside the noise (by 20.0 % of their single-task F1 on average); no target loses." in helped
    )
    assert (
        "The largest relative gain is +20.0 %, from `b` to `a`." in helped and "1 of the choices beats them" in helped
    )
    from_zero = check(transfer.chosen_sources(matrix_of((0.9, 0.9), (0.6, 0.6), single=(0.0, 0.0), p=0.001)))
    assert "2 targets gain, 2 outside the noise; no target loses." in from_zero and "largest" not in from_zero


def gains_summary(*gains: tuple[float, float, float]) -> dict:
    ends = ("value", "low", "high")
    metrics = ("f1", "f1_tuned", "average_precision")
    return {
        "mean_gain_of_pairs": {
            name: dict(zip(ends, each, strict=True)) for name, each in zip(metrics, gains, strict=False)
        }
    }


@pytest.mark.parametrize(
    ("shift", "verdict"), [(0.1, "pair gains:"), (-0.1, "pair loses:"), (0.0, "pair neither gains nor loses outside")]
)
def test_the_average_pair_is_judged_by_average_precision(shift, verdict):
    matrix = matrix_of((0.9, 0.9), (0.6, 0.4)).assign(average_precision_gain=[0.1, -0.1])
    summary = gains_summary((0.3, 0.2, 0.4), (0.0, -0.1, 0.1), (shift, shift - 0.01, shift + 0.01))
    told = check(transfer.average_pair(summary, matrix))
    assert verdict in told and told.endswith("50 % of the pairs raise average precision, which needs no threshold.")
    older = matrix.drop(columns="average_precision_gain")
    assert check(transfer.average_pair(gains_summary((-0.2, -0.3, -0.1)), older)) == (
        "The average pair loses: it changes F1 by -0.200 (-0.300 to -0.100)."
    )


def test_pair_gains():
    assert check(transfer.pair_gains(matrix_of((0.9, 0.9), (0.6, 0.4), p=0.001))).startswith(
        "Outside the noise, 1 of 2 pairs helps and 1 hurts. Regardless of the noise, 1 (50 %) has a lower test F1"
    )
    assert check(transfer.pair_gains(matrix_of((0.9, 0.9), (0.5, 0.5)))).startswith(
        "Outside the noise, 0 of 2 pairs help and 0 hurt. Regardless of the noise, 0 (0 %) have a lower test F1"
    )


@pytest.mark.parametrize(
    ("ratio", "low", "told"),
    [
        (
            (2.0, 4.0),
            0.1,
            "Yes: sources with more positives gain more. Among a target's sources, the rank correlation of",
        ),
        ((2.0, 4.0), -0.5, "No: sources with more positives gain less."),
        ((2.0, 4.0), -0.1, "Not measurably: gain neither rises nor falls with the source's positives."),
        ((2.0, 4.0), NAN, "This study cannot tell: all sources of a target gain the same, or are of one size."),
        ((2.0, 2.0), 0.1, "This study cannot tell"),
        ((0.5, 2.0), 0.1, "0 of 1 pair whose source has fewer positives than the target help"),
        ((2.0, 4.0), 0.1, "No source has fewer positives than its target."),
    ],
)
def test_size_ratio(ratio, low, told):
    matrix, correlation = matrix_of((0.9, 0.9), (0.4, 0.6)), {"value": low + 0.2, "low": low, "high": low + 0.4}
    assert told in check(transfer.size_ratio(matrix, pd.Series(ratio, index=matrix.index), correlation))


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (
            0.1,
            0.5,
            "Yes: sources with a higher effective rank give more. Among a target's sources, the rank correlation of",
        ),
        (-0.5, -0.1, "No: sources with a higher effective rank give less."),
        (-0.1, 0.5, "Not measurably: gain neither rises nor falls with the source's effective rank."),
        (NAN, NAN, "This study cannot tell"),
    ],
)
def test_whether_gain_follows_the_rank(low, high, told):
    correlation = {"value": (low + high) / 2, "low": low, "high": high}
    assert check(transfer.gain_and_rank(correlation)).startswith(told)


def means_of(low, high) -> pd.DataFrame:
    rows = {"pairs": (0.03, 0.0, 0.06), "reseeded": (0.02, 0.01, 0.03), "difference": ((low + high) / 2, low, high)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.01, 0.05, "Sources add more than the choice among many models explains"),
        (-0.05, -0.01, "Choosing among reseeded baselines gains more than choosing among sources"),
        (-0.02, 0.04, "Sources are not shown to add more"),
        (NAN, NAN, "Sources are not shown to add more"),
    ],
)
def test_best_of_many(low, high, told):
    assert check(transfer.best_of_many(means_of(low, high), 0.02)).startswith(told)
    assert "standard deviation" not in transfer.best_of_many(means_of(low, high), NAN)


def repeatability_of(agreement) -> pd.DataFrame:
    rows = [
        ("spearman", "test_f1", True, agreement),
        ("gain", "validation_f1", False, 0.02),
        ("gain", "validation_f1", True, -0.01),
    ]
    table = pd.DataFrame(rows, columns=["metric", "ranked_by", "other_seed", "value"])
    return table.assign(low=table["value"] - 0.1, high=table["value"] + 0.1)


def test_seed_agreement():
    assert "could reach about 0.50, the square root of this." in check(transfer.seed_agreement(repeatability_of(0.25)))
    assert "could reach about 0." in check(transfer.seed_agreement(repeatability_of(-0.25)))
    assert check(transfer.seed_agreement(repeatability_of(NAN))).startswith("The agreement of the seeds is undefined")


def test_trained_pairs_and_their_check():
    pairs = pd.DataFrame(
        {"source": ["a", "b"], "target": ["b", "a"], "collapsed": False, "tries": 1, "total_seconds": 3.0}
    )
    assert "2 transfer models of 2 ordered pairs are trained. None collapsed." in check(transfer.trained_pairs(pairs))
    assert "1 collapsed at the first try, 1 of them" in check(
        transfer.trained_pairs(pairs.assign(collapsed=[True, False]))
    )
    assert check(transfer.separation(2)).startswith("The check passed for 2 transfer models")


# notebooks 4 and 5


def test_attribution_cost():
    table = pd.DataFrame({"seconds": [1.0, 2.0], "probe_texts": 24, "completeness_error_relative": [0.001, 0.003]})
    text = check(attribution.attribution_cost(table, 60.0))
    assert "3.0 s of one worker, 5.0 % of the grid's training time." in text and "0.20 % of the change" in text


def tradeoff_of(agreement: dict[int, float], redrawn: float) -> pd.DataFrame:
    rows = [(steps, 24, False, value) for steps, value in agreement.items()]
    rows += [(steps, texts, True, redrawn) for steps in agreement for texts in (12, 24)]
    return pd.DataFrame(rows, columns=["steps", "probe_texts", "resampled", "agreement"])


@pytest.mark.parametrize(
    ("agreement", "redrawn", "told"),
    [
        (
            {16: 1.0, 8: 0.99},
            0.9,
            "The study's 8 steps are enough. ANSAT's order of sources has a rank correlation of 0.990 with that by 16 steps",
        ),
        (
            {16: 1.0, 8: 0.8},
            0.9,
            "The study's 8 steps are too few. ANSAT's order of sources has a rank correlation of 0.800 with",
        ),
        ({8: 1.0, 4: 0.95, 2: 0.5}, 0.9, "4 steps would be enough (the study uses 8). ANSAT's order"),
        ({8: 1.0, 4: 0.8}, 0.9, "4 steps would be too few (the study uses 8). ANSAT's order"),
        (
            {8: 1.0},
            0.9,
            "With 8 steps, ANSAT's order of sources has a rank correlation of 0.900 with that on other probe texts.",
        ),
    ],
)
def test_steps_and_texts(agreement, redrawn, told):
    assert check(attribution.steps_and_texts(tradeoff_of(agreement, redrawn), 8)).startswith(told)


def test_extraction_cost_counts_fused_rankings_once():
    costs = pd.DataFrame({"selector": ["logme", "consensus"], "scoring_seconds": [1.0, 5.0]})
    text = check(attribution.extraction_cost(pd.DataFrame({"seconds": [2.0]}), costs))
    assert text == "1 selector has scored every pair. Reading the texts took 2.0 s of one worker, scoring 1.0 s."


def test_examples_are_escaped():
    page = attribution.shaded_examples([("<b>", "source", ["<i>"], np.ones((1, 3)))])
    assert "<b>" not in page and "<i>" not in page and "&lt;b&gt;, by its model with a source" in page
    assert page.count("<tr>") == 2  # the last layer has no conductance of terms


def test_shared_terms():
    table = pd.DataFrame({"probe": "all", "threshold": [0.1, 0.5], "ansat": [4.0, 1.0]})
    assert "At threshold 0.1 two models share 4.00 active terms per text; at 0.5 they share 1.00" in check(
        attribution.shared_terms(table)
    )
    assert check(attribution.shared_terms(table[:1])).endswith(
        "4.00 active terms per text, mean over pairs and layers."
    )


def correlations_of(*values) -> pd.DataFrame:
    return pd.DataFrame({"measure": ["ANSAT at 0.3", "ANSAT at 0.5", "cosine"], "layer": [1, 2, 1], "spearman": values})


def test_best_measures():
    text = check(attribution.best_measures(correlations_of(-0.3, -0.1, 0.2)))
    assert (
        "Of 2 variants of ANSAT, ANSAT at 0.5 in layer 2 orders sources best, with a mean rank correlation of -0.10."
        in text
    )
    assert "Of 1 variant of the other measures, cosine in layer 1" in text
    assert "No variant of ANSAT has a rank correlation" in check(
        attribution.best_measures(correlations_of(NAN, NAN, 0.2))
    )


def test_stated_ansat():
    assert "of 0.20 within targets" in check(attribution.stated_ansat(correlations_of(0.2, 0.1, 0.0), 1, 0.3))
    assert "has no rank correlation" in check(attribution.stated_ansat(correlations_of(NAN, 0.1, 0.0), 1, 0.3))


def test_a_guess_is_judged_among_the_targets_sources():
    matrix = pd.concat(
        [matrix_of((0.9, 0.1), (0.6, 0.3)), matrix_of((0.8, 0.1), (0.55, 0.3)).assign(source=["c", "c"])]
    )
    matrix["chosen"] = [True, False, False, True]
    first, second = (check(transfer.judged_guess(matrix, source, "a")) for source in "bc")
    assert first == (
        "`b` is number 1 of 2 sources of `a` by gain in test F1: +0.100 (0.000 to +0.200), not outside the noise. No source "
        "does better. Validation prefers it too."
    )
    assert "`c` is number 2 of 2" in second and "The best on test is `b` (+0.100). Validation prefers `b`." in second
    helps = matrix.assign(helps=True)
    assert "(0.000 to +0.200), outside the noise." in check(transfer.judged_guess(helps, "b", "a"))
    unknown = check(transfer.judged_guess(matrix, "a`", "a"))
    assert unknown == "There is no pair from `` a` `` to `a`. Choose two of `a`, `b` and `c`."


def test_pairs_to_browse_stand_with_the_largest_gain_first_and_say_what_is_outside_the_noise():
    frame = transfer.pair_frame(matrix_of((0.9, 0.1), (0.3, 0.6), p=0.001))
    assert frame["outside the noise"].tolist() == ["helps", "hurts"] and frame["gain in F1"].is_monotonic_decreasing
    assert set(transfer.pair_frame(matrix_of((0.9, 0.1), (0.3, 0.6)))["outside the noise"]) == {""}


# every published study


@pytest.mark.parametrize("name", PUBLISHED)
def test_sentences_of_every_published_study(name):
    """None has a sign of missing numbers; those that are lists are checked line by line."""
    study, folder = Study.load(name), ROOT / "figures" / name / "tables"
    summary = json.loads((folder.parent / "summary.json").read_text())

    def table(name: str) -> pd.DataFrame:
        return read_table(folder, name)

    singles, pairs, matrix, tasks = map(table, ("singles", "pairs", "transfer_matrix", "tasks"))
    costs, metrics, scores = map(table, ("selector_costs", "selector_metrics", "regression_scores"))
    titles, losses = costs.set_index("selector")["title"].to_dict(), procedure_losses(summary)
    phi = table("cooccurrence").pivot(index="source", columns="target", values="phi")
    sizes = tasks.set_index("task")
    ratio = matrix["source"].map(sizes["source_positives"]) / matrix["target"].map(sizes["target_positives"])
    by_size = rank_correlation(matrix.assign(ratio=ratio), study.ranking, "ratio")
    seconds = seconds_by_phase({priced: table(priced) for priced in priced_tables(study)})
    texts = [
        data.task_sizes(tasks), data.label_overlap(phi), data.planned_work(table("estimate"), study.engine.processes),
        training.single_scores(singles), training.selection_noise(singles), training.collapsed_models(singles),
        training.training_cost(singles, 2, 500), transfer.trained_pairs(pairs), transfer.pair_gains(matrix),
        transfer.average_pair(pair_gains_summary(matrix, study.ranking), matrix),
        transfer.chosen_sources(matrix), transfer.size_ratio(matrix, ratio, by_size),
        transfer.judged_guess(matrix, *matrix.loc[0, ["source", "target"]]),
        attribution.attribution_cost(table("conductance"), grid_seconds(singles, pairs)),
        attribution.steps_and_texts(table("tradeoff"), study.conductance.steps),
        attribution.extraction_cost(table("feature_extraction"), costs), attribution.shared_terms(table("ansat")),
        regression.prediction_quality(scores), regression.ansat_contribution(scores),
        regression.best_feature_set(table("ablations")), regression.tree_gain(table("importance")),
        time_saving.early_losses(losses, titles), time_saving.procedures(losses, titles), time_saving.limits(summary),
        time_saving.paper_comparison(summary), time_saving.time_spent(seconds, summary),
        time_saving.estimate_quality(beside_the_estimate(table("estimate"), seconds)),
        selection.who_ranks(metrics, titles), selection.planted_recovery(metrics, titles),
        studies.regime_gains(table("regimes")),
        studies.ranks_in_all_regimes(rank_correlations_by_regime({name: metrics}), titles),
    ]  # fmt: skip
    if study.reseeded:
        texts.append(transfer.best_of_many(mean_choice_gains(table("choices"), study.ranking), 0.02))
    if len(study.seeds) > 1:
        texts.append(transfer.seed_agreement(table("repeatability")))
    if (folder / "generalisation.parquet").exists():
        found = table("generalisation")
        texts.append(studies.carried_over(found[found["metric"] == "spearman"], name))
    for line in "\n".join(texts).splitlines():
        assert "undefined" not in check(line)
