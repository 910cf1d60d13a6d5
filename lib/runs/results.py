"""The tables of what finished runs were and scored."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from lib.errors import InputError
from lib.runs.plan import has_collapsed, single_tries
from lib.runs.records import Model, checkpoint_entry
from lib.runs.workbench import PARTS, Workbench
from lib.stats.metrics import scores
from lib.storage.ledger import fingerprint
from lib.transfer.pairs import among


def run_table(bench: Workbench, models: list[Model]) -> pd.DataFrame:
    """Table "runs": what every finished model was and scored."""
    return pd.DataFrame([_row(bench, model) for model in models])


def _row(bench: Workbench, model: Model) -> dict:
    numbers, *before = (bench.ledger.entry(run)["numbers"] for run in (model.run.id, *model.earlier))
    seconds = {name: float(numbers[name]) for name in ("train_seconds", "predict_seconds", "failed_seconds")}
    seconds["failed_seconds"] += sum(each["total_seconds"] + each["failed_seconds"] for each in before)
    seconds["other_seconds"] = numbers["total_seconds"] - numbers["train_seconds"] - numbers["predict_seconds"]
    seconds["total_seconds"] = numbers["total_seconds"] + seconds["failed_seconds"]
    own = model.labels.reshape(len(model.rows), -1)[:, 0]  # of the task itself, where others are trained with it
    row = {
        "run": model.run.id, "kind": model.kind, "target": model.target, "source": model.source,
        "source_run": model.run.source, "side": model.side, "setting": model.setting, "seed": model.seed,
        "texts": len(np.unique(model.rows)), "positives": len(np.unique(model.rows[own == 1])),
        "steps": numbers["steps"], **seconds,
        "tries": len(model.earlier) + 1, "collapsed": has_collapsed(bench, model), "device": numbers["device"],
        "precision": model.run.training["precision"], "threads": numbers["threads"], "seen": numbers["texts"],
        "peak_memory_mb": numbers["peak_memory_mb"],
    }  # fmt: skip
    return row | bench.scores_of(model.run.id, model.target)


def select_settings(runs: pd.DataFrame, criteria: Sequence[str] = Workbench.criteria) -> pd.DataFrame:
    """Table "singles": the single-task runs, ``selected`` where the criteria, by default validation F1 (then average
    precision), are best.

    One setting is selected for each target and side, by the mean over seeds; test scores play no part.
    """
    singles, key = runs[runs["kind"] == "single"].copy(), ["target", "side", "setting"]
    means = singles.groupby(key, as_index=False)[list(criteria)].mean()
    ranked = means.sort_values([*criteria, "setting"], ascending=[*[False] * len(criteria), True], kind="stable")
    singles["selected"] = among(singles, ranked.drop_duplicates(["target", "side"]), key)
    return singles


def pair_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Table "pairs": the transfer models among the runs."""
    return runs[runs["kind"] == "transfer"].sort_values(["target", "source", "setting", "seed"]).reset_index(drop=True)


def check_separation(bench: Workbench, models: list[Model]) -> int:
    """How many of these models the ledger shows to have trained, with what they start from, on training texts only: all.

    models: any, together with the joint sources that they start from. Raises InputError for a run that is recorded with
    other texts, or with one that any task is validated or tested on.
    """
    held_out = np.concatenate([bench.tasks.split[part] for part in PARTS])
    drawn = {model.run.id: model for model in [*single_tries(bench), *models]}
    for model in models:
        for id in (model.run.id, *model.run.starts):
            rows, labels = drawn[id].rows, drawn[id].labels
            recorded = bench.ledger.entry(id)["record"]["training_texts"]
            if recorded != fingerprint(rows, labels) or np.isin(rows, held_out).any():
                raise InputError(
                    f"run {id} was not trained on its task's training texts; delete it from {bench.study.ledger}"
                )
    return len(models)


def checkpoint_table(bench: Workbench, models: list[Model]) -> pd.DataFrame:
    """Table "checkpoints": validation scores of transfer models under way, and the seconds that it took to get there."""
    rows = []
    for model, checkpoint in product(models, bench.study.checkpoints):
        id, _ = checkpoint_entry(model.run, checkpoint)
        metrics = scores(
            bench.validation_labels(model.target), bench.validation_predictions(id), bench.tasks.weight("validation")
        )
        keys = {"source": model.source, "target": model.target, "setting": model.setting, "seed": model.seed}
        kept = {f"validation_{name}": metrics[name] for name in ("f1", "average_precision")}
        rows.append(keys | {"checkpoint": checkpoint} | bench.ledger.entry(id)["numbers"] | kept)
    return pd.DataFrame(rows)
