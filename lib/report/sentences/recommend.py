"""What notebook 11 recommends for a user's own data, in sentences."""

from collections.abc import Sequence

import pandas as pd

from lib.report.headline import duration
from lib.report.sentences.words import change, code, counted, number, plural

SHOWN = 10  # pairs in the list


def most_promising(pairs: Sequence[tuple[str, str]]) -> str:
    """The first pairs to train, as a numbered list. pairs: (source, target), the most promising first."""
    return "\n".join(
        f"{place}. {code(source)} to {code(target)}" for place, (source, target) in enumerate(pairs[:SHOWN], 1)
    )


def budget_spent(trained: int, pairs: int, seconds: float, workers: int, budget_minutes: float | None) -> str:
    """How many pairs were trained, and in what time.

    Args:
        trained: ordered pairs that were trained.
        pairs: ordered pairs that there are.
        seconds: that the study has taken, with all its workers.
        workers: processes of the study.
        budget_minutes: what it was allowed; None without a budget.

    Returns:
        Two or three sentences; the third says what to do where no pair was trained.
    """
    allowed = "it has no budget" if budget_minutes is None else f"its budget is {duration(60 * budget_minutes)}"
    told = (
        f"{trained:,} of {counted(pairs, 'pair')} {plural(trained, 'is', 'are')} trained. The study has taken "
        f"{duration(seconds)} with {counted(workers, 'worker')}; {allowed}."
    )
    if trained:
        return told
    return f"{told} The budget was spent before the first pair: give it more minutes, or fewer tasks and settings."


def recommended_sources(table: pd.DataFrame) -> str:
    """For how many tasks a source is recommended, and what that gains on test. table: "recommendations"."""
    chosen = table[table["recommended"]]
    transfers = int((chosen["source"] != "").sum())
    tasks = counted(len(chosen), "task")
    if not transfers:
        return f"No transfer is recommended for any of {tasks}; mean test F1 is {number(chosen['test_f1'].mean(), 3)}."
    return (
        f"A source is recommended for {transfers:,} of {tasks}. On test the recommended models have a mean F1 of "
        f"{number(chosen['test_f1'].mean(), 3)}, {change(chosen['gain'].mean())} against no transfer."
    )
