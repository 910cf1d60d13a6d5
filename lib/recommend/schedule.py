"""Trains what a target may start from within a budget of time, so that the answer is good early and never luck unawares.

The single-task models are trained before. Then come the frozen encoder and the mean of all sources, for every target. If
time is left, every source scouts, which says what is promising: the mean of the few most promising sources; single sources,
the most promising first. At last come the leaders and the single-task models again from other seeds. After every batch the
decisions so far are written.
"""

import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import pandas as pd

from lib.recommend.candidates import candidate_of
from lib.recommend.decisions import used_models
from lib.recommend.judging import ALONE, MOST_SEEDS, Candidate, Judgement
from lib.runs.engine import train_missing, train_models
from lib.runs.plan import frozen_models, fused_models, other_seeds, sources_to_train, transfer_models
from lib.runs.records import Model
from lib.runs.results import run_table
from lib.runs.rivals import fused_top_models, target_models
from lib.runs.weights import NETWORK
from lib.runs.workbench import Workbench
from lib.selection.promising import promise, ranked_sources, scout, scouting_seconds
from lib.time_saving.orders import interleaved
from lib.transfer.pairs import CONFIGURATION, PAIR, setting_ranks, single_validation

CLOSING = 30.0  # seconds on a slow machine from the last decision to the end, besides the export: figures, report, site
FUSED_TOP, PAIRS = 0.2, 0.6  # shares of the time after the fused models at which their turn ends
Decide = Callable[[Sequence[Model]], dict[str, Judgement]]


def train_candidates(bench: Workbench, singles: pd.DataFrame, recorded: float, decide: Decide) -> "Spending":
    """Train candidates in the order of the stages, as far as the budget goes; without a budget, all of them once.

    Args:
        bench: the study; its engine and budget.
        singles: the table of this name.
        recorded: seconds of one worker that the study has taken before.
        decide: called with all models at the start and after every batch; writes the decisions and returns them.

    Returns:
        What was trained, in what time, and the last decisions.
    """
    baseline = list(target_models(bench, singles).values())
    spending = Spending(bench, recorded, baseline, decide)
    spending.train(frozen_models(bench, singles), "frozen encoder", 1.0)
    spending.train(fused_models(bench, singles), "mean of all sources", 1.0)
    if (selectors := spending.scout(singles)) is not None:
        spending.start_sharing()
        few = fused_top_models(bench, singles, ranked_sources(selectors))
        spending.train(few, "mean of the first sources", FUSED_TOP)
        pairs = most_promising_first(transfer_models(bench, singles), singles, selectors)
        spending.train(pairs, "single sources", PAIRS)
    if bench.study.budget_minutes is None:
        return spending
    planned = {(model.target, candidate_of(model)): model for model in [*baseline, *spending.planned]}
    for round in range(1, MOST_SEEDS):
        again = list(restarts(planned, spending.decisions, round, bench.study.seeds))
        if not spending.train(again, f"leaders again, round {round}", 1.0):
            break
    return spending


