"""Which pairs a regression is fitted on and which it is judged on."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

RANDOM_FOLDS = 10
BLOCKS = 6  # leave-both-tasks-out tunes once per pair of task blocks, not once per pair of tasks


class Fold(NamedTuple):
    """Masks over the rows of the features; ``tuning`` is the part of ``train`` that hyperparameters are chosen on."""

    name: str
    train: np.ndarray
    test: np.ndarray
    tuning: np.ndarray


def random_pairs(features: pd.DataFrame, seed: int) -> Iterator[Fold]:
    """Ten folds over pairs at random (all settings and seeds of a pair together); leaks through shared targets."""
    pair = features.groupby(["source", "target"], sort=True).ngroup().to_numpy()
    n = pair.max() + 1
    member = np.random.default_rng(seed).permutation(n) % min(RANDOM_FOLDS, n)
    for fold in range(min(RANDOM_FOLDS, n)):
        test = member[pair] == fold
        yield Fold(f"fold {fold}", ~test, test, ~test)


def leave_one_target_out(features: pd.DataFrame, seed: int) -> Iterator[Fold]:
    """The primary protocol: no pair into the target is seen; the target may have been seen as a source."""
    for target in np.unique(features["target"]):
        test = (features["target"] == target).to_numpy()
        yield Fold(str(target), ~test, test, ~test)


def leave_both_tasks_out(features: pd.DataFrame, seed: int) -> Iterator[Fold]:
    """The pairs A -> B and B -> A are predicted by a model that saw neither A nor B, as source or as target.

    Tuning leaves out the whole blocks of tasks that A and B belong to, so that folds of the same blocks share it.
    """
    tasks = np.unique(features[["source", "target"]])
    order = np.random.default_rng(seed).permutation(len(tasks))
    block = dict(zip(tasks[order], np.arange(len(tasks)) % BLOCKS, strict=True))
    for position, first in enumerate(tasks):
        for second in tasks[position + 1 :]:
            test = _touches(features, {first, second}, every=True)
            near = {task for task in tasks if block[task] in (block[first], block[second])}
            train, tuning = ~_touches(features, {first, second}), ~_touches(features, near)
            if test.any():
                yield Fold(f"{first} + {second}", train, test, tuning if tuning.any() else train)


def _touches(features: pd.DataFrame, tasks: set[str], every: bool = False) -> np.ndarray:
    """Rows whose source or target (``every``: and) is among these tasks."""
    inside = features[["source", "target"]].isin(tasks).to_numpy()
    return inside.all(axis=1) if every else inside.any(axis=1)


PROTOCOLS = {
    "random_pairs": random_pairs,
    "leave_one_target_out": leave_one_target_out,
    "leave_both_tasks_out": leave_both_tasks_out,
}


def feasible_protocols(features: pd.DataFrame) -> list[str]:
    """The protocols for which this grid leaves something to train on: leave-both-tasks-out needs four tasks."""
    return [name for name in PROTOCOLS if all(fold.train.any() for fold in PROTOCOLS[name](features, 0))]
