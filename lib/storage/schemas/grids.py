"""The tables of a corpus, its tasks and the models that were trained for them."""

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
from lib.storage.schemas.shared import models, table

PHASES = (  # of a study's time, as estimated before it starts and as spent
    "training single-task models",
    "training transfer models",
    "training step-matched baselines",
    "training reseeded baselines",  # where the study asks for them, as for the next ones
    "training rivals",
    "predicting",
    "loading and saving",
    "lost and collapsed tries",
    "conductance",
    "conductance with other steps",
    "feature extraction",
    "scoring by selectors",
)


DATA = {
    "tasks": table(
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
        **optional(
            {
                f"{part}_smallest_difference": share(
                    f"smallest difference in recall that the positives among the {part} texts can show (two-sided sign "
                    "test at 5 %); empty where they can show none",
                    nullable=True,
                )
                for part in ("validation", "test")
            }
        ),
        **optional({"cut_texts": count("number of texts, of all parts, that reach the encoder's max_length")}),
        source_texts=count("number of texts that the task is trained on as a source"),
        source_positives=count("number of positives among `source_texts`"),
        target_texts=count("number of texts that the task is trained on as a target"),
        target_positives=count("number of positives among `target_texts`"),
    ),
    "left_out": table(
        "a label that is no task, though no tasks are named",
        ["label"],
        label=text("name of the label"),
        reason=text("why it is no task"),
    ),
    "cooccurrence": table(
        "an ordered pair of tasks",
        ["source", "target"],
        **keys("source", "target"),
        phi=number("phi coefficient of the two tasks' labels in the training part of the split", nullable=True),
    ),
    "estimate": table(
        "a phase of the study, as estimated before it begins",
        ["phase"],
        phase=text("name of the phase", *PHASES),
        models=count("number of models that the phase handles"),
        seconds=amount("expected seconds of one worker"),
        disk_mb=amount("expected disk space (MB)"),
    ),
}


GRID = {
    "runs": table("a trained model of any kind", ["run"], **models()),
    "singles": table(
        "a single-task model: of each task, side, setting and seed",
        ["run"],
        **models(),
        selected=flag("whether the setting has the best validation F1 of its task and side"),
    ),
    "pairs": table(
        "a transfer model: fine-tuned on the source, then on the target",
        ["source", "target", "setting", "seed"],
        **models(),
    ),
    "step_matched": table(
        "a single-task model of a target with as many steps as a transfer model and its source's model together",
        ["target", "seed"],
        **models(),
    ),
    "reseeded": table(
        "a single-task model of a target with a seed that no other model has; there are as many as pairs into the target",
        ["target", "seed"],
        **models(),
    ),
    "rivals": table(
        "a model of a target that is trained instead of choosing a source; of fused_top one for each number of sources",
        ["kind", "target", "seed", "k"],
        **models(),
        k=count("for fused_top the number of sources whose mean it starts from, else 0"),
        source_seconds=amount(
            "seconds of all models that it starts from, of one worker: of the averaged sources, or of the joint source"
        ),
        selected=flag("whether `k` has the best average precision on validation of its target, mean over seeds"),
    ),
    "choices": table(
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
        **optional(scores("f1_tuned", parts=("test",))),
    ),
    "rival_scores": table(
        "what one may do instead of choosing a source, or the choice of a pair itself, and a score on test",
        ["rival", "metric"],
        rival=text("name of what is done, as docs/method.md defines it"),
        metric=text(
            "f1 (at probability 0.5), f1_tuned (at the threshold that is best on validation), average_precision"
        ),
        value=share("mean over targets of the score"),
        gain=number("`value` minus that of the selected single-task models"),
        **interval("gain", "gain_"),
        share_gaining=share("share of targets with a gain above 0, means over seeds"),
        pair_lead=number("the score of the validation-best pairs minus `value`"),
        **interval("pair_lead", "pair_lead_"),
        minutes=amount("minutes of one worker for one target, sources included, mean over targets and seeds"),
    ),
    "checkpoints": table(
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
    "transfer_matrix": table(
        "an ordered pair of tasks at its validation-best setting, mean over seeds",
        ["source", "target"],
        **keys("source", "target", "setting"),
        **scores("f1"),
        **optional(scores("f1_tuned", "average_precision", parts=("test",))),
        single_test_f1=share("test F1 of the target's selected single-task model"),
        single_validation_f1=share("validation F1 of the target's selected single-task model"),
        step_matched_test_f1=share("test F1 of the target's step-matched model"),
        gain=number("test F1 of the pair minus `single_test_f1`"),
        **interval("gain", "gain_"),
        gain_p=share("p-value of `gain` (two-sided)"),
        gain_over_step_matched=number("test F1 of the pair minus `step_matched_test_f1`"),
        **interval("gain_over_step_matched", "gain_over_step_matched_"),
        gain_over_step_matched_p=share("p-value of `gain_over_step_matched` (two-sided)"),
        **optional(
            {
                "f1_tuned_gain": number("`test_f1_tuned` minus that of the target's selected single-task model"),
                "average_precision_gain": number(
                    "`test_average_precision` minus that of the target's selected single-task model"
                ),
            }
        ),
        relative_gain=number("`gain` as a share of `single_test_f1`; empty where that is 0", nullable=True),
        helps=flag("whether the gain is positive and significant, with false discoveries among all pairs controlled"),
        hurts=flag("whether the gain is negative and significant, with false discoveries among all pairs controlled"),
        chosen=flag("whether the source has the best validation F1 of the target's sources"),
    ),
    "repeatability": table(
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
