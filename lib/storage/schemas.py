"""The tables that notebooks hand to each other: what a row is, what each column means, and which values it may hold."""

import re

import pandera.pandas as pa

from lib.storage.columns import amount, count, flag, interval, keys, number, scores, share, text, value_with_interval

PHASES = (  # of a study's time, as estimated before it starts and as spent
    "training single-task models",
    "training transfer models",
    "training step-matched baselines",
    "training reseeded baselines",  # where the study asks for them
    "predicting",
    "loading and saving",
    "lost and collapsed tries",
    "conductance",
    "conductance with other steps",
    "feature extraction",
    "scoring by selectors",
)


def _table(row: str, unique: list[str], **columns: pa.Column) -> pa.DataFrameSchema:
    """The schema of one table. row: what a row is; unique: the columns that tell rows apart."""
    return pa.DataFrameSchema(columns, description=row, unique=unique, strict=False, ordered=False)


def _models() -> dict[str, pa.Column]:
    """Everything that is recorded of a trained model."""
    kinds = ("single", "transfer", "step_matched", "reseeded")
    return {
        **keys("run", "setting", "seed"),
        "target": text("task that the model is trained for, the last one for a transfer model"),
        "kind": text("kind of the model: single, transfer, step_matched or reseeded", *kinds),
        "source": text("for a transfer model the task that it starts from, else empty"),
        "source_run": text("for a transfer model the id of the source's model that it starts from, else empty"),
        "side": text(
            "side whose amount of training data the model has: source, target, or both where the two are equal",
            *("source", "target", "both"),
        ),
        "texts": count("number of training texts"),
        "positives": count("number of positives among the training texts"),
        "steps": count("number of optimiser steps"),
        "seen": count("number of texts that passed through training, repeats included"),
        "train_seconds": amount("seconds of training, of one worker"),
        "predict_seconds": amount("seconds of predicting the validation and test texts, of one worker"),
        "other_seconds": number("seconds of loading and saving, of one worker"),
        "failed_seconds": amount("seconds of earlier attempts that were lost or collapsed, of one worker"),
        "total_seconds": amount("seconds of all of these together"),
        "tries": count("number of trainings until a model did not collapse; each has a seed of its own"),
        "collapsed": flag("whether the model predicts no positive on the validation texts"),
        "device": text("device that the model was trained on"),
        "precision": text("numeric precision of training and predicting"),
        "threads": count("number of threads of the worker"),
        "peak_memory_mb": count("largest resident memory of the worker up to then (MB)"),
        **scores(),
    }


def _protocol() -> pa.Column:
    return text(
        "pairs that the regression was not fitted on: a tenth at random (random_pairs), all into the pair's target "
        "(leave_one_target_out), or all with either of its tasks (leave_both_tasks_out)"
    )


