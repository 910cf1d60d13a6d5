"""The tables that compare studies, recipes and sizes."""

from lib.storage.columns import amount, flag, keys, number, scores, text, value_with_interval
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
            "baseline (average precision without transfer), pair_gain and fused_gain (what a pair, and the mean of all "
            "sources, add to it), over_best_baseline (pairs minus the best recipe's baseline), share_gaining (share of "
            "pairs with a gain), seed_agreement (rank correlation of the pairs' gains between two seeds) or minutes (of "
            "one worker)"
        ),
        **value_with_interval("mean over targets"),
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
