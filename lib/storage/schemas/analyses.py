"""The tables of what is made of trained models: attribution, regression, selection."""

import pandera.pandas as pa

from lib.storage.columns import amount, count, flag, interval, keys, number, scores, share, text, value_with_interval
from lib.storage.schemas.shared import anytime, selector_metrics, table


def _protocol() -> pa.Column:
    return text(
        "pairs that the regression was not fitted on: a tenth at random (random_pairs), all into the pair's target "
        "(leave_one_target_out), or all with either of its tasks (leave_both_tasks_out)"
    )


def _regression_scores(row: str) -> pa.DataFrameSchema:
    return table(
        row,
        ["protocol", "model", "judged_against", "score"],
        protocol=_protocol(),
        model=text("name of the regression, control or ablation"),
        judged_against=text("score that predictions are compared with: validation_f1 or test_f1"),
        score=text(
            "mae (over all pairs), r2 (over all pairs) or spearman (mean over targets)", "mae", "r2", "spearman"
        ),
        **value_with_interval("value of the score"),
    )


def _similarity() -> dict[str, pa.Column]:
    """What two models' conductances are compared on."""
    return {
        **keys("source", "target", "seed"),
        "layer": count("encoder layer, counted from 1; 0 is the embeddings' output"),
        "probe": text("probe texts that count: all of them, or the target's positives", "all", "positives"),
    }


ATTRIBUTION = {
    "conductance": table(
        "a single-task model whose conductances were computed",
        ["run"],
        **keys("run", "task", "seed"),
        side=text("side whose amount of training data the model has: source, target, or both where the two are equal"),
        probe_texts=count("number of probe texts"),
        steps=count("number of steps of the integration path"),
        seconds=amount("seconds of one worker"),
        completeness_error_absolute=number(
            "difference between the sum of the conductances and the change of the logit, median over the probe texts"
        ),
        completeness_error_relative=number(
            "the same difference as a share of the logit's change, median over the probe texts"
        ),
        **{
            r"cls_share_l\d+": pa.Column(
                float,
                pa.Check.in_range(0, 1),
                regex=True,
                description="[CLS]'s share of the absolute conductance at this layer; layer 0 is the embeddings' output",
            )
        },
    ),
    "tradeoff": table(
        "a number of path steps and a number of probe texts",
        ["steps", "probe_texts", "resampled"],
        steps=count("number of steps of the integration path"),
        probe_texts=count("number of probe texts"),
        resampled=flag("whether the probe texts were drawn with replacement"),
        seconds=amount("seconds of one worker for one model"),
        agreement=number(
            "rank correlation of a target's sources by ANSAT with their order by the most steps on all probe texts, "
            "mean over targets, layers and seeds"
        ),
        **interval("agreement", "agreement_"),
    ),
    "ansat": table(
        "an ordered pair of tasks, a seed, a layer, a threshold and a set of probe texts",
        ["source", "target", "seed", "layer", "threshold", "probe"],
        **_similarity(),
        threshold=share("activity from which a term is active"),
        ansat=amount("average number of shared active terms"),
        jaccard=share("terms active in both models divided by terms active in either, mean over the probe texts"),
    ),
    "signed_similarity": table(
        "an ordered pair of tasks, a seed, a layer and a set of probe texts",
        ["source", "target", "seed", "layer", "probe"],
        **_similarity(),
        cosine=number("cosine of the two models' signed conductances, mean over the probe texts"),
        spearman=number("rank correlation of the two models' signed conductances, mean over the probe texts"),
    ),
}


REGRESSION = {
    "predictions": table(
        "a transfer model and a protocol: what a regression that was not fitted on its pair predicts",
        ["protocol", "model", "source", "target", "setting", "seed", "fold"],
        **keys("source", "target", "setting", "seed"),
        protocol=_protocol(),
        model=text("name of the regression or control"),
        fold=text("name of the fold that the pair belongs to"),
        predicted=number("predicted validation F1"),
        **scores("f1"),
    ),
    "regression_scores": _regression_scores("a regression, a protocol and a score of its predictions"),
    "ablations": _regression_scores("a regression with a part of the attribution's features, and a score"),
    "importance": table(
        "a feature of the regression, or a group of features",
        ["view", "name"],
        view=text("what features are grouped by: family, layer or threshold; feature for no grouping"),
        name=text("name of the feature or group"),
        share=share("share of the gain of XGBoost's trees that it brings"),
    ),
}


KINDS = ("single", "frozen", "fused", "fused_top", "transfer")  # of what a target may start from

