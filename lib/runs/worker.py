"""Trains one model and enters it in the ledger; runs in a worker process."""

import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch

from lib.models.cpu import worker_process
from lib.models.encoders import fresh_head
from lib.models.training import fine_tune, predict
from lib.runs.records import Model, Run, checkpoint_entry
from lib.runs.weights import load_weights, weights_to_keep, worker_network
from lib.runs.workbench import PARTS, Place, load_materials
from lib.storage.ledger import Ledger, write_atomically
from lib.study.sections import Setting, Training

RESULTS = ("predictions", "losses")  # files of a finished run


@worker_process()
def train(place: Place, model: Model) -> None:
    """Train one model, predict validation and test, and enter it in the ledger; runs in a worker process.

    Where only the weights of a finished model are missing, they alone are added: tables rest on what it predicted then.
    """
    started, ledger, run = time.perf_counter(), Ledger(place.ledger), model.run
    network = worker_network(place.encoder, run.training["dropout"], place.device)
    tokens, rows = load_materials(place.ledger, place.materials)
    with lost_seconds(place.ledger, run.id) as clock:
        load_weights(place, network, run.source)
        torch.manual_seed(int(run.id, 16) >> 1)
        fresh_head(network)
        setting = Setting.model_construct(**run.setting)  # the step-matched baselines' epochs may pass a user's limit
        training = Training(clip=run.training["clip"])
        visit = partial(keep_checkpoint, place, run, network)
        fit = fine_tune(
            network, tokens, model.rows, model.labels, setting, training, place.precision, clock.beat,
            model.checkpoints, visit,
        )  # fmt: skip
        weights = {"weights": weights_to_keep(network, tokens, model.rows)} if model.kind == "single" else {}
        if ledger.has(run.id, RESULTS):
            files = {name: ledger.arrays(run.id, name) for name in RESULTS}
            ledger.put(run.id, asdict(run), ledger.entry(run.id)["numbers"], files | weights)
            return
        predicting = time.perf_counter()
        files = {"predictions": {part: predict(network, tokens, rows[part], place.precision) for part in PARTS}}
        files["losses"] = {"training": fit.losses}
        ended = time.perf_counter()
        numbers = {
            "steps": fit.steps, "texts": fit.texts, "train_seconds": fit.seconds, "predict_seconds": ended - predicting,
            "total_seconds": ended - started - fit.visits, "failed_seconds": clock.lost,
            "device": device_name(place.device), "threads": torch.get_num_threads(), "peak_memory_mb": peak_memory_mb(),
        }  # fmt: skip
        ledger.put(run.id, asdict(run), numbers, files | weights)


def keep_checkpoint(
    place: Place, run: Run, network: torch.nn.Module, checkpoint: float, step: int, seconds: float
) -> None:
    """Enter the validation predictions of a run that is under way in the ledger, and what they cost."""
    started = time.perf_counter()
    tokens, rows = load_materials(place.ledger, place.materials)
    predictions = {"validation": predict(network, tokens, rows["validation"], place.precision)}
    numbers = {"steps": step, "train_seconds": seconds, "predict_seconds": time.perf_counter() - started}
    Ledger(place.ledger).put(*checkpoint_entry(run, checkpoint), numbers, {"predictions": predictions})


def peak_memory_mb() -> int:
    """The largest resident memory that this process has had, in MB."""
    configuration = 1 if sys.platform == "darwin" else 1024  # bytes that getrusage counts in
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * configuration // 2**20


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
