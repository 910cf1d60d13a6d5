"""The folds of each protocol: the pairs that a regression is fitted on, and those that it predicts."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

RANDOM_FOLDS = 10
BLOCKS = 6  # of tasks: leave-both-tasks-out tunes once per pair of blocks, not once per pair of tasks


class Fold(NamedTuple):
    """Masks over the rows of the features. tuning: the part of ``train`` that hyperparameters are chosen on."""

    name: str
    train: np.ndarray
    test: np.ndarray
    tuning: np.ndarray


def random_pairs(features: pd.DataFrame, seed: int) -> Iterator[Fold]:
    """Ten random folds over pairs, with all settings and seeds of a pair together. They leak through shared targets."""
    pair = features.groupby(["source", "target"], sort=True).ngroup().to_numpy()
    n = pair.max() + 1
    member = np.random.default_rng(seed).permutation(n) % min(RANDOM_FOLDS, n)
    for fold in range(min(RANDOM_FOLDS, n)):
        test = member[pair] == fold
        yield Fold(f"fold {fold}", ~test, test, ~test)


def leave_one_target_out(features: pd.DataFrame, seed: int) -> Iterator[Fold]:
    """The primary protocol: no pair into the target is seen, but the target may be seen as a source."""
    for target in np.unique(features["target"]):
        test = (features["target"] == target).to_numpy()
        yield Fold(str(target), ~test, test, ~test)


def leave_both_tasks_out(features: pd.DataFrame, seed: int) -> Iterator[Fold]:
    """The pairs A -> B and B -> A are predicted by a regression that saw no pair with A or B, as source or as target.

    Tuning leaves out the whole blocks that A and B belong to, so that folds of the same two blocks share it.
    """
    tasks = np.unique(features[["source", "target"]])
    order = np.random.default_rng(seed).permutation(len(tasks))
    block = dict(zip(tasks[order], np.arange(len(tasks)) % BLOCKS, strict=True))
    for position, first in enumerate(tasks):
        for second in tasks[position + 1 :]:
            test = _touches(features, {first, second}, both=True)
            near = {task for task in tasks if block[task] in (block[first], block[second])}
            train, tuning = ~_touches(features, {first, second}), ~_touches(features, near)
            if test.any():
                yield Fold(f"{first} + {second}", train, test, tuning if tuning.any() else train)


def _touches(features: pd.DataFrame, tasks: set[str], both: bool = False) -> np.ndarray:
    """Rows whose source or target (``both``: source and target) is among these tasks."""
    inside = features[["source", "target"]].isin(tasks).to_numpy()
    return inside.all(axis=1) if both else inside.any(axis=1)


PROTOCOLS = {
    "random_pairs": random_pairs,
    "leave_one_target_out": leave_one_target_out,
    "leave_both_tasks_out": leave_both_tasks_out,
}


def feasible_protocols(features: pd.DataFrame) -> list[str]:
    """The protocols that leave pairs to train on: leave-both-tasks-out needs four tasks."""
    return [name for name in PROTOCOLS if all(fold.train.any() for fold in PROTOCOLS[name](features, 0))]
