"""Runs a list of independent jobs of work on all cores or a cluster, resumes it, and shows how far it is.

On one machine every core has a lane: one loky process with one torch thread, which on a CPU is faster than one process
with many threads. A process that is killed takes only its own job with it. A lane is kept for the next call, since what
it imports and loads costs seconds. One worker is this process itself. On a cluster joblib hands the jobs to dask. A
job is finished when the ledger holds it, so nothing depends on order, workers, or interruptions.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from threading import Lock, RLock, Timer

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky import process_executor
from joblib.externals.loky.process_executor import ProcessPoolExecutor, TerminatedWorkerError
from tqdm.auto import tqdm as notebook_bar
from tqdm.std import tqdm as plain_bar

from lib.errors import InputError
from lib.models.device_check import check_device
from lib.runs.plan import finished, latest_try, single_tries
from lib.runs.records import Model
from lib.runs.workbench import Place, Workbench
from lib.runs.worker import train
from lib.study.sections import Engine

# What a lane's process starts with. One thread; large pages where the system has them, and none of the generous caches of
# glibc, of oneDNN and of what connects PyTorch with it (LRU_CACHE_CAPACITY): texts of every length would fill them with a
# kernel per shape, and a fine-tuning of MiniLM needs 0.8 GB instead of 1.2, in the same time.
LANE = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")} | {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.tcache_count=0",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
    "LRU_CACHE_CAPACITY": "32",
}
GROWTH = 2**31  # bytes by which a lane may grow before loky takes it for a leak and starts it again; its own limit is
# 0.3 GB, which the first training after a mere feature extraction exceeds
KEPT_SECONDS = 60  # that a lane may wait for the next call: an idle one still holds several hundred MB
plain_bar.set_lock(RLock())  # tqdm's own would be a semaphore, which a killed process leaves behind


def train_models(bench: Workbench, models: list[Model], label: str) -> list[Model]:
    """Train models, and those that collapsed again from another seed (training.tries); returns the tries that stand."""
    train_missing(bench, models, label)
    while (again := [latest_try(bench, model) for model in models]) != models:
        models = again
        train_missing(bench, models, f"{label}, those that collapsed again")
    return models


def train_missing(bench: Workbench, models: list[Model], label: str, weights: bool = False) -> None:
    """Train the models that the ledger lacks.

    Args:
        bench: the study with its texts.
        models: in any order; see ``order_of_work``.
        label: what the progress bar calls them.
        weights: train those too whose weights were deleted.
    """
    models = list({model.run.id: model for model in models}.values())  # one frozen run may stand for several seeds
    longest_first = sorted(models, key=order_of_work)
    is_finished = partial(finished, bench, weights=weights)
    if bench.place.device == "cuda" and not all(map(is_finished, models)):
        say_device_check(bench, longest_first[0])
    compute(partial(train, bench.place), longest_first, is_finished, bench.engine, label)


def order_of_work(model: Model) -> tuple[float, tuple[str, ...]]:
    """The longest models first, so that no core waits for the last one. Equally long ones with the same start follow each
    other: a grid that goes on where its weights are not at hand trains only the sources again that have pairs left."""
    return -len(model.rows) * model.run.setting["epochs"], model.run.starts


def say_device_check(bench: Workbench, model: Model) -> None:
    """Print how one step of this model's training on the study's device differs from the CPU's, once per process."""
    place, rows = bench.place, model.rows[: model.run.setting.get("batch_size", 1)]  # a frozen model has no batches
    if place not in _checked:
        given = (rows, model.labels[: len(rows)], place.device, place.precision, model.type)
        print(check_device(place.encoder, bench.tokens, *given), flush=True)
        _checked.add(place)


_checked: set[Place] = set()


def compute_from_weights(
    bench: Workbench, function: Callable, jobs: Sequence, is_finished: Callable[[object], bool], label: str
) -> None:
    """``compute`` for jobs that need the weights of the single-task model ``job.run``.

    Models whose weights are needed and not at hand are trained again.

    Args:
        bench: the study with its texts.
        function, jobs, is_finished, label: as for ``compute``.
    """
    missing = {job.run for job in jobs if not is_finished(job)}
    models = [model for model in single_tries(bench) if model.run.id in missing]
    train_missing(bench, models, f"models whose weights are needed for {label}", weights=True)
    compute(function, jobs, is_finished, bench.engine, label)


