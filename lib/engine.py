"""Runs a list of independent pieces of work on all cores, resumes it, and shows how far it is.

joblib does the work: one process per core with one torch thread each, which on a CPU is faster than one process with
many threads. A piece is finished when the ledger holds it, so nothing depends on order, workers, or interruptions.
"""

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

from joblib import Parallel, cpu_count, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm.auto import tqdm as notebook_bar
from tqdm.std import tqdm as plain_bar

from lib.errors import InputError
from lib.runs import Model, Workbench, finished, train
from lib.study import Engine


def train_models(bench: Workbench, models: list[Model], label: str, weights: bool = False) -> None:
    """Train the models that the ledger lacks; ``weights``: those too whose weights were pruned but are needed."""
    longest_first = sorted(models, key=lambda model: -len(model.rows) * model.run.setting["epochs"])
    compute(
        partial(train, bench.place), longest_first, partial(finished, bench, weights=weights), bench.study.engine, label
    )


def compute(
    function: Callable,
    pieces: Sequence,
    is_finished: Callable[[object], bool],
    engine: Engine,
    label: str,
    unit: str = "model",
) -> None:
    """Call function(piece) in worker processes for every piece that is not finished; a lost worker's piece is retried."""
    missing = [piece for piece in pieces if not is_finished(piece)]
    with progress_bar(label, len(pieces), len(pieces) - len(missing), unit) as bar:
        for _ in range(engine.retries + 1):
            try:
                _run_all(function, missing, engine, bar)
            except TerminatedWorkerError:
                bar.write(f"{label}: a worker process was lost; its {unit} is tried again")
            missing = [piece for piece in missing if not is_finished(piece)]
            if not missing:
                return
    raise InputError(
        f"{label}: workers were lost {engine.retries + 1} times, {len(missing)} of {len(pieces)} {unit}s are missing; "
        "if memory is short, lower engine.workers, then run again (nothing finished is lost)"
    )


def _run_all(function: Callable, pieces: Sequence, engine: Engine, bar: plain_bar) -> None:
    with parallel_config("loky", n_jobs=worker_count(engine), inner_max_num_threads=1):
        calls = (delayed(function)(piece) for piece in pieces)
        for _ in Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs")(calls):
            bar.update()


def worker_count(engine: Engine) -> int:
    """Processes at work: as the study says, else one per core."""
    return engine.workers or cpu_count()


def progress_bar(label: str, total: int, done: int, unit: str) -> plain_bar:
    """A widget in JupyterLab; plain lines, one every few seconds, in a log."""
    if os.environ.get("WHENCE_HEADLESS") != "1":
        return notebook_bar(desc=label, total=total, initial=done, unit=unit)
    layout = "{desc}: {n_fmt} of {total_fmt} {unit}s, {rate_fmt}, {remaining} left"
    return plain_bar(
        desc=label,
        total=total,
        initial=done,
        unit=unit,
        mininterval=5,
        maxinterval=15,
        bar_format=layout,
        file=sys.stdout,
    )
