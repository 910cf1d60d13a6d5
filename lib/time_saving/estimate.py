"""The time and disk space that a study will take, estimated before it trains anything.

The work is counted. This machine's rates are measured on a few batches in this process, so that an estimate takes seconds.
Notebook 7 compares it with what was spent.
"""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from lib.attribution.conductance import layer_conductances
from lib.datasets.draws import check_grid
from lib.models.cpu import worker_process
from lib.models.encoders import fresh_head
from lib.models.training import fine_tune, predict
from lib.runs.plan import finished, single_models
from lib.runs.records import Model
from lib.runs.rivals import joint_rows, numbers_of_sources
from lib.runs.weights import load_weights, weights_to_keep, worker_network
from lib.runs.workbench import PARTS, Workbench
from lib.selection.promising import scouting, texts_read
from lib.storage.tables import read_table
from lib.study.sections import Setting
from lib.time_saving.budget import check_budget

BATCHES = 4  # training batches that are timed
ENTRY = 12_000  # bytes on disk of a finished model's record and losses
PREDICTED, ATTRIBUTED = 64, 8  # texts that are timed


def estimate_once(bench: Workbench) -> pd.DataFrame:
    """Table "estimate" as it was before the first model was trained; measured now where none has been.

    A table that is there is kept if the study has finished models and if each of the table's phases has as many models
    as the study plans. InputError: see ``estimate`` and ``check_budget``.
    """
    path = bench.study.tables / "estimate.parquet"
    if path.exists() and any(finished(bench, model) for model in single_models(bench)):
        kept, planned = read_table(bench.study.tables, "estimate"), planned_work(bench).set_index("phase")["models"]
        if planned.reindex(kept["phase"]).tolist() == kept["models"].tolist():
            return kept
    estimated = estimate(bench)
    check_budget(bench.study.budget_minutes, estimated, len(bench.tasks.names), bench.engine.processes)
    return estimated


def estimate(bench: Workbench) -> pd.DataFrame:
    """Table "estimate". Lost and collapsed models are not foreseen, nor are the seconds of scoring by selectors.

    Raises InputError where the study could be trained but not analysed.
    """
    if bench.study.budget_minutes is None:
        check_grid(bench.tasks, bench.study.conductance)
    work, rates = planned_work(bench), measured_rates(bench)
    seconds = sum(work[kind] * rates[kind] for kind in rates)
    disk = work["phase"].map(_disk(bench, work.set_index("phase"))).fillna(0.0)
    return work.assign(seconds=seconds, disk_mb=disk)[["phase", "models", "seconds", "disk_mb"]]


def _disk(bench: Workbench, work: pd.DataFrame) -> dict[str, float]:
    """Disk space of the ledger by phase (MB), before unneeded weights are pruned."""
    network = worker_network(bench.study.encoder, bench.study.training.dropout, bench.place.device)
    largest = max(single_models(bench), key=lambda model: len(model.rows))
    weights = sum(array.nbytes for array in weights_to_keep(network, bench.tokens, largest.rows).values())
    trained = sum(weight.numel() for weight in network.parameters()) - network.get_input_embeddings().weight.numel()
    joint = len(bench.tasks.names) * len(bench.study.seeds) * ("joint" in bench.study.rivals.kinds)
    singles, predicting = work.loc["training single-task models"], work.loc["predicting"]
    extractions = work.loc["feature extraction"]
    features = 4 * extractions["predicted"] * (2 * network.config.hidden_size + 1)  # [CLS], mean and probability
    squared = 2 * trained * extractions["models"] * (extractions["trained"] > 0)
    networks = 2 * weights * len(bench.tasks.names) * (bench.study.budget_minutes is not None)  # in full precision
    sizes = {
        "training single-task models": singles["models"] * weights + networks,
        "training rivals": joint * weights,  # of the joint sources
        "predicting": 4 * predicting["predicted"] + ENTRY * predicting["models"],
        "feature extraction": features + squared,
    }
    return {phase: size / 1e6 for phase, size in sizes.items()}