def compute(
    function: Callable,
    jobs: Sequence,
    is_finished: Callable[[object], bool],
    engine: Engine,
    label: str,
    unit: str = "model",
) -> None:
    """Call a function for every job that is not finished, in the workers; a job whose worker was lost is tried again.

    Args:
        function: takes a job; both have to be picklable.
        jobs: in the order in which they are begun.
        is_finished: whether the ledger holds a job's result.
        engine: workers, retries, scheduler.
        label, unit: what the progress bar calls the work and a job.

    Raises:
        InputError: workers were lost at every try.
    """
    missing = [job for job in jobs if not is_finished(job)]
    if not missing:
        return
    if os.environ.get("WHENCE_PUBLISHED") == "1":
        counted = f"{len(missing)} of {len(jobs)} {unit}s are not among the published runs"
        raise InputError(f"{label}: {counted}, and --published trains nothing; run the study without --published")
    run_all = _backend(engine)
    with progress_bar(label, len(jobs), len(jobs) - len(missing), unit) as bar:
        for _ in range(engine.retries + 1):
            lost = 0
            for survived in run_all(function, missing, engine):
                lost += not survived
                bar.update(survived)
            if lost:
                bar.write(f"{label}: {lost} worker process(es) lost; what they were at is tried again")
            missing = [job for job in missing if not is_finished(job)]
            if not missing:
                return
    raise InputError(
        f"{label}: workers were lost {engine.retries + 1} times, {len(missing)} of {len(jobs)} {unit}s are missing; "
        "if memory is short, lower engine.workers, then run again (nothing finished is lost)"
    )


def _backend(engine: Engine) -> Callable[[Callable, Sequence, Engine], Iterator[bool]]:
    if engine.scheduler is not None:
        return _on_a_cluster
    return _in_this_process if engine.processes == 1 else _in_lanes


def _in_this_process(function: Callable, jobs: Sequence, engine: Engine) -> Iterator[bool]:
    """Call function(job) one after another, with no process to start and none to lose."""
    for job in jobs:
        function(job)
        yield True


def _in_lanes(function: Callable, jobs: Sequence, engine: Engine) -> Iterator[bool]:
    """Call function(job) for all jobs, one lane per worker; yields for each whether its process survived."""
    threads, lanes = ThreadPoolExecutor(engine.processes), Lanes()
    try:
        calls = [threads.submit(lanes.call, function, job) for job in jobs]
        for done in as_completed(calls):
            yield done.result()
    finally:  # after an error or an interruption jobs that wait are dropped, and those in flight end with their lane
        threads.shutdown(wait=False, cancel_futures=True)
        lanes.close()


class Lanes:
    """The loky processes of one ``compute``, each an executor of one worker; idle ones pass from one to the next.

    loky's own idle timeout is not used: with it, loky can overlook the death of a process that it has started again.
    """

    idle: list[ProcessPoolExecutor] = []
    lock = Lock()
    timer: Timer | None = None

    def __init__(self):
        self.busy, self.open = set(), True
        if self.timer is not None:
            self.timer.cancel()

    def call(self, function: Callable, job: object) -> bool:
        """Call function(job) in an idle lane, a new one if there is none; False if its process was lost."""
        lane = self._take()
        if lane is None:  # another job failed: nothing new is begun
            return False
        try:
            lane.submit(function, job).result()
        except TerminatedWorkerError:
            self.busy.discard(lane)
            return False
        except Exception:
            self.open = False
            raise
        self._give_back(lane)
        return True

    def close(self) -> None:
        """Begin nothing new, end what is in flight, and let go of the idle lanes unless they are soon used again."""
        with self.lock:
            self.open, in_flight = False, list(self.busy)
        for lane in in_flight:
            lane.shutdown(wait=False, kill_workers=True)
        Lanes.timer = Timer(KEPT_SECONDS, self._release)
        Lanes.timer.daemon = True
        Lanes.timer.start()

    def _release(self) -> None:
        with self.lock:
            while self.idle:
                self.idle.pop().shutdown(wait=False, kill_workers=True)

    def _take(self) -> ProcessPoolExecutor | None:
        with self.lock:
            if not self.open:
                return None
            lane = self.idle.pop() if self.idle else _new_lane()
            self.busy.add(lane)
            return lane

    def _give_back(self, lane: ProcessPoolExecutor) -> None:
        with self.lock:
            if self.open:  # otherwise it is being ended
                self.busy.discard(lane)
                self.idle.append(lane)


def _new_lane() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(max_workers=1, env=LANE, initializer=_begin_lane)


def _begin_lane() -> None:
    """Set what holds in a lane's process."""
    process_executor._MAX_MEMORY_LEAK_SIZE = GROWTH


def _on_a_cluster(function: Callable, jobs: Sequence, engine: Engine) -> Iterator[bool]:
    """Call function(job) for all jobs on dask's workers; dask itself tries the jobs of a lost worker again."""
    with _connected(engine.scheduler), parallel_config("dask", wait_for_workers_timeout=60):
        calls = Parallel(return_as="generator_unordered", batch_size=1)(delayed(function)(job) for job in jobs)
        for _ in calls:
            yield True


def _connected(scheduler: str):
    """A client of a dask scheduler; InputError when dask is not installed or nothing answers there."""
    try:
        from distributed import Client
    except ImportError:
        raise InputError(
            "engine.scheduler needs dask: pip install --requirement requirements-cluster.lock, or leave the key out"
        ) from None
    try:
        return Client(scheduler, timeout=20)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"engine.scheduler {scheduler}: no dask scheduler answers ({reason}); start it, or leave the key out"
        ) from None


def progress_bar(label: str, total: int, done: int, unit: str) -> plain_bar:
    """A widget in JupyterLab; in a log plain lines, one every few seconds.

    Args:
        label: what is done.
        total, done: how much there is, and how much of it is done.
        unit: what is counted.
    """
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
