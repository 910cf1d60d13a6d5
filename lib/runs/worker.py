"""Trains one model and enters it in the ledger; runs in a worker process."""

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from lib.models.cpu import worker_process
from lib.models.encoders import fresh_head
from lib.models.head import head_of, start_at_probe
from lib.models.training import Fit, fine_tune, predict
from lib.runs.records import Model, checkpoint_entry
from lib.runs.weights import NETWORK, load_start, weights_to_keep, worker_network
from lib.runs.workbench import PARTS, Place, load_materials
from lib.stats.metrics import scores
from lib.storage.ledger import Ledger, write_atomically
from lib.study.sections import Setting, Training

RESULTS = ("predictions", "losses")  # files of a finished run
STARTS = ("single", "joint_source")  # kinds of models that others start from: their weights are kept
LAST_STEP = 10**9  # a checkpoint beyond every run's steps is its last one


@worker_process()
def train(place: Place, model: Model) -> None:
    """Train one model, predict validation and test, and enter it in the ledger; runs in a worker process.

    Where only the weights of a finished model are missing, they alone are added: tables rest on what it predicted then.
    """
    started, ledger, run = time.perf_counter(), Ledger(place.ledger), model.run
    tokens, _ = load_materials(place.ledger, place.materials)
    with lost_seconds(place.ledger, run.id) as clock, trained(place, model, clock.beat) as (network, fit, looking):
        kept = {"weights": weights_to_keep(network, tokens, model.rows)} if model.kind in STARTS else {}
        if model.for_export:
            kept[NETWORK] = weights_to_keep(network, tokens, model.rows, torch.float32)
        if ledger.has(run.id, RESULTS):
            files = {name: ledger.arrays(run.id, name) for name in RESULTS}
            ledger.put(run.id, run.record, ledger.entry(run.id)["numbers"], files | kept)
            return
        predicting = time.perf_counter()
        files = {"predictions": {part: predicted(place, model, network, part) for part in PARTS}}
        files["losses"] = {"training": fit.losses}
        ended = time.perf_counter()
        numbers = {
            "steps": fit.steps, "texts": fit.texts, "train_seconds": fit.seconds,
            "predict_seconds": ended - predicting + looking, "total_seconds": ended - started - fit.visits + looking,
            "failed_seconds": clock.lost, "device": device_name(place.device), "threads": torch.get_num_threads(),
            "peak_memory_mb": peak_memory_mb(),
        }  # fmt: skip
        ledger.put(run.id, run.record, numbers, files | kept)


def predicted(place: Place, model: Model, network: torch.nn.Module, part: str) -> np.ndarray:
    """What a model's network predicts of a part, "validation" or "test": see ``training.predict``."""
    tokens, shared = load_materials(place.ledger, place.materials)
    rows = (shared if model.held_out is None else model.held_out)[part]
    return predict(network, tokens, rows, place.precision, type=model.type)


@contextmanager
def trained(
    place: Place, model: Model, heartbeat: Callable[[], None] = lambda: None
) -> Iterator[tuple[torch.nn.Module, Fit, float]]:
    """Inside, this process's network after a model's training; afterwards it has one binary head again.

    Args:
        place: where texts and ledger are; the ledger holds the weights of what the model starts from.
        model: what to train.
        heartbeat: called at every step.

    Yields:
        The network, on a CPU the same at every call, and what ``fit_model`` returns.
    """
    run = model.run
    network = worker_network(place.encoder, run.training.get("dropout"), place.device)
    load_start(place, network, run)
    torch.manual_seed(int(run.id, 16) >> 1)
    with head_of(network, model.type):
        yield network, *fit_model(place, model, network, heartbeat)