SELECTION = {
    "representations": table(
        "the pretrained encoder, or the selected model of a source: what its features of the validation texts vary in",
        ["task", "seed"],
        run=text("id of the model; empty for the pretrained encoder"),
        task=text("name of the source; empty for the pretrained encoder"),
        seed=count("random seed of the model; 0 for the pretrained encoder"),
        texts=count("number of texts"),
        effective_rank=amount("effective rank of the features: how many directions they vary in"),
        first_share=share("share of the features' variance in the direction that has most of it"),
    ),
    "feature_extraction": table(
        "a model and a kind of extraction for the field's selectors",
        ["kind", "run"],
        kind=text(
            "features (of training texts), validation (features of the validation texts) or fisher (squared gradients)",
            *("features", "validation", "fisher"),
        ),
        run=text("id of the model; empty for the pretrained encoder"),
        texts=count("number of texts"),
        seconds=amount("seconds of one worker"),
    ),
    "selectors": table(
        "an ordered pair of tasks, a seed and a selector",
        ["selector", "source", "target", "seed"],
        **keys("selector", "source", "target", "seed"),
        score=number("score of the pair; larger for a better source"),
    ),
    "selector_costs": table(
        "a selector",
        ["selector"],
        **keys("selector"),
        title=text("name of the selector in figures"),
        sees_target_labels=flag("whether the selector uses labels of the target"),
        caveat=text("why the selector says little about tasks of one corpus; empty where it does not apply"),
        extraction_seconds=amount("seconds of every extraction that the selector needs, of one worker"),
        scoring_seconds=amount("seconds of scoring all pairs, of one worker"),
        peak_memory_mb=amount("largest memory that scoring a pair allocates (MB)"),
    ),
    "selector_metrics": table(
        "a selector and a metric of its rankings of each target's sources",
        ["selector", "metric"],
        **selector_metrics(),
    ),
    "anytime": table(
        "an order of training pairs, an accounting of time and a moment",
        ["order", "accounting", "share_of_time"],
        accounting=text("time that counts: paper (training pairs) or all_inclusive", "paper", "all_inclusive"),
        **anytime(),
    ),
    "candidates": table(
        "something that a target may start from, itself (training alone) included",
        ["target", "kind", "source", "k"],
        **keys("target"),
        kind=text(
            "single (training alone), frozen (no step of training), fused (the mean of all sources), fused_top (the mean of "
            "the k most promising) or transfer (one source)",
            *KINDS,
        ),
        source=text("name of the task that is transferred from; empty for other kinds"),
        k=count("number of sources of fused_top; 0 for other kinds"),
        validation_average_precision=share("average precision on validation, mean over seeds"),
        validation_f1_tuned=share("F1 on validation at the threshold that is best there, mean over seeds"),
        seeds=count("number of seeds that it was trained with"),
        gain=number("`validation_average_precision` minus that of training alone; nothing is taken off for luck"),
        used=flag("whether it is what the target's model is made from"),
        seconds=amount("seconds of one worker, without those of source models"),
    ),
    "recommendations": table(
        "a target and what it should be trained from",
        ["target"],
        **keys("target"),
        verdict=text("the decision", "transfer", "fuse", "do_not_transfer", "cannot_tell"),
        leader=text(
            "kind of the candidate with the largest gain on validation; empty where none was trained", "", *KINDS
        ),
        sources=text("names of the tasks that this candidate starts from, separated by commas"),
        used=text("kind of the candidate that the target's model is made from", *KINDS),
        expected_gain=number(
            "gain of the leader in average precision on validation over training alone, less what choosing the best adds by "
            "luck",
            nullable=True,
        ),
        **interval("expected_gain", nullable=True),
        validation_average_precision=share("average precision on validation of what is used, mean over seeds"),
        validation_f1_tuned=share("F1 on validation of what is used, at the threshold that is best there"),
        alone_validation_average_precision=share("average precision on validation of training alone"),
        alone_validation_f1_tuned=share("F1 on validation of training alone, at the threshold that is best there"),
        validation_texts=count("number of validation texts"),
        validation_positives=count("number of positives among them"),
        candidates=count("number of candidates that were trained, training alone not counted"),
        models=count("number of models that were trained for this target"),
        minutes=amount("minutes of one worker for these models"),
        more_seeds=number("how many more seeds of the leader and of training alone would settle the decision", True),
        more_texts=number("how many more validation texts would settle the decision", True),
        test_average_precision=share("average precision on test of what is used; empty without a test part", True),
        test_f1_tuned=share("F1 on test of what is used, at the threshold of validation", True),
        alone_test_average_precision=share("average precision on test of training alone", True),
        alone_test_f1_tuned=share("F1 on test of training alone, at the threshold of validation", True),
        test_gain=number("`test_average_precision` minus `alone_test_average_precision`", True),
        test_low=number("lower end of the 95 % interval of `test_gain`, over texts", True),
        test_high=number("upper end of the 95 % interval of `test_gain`, over texts", True),
    ),
}
