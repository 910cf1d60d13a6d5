"""What several tables' schemas have in common."""

import pandera.pandas as pa

from lib.storage.columns import (
    amount,
    count,
    flag,
    interval,
    keys,
    number,
    optional,
    scores,
    share,
    text,
    value_with_interval,
)


def table(row: str, unique: list[str], **columns: pa.Column) -> pa.DataFrameSchema:
    """The schema of one table. row: what a row is; unique: the columns that tell rows apart."""
    return pa.DataFrameSchema(columns, description=row, unique=unique, strict=False, ordered=False)


def models() -> dict[str, pa.Column]:
    """Everything that is recorded of a trained model."""
    kinds = ("single", "transfer", "step_matched", "reseeded", "frozen", "fused", "fused_top", "joint", "joint_pair")
    return {
        **keys("run", "setting", "seed"),
        "target": text("task that the model is trained for, the last one for a transfer model"),
        "kind": text(f"kind of the model: {', '.join(kinds[:-1])} or {kinds[-1]}", *kinds),
        "source": text("task that a transfer model starts from, or that a joint pair is trained with; else empty"),
        "source_run": text("id of the model that a transfer model or a joint model starts from, else empty"),
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
        **scores(nullable=("test",)),
        **optional(
            {
                "threshold": share("probability from which F1 on the validation texts is largest"),
                **scores("f1_tuned", nullable=("test",)),
            }
        ),
    }


def selector_metrics() -> dict[str, pa.Column]:
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


def anytime() -> dict[str, pa.Column]:
    return {
        **keys("order"),
        "share_of_time": share("time that has passed, as a share of the whole grid's"),
        "f1": share("mean over targets of the test F1 of the model that validation chooses by then", nullable=True),
        **interval("f1", "f1_", nullable=True),
        "loss": number("share of the whole grid's F1 that is still missing", nullable=True),
        **interval("loss", "loss_", nullable=True),
    }
