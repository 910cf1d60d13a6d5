"""The tables that compare studies, recipes and sizes."""

from lib.storage.columns import amount, count, flag, keys, number, scores, share, text, value_with_interval
from lib.storage.schemas.shared import anytime, selector_metrics, table

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
