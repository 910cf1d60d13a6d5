"""A study's headline numbers as lines of text, for the terminal and the report."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lib.errors import InputError
from lib.storage.tables import read_table
from lib.study.parameters import Study
from lib.time_saving.budget import decision_minutes

if TYPE_CHECKING:
    import pandas as pd

MISSING = "–"
# The paper's regression learns from pairs whose time the paper does not count. The sequential one pays for all its pairs.
_REGRESSIONS = (("regression", "paper"), ("regression_sequential", "all_inclusive"))


def headline(summary: dict) -> list[tuple[str, str]]:
    """A study's headline numbers as (label, value) in plain text, in the order of the paper's claims.

    summary: the content of summary.json. A number that is absent shows a dash.
    """
    rows = [
        ("tasks", _format(nested_value(summary, "n_tasks"), _whole)),
        ("ordered pairs", _format(nested_value(summary, "n_pairs"), _whole)),
        ("models trained", _format(nested_value(summary, "models_trained"), _whole)),
        ("time of the grid", _format(nested_value(summary, "grid_seconds"), duration)),
        ("F1 of the grid (best model per task)", _format(nested_value(summary, "grid_f1"), _score)),
        ("F1 of single-task models", _format(nested_value(summary, "single_task_f1"), _score)),
        ("tasks helped by transfer", _format(nested_value(summary, "tasks_helped"), _whole)),
        ("time of conductance", _format(nested_value(summary, "conductance_seconds"), duration)),
        (
            "conductance, share of the grid's time",
            _format(nested_value(summary, "conductance_share_of_grid"), _percent),
        ),
        (
            "single-task models, share of the grid's time",
            _format(nested_value(summary, "single_task_share_of_grid"), _percent),
        ),
    ]
    for order, accounting in _REGRESSIONS:
        for share in ("0.165", "0.495"):
            title = f"{order.replace('_', ' ')}, {accounting.replace('_', '-')} accounting"
            loss = nested_value(summary, "selectors", order, accounting, f"loss_at_{share}")
            rows.append((f"F1 lost at {_percent(float(share))} of the time ({title})", _interval(loss)))
    return rows


def nested_value(value: object, *keys: str) -> object:
    """The value under nested keys, or None where one is absent."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _format(value: object, how: Callable[[float], str]) -> str:
    """A measured number with its unit; a text as it is; a dash for what is absent or undefined."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return how(value) if math.isfinite(value) else MISSING
    return MISSING if value is None else str(value)


def _interval(loss: object) -> str:
    """A relative loss {value, low, high} as a percentage with its bootstrap interval."""
    if not isinstance(loss, dict):
        return _format(loss, _percent)
    value, low, high = (_format(nested_value(loss, key), _percent) for key in ("value", "low", "high"))
    return value if MISSING in (low, high) else f"{value} ({low} to {high})"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _score(value: float) -> str:
    return f"{value:.4f}"


def _percent(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:.1f} %"  # -0.0 + 0.0 is 0.0


def duration(seconds: float) -> str:
    """Seconds as a reader says them: '4.2 s', '3 min 20 s', '2 h 05 min'."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def read_summary(folder: Path) -> dict | None:
    """summary.json of a study's folder; None where no notebook has written it yet."""
    path = folder / "summary.json"
    if not path.exists():
        return None
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        summary = None
    if not isinstance(summary, dict):
        raise InputError(f"{path} is damaged; delete it and run the study again")
    return summary


