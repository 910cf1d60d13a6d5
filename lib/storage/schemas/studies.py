"""The tables that compare studies, recipes and sizes."""

from lib.storage.columns import amount, count, flag, keys, number, scores, share, text, value_with_interval
from lib.storage.schemas.shared import anytime, selector_metrics, table

TYPES = ("classification", "regression", "sequence_labelling", "question_answering")
STARTS = ("single", "transfer", "fused", "step_matched", "reseeded")
STUDIES = {
    "regimes": table(
        "a study and a quantity, mean over targets",
        ["study", "quantity"],
        **keys("study"),
        source_texts=number("number of training texts of a source, median over tasks"),
        target_texts=number("number of training texts of a target, median over tasks"),
        quantity=text(
            "mean_gain (of all sources), chosen_gain (of the source that validation chooses), share_gaining (share of "
            "sources with a gain) or size_correlation (rank correlation of gain and the source's positives)"
        ),
        **value_with_interval("mean over targets"),
        difference=number("`value` minus that of the first study, on the targets that both have", nullable=True),
        difference_p=number("p-value of `difference`, paired by target (two-sided)", nullable=True),
    ),
    "recipes": table(
        "a model of a recipe's pilot: a target without transfer, from one source, or from the mean of all sources",
        ["recipe", "kind", "source", "target", "seed"],
        recipe=text("name of the recipe in the study's `recipes`"),
        kind=text(
            "single (without transfer), transfer (from one source) or fused (from the mean of all)",
            "single",
            "transfer",
            "fused",
        ),
        **keys("target", "seed"),
        source=text("name of the task that is transferred from; empty for a model of no or of all sources"),
        **scores("f1", "average_precision", parts=("validation",)),
        train_seconds=amount("seconds of training, of one worker"),
        total_seconds=amount("seconds of the model in all, of one worker"),
        collapsed=flag("whether it predicts no positive on validation"),
    ),
    "recipe_scores": table(
        "a recipe and a quantity, mean over targets, on validation",
        ["recipe", "quantity"],
        recipe=text("name of the recipe in the study's `recipes`"),
        quantity=text(
            "baseline (average precision without transfer), baseline_gap (to the best recipe's), pair_gain and fused_gain "
            "(what a pair, and the mean of all sources, add to it), over_best_baseline (pairs minus the best recipe's "
            "baseline), share_gaining (share of pairs with a gain), seed_agreement (rank correlation of the pairs' gains "
            "between two seeds) or minutes (of one worker)"
        ),
        **value_with_interval("mean over targets"),
    ),
    "target_sizes": table(
        "a model of a target that is trained with one number of texts: alone, or from one of three starts",
        ["size", "draw", "kind", "target", "seed"],
        size=count("number of training texts of the target, `target.n`"),
        draw=count("number of the draw of these texts, from 0; the seed `target.seed`"),
        kind=text(
            "single (the target alone), frozen (a logistic regression on the pretrained features), fused (from the mean of "
            "all other tasks' source encoders) or transfer (from the source that the linear probe ranks first)",
            *("single", "frozen", "fused", "transfer"),
        ),
        **keys("target", "seed"),
        source=text("for a transfer model the task that it starts from, else empty"),
        positives=count("number of positives among the target's training texts"),
        steps=count("number of optimiser steps"),
        **scores("f1", "average_precision"),
        train_seconds=amount("seconds of training, of one worker"),
        total_seconds=amount("seconds of the model in all, of one worker"),
        collapsed=flag("whether it predicts no positive on validation"),
    ),
    "target_size_gains": table(
        "a size, a kind of start, a metric and a part: the gain over the target alone, mean over targets",
        ["size", "kind", "metric", "part"],
        size=count("number of training texts of a target"),
        kind=text("frozen, fused or transfer, as in the table `target_sizes`", "frozen", "fused", "transfer"),
        metric=text("f1 (at probability 0.5) or average_precision", "f1", "average_precision"),
        part=text("validation or test", "validation", "test"),
        **value_with_interval("mean over targets of the gain, draws and seeds averaged within a target"),
        share_gaining=share("share of the targets that gain"),
    ),
    "type_tasks": table(
        "a task of a study of tasks of several types",
        ["task"],
        **keys("task"),
        type=text("type of the task (a class of tasks, as Vu et al. 2020 call it)", *TYPES),
        metric=text("what judges it: `validation_score` and `test_score` are this metric"),
        classes=count("number of its classes or tags; 0 for the other types"),
        train=count("number of training examples"),
        validation=count("number of validation examples"),
        test=count("number of test examples"),
        findings=text("what was found and mended in its files, with counts"),
    ),
    "type_models": table(
        "a model of a task of some type: alone, from one source, from the mean of all sources, or another baseline",
        ["regime", "kind", "source", "target", "side", "seed"],
        regime=text("name of the amounts of training data in the study's `regimes`"),
        kind=text("single, transfer, fused, step_matched or reseeded", *STARTS),
        **keys("target", "seed"),
        source=text("name of the task that is transferred from; empty for a model of no or of all sources"),
        side=text("side whose amount of training data the model has", "source", "target", "both"),
        texts=count("number of training texts, or of windows of them"),
        steps=count("number of optimiser steps"),
        validation_score=number("score on the validation examples, by the task's metric"),
        test_score=number("score on the test examples, by the task's metric"),
        train_seconds=amount("seconds of training, of one worker"),
        total_seconds=amount("seconds of the model in all, of one worker"),
        collapsed=flag("whether it tells no validation example from another"),
    ),
    "type_selectors": table(
        "a selector's score of an ordered pair of tasks; pairs that a selector cannot score have no row",
        ["regime", "selector", "source", "target", "seed"],
        regime=text("name of the regime"),
        **keys("selector", "source", "target", "seed"),
        score=number("score, larger for a better source"),
    ),
    "type_gains": table(
        "a pair or another start of a target, mean over seeds",
        ["regime", "kind", "source", "target"],
        regime=text("name of the regime"),
        kind=text("transfer, fused, step_matched or reseeded", *STARTS),
        **keys("target"),
        source=text("name of the task that is transferred from; empty for a start from no or from all sources"),
        source_type=text("type of the source; empty where there is none"),
        target_type=text("type of the target", *TYPES),
        **{
            f"{part}_{name}": number(f"{meaning}, on the {part} examples", nullable=name == "gain")
            for part in ("validation", "test")
            for name, meaning in (
                ("score", "score by the target's metric"),
                ("alone", "score of the target alone"),
                ("gain", "relative gain, (score - alone) / alone; empty where `alone` is 0"),
            )
        },
    ),
    "type_matrix": table(
        "a type of sources and a type of targets: the relative test gain of their pairs",
        ["regime", "source_type", "target_type"],
        regime=text("name of the regime"),
        source_type=text("type of the source, or all, within (the target's type) or across (other types)"),
        target_type=text("type of the target, or all"),
        **value_with_interval("mean over targets of the mean relative gain of their pairs"),
        pairs=count("number of pairs"),
        targets=count("number of targets"),
        share_gaining=share("share of the pairs that gain"),
    ),
    "type_starts": table(
        "a way of starting a target: its relative test gain over training alone",
        ["regime", "kind"],
        regime=text("name of the regime"),
        kind=text(
            "a kind of the table `type_models`, or chosen or chosen_across (of all sources, and of those of other types, "
            "the best on validation, or the target alone)"
        ),
        targets=count("number of targets"),
        **value_with_interval("mean over targets"),
    ),
    "type_selector_ranks": table(
        "a selector's ranking of a target's sources, by a metric",
        ["regime", "scope", "selector", "target", "metric"],
        regime=text("name of the regime"),
        scope=text("sources that are ranked: all, within (of the target's type) or across (of other types)"),
        **keys("selector", "target"),
        metric=text("rank_of_best, ndcg_linear or spearman, as docs/method.md defines them"),
        value=number("value of the metric", nullable=True),
        random=number("its expectation for a random order of the same sources", nullable=True),
    ),
    "generalisation": table(
        "a study whose pairs count as untrained, a selector and a metric",
        ["study", "selector", "metric"],
        **keys("study"),
        **selector_metrics(),
    ),
    "carried_anytime": table(
        "a study whose pairs count as untrained, an order of training them and a moment, all-inclusive",
        ["study", "order", "share_of_time"],
        **keys("study"),
        **anytime(),
    ),
}