def fit_model(place: Place, model: Model, network: torch.nn.Module, heartbeat: Callable[[], None]) -> tuple[Fit, float]:
    """Give a network new heads and fine-tune it, unless it is frozen, as a model's run says, from torch's random state.

    Args:
        place: where texts and ledger are.
        model: what to train.
        network: its encoder where the run starts, with the outputs of the model's type of task.
        heartbeat: called at every step.

    Returns:
        What the fine-tuning was, with the start of the head among its seconds; and the seconds of looking at
        validation for early stopping, which are part of its visits.
    """
    started, run = time.perf_counter(), model.run
    tokens, _ = load_materials(place.ledger, place.materials)
    setting = Setting.model_construct(**run.setting)  # the step-matched baselines' epochs may pass a user's limit
    fresh_head(network)
    frozen = run.recipe.get("frozen", False)
    if frozen or run.recipe.get("head") == "probe":
        given = (tokens, model.rows, model.labels, setting.positive_weight, place.precision, model.type)
        start_at_probe(network, *given)
    heading = time.perf_counter() - started
    if frozen:
        return Fit(steps=0, texts=0, seconds=heading, losses=np.empty(0, np.float32)), 0.0
    best = BestState(network, partial(predicted, place, model, network, "validation"), model)
    looks = [] if setting.early_stopping is None else best.moments(setting.early_stopping)

    def visit(moment: float, step: int, seconds: float) -> None:
        if moment in looks:
            best.look()
        if moment in model.checkpoints:
            keep_checkpoint(place, model, network, moment, step, seconds)

    fit = fine_tune(
        network, tokens, model.rows, model.labels, setting, Training(clip=run.training["clip"]), place.precision,
        heartbeat, sorted({*model.checkpoints, *looks}), visit, model.type,
    )  # fmt: skip
    best.restore()
    return replace(fit, seconds=fit.seconds + heading), best.seconds


class BestState:
    """The state of a network under way that has the best average precision on validation; the earliest of equal ones."""

    def __init__(self, network: torch.nn.Module, predicted: Callable[[], np.ndarray], model: Model):
        self.network, self.predicted = network, predicted
        self.labels, self.weights = model.validation_labels, model.validation_weights
        self.score, self.state, self.seconds = -1.0, None, 0.0

    @staticmethod
    def moments(looks: int) -> list[float]:
        """Shares of the steps at which validation is looked at; the last one, the end, as a number of steps."""
        return [look / looks for look in range(1, looks)] + [float(LAST_STEP)]

    def look(self) -> None:
        started = time.perf_counter()
        score = scores(self.labels, self.predicted(), self.weights)["average_precision"]
        if score > self.score:
            self.score = score
            self.state = {name: value.detach().clone() for name, value in self.network.named_parameters()}
        self.seconds += time.perf_counter() - started

    def restore(self) -> None:
        """Set the network to the best state, if any was looked at."""
        with torch.no_grad():
            for name, parameter in self.network.named_parameters():
                if self.state is not None:
                    parameter.copy_(self.state[name])


def keep_checkpoint(
    place: Place, model: Model, network: torch.nn.Module, checkpoint: float, step: int, seconds: float
) -> None:
    """Enter the validation predictions of a model that is under way in the ledger, and what they cost.

    Args:
        place: where texts and ledger are.
        model, network: the model and its network as it is now.
        checkpoint, step, seconds: the moment, as the study names it and as the step that it is, and the seconds of training.
    """
    started = time.perf_counter()
    predictions = {"validation": predicted(place, model, network, "validation")}
    numbers = {"steps": step, "train_seconds": seconds, "predict_seconds": time.perf_counter() - started}
    Ledger(place.ledger).put(*checkpoint_entry(model.run, checkpoint), numbers, {"predictions": predictions})


def peak_memory_mb() -> int:
    """The largest resident memory that this process has had, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes that getrusage counts in
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 2**20


def device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"


class Heartbeat:
    """Marks a run as under way, so that what a killed worker spent on it is found and counted by the next one.

    The marker holds the seconds lost before and when this try started; its time of change is the last beat.
    """

    def __init__(self, path: Path):
        self.path, self.last = path, time.time()
        self.lost = self._earlier()
        write_atomically(path, f"{self.lost} {self.last}".encode())

    def _earlier(self) -> float:
        try:
            before, started = map(float, self.path.read_text().split())
        except (FileNotFoundError, ValueError):
            return 0.0
        return before + max(0.0, self.path.stat().st_mtime - started)

    def beat(self) -> None:
        if time.time() - self.last > 1:
            self.last = time.time()
            with suppress(FileNotFoundError):  # another process was at the same run, and has finished it
                os.utime(self.path)


@contextmanager
def lost_seconds(ledger: Path, run: str) -> Iterator[Heartbeat]:
    """A heartbeat around one run; its marker goes when the run is in the ledger."""
    heartbeat = Heartbeat(Path(ledger) / "under_way" / run)
    yield heartbeat
    heartbeat.path.unlink(missing_ok=True)
