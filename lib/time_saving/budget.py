"""Whether a budget pays for what a study decides, by its estimate. Imports neither PyTorch nor pandas: the terminal asks."""

import math
from typing import TYPE_CHECKING

from lib.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def check_budget(budget: float | None, estimated: "pd.DataFrame", tasks: int, workers: int) -> None:
    """Refuse a budget, in minutes, that single-task models would spend. estimated: the table "estimate"."""
    if budget is None:
        return
    alone, least = decision_minutes(estimated, tasks, workers)
    if budget < alone:
        raise InputError(
            f"budget_minutes: {budget:g} minutes do not pay for the single-task models of {tasks} tasks, which take about "
            f"{alone:.0f} on this machine; give {least:.0f} or more, or name fewer tasks"
        )


def decision_minutes(estimated: "pd.DataFrame", tasks: int, workers: int) -> tuple[float, float]:
    """Minutes until every target is trained alone and its model exported, and until each also has a decision.

    A decision rests on one more training at least, from the mean of all sources. A minute goes to tables and figures.
    estimated: the table "estimate", of a study with a budget.
    """
    phases = estimated.set_index("phase")
    minutes, models = phases["seconds"] / 60 / workers, phases["models"]
    around = sum(minutes[phase] / models[phase] for phase in ("predicting", "loading and saving"))
    singles, pairs = "training single-task models", "training transfer models"
    alone = minutes[singles] + (models[singles] + tasks) * around
    return float(alone), math.ceil(alone + tasks * (minutes[pairs] / models[pairs] + around)) + 1.0
