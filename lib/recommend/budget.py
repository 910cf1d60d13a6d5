"""Trains the most promising pairs within a budget of time."""

import os
import time
from collections.abc import Callable

import pandas as pd

from lib.runs.engine import train_missing, train_models
from lib.runs.plan import sources_to_train
from lib.runs.records import Model
from lib.runs.results import pair_table, run_table
from lib.runs.workbench import Workbench
from lib.selection.promising import promise
from lib.time_saving.orders import interleaved
from lib.transfer.pairs import CONFIGURATION, PAIR, setting_ranks, single_validation


def most_promising_first(models: list[Model], singles: pd.DataFrame, selectors: pd.DataFrame) -> list[Model]:
    """Pairs in the order of training: every target's most promising one, then every target's second, and so on.

    models: from ``transfer_models``; singles, selectors: the tables of these names.
    """
    by_configuration: dict[tuple, list[Model]] = {}
    for model in models:
        by_configuration.setdefault((model.source, model.target, model.setting), []).append(model)
    configurations = pd.DataFrame(list(by_configuration), columns=CONFIGURATION).merge(
        promise(selectors), on=PAIR, validate="many_to_one"
    )
    return [
        model
        for configuration in interleaved(configurations, single_validation(singles), setting_ranks(singles))
        for model in by_configuration[configuration]
    ]


def train_within_budget(
    bench: Workbench,
    models: list[Model],
    expected: float,
    recorded: float,
    keep: Callable[[pd.DataFrame | None], object],
) -> pd.DataFrame | None:
    """Train models in this order, in batches. A batch starts only if it should end within the budget.

    Args:
        bench: the study; its engine and budget.
        models: transfer models, the most promising first.
        expected: seconds of one worker that the first pair should take.
        recorded: seconds of one worker that the study has taken before.
        keep: called with the table at the start and after every batch.

    Returns:
        The table "pairs" of what is trained; None where nothing is.
    """
    study, trained, pairs = bench.study, [], None
    workers = study.engine.processes
    size, spent = 2 * workers * len(study.seeds), recorded
    keep(pairs)
    for first in range(0, len(models), size):
        batch = models[first : first + size]
        if seconds_taken(spent, workers) + expected * len(batch) / workers > study.budget_seconds:
            break
        train_missing(bench, sources_to_train(bench, batch), "sources whose weights are needed", weights=True)
        trained += train_models(bench, batch, f"pairs {first + 1} to {first + len(batch)} of {len(models)}")
        pairs = pair_table(run_table(bench, trained))
        spent, expected = recorded + pairs["total_seconds"].sum(), pairs["total_seconds"].mean()
        keep(pairs)
    return pairs


def seconds_taken(recorded: float, workers: int) -> float:
    """Seconds that a study has taken, as its budget counts them.

    recorded: seconds of one worker in the study's tables. They count whenever they were spent, so that a second call ends
    where the first one did. If this call of ./run_all.sh has already taken longer, its own time counts: it also starts
    processes, loads data, waits for the last worker and writes notebooks.
    """
    started = os.environ.get("WHENCE_STARTED")
    this_call = time.monotonic() - float(started) if started else 0.0  # all processes of a machine share this clock
    return max(recorded / workers, this_call)
