"""Exports a task's chosen model as a folder that a library loads without this project's code.

A study with a budget keeps the networks of the models that its targets would use so far as they were trained. A chosen
model whose network is not there is trained once more, in a worker: its run id seeds it, and on a CPU the second network
equals the first.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from lib.errors import InputError
from lib.models.cpu import worker_process
from lib.models.encoders import load_tokenizer
from lib.models.head import head_of
from lib.predict.card import UNKNOWN, encoder_licence, model_card, part_scores
from lib.predict.folder import FOLDER, Classifier, read_classifier, write_network
from lib.runs.engine import compute, train_missing
from lib.runs.plan import finished, latest_try, single_tries, source_tasks
from lib.runs.records import Model
from lib.runs.weights import NETWORK, load_weights, worker_network
from lib.runs.workbench import PARTS, Place, Workbench
from lib.runs.worker import predicted, trained
from lib.stats.metrics import best_threshold, predicted_positive
from lib.storage.ledger import Ledger
from lib.storage.replacing import replacing_folder

TOLERANCE = 1e-4  # difference between two trainings' probabilities up to which they are one model


@dataclass(frozen=True, eq=False)
class Export:
    """One model to export, with all that its worker needs. labels, weights, recorded: part -> (texts,) of the part;
    recorded: probabilities that the first training predicted. facts: for the card."""

    model: Model
    folder: Path
    labels: dict[str, np.ndarray]
    weights: dict[str, np.ndarray | None]
    recorded: dict[str, np.ndarray]
    columns: dict[str, str | None]
    facts: dict


def export_models(
    bench: Workbench, chosen: Mapping[str, Model], folder: Path | None = None, starts: Sequence[Model] = ()
) -> Path:
    """Export the chosen model of every task, each to a folder of the task's name; what is there already is kept.

    Args:
        bench: the study with its texts.
        chosen: task -> its model, which the ledger holds as finished.
        folder: where the folders go; None: ``models`` in the study's folder.
        starts: models other than single-task ones that chosen ones start from: joint sources.

    Returns:
        ``folder``.

    Raises:
        InputError: a model is not finished, a folder cannot be written, or workers were lost at every try.
    """
    folder = bench.study.folder / FOLDER if folder is None else folder
    models = {task: latest_try(bench, model) for task, model in chosen.items()}
    waiting = {task: model for task, model in models.items() if not _is_exported(folder / task, model)}
    missing = [model.run.id for model in waiting.values() if not finished(bench, replace(model, checkpoints=()))]
    if missing:
        raise InputError(
            f"run {missing[0]} is missing from {bench.study.ledger}, so its model cannot be exported; run the study again"
        )
    wanted = {start for model in waiting.values() for start in model.run.starts}
    sources = {model.run.id: model for model in [*single_tries(bench), *starts] if model.run.id in wanted}
    train_missing(bench, list(sources.values()), "sources whose weights are needed", weights=True)
    licence = encoder_licence(bench.study.encoder) if waiting else ""
    exports = [_export(bench, model, folder / task, licence) for task, model in waiting.items()]
    compute(partial(write_model, bench.place), exports, _is_done, bench.engine, "exported models")
    return folder


def export_decided(bench: Workbench, chosen: Mapping[str, Model]) -> list[str]:
    """Export the decided models of a study with a budget that is trained here; returns the tasks, none for other studies.

    bench, chosen: as for ``export_models``.
    """
    if bench.study.budget_minutes is None or os.environ.get("WHENCE_PUBLISHED") == "1":
        return []
    export_models(bench, chosen)
    for model in chosen.values():
        bench.ledger.prune(model.run.id, NETWORK)
    return sorted(chosen)


def export_model(bench: Workbench, model: Model, folder: Path, starts: Sequence[Model] = ()) -> Path:
    """Export one model to ``folder``, whose name is free; else as ``export_models``.

    Args:
        bench, starts: as for ``export_models``.
        model: what to export.
        folder: the model's own folder.

    Returns:
        ``folder``.
    """
    export_models(bench, {folder.name: model}, folder.parent, starts)
    return folder


def _is_exported(folder: Path, model: Model) -> bool:
    classifier = read_classifier(folder)
    return classifier is not None and classifier.run == model.run.id


def _is_done(export: Export) -> bool:
    return _is_exported(export.folder, export.model)


def _export(bench: Workbench, model: Model, folder: Path, licence: str) -> Export:
    tests, labels = bench.read_test({model.run.id: model.target})
    judged = {"validation": bench.validation_labels(model.target), "test": labels[model.target]}
    recorded = {"validation": bench.validation_predictions(model.run.id), "test": tests[model.run.id]}
    parts = [part for part in PARTS if len(judged[part])]
    corpus = bench.study.corpus
    return Export(
        model, folder,
        labels={part: judged[part] for part in parts},
        weights={part: bench.tasks.weight(part) for part in parts},
        recorded={part: recorded[part] for part in parts},
        columns={role: getattr(corpus, role, None) for role in ("text", "id")},
        facts=facts_of(bench, model, licence),
    )  # fmt: skip


def facts_of(bench: Workbench, model: Model, licence: str) -> dict:
    """What a card says of a model beside its scores: counts, recipe and origin, and no text of the data.

    Args:
        bench: the study with its texts.
        model: the model.
        licence: of its encoder.

    Returns:
        Names and values, as the template uses them.
    """
    own = model.labels.reshape(len(model.rows), -1)[:, 0]
    texts, positives = len(np.unique(model.rows)), len(np.unique(model.rows[own == 1]))
    encoder = bench.study.encoder
    return {
        "study": bench.study.name,
        "dataset": bench.study.corpus.dataset,
        "corpus_texts": len(bench.tasks.texts),
        "cut": bench.cut_texts,
        "training": {"texts": texts, "positives": positives},
        "share": f"{bench.tasks.column(model.target)[bench.tasks.split['train']].mean():.1%}",
        "training_share": f"{positives / texts:.1%}",
        "encoder": encoder.name + (f" at {encoder.revision}" if encoder.revision else ""),
        "start": start_of(bench, model),
        "recipe": recipe_lines(model),
        "licence": licence,
        "licence_id": licence if licence != UNKNOWN and " " not in licence else "",
    }


def start_of(bench: Workbench, model: Model) -> str:
    """What a model started from, in words."""
    if model.kind == "joint_pair":
        return f"the pretrained encoder, trained together with the task {model.source}; nothing else was transferred"
    if model.kind == "joint":
        return "the encoder of one model of all other tasks"
    tasks = source_tasks(bench, model)
    if not tasks:
        return "the pretrained encoder; nothing was transferred"
    if len(tasks) == 1:
        return f"the encoder of the model of the task {tasks[0]}"
    return f"the mean of the encoders of the models of {len(tasks)} tasks: {', '.join(tasks)}"


def recipe_lines(model: Model) -> dict[str, str]:
    """The settings that the model was trained with, name -> value."""
    if model.run.recipe.get("frozen"):
        return {"training": "none of the encoder; the head is a logistic regression on its features"}
    head = {"probe": "a logistic regression on the features where fine-tuning starts"}
    share = model.run.recipe.get("interpolation", 1)
    return {
        "optimiser": "AdamW, linear warm-up and decay",
        **{name.replace("_", " "): f"{value:g}" for name, value in model.run.setting.items()},
        "head starts as": head.get(model.run.recipe.get("head"), "random weights"),
        **({"share of the source's change taken over": f"{share:g}"} if share != 1 else {}),
        "seed": str(model.run.seed),
    }


@contextmanager
def as_trained(place: Place, model: Model) -> Iterator[torch.nn.Module]:
    """Inside, this process's network as a model's training left it: as it was kept, else trained again."""
    if not Ledger(place.ledger).has(model.run.id, (NETWORK,)):
        with trained(place, replace(model, checkpoints=())) as (network, _, _):
            yield network
        return
    network = worker_network(place.encoder, model.run.training.get("dropout"), place.device)
    with head_of(network, model.type):
        load_weights(place, network, model.run.id, NETWORK)
        yield network


@worker_process()
def write_model(place: Place, export: Export) -> None:
    """Write the folder of a model; runs in a worker process.

    Where the network's predictions equal the recorded ones, the scores are of what was recorded. After a second training on
    a GPU they may not; then threshold and scores are of the model that is exported.
    """
    model = export.model
    with as_trained(place, model) as network:
        again = predicted(place, model, network, "validation")
        apart = float(np.abs(again - export.recorded["validation"]).max())
        found = export.recorded
        if apart > TOLERANCE:
            found = {part: predicted(place, model, network, part) for part in found}
        in_float32 = replace(place, precision="float32")
        as_loaded = again if place == in_float32 else predicted(in_float32, model, network, "validation")
    threshold = best_threshold(export.labels["validation"], found["validation"], export.weights["validation"])
    classifier = Classifier(
        task=model.target, labels=(f"not {model.target}", model.target), threshold=threshold,
        max_length=place.encoder.max_length, pooling=place.encoder.pooling, precision=place.precision,
        text=export.columns["text"], id=export.columns["id"], run=model.run.id,
    )  # fmt: skip
    scores = {
        part: part_scores(export.labels[part], found[part], export.weights[part], threshold, model.target)
        for part in found
    }
    measured = differences(found["validation"], as_loaded, threshold) | {"trained_again": apart}
    with replacing_folder(export.folder) as folder:  # the network has its first head only
        write_network(folder, network, load_tokenizer(place.encoder), classifier)
        (folder / "README.md").write_text(model_card(classifier, export.facts, scores, measured), encoding="utf-8")


def differences(predicted: np.ndarray, as_loaded: np.ndarray, threshold: float) -> dict:
    """How far a library's predictions in float32 are from the study's on validation, and how many decisions change.

    predicted, as_loaded: (texts,) probabilities.
    """
    changed = predicted_positive(predicted, threshold) != predicted_positive(as_loaded, threshold)
    return {
        "float32": float(np.abs(predicted - as_loaded).max()),
        "decisions": int(changed.sum()),
        "tolerance": TOLERANCE,
    }