def planned_work(bench: Workbench) -> pd.DataFrame:
    """The work of each phase: models, texts trained (times epochs), predicted and attributed (times path points).

    Which settings will be selected is not known yet. Therefore pairs count with the mean of their target's settings, and
    step-matched baselines with the longest source.
    """
    study, singles = bench.study, single_models(bench)
    targets = [model for model in singles if model.side != "source"]
    sources = [model for model in singles if model.side != "target"]
    tasks, seeds = len(bench.tasks.names), len(study.seeds)
    validation, test = (len(bench.tasks.split[part]) for part in PARTS)
    into_each = (tasks - 1) * study.models_per_pair
    selected = len({(model.target, model.side, model.seed) for model in singles})
    pairs, reseeded = tasks * into_each * seeds, tasks * into_each * study.reseeded
    mean = _texts(targets) / len(targets)
    step_matched = tasks * seeds * (mean + max(_texts([model]) for model in sources))
    rivals, trained_by_rivals = _rivals(bench, sources, targets)
    trained = len(singles) + pairs + tasks * seeds + reseeded + rivals
    config = study.conductance
    others = sum(steps + 1 for steps in config.all_steps if steps != config.steps)
    scouts = study.budget_minutes is not None  # it only scouts, and squares no gradients
    encoded = texts_read(scouting(bench) if scouts else bench)
    squared = 0 if scouts else sum(len(model.rows) for model in singles if model.setting == 0)
    rows = [
        ("training single-task models", len(singles), _texts(singles), 0, 0, 0),
        ("training transfer models", pairs, pairs * mean, 0, 0, 0),
        ("training step-matched baselines", tasks * seeds, step_matched, 0, 0, 0),
        ("training reseeded baselines", reseeded, reseeded * mean, 0, 0, 0),
        ("training rivals", rivals, trained_by_rivals, 0, 0, 0),
        ("predicting", trained, 0, trained * (validation + test) + pairs * validation * len(study.checkpoints), 0, 0),
        ("loading and saving", trained, 0, 0, trained, 0),
        ("conductance", selected, 0, 0, 0, selected * config.probe_texts * (config.steps + 1)),
        ("conductance with other steps", selected, 0, 0, 0, selected * config.probe_texts * others),
        ("feature extraction", selected, squared, encoded, selected, 0),
    ]
    table = pd.DataFrame(rows, columns=["phase", "models", "trained", "predicted", "loaded", "attributed"])
    return table[table["models"] > 0].reset_index(drop=True)


def _rivals(bench: Workbench, sources: list[Model], targets: list[Model]) -> tuple[int, float]:
    """How many models the study's rivals and their joint sources are, and texts that these are trained on, times epochs."""
    study, names = bench.study, bench.tasks.names
    source, target = (_texts(models) / len(models) for models in (sources, targets))
    epochs = _texts(sources) / sum(len(model.rows) for model in sources)
    joint = epochs * np.mean([len(joint_rows(bench, task)) for task in names])
    trained = {
        "frozen": [0.0],
        "fused": [target],
        "fused_top": [target for _ in numbers_of_sources(bench)],
        "joint": [joint, target],
        "joint_pair": [source + target],
    }
    planned, runs = [texts for kind in study.rivals.kinds for texts in trained[kind]], len(names) * len(study.seeds)
    return runs * len(planned), runs * sum(planned)


def _texts(models: list[Model]) -> float:
    """Texts that these models are trained on, times epochs."""
    return sum(len(model.rows) * model.run.setting["epochs"] for model in models)


@worker_process()
def measured_rates(bench: Workbench) -> dict[str, float]:
    """Seconds of one worker: of a text trained, predicted or attributed at one point, and of a model loaded and saved."""
    study, place, tokens = bench.study, bench.place, bench.tokens
    network = worker_network(study.encoder, study.training.dropout, place.device)
    model = next(model for model in single_models(bench) if model.side != "source")
    setting = Setting(**model.run.setting | {"epochs": 1.0})
    rows = model.rows[: BATCHES * setting.batch_size]
    points = study.conductance.steps + 1
    texts = [tokens.text(row) for row in rows[:ATTRIBUTED]]

    def train() -> None:
        fresh_head(network)
        fine_tune(network, tokens, rows, model.labels[: len(rows)], setting, study.training, place.precision)

    def load_and_save() -> None:
        load_weights(place, network, "")
        weights_to_keep(network, tokens, rows)

    def attribute() -> None:
        network.eval()
        layer_conductances(network, texts, tokens.pad, study.conductance.steps, study.conductance.positions)

    with torch.random.fork_rng():
        held_out = bench.tasks.split["validation"][:PREDICTED]
        return {
            "trained": _seconds(train) / len(rows),
            "predicted": _seconds(lambda: predict(network, tokens, held_out, place.precision)) / len(held_out),
            "loaded": _seconds(load_and_save),
            "attributed": _seconds(attribute) / (len(texts) * points),
        }


def _seconds(work: Callable[[], object]) -> float:
    """Seconds of a second call: the first one through new code and new memory takes longer than those that follow."""
    work()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