def opening_lines(study: Study) -> list[str]:
    """The tasks of the data and what the study will take, for the terminal."""
    tasks, estimated = (read_table(study.tables, name) for name in ("tasks", "estimate"))
    first, workers = tasks.iloc[0], study.engine.processes
    width = max(len("task"), *map(len, tasks["task"]))
    tested = f"{first['n_test']:,}" if first["n_test"] else "none"
    parts = f"{first['n_train']:,} texts to train on, {first['n_validation']:,} to validate, {tested} to test"
    rows = [f"{row.task:<{width}}  {row.train_positives:>9,}  {row.prevalence:>7.1%}" for row in tasks.itertuples()]
    phases = estimated.set_index("phase")
    minutes = phases["seconds"] / 60 / workers
    models = int(phases["models"].iloc[:3].sum())
    plan = (
        f"{models} models, about {minutes.sum():.0f} minutes with {workers} worker{'s' * (workers > 1)} "
        f"and {phases['disk_mb'].sum() / 1000:.1f} GB of disk"
    )
    small_budget = []
    if study.budget_minutes is not None:
        alone, all_tasks = decision_minutes(estimated, len(tasks), workers)
        plan = (
            f"{phases['models'].iloc[0]} single-task models in about {alone:.0f} minutes, then every target from other "
            f"starts, until {study.budget_minutes:g} minutes are over (all pairs would take about {minutes.sum():.0f})"
        )
        if study.budget_minutes < all_tasks:
            small_budget = [
                f"warning: a decision for each of these tasks takes about {all_tasks:.0f} minutes; raise budget_minutes, or "
                "name fewer tasks"
            ]
    heads = [f"{len(tasks)} tasks: {parts}", f"{'task':<{width}}  positives    share"]
    warnings = [*left_out_line(study), *cut_warning(tasks, study.encoder.max_length)]
    return [*heads, *rows, *warnings, f"estimate: {plan}", *small_budget]


def left_out_line(study: Study) -> list[str]:
    """A line that names every label that is no task, and why, if there is any."""
    if not (study.tables / "left_out.parquet").exists():
        return []
    reasons = read_table(study.tables, "left_out").groupby("reason", sort=False)["label"]
    told = [f"{', '.join(labels)} ({reason})" for reason, labels in reasons]
    return [f"labels left out: {'; '.join(told)}"]


def cut_warning(tasks: "pd.DataFrame", limit: int) -> list[str]:
    """A line that counts the texts that may have lost their end, if any have. tasks: the table; limit: max_length."""
    cut = int(tasks["cut_texts"].iloc[0]) if "cut_texts" in tasks else 0  # tables published earlier have no such column
    if not cut:
        return []
    return [
        f"warning: {cut:,} text{'s reach' if cut > 1 else ' reaches'} encoder.max_length ({limit} wordpieces) and may lose "
        f"{'their' if cut > 1 else 'its'} end"
    ]


def closing_lines(study: Study) -> list[str]:
    """What a study found as lines for the terminal, or one line that says that there are no numbers yet."""
    if study.budget_minutes is not None:
        from lib.report.sentences.recommend import decision_lines  # with matplotlib, a slow import that few need

        return decision_lines(read_table(study.tables, "recommendations"))
    if study.recipes:
        scores = read_table(study.tables, "recipe_scores").pivot(index="recipe", columns="quantity", values="value")
        columns = ["baseline", "pair_gain", "fused_gain", "share_gaining"]
        ranked = scores.sort_values("baseline", ascending=False)[columns].round(3)
        return ["on validation, the best baseline first:", *ranked.to_string().splitlines()]
    if study.target_sizes:
        gains = read_table(study.tables, "target_size_gains").query(
            "metric == 'average_precision' and part == 'validation'"
        )
        by_size = gains.pivot(index="size", columns="kind", values="value").round(3)
        return ["gain in average precision on validation over training alone:", *by_size.to_string().splitlines()]
    if study.regimes:
        cells = read_table(study.tables, "type_matrix").query("target_type == 'all'")
        shown = cells.pivot(index="regime", columns="source_type", values="value").map(
            lambda gain: f"{100 * gain:+.1f} %"
        )
        return ["mean relative test gain of a pair, by the source's type:", *shown.to_string().splitlines()]
    summary = read_summary(study.folder)
    if summary is None:
        return ["no headline numbers: the notebook that writes summary.json was not part of this run"]
    rows = headline(summary)
    width = max(len(label) for label, _ in rows)
    return [f"{label:<{width}}  {value}" for label, value in rows]
