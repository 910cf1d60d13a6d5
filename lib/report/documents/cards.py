"""The data card and the model card of a published study."""

from collections.abc import Sequence

import pandas as pd

from lib.report.documents.markdown import frame
from lib.report.documents.published import PublishedStudy

TASKS = ["task", "prevalence", *(f"{part}_positives" for part in ("train", "validation", "test", "source", "target"))]
MODELS = [
    "target", "side", "setting", "texts", "positives", "steps", "validation_f1", "test_f1", "test_average_precision",
]  # fmt: skip


def data_card(studies: Sequence[PublishedStudy]) -> dict:
    """What the study's data are, with the counts that were used."""
    (study,) = studies
    tasks = study.table("tasks")
    sizes = {part: f"{tasks[f'n_{part}'].iloc[0]:,}" for part in ("train", "validation", "test")}
    return {
        "dataset": study.summary["dataset"],
        "sizes": sizes,
        "tasks": frame(tasks[TASKS].sort_values("prevalence", ascending=False)),
    }


def model_card(studies: Sequence[PublishedStudy]) -> dict:
    """What the study's models are, how they were trained, and how well they do."""
    (study,) = studies
    singles, pairs, parameters = study.table("singles"), study.table("pairs"), study.parameters
    chosen = singles[singles["selected"]]
    return {
        "summary": study.summary,
        "singles": len(singles),
        "pairs": len(pairs),
        "clip": parameters.training.clip,
        "max_length": parameters.encoder.max_length,
        "settings": settings_table(parameters.model_dump()),
        "scores": frame(chosen[MODELS].sort_values(["side", "target"])),
        "seconds": f"{pairs['total_seconds'].median():.1f}",
        "memory": int(pd.concat([singles, pairs])["peak_memory_mb"].max()),
    }


def settings_table(parameters: dict) -> str:
    """The hyperparameter settings, of each side where a side has its own. parameters: of a study, as a dictionary."""
    rows = []
    for side in ("source", "target"):
        settings = parameters[side].get("settings") or parameters["settings"]
        rows += [{"side": side, "setting": place, **setting} for place, setting in enumerate(settings)]
    table = pd.DataFrame(rows).dropna(axis=1, how="all")  # keys that no setting has
    halves = [part.drop(columns="side").reset_index(drop=True) for _, part in table.groupby("side", sort=False)]
    return frame(halves[0] if halves[0].equals(halves[1]) else table)
