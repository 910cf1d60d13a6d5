"""Tables that describe the tasks and their texts."""

from pathlib import Path

import numpy as np
import pandas as pd

from lib.datasets.corpus import PARTS
from lib.datasets.draws import draw_training_rows
from lib.datasets.split import duplicate_key, integer_codes
from lib.datasets.tasks import TaskSet
from lib.stats.significance import smallest_difference
from lib.storage.tables import write_table
from lib.study.sections import Regime


def task_table(taskset: TaskSet, source: Regime, target: Regime) -> pd.DataFrame:
    """Table "tasks": one row per task with its texts and positives, in each part of the split and in both regimes."""
    frame = pd.DataFrame({"task": taskset.names})
    for part, rows in taskset.split.items():
        frame[f"n_{part}"] = len(rows)
        frame[f"{part}_positives"] = taskset.labels[rows].sum(axis=0, dtype=np.int64)
    frame["prevalence"] = frame["train_positives"] / frame["n_train"]
    for part in ("validation", "test"):
        frame[f"{part}_smallest_difference"] = frame[f"{part}_positives"].map(smallest_difference)
    for side, regime in (("source", source), ("target", target)):
        drawn = [draw_training_rows(taskset, task, regime) for task in taskset.names]
        frame[f"{side}_texts"] = [len(rows) for rows in drawn]
        frame[f"{side}_positives"] = [
            int(taskset.column(task)[rows].sum()) for task, rows in zip(taskset.names, drawn, strict=True)
        ]
    return frame


def left_out_table(taskset: TaskSet) -> pd.DataFrame:
    """Table "left_out": every label that is no task, and why."""
    return pd.DataFrame(list(taskset.left_out.items()), columns=["label", "reason"], dtype=str)


def keep_left_out(folder: Path, taskset: TaskSet) -> pd.DataFrame:
    """Write the table "left_out" where a label is no task; where none is, remove the one that an earlier run wrote."""
    table = left_out_table(taskset)
    if len(table):
        return write_table(folder, "left_out", table)
    for ending in ("parquet", "csv"):
        (folder / f"left_out.{ending}").unlink(missing_ok=True)
    return table


def duplicate_table(taskset: TaskSet) -> pd.DataFrame:
    """Near-duplicates per part of the split: texts, those that repeat one of their own part, and a training text."""
    keys = integer_codes(duplicate_key(text) for text in taskset.texts)
    rows = []
    for part in PARTS:
        own = keys[taskset.split[part]]
        repeats = 0 if part == "train" else int(np.isin(own, keys[taskset.split["train"]]).sum())
        within = len(own) - len(np.unique(own))
        rows.append({"part": part, "texts": len(own), "repeat_own_part": within, "repeat_training": repeats})
    return pd.DataFrame(rows)


def co_occurrence(taskset: TaskSet) -> pd.DataFrame:
    """Phi coefficients between labels over the training texts, (tasks, tasks) in [-1, 1]."""
    phi = np.corrcoef(taskset.labels[taskset.split["train"]], rowvar=False)
    return pd.DataFrame(phi, index=taskset.names, columns=taskset.names)


def text_lengths(taskset: TaskSet) -> np.ndarray:
    """Words per text, separated by white space, (N,) int64."""
    return np.array([len(text.split()) for text in taskset.texts], dtype=np.int64)