class Spending:
    """The models that are trained so far, the time that they took, and the decisions that rest on them.

    A batch starts only if it should end in time. What is kept free in the end is the time to export every target's
    model, and CLOSING.
    """

    def __init__(self, bench: Workbench, recorded: float, baseline: Sequence[Model], decide: Decide):
        self.bench, self.decide = bench, decide
        self.trained, self.planned = list(train_models(bench, list(baseline), "single-task models")), []
        self.recorded, self.shared = recorded, 0.0
        table = run_table(bench, self.trained)
        self.expected = float(table["total_seconds"].mean())
        self.writing = self.expected - float(table["train_seconds"].mean())
        self.decide_so_far()

    def decide_so_far(self) -> None:
        """Decide, keep the networks of what targets would use now and no others, and the time to export these."""
        self.decisions = self.decide(self.trained)
        used = {model.run.id for model in used_models(self.trained, self.decisions).values()}
        for model in self.trained:
            if model.run.id not in used:
                self.bench.ledger.prune(model.run.id, NETWORK)
        gone = sum(not self.bench.ledger.size(run, NETWORK) for run in used)
        export = len(used) * self.writing + gone * self.expected
        self.end = self.bench.study.budget_seconds - export / self.bench.engine.processes - CLOSING

    def scout(self, singles: pd.DataFrame) -> pd.DataFrame | None:
        """The table "selectors", where a model could still be trained after it. singles: the table of this name."""
        if not self.batch_size(self.end - scouting_seconds(self.bench, singles) / self.bench.engine.processes):
            return None
        tables = scout(self.bench, singles)
        seconds = tables["feature_extraction"]["seconds"].sum() + tables["selector_costs"]["scoring_seconds"].sum()
        self.recorded += float(seconds)
        return tables["selectors"]

    def start_sharing(self) -> None:
        """From here on shares of the time count what is left."""
        self.shared = min(self.seconds, self.end)

    def train(self, models: Sequence[Model], label: str, share: float) -> bool:
        """Train models in this order until a share of the time is over; returns whether any was trained."""
        end, first = self.shared + share * (self.end - self.shared), 0
        while batch := list(models[first : first + self.batch_size(end)]):
            sources = sources_to_train(self.bench, batch)
            train_missing(self.bench, sources, "sources whose weights are needed", weights=True)
            trained = train_models(self.bench, batch, f"{label}: {first + 1} to {first + len(batch)} of {len(models)}")
            seconds = run_table(self.bench, trained)["total_seconds"]
            self.recorded += float(seconds.sum())
            self.trained, self.planned = [*self.trained, *trained], [*self.planned, *batch]
            self.decide_so_far()
            first += len(batch)
        return first > 0

    def batch_size(self, end: float) -> int:
        """How many models to train next: two a worker with all seeds, or as many as should end before ``end`` (seconds)."""
        seeds, workers = len(self.bench.study.seeds), self.bench.engine.processes
        if math.isinf(end):
            return sys.maxsize
        fitting = int(max(0.0, end - self.seconds) / self.expected) * workers
        return min(2 * workers, fitting // seeds) * seeds

    @property
    def seconds(self) -> float:
        """Seconds that the study has taken."""
        return seconds_taken(self.recorded, self.bench.engine.processes)


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


def restarts(
    planned: dict[tuple[str, Candidate], Model], decisions: dict[str, Judgement], round: int, seeds: Sequence[int]
) -> Iterator[Model]:
    """Every open target's single-task model and leader from another seed, the largest expected gain first.

    Open is what cannot be told, and what one seed alone says. A frozen encoder has no seed.

    Args:
        planned: the models, by target and candidate.
        decisions: by target.
        round: number of the seed, from 1.
        seeds: of the study.
    """
    seed = next(islice(other_seeds(seeds), round - 1, None))
    unsure = {"cannot_tell"} if len(seeds) + round > 2 else {"cannot_tell", "transfer", "fuse"}
    still_open = {
        target: judgement
        for target, judgement in decisions.items()
        if judgement.leader is not None and judgement.verdict in unsure
    }
    for target, judgement in sorted(still_open.items(), key=lambda item: (-item[1].expected, item[0])):
        for candidate in (ALONE, judgement.leader):
            if candidate.kind != "frozen":
                model = planned[target, candidate]
                yield replace(model, run=replace(model.run, seed=seed), seed=seed, for_export=False)


def seconds_taken(recorded: float, workers: int) -> float:
    """Seconds that a study has taken, as its budget counts them.

    recorded: seconds of one worker in the study's tables. They count whenever they were spent, so that a second call ends
    where the first one did. If this call of ./run_all.sh has already taken longer, its own time counts: it also starts
    processes, loads data, waits for the last worker and writes notebooks.
    """
    started = os.environ.get("WHENCE_STARTED")
    this_call = time.monotonic() - float(started) if started else 0.0  # all processes of a machine share this clock
    return max(recorded / workers, this_call)
