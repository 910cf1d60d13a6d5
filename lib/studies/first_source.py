"""The source that the linear probe ranks first for a target, by the target's own training texts.

The selector of this name judges its probe on the validation texts. They would be far more labels than a small target has.
"""

import numpy as np
import pandas as pd
from sklearn.model_selection import RepeatedStratifiedKFold

from lib.errors import InputError
from lib.runs.workbench import Workbench
from lib.selection.inputs import plan_inputs
from lib.selection.scoring import score_missing
from lib.selectors.probe import linear_probe
from lib.selectors.registry import Selector

FOLDS, REPEATS = 4, 4


def cross_validated_probe(features: np.ndarray, labels: np.ndarray) -> float:
    """Average precision of the linear probe on texts that it was not fitted on, mean over folds of the training texts.

    features: (n, d); labels: (n,) of 0/1. InputError where a class has one text only.
    """
    rarest = np.bincount(labels, minlength=2).min()
    if rarest < 2:
        raise InputError("a target has fewer than two positives or negatives; raise target.n or target.positives")
    folds = RepeatedStratifiedKFold(n_splits=min(FOLDS, rarest), n_repeats=REPEATS, random_state=0)
    scores = [
        linear_probe(features[fitted], labels[fitted], features[held_out], labels[held_out], None)
        for fitted, held_out in folds.split(features, labels)
    ]
    return float(np.mean(scores))


SELECTOR = Selector(
    "cross_validated_probe", "linear probe on the target's texts", cross_validated_probe, ("features", "labels"), ""
)


def first_sources(bench: Workbench, singles: pd.DataFrame) -> dict[str, str]:
    """Every target's first source, by the mean score over seeds: target -> source. singles: the table of this name."""
    scores = score_missing(plan_inputs(bench, singles, SELECTOR.needs), [SELECTOR])["selectors"]
    means = scores.groupby(["target", "source"])["score"].mean()
    return dict(means.groupby("target").idxmax().tolist())  # of pairs (target, source)