def _regression_scores(row: str) -> pa.DataFrameSchema:
    return _table(
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


def _selector_metrics() -> dict[str, pa.Column]:
    return {
        **keys("selector"),
        "metric": text("name of the metric, as docs/method.md defines it"),
        **value_with_interval("mean of the metric over targets"),
        "random": number("expectation of the metric for a random order of the sources", nullable=True),
        "over_random_p": number("p-value of the difference from random orders (two-sided)", nullable=True),
        "over_static_mean_p": number(
            "p-value of the difference from `static_mean`, paired by target (two-sided)", nullable=True
        ),
    }


def _anytime() -> dict[str, pa.Column]:
    return {
        **keys("order"),
        "share_of_time": share("time that has passed, as a share of the whole grid's"),
        "f1": share("mean over targets of the test F1 of the model that validation chooses by then", nullable=True),
        **interval("f1", "f1_", nullable=True),
        "loss": number("share of the whole grid's F1 that is still missing", nullable=True),
        **interval("loss", "loss_", nullable=True),
    }


def _similarity() -> dict[str, pa.Column]:
    """What two models' conductances are compared on."""
    return {
        **keys("source", "target", "seed"),
        "layer": count("encoder layer, counted from 1; 0 is the embeddings' output"),
        "probe": text("probe texts that count: all of them, or the target's positives", "all", "positives"),
    }


_DATA = {
    "tasks": _table(
        "a task",
        ["task"],
        **keys("task"),
        n_train=count("number of texts in the training part of the split"),
        n_validation=count("number of validation texts"),
        n_test=count("number of test texts"),
        train_positives=count("number of positives in the training part"),
        validation_positives=count("number of positives among the validation texts"),
        test_positives=count("number of positives among the test texts"),
        prevalence=share("share of positives in the training part"),
        source_texts=count("number of texts that the task is trained on as a source"),
        source_positives=count("number of positives among `source_texts`"),
        target_texts=count("number of texts that the task is trained on as a target"),
        target_positives=count("number of positives among `target_texts`"),
    ),
    "cooccurrence": _table(
        "an ordered pair of tasks",
        ["source", "target"],
        **keys("source", "target"),
        phi=number("phi coefficient of the two tasks' labels in the training part of the split", nullable=True),
    ),
    "estimate": _table(
        "a phase of the study, as estimated before it begins",
        ["phase"],
        phase=text("name of the phase", *PHASES),
        models=count("number of models that the phase handles"),
        seconds=amount("expected seconds of one worker"),
        disk_mb=amount("expected disk space (MB)"),
    ),
}

_GRID = {
    "runs": _table("a trained model of any kind", ["run"], **_models()),
    "singles": _table(
        "a single-task model: of each task, side, setting and seed",
        ["run"],
        **_models(),
        selected=flag("whether the setting has the best validation F1 of its task and side"),
    ),
    "pairs": _table(
        "a transfer model: fine-tuned on the source, then on the target",
        ["source", "target", "setting", "seed"],
        **_models(),
    ),
    "step_matched": _table(
        "a single-task model of a target with as many steps as a transfer model and its source's model together",
        ["target", "seed"],
        **_models(),
    ),
    "reseeded": _table(
        "a single-task model of a target with a seed that no other model has; there are as many as pairs into the target",
        ["target", "seed"],
        **_models(),
    ),
    "choices": _table(
        "a target, a seed and a set of models to choose from: the model with the best validation F1",
        ["target", "seed", "among"],
        **keys("target", "seed", "run"),
        among=text(
            "models to choose from: the selected single-task model alone (no transfer), or with the pairs, or with the "
            "reseeded models",
            *("no transfer", "pairs", "reseeded"),
        ),
        **scores("f1", parts=("validation",)),
        **scores("f1", "average_precision", parts=("test",)),
    ),
    "checkpoints": _table(
        "a transfer model at a checkpoint of its training",
        ["source", "target", "setting", "seed", "checkpoint"],
        **keys("source", "target", "setting", "seed"),
        checkpoint=pa.Column(
            float, pa.Check.gt(0), description="below 1 the share of all steps, from 1 on the number of steps"
        ),
        steps=count("number of optimiser steps until then"),
        train_seconds=amount("seconds of training until then, of one worker"),
        predict_seconds=amount("seconds of predicting the validation texts, of one worker"),
        **scores("f1", "average_precision", parts=("validation",)),
    ),
    "transfer_matrix": _table(
        "an ordered pair of tasks at its validation-best setting, mean over seeds",
        ["source", "target"],
        **keys("source", "target", "setting"),
        **scores("f1"),
        single_test_f1=share("test F1 of the target's selected single-task model"),
        single_validation_f1=share("validation F1 of the target's selected single-task model"),
        step_matched_test_f1=share("test F1 of the target's step-matched model"),
        gain=number("test F1 of the pair minus `single_test_f1`"),
        **interval("gain", "gain_"),
        gain_p=share("p-value of `gain` (two-sided)"),
        gain_over_step_matched=number("test F1 of the pair minus `step_matched_test_f1`"),
        **interval("gain_over_step_matched", "gain_over_step_matched_"),
        gain_over_step_matched_p=share("p-value of `gain_over_step_matched` (two-sided)"),
        relative_gain=number("`gain` as a share of `single_test_f1`; empty where that is 0", nullable=True),
        helps=flag("whether the gain is positive and significant, with false discoveries among all pairs controlled"),
        hurts=flag("whether the gain is negative and significant, with false discoveries among all pairs controlled"),
        chosen=flag("whether the source has the best validation F1 of the target's sources"),
    ),
    "repeatability": _table(
        "a score of one seed that ranks the sources, and a metric of that ranking",
        ["ranked_by", "other_seed", "metric"],
        ranked_by=text("score that ranks the sources", "test_f1", "validation_f1"),
        other_seed=flag("whether the ranking is judged by the test F1 of another seed"),
        metric=text(
            "spearman: rank correlation with test F1; gain: test F1 of the source ranked first, minus no transfer's",
            *("spearman", "gain"),
        ),
        **value_with_interval("mean of the metric over targets and seeds"),
    ),
}

_ATTRIBUTION = {
    "conductance": _table(
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
    "tradeoff": _table(
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
    "ansat": _table(
        "an ordered pair of tasks, a seed, a layer, a threshold and a set of probe texts",
        ["source", "target", "seed", "layer", "threshold", "probe"],
        **_similarity(),
        threshold=share("activity from which a term is active"),
        ansat=amount("average number of shared active terms"),
        jaccard=share("terms active in both models divided by terms active in either, mean over the probe texts"),
    ),
    "signed_similarity": _table(
        "an ordered pair of tasks, a seed, a layer and a set of probe texts",
        ["source", "target", "seed", "layer", "probe"],
        **_similarity(),
        cosine=number("cosine of the two models' signed conductances, mean over the probe texts"),
        spearman=number("rank correlation of the two models' signed conductances, mean over the probe texts"),
    ),
}

_REGRESSION = {
    "predictions": _table(
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
    "importance": _table(
        "a feature of the regression, or a group of features",
        ["view", "name"],
        view=text("what features are grouped by: family, layer or threshold; feature for no grouping"),
        name=text("name of the feature or group"),
        share=share("share of the gain of XGBoost's trees that it brings"),
    ),
}

_SELECTION = {
    "feature_extraction": _table(
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
    "selectors": _table(
        "an ordered pair of tasks, a seed and a selector",
        ["selector", "source", "target", "seed"],
        **keys("selector", "source", "target", "seed"),
        score=number("score of the pair; larger for a better source"),
    ),
    "selector_costs": _table(
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
    "selector_metrics": _table(
        "a selector and a metric of its rankings of each target's sources",
        ["selector", "metric"],
        **_selector_metrics(),
    ),
    "anytime": _table(
        "an order of training pairs, an accounting of time and a moment",
        ["order", "accounting", "share_of_time"],
        accounting=text("time that counts: paper (training pairs) or all_inclusive", "paper", "all_inclusive"),
        **_anytime(),
    ),
    "recommendations": _table(
        "a target and a source, or no transfer",
        ["target", "source"],
        **keys("target"),
        source=text("name of the task that is transferred from; empty for no transfer"),
        rank=count("place among the target's sources by expected validation F1, counted from 1"),
        recommended=flag("whether it has the best validation F1 of what is trained, no transfer included"),
        predicted_f1=share("predicted validation F1; empty with too few trained pairs", nullable=True),
        predicted_low=share("lower end of the 90 % interval of `predicted_f1`", nullable=True),
        predicted_high=share("upper end of the 90 % interval of `predicted_f1`", nullable=True),
        validation_f1=share("validation F1; empty where the pair is not trained", nullable=True),
        test_f1=share("test F1; empty where the pair is not trained", nullable=True),
        gain=number("`test_f1` minus that of no transfer", nullable=True),
    ),
}

_STUDIES = {
    "regimes": _table(
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
    "generalisation": _table(
        "a study whose pairs count as untrained, a selector and a metric",
        ["study", "selector", "metric"],
        **keys("study"),
        **_selector_metrics(),
    ),
    "carried_anytime": _table(
        "a study whose pairs count as untrained, an order of training them and a moment, all-inclusive",
        ["study", "order", "share_of_time"],
        **keys("study"),
        **_anytime(),
    ),
}

SCHEMAS = {**_DATA, **_GRID, **_ATTRIBUTION, **_REGRESSION, **_SELECTION, **_STUDIES}


def row_of(table: str) -> str:
    """What a row of a table is. Raises KeyError for an unknown table."""
    return SCHEMAS[table].description


def describe(table: str, column: str) -> str:
    """What a column of a table means. Raises KeyError for a column that no schema describes."""
    for name, described in SCHEMAS[table].columns.items():
        if column == name or (described.regex and re.fullmatch(name, column)):
            return described.description
    raise KeyError(f"column '{column}' of table '{table}' is not described: add it to lib/storage/schemas.py")
