"""What notebook 11 decides for a user's own data: in sentences, and as the rows that the terminal and the report show."""

from dataclasses import dataclass

import pandas as pd

from lib.report.headline import duration
from lib.report.sentences.words import change, code, counted, known, listing, plural, with_interval
from lib.stats.significance import FEWEST

VERDICTS = ("transfer", "fuse", "do_not_transfer", "cannot_tell")
NAMED = 3  # sources that are named where several are fused


@dataclass(frozen=True)
class Decision:
    """The decision about one task, in words and as numbers for a picture.

    gain: with its interval, on validation, what choosing adds by luck taken off. on_test: likewise; empty
    without a test, and where the task is trained alone.
    """

    task: str
    verdict: str
    decision: str
    gain: str
    on_test: str
    positives: str
    minutes: str
    settle: str
    expected: float
    low: float
    high: float


def decisions(table: pd.DataFrame) -> list[Decision]:
    """Every task's decision, as the terminal, the report and the notebook show it. table: "recommendations"."""
    return [
        Decision(
            task=row.target,
            verdict=row.verdict,
            decision=decided(row.verdict, row.leader, row.used, row.sources),
            gain=_gain(row.expected_gain, row.low, row.high),
            on_test="" if row.used == "single" else _gain(row.test_gain, row.test_low, row.test_high),
            positives=f"{row.validation_positives:,}",
            minutes=f"{row.minutes:.1f}",
            settle=what_would_settle(row),
            expected=row.expected_gain, low=row.low, high=row.high,
        )
        for row in table.itertuples()
    ]  # fmt: skip


def _gain(value: float, low: float, high: float) -> str:
    return with_interval({"value": value, "low": low, "high": high}, change) if known(value) else ""


def decided(verdict: str, leader: str, used: str, sources: str) -> str:
    """The decision in words.

    Args:
        verdict, leader, used, sources: columns of the table "recommendations".
    """
    if verdict == "do_not_transfer":
        return "do not transfer: use the frozen encoder" if used == "frozen" else "do not transfer"
    start = starting_from(leader, sources)
    if verdict == "cannot_tell":
        return "cannot tell: train it alone" if used == "single" else f"cannot tell: best guess, {start}"
    return start


def starting_from(leader: str, sources: str) -> str:
    """What a model of this kind starts from, in words."""
    names = sources.split(", ") if sources else []
    if leader == "transfer":
        return f"transfer from {sources}"
    if leader == "frozen":
        return "the frozen encoder"
    return f"fuse {', '.join(names) if len(names) <= NAMED else f'all {len(names)} others'}"


def what_would_settle(row) -> str:
    """What would turn "cannot tell" into a decision, in words. row: of the table "recommendations"."""
    if row.verdict != "cannot_tell":
        return ""
    if row.validation_positives < FEWEST:
        return f"at least {FEWEST} positives to validate on"
    if not row.leader or (row.leader == "frozen" and row.candidates == 1):
        return "a larger budget_minutes: no other task was tried"
    if known(row.more_seeds):
        return f"training both {counted(int(row.more_seeds), 'more time')}"
    if known(row.more_texts):
        return f"about {_round_up(row.more_texts):,} more labelled texts"
    return "more than a few thousand labelled texts"


def _round_up(value: float) -> int:
    """A number of texts to about two digits: nobody can know it better."""
    step = 10 if value < 200 else 50 if value < 1000 else 500
    return int(-(-value // step) * step)


def decision_lines(table: pd.DataFrame) -> list[str]:
    """The decisions as aligned lines for the terminal. table: "recommendations"."""
    head = ("task", "decision", "gain in average precision", "positives", "what would settle it")
    rows = [head] + [(each.task, each.decision, each.gain, each.positives, each.settle) for each in decisions(table)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*lines, basis(table)]


def decision_frame(table: pd.DataFrame) -> pd.DataFrame:
    """The decisions as a table for the notebook. table: "recommendations"."""
    columns = {
        "decision": "decision", "gain": "gain in average precision", "on_test": "on test", "positives": "positives",
        "minutes": "minutes", "settle": "what would settle it",
    }  # fmt: skip
    rows = [
        {"task": each.task} | {name: getattr(each, key) for key, name in columns.items()} for each in decisions(table)
    ]
    return pd.DataFrame(rows).set_index("task")


def basis(table: pd.DataFrame) -> str:
    """What the decisions rest on, and what test says. table: "recommendations"."""
    texts = int(table["validation_texts"].iloc[0])
    rest = (
        f"Gains are those on {counted(texts, 'validation text')}, less what choosing adds by luck, with 95 % intervals."
    )
    if not table["test_gain"].notna().any():
        return f"{rest} There is no test part, so nothing else confirms them."
    moved = table[table["used"] != "single"]
    if moved.empty:
        return f"{rest} All tasks are trained alone, so test has no gain to confirm."
    mean = change(moved["test_gain"].mean())
    if len(moved) == 1:
        return f"{rest} On test, the model that is not trained alone gains {mean}."
    return f"{rest} On test, the {len(moved)} models that are not trained alone gain {mean} on average."


def budget_spent(models: int, seconds: float, workers: int, budget_minutes: float | None) -> str:
    """How many models were trained, and in what time.

    Args:
        models: number of models.
        seconds: that the study has taken, with all its workers.
        workers: processes of the study.
        budget_minutes: what it was allowed; None without a budget.
    """
    allowed = "it has no budget" if budget_minutes is None else f"its budget is {duration(60 * budget_minutes)}"
    return (
        f"{counted(models, 'model')} {plural(models, 'is', 'are')} trained. The study has taken {duration(seconds)} with "
        f"{counted(workers, 'worker')}; {allowed}."
    )


def decided_tasks(table: pd.DataFrame) -> str:
    """How many tasks got which decision. table: "recommendations"."""
    names = {
        "transfer": "should start from one source",
        "fuse": "from the mean of several",
        "do_not_transfer": "should be trained without transfer",
        "cannot_tell": "cannot be decided",
    }
    counts = table["verdict"].value_counts()
    parts = [f"{counts[verdict]:,} {names[verdict]}" for verdict in VERDICTS if verdict in counts]
    return f"Of {counted(len(table), 'task')}, {listing(parts)}."


def exported(names: list[str]) -> str:
    """Where the models are. names: the tasks whose models were exported."""
    if not names:
        return "No model was exported: only a study with a budget, trained here, exports its models."
    return (
        f"{counted(len(names), 'model')} {plural(len(names), 'is', 'are')} in the study's folder `models`, each with a card "
        f"that says how to load it: {listing([code(name) for name in names])}."
    )
